-- Answers as a person reads them.
local _, native = ...

local typed = require "open-do.command.typed"

local json = native.json

local M = {}

--- A value as JSON.
function M.json(value)
  return assert(json.try_encode(typed.encode(value), true))
end

local function printable(text)
  return (text:gsub("%c", "?"))
end

--- Rows of texts as a table; the first are its heads.
function M.rows(rows)
  local widths, lines = {}, {}
  for _, row in ipairs(rows) do
    for i, text in ipairs(row) do
      widths[i] = math.max(widths[i] or 0, #text)
    end
  end
  for i, row in ipairs(rows) do
    local cells = {}
    for j, text in ipairs(row) do
      cells[j] = printable(text) .. (" "):rep(j < #row and widths[j] - #text or 0)
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

--- One line an object.
function M.objects(objects)
  local rows = { { "OBJECT", "STATE", "SOCKETS", "QUEUED", "ALARM", "WHY AWAKE" } }
  for i, object in ipairs(objects) do
    rows[i + 1] = { label_of(object), object.state, tostring(object.sockets or 0),
      tostring(object.queued or 0), object.alarmMs and M.time(object.alarmMs) or "-",
      table.concat(object.why or {}, "; ") }
  end
  return M.rows(rows)
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
  rows[#rows + 1] = { "queued events", tostring(object.queued) }
  rows[#rows + 1] = { "stored", object.stored == 1 and "yes" or "nothing" }
  rows[#rows + 1] = { "alarm", object.alarmMs and M.time(object.alarmMs) or "none" }
  return M.rows(rows)
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
    lines[i] = ("%s  %s"):format(printable(pair.key), M.json(pair.value))
  end
  return table.concat(lines, "\n")
end

return M
