-- Answers as a person reads them.
local _, native = ...

local typed = require "open-do.command.typed"

local json = native.json

local M = {}

--- A value as JSON.
function M.json(value)
  return assert(json.try_encode(typed.encode(value), true))
end

-- Without what a terminal would take for a command: stored by anybody, shown to an operator.
local function printable(text)
  return (text:gsub("%c", "?"):gsub("\194[\128-\159]", "?"))
end

-- In characters.
local function width_of(text)
  return select(2, text:gsub("[^\128-\191]", ""))
end

--- Rows of texts as a table; the first are its heads.
function M.rows(rows)
  local widths, lines = {}, {}
  for _, row in ipairs(rows) do
    for i, text in ipairs(row) do
      widths[i] = math.max(widths[i] or 0, width_of(text))
    end
  end
  for i, row in ipairs(rows) do
    local cells = {}
    for j, text in ipairs(row) do
      cells[j] = printable(text) .. (" "):rep(j < #row and widths[j] - width_of(text) or 0)
    end
    lines[i] = table.concat(cells, "  ")
  end
  return table.concat(lines, "\n")
end

--- "2026-11-29 08:15:00 (in 12 s)".
function M.time(ms)
  local seconds = math.floor(ms / 1000)
  local left = seconds - os.time()
  return ("%s (%s%d s%s)"):format(os.date("%Y-%m-%d %H:%M:%S", seconds), left >= 0 and "in " or "",
    math.abs(left), left < 0 and " ago" or "")
end

local function label_of(object)
  return object.namespace .. "/" .. (object.name or "#" .. object.id)
end

local UNITS = { "B", "kB", "MB", "GB", "TB" }

local function size(bytes, is_more)
  local unit = 1
  while bytes >= 1000 and unit < #UNITS do
    bytes, unit = bytes / 1000, unit + 1
  end
  return (unit == 1 and "%d %s%s" or "%.1f %s%s"):format(bytes, UNITS[unit], is_more and "+" or "")
end

M.size = size

local function duration(us)
  return us < 1000 and ("%d us"):format(us) or us < 1e6 and ("%.1f ms"):format(us / 1000)
    or ("%.1f s"):format(us / 1e6)
end

local function age(ms)
  local seconds = math.max(0, os.time() - math.floor(ms / 1000))
  local unit = seconds < 120 and { 1, "s" } or seconds < 7200 and { 60, "min" }
    or seconds < 172800 and { 3600, "h" } or { 86400, "d" }
  return ("%d %s ago"):format(seconds / unit[1], unit[2])
end

local function last_event(object)
  return object.lastEvent and object.lastEvent .. " " .. age(object.lastEventMs) or "-"
end

local function error_of(object)
  return (object.lastErrorAt and object.lastErrorAt .. ": " or "") .. object.lastError
end

-- What an order is by, when it is in no column that all have.
local ORDERED_BY = { busy = { "RAN", "runUs" }, slowest = { "SLOWEST", "slowestUs" } }

-- In a cluster, where each of them is.
local function add_nodes(rows, objects)
  if not objects[1] or not objects[1].node then
    return
  end
  table.insert(rows[1], 2, "NODE")
  for i, object in ipairs(objects) do
    table.insert(rows[i + 1], 2, tostring(object.node))
  end
end

--- One line an object.
function M.objects(result, order)
  local heads = { "OBJECT", "STATE", "SOCKETS", "QUEUED", "BYTES", "ERRORS", "LAST EVENT", "ALARM",
    "WHY AWAKE" }
  local rows, by = { heads }, ORDERED_BY[order]
  for i, object in ipairs(result.objects) do
    rows[i + 1] = { label_of(object), object.state, tostring(object.sockets or 0),
      tostring(object.queued or 0), size(object.bytes or 0, object.bytesAtLeast),
      tostring(object.errors or 0), last_event(object),
      object.alarmMs and M.time(object.alarmMs) or "-", table.concat(object.why or {}, "; ") }
    if by then
      table.insert(rows[i + 1], 2, duration(object[by[2]] or 0))
    end
  end
  if by then
    table.insert(heads, 2, by[1])
  end
  add_nodes(rows, result.objects)
  local missing = result.missing and "\nnot listed: " .. table.concat(result.missing, "; ") or ""
  local more = result.cursor and "\nmore: --cursor " .. result.cursor or ""
  return M.rows(rows) .. missing .. more
end

--- One line an event: when it came, and how long each phase took.
function M.events(events)
  local rows = { { "EVENT", "CAME", "STATE", "QUEUE", "RUN", "WAIT", "COMMIT", "SEND", "BYTES" } }
  for i, event in ipairs(events) do
    rows[i + 1] = { event.event, os.date("%H:%M:%S", math.floor(event.ms / 1000))
      .. (".%03d"):format(event.ms % 1000), event.state, duration(event.queueUs),
      duration(event.runUs), duration(event.waitUs), duration(event.commitUs),
      duration(event.sendUs), tostring(event.bytes) }
  end
  return #events > 0 and M.rows(rows) or "nothing yet; it is watched from now on"
end

--- All facts of one.
function M.object(object)
  local rows = {
    { "object", label_of(object) },
    { "id", object.id },
    { "state", object.state .. (object.awakeMs and (", for %.1f s"):format(object.awakeMs / 1000)
      or "") },
  }
  for _, why in ipairs(object.why or {}) do
    rows[#rows + 1] = { "why awake", why }
  end
  rows[#rows + 1] = { "sockets", tostring(object.sockets) }
  for _, connection in ipairs(object.connections or {}) do
    rows[#rows + 1] = { "connection", connection }
  end
  rows[#rows + 1] = { "queued events", tostring(object.queued) }
  rows[#rows + 1] = { "stored", object.stored == 1
    and size(object.bytes or 0, object.bytesAtLeast) or "nothing" }
  if object.lastEvent then
    rows[#rows + 1] = { "last event", last_event(object) }
    rows[#rows + 1] = { "events", ("%d, which ran %s; the longest stretch %s"):format(object.events,
      duration(object.runUs), duration(object.slowestUs)) }
  end
  rows[#rows + 1] = { "errors", tostring(object.errors or 0) }
  if object.lastError then
    rows[#rows + 1] = { "last error", error_of(object) .. ", " .. age(object.lastErrorMs) }
  end
  rows[#rows + 1] = { "alarm", object.alarmMs and M.time(object.alarmMs) or "none" }
  rows[#rows + 1] = { "schedules", tostring(object.schedules) }
  return M.rows(rows)
end

-- As SQL writes it, but for texts.
local function cell(value)
  if value == json.null then
    return "NULL"
  end
  local exact = typed.encode(value)
  if type(value) == "string" then
    return exact == value and value or "x'" .. value:gsub(".", function(byte)
      return ("%02x"):format(byte:byte())
    end) .. "'"
  end
  return type(exact) == "table" and exact["$int64"] or M.json(value)
end

--- What a query gave, as a table.
function M.rows_of(result)
  local rows = { result.columns }
  for i, row in ipairs(result.rows) do
    rows[i + 1] = {}
    for j, value in ipairs(row) do
      rows[i + 1][j] = cell(value)
    end
  end
  local count = result.rowsWritten
  local written = count > 0 and ("%d row%s written"):format(count, count == 1 and "" or "s")
  return (#result.columns > 0 and M.rows(rows) or written or "done")
end

local OURS = { time = true, level = true, object = true, message = true, event = true,
  method = true, path = true, status = true, ms = true, peer = true, version = true, file = true,
  line = true, code = true, socket = true }

-- What a script has named: od.log.info("joined", { user = 7 }).
local function fields_of(line)
  local fields = {}
  for name, value in pairs(line) do
    if not OURS[name] then
      fields[#fields + 1] = (" %s=%s"):format(name, type(value) == "string" and value
        or M.json(value))
    end
  end
  table.sort(fields)
  return printable(table.concat(fields))
end

--- A line of the log, as it reads in the log itself.
function M.log_line(line)
  local text = line.message:gsub("[^\n]+", printable):gsub("\n", "\n    ")
  local object = line.object and printable(line.object) .. "  " or ""
  return ("%s %-5s %s%s%s"):format(line.time:sub(12, 23), line.level:upper(), object, text,
    fields_of(line))
end

local DIRECTIONS = { ["in"] = "<-", out = "->", closed = "<- closed", close = "-> close" }

--- A message of a socket, as it was watched.
function M.message(message)
  local more = message.bytes > #message.shown and ("... %d bytes"):format(message.bytes) or ""
  return ("%s.%03d  %d %s %s%s%s"):format(os.date("%H:%M:%S", math.floor(message.ms / 1000)),
    message.ms % 1000, message.socket, DIRECTIONS[message.kind],
    message.code and message.code .. " " or "",
    printable(message.shown:gsub("[\128-\255]", message.binary == 1 and "?" or "%0")), more)
end

--- One line a socket.
function M.sockets(sockets)
  local rows = { { "SOCKET", "KIND", "STATE", "TAGS", "BUFFERED", "WAITING", "ATTACHMENT" } }
  for i, socket in ipairs(sockets) do
    rows[i + 1] = { tostring(socket.socket), socket.kind, socket.state,
      table.concat(socket.tags or {}, ","), tostring(socket.bufferedBytes),
      tostring(socket.waitingMessages),
      socket.attachment ~= nil and M.json(socket.attachment) or "-" }
  end
  return M.rows(rows)
end

--- One line a pair.
function M.pairs(list)
  local lines = {}
  for i, pair in ipairs(list) do
    lines[i] = ("%s  %s"):format(printable(pair.key), printable(M.json(pair.value)))
  end
  return table.concat(lines, "\n")
end

return M
