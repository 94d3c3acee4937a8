-- Server-sent events of an answer, as the HTML standard says they are to be read: what browsers do
-- in EventSource. Blind to how the text was cut into pieces.
local module_name = ...
assert(module_name == "open-do.events")

local error, tonumber = error, tonumber
local concat, find, sub = table.concat, string.find, string.sub

local EVENT_BYTES_MAX = 32 * 1024 * 1024

local M = {}

-- Lines of the text, which end in CR LF, LF or CR; nil at the end. What has no end is no line.
local function lines_of(chunks)
  local text, at = "", 1
  -- Pieces without an end of a line are put together once, however many they are.
  local function more()
    local parts, size = { sub(text, at) }, #text - at + 1
    local is_at_end = find(parts[1], "\r", -1, true)
    repeat
      local piece = chunks()
      if not piece then
        return false
      end
      parts[#parts + 1], size = piece, size + #piece
      if size > EVENT_BYTES_MAX + #piece then
        error("events: a line has more than 32 MiB", 3)
      end
    until is_at_end or find(piece, "[\r\n]")
    text, at = concat(parts), 1
    return true
  end
  return function()
    local from = at
    while true do
      local stop = find(text, "[\r\n]", from)
      -- Behind a CR at the end of a piece there may be a LF.
      if stop and (stop < #text or sub(text, stop, stop) == "\n") then
        local line = sub(text, at, stop - 1)
        at = stop + (sub(text, stop, stop + 1) == "\r\n" and 2 or 1)
        return line
      end
      from = stop or #text + 1
      local had = at
      if not more() then
        local last = stop and sub(text, at, stop - 1)
        text, at = "", 1
        return last
      end
      from = from - had + 1
    end
  end
end

local fields = {}

function fields.event(event, value) event.event = value end

function fields.data(event, value)
  event.data[#event.data + 1] = value
end

function fields.id(_, value, state)
  if not find(value, "%z") then
    state.id = value
  end
end

function fields.retry(_, value, state)
  if find(value, "^%d+$") then
    state.retry = tonumber(value)
  end
end

local function take(line, event, state)
  local name, value = line, ""
  local colon = find(line, ":", 1, true)
  if colon then
    name, value = sub(line, 1, colon - 1), sub(line, colon + 1)
    value = sub(value, 1, 1) == " " and sub(value, 2) or value
  end
  local field = fields[name]
  if field then
    field(event, value, state)
  end
end

--- An iterator of events, over one of pieces of text.
---@param chunks fun(): string?
---@return fun(): table? event = { event =, data =, id =, retry = }
function M.of(chunks)
  local next_line, state, is_first = lines_of(chunks), {}, true
  return function()
    local event = { data = {} }
    for line in next_line do
      if is_first then
        line, is_first = line:gsub("^\239\187\191", ""), false
      end
      if line ~= "" then
        take(line, event, state)
      elseif #event.data > 0 then
        return { event = event.event or "message", data = concat(event.data, "\n"),
          id = state.id, retry = state.retry }
      else
        event = { data = {} }
      end
    end
  end
end

return M
