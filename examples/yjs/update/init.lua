-- Yjs updates: many merged into one, on the server, without Yjs. A server that only keeps and
-- relays updates needs none of this; one that wants its storage to stay small, and to trust no
-- client for that, merges them itself. Nothing is lost by it but what Yjs forgets too: the content
-- of what was deleted.
--
--   local document = update.merge { old, new, newer }   raises when one of them is malformed
--   update.encode(document)                             one update with all of it
--   update.encode(document, vector)                     what somebody with this state vector lacks
--   update.vector(document)                             the state vector of this
local reader = require "update.reader"
local writer = require "update.writer"

local M = {}

local DELETED = 1
local REPLACEMENT = "\239\191\189"

-- Splits [text] after so many UTF-16 [units]; the halves of a character outside the first 65,536
-- are unreadable, as in Yjs.
local function split_text(text, units)
  if not text:find("[\128-\255]") then
    return text:sub(1, units), text:sub(units + 1)
  end
  local at = 1
  while units > 0 do
    local lead = text:byte(at)
    local size = lead < 128 and 1 or lead < 224 and 2 or lead < 240 and 3 or 4
    if size == 4 and units == 1 then
      return text:sub(1, at - 1) .. REPLACEMENT, REPLACEMENT .. text:sub(at + 4)
    end
    at, units = at + size, units - (size == 4 and 2 or 1)
  end
  return text:sub(1, at - 1), text:sub(at)
end

local function split_content(content, length)
  if type(content) == "string" then
    return split_text(content, length)
  elseif not content then
    return false, false
  end
  local left, right = {}, {}
  for i, element in ipairs(content) do
    table.insert(i <= length and left or right, element)
  end
  return left, right
end

-- The first [length] of a struct, and the rest, which hangs on it.
local function split(client, struct, length)
  local left, right = {}, {}
  for name, value in pairs(struct) do
    left[name], right[name] = value, value
  end
  left.length = length
  right.clock, right.length = struct.clock + length, struct.length - length
  if struct.is_item then
    right.origin_client, right.origin_clock, right.parent = client, right.clock - 1, ""
    left.content, right.content = split_content(struct.content, length)
  end
  return left, right
end

-- What Yjs would have split [last] into: then they can be one again.
local function is_continuation(client, last, struct)
  if last.kind ~= struct.kind or last.clock + last.length ~= struct.clock then
    return false
  elseif not struct.is_item then
    return true
  end
  return (struct.kind == DELETED or struct.is_text or type(struct.content) == "table")
    and struct.origin_client == client and struct.origin_clock == struct.clock - 1
    and struct.right_client == last.right_client and struct.right_clock == last.right_clock
    and struct.has_key == last.has_key
end

local function append(client, list, struct)
  local last = list[#list]
  if not last or not is_continuation(client, last, struct) then
    list[#list + 1] = struct
    return
  end
  last.length = last.length + struct.length
  if struct.is_text then -- Put together when written: it may be one letter after another.
    last.pieces = last.pieces or { last.content }
    last.pieces[#last.pieces + 1] = struct.content
  elseif struct.content then
    for _, element in ipairs(struct.content) do
      table.insert(last.content, element)
    end
  end
end

-- Ranges in order, none touching another.
local function settle_ranges(list)
  table.sort(list, function(a, b) return a.clock < b.clock end)
  local out = {}
  for _, range in ipairs(list) do
    local last = out[#out]
    if last and range.clock <= last.stop then
      last.stop = math.max(last.stop, range.stop)
    elseif range.stop > range.clock then
      out[#out + 1] = range
    end
  end
  return out
end

local function forget_content(struct)
  if struct.is_item then
    struct.kind, struct.content, struct.is_text, struct.pieces = DELETED, false, false, false
  end
end

-- Appends [struct], in parts where only some of it was deleted. Ranges before number [at] are over;
-- returns the number of the first that is not.
local function append_parts(client, list, struct, ranges, at)
  while struct do
    while ranges[at] and ranges[at].stop <= struct.clock do
      at = at + 1
    end
    local range, rest = ranges[at], nil
    local stop = struct.clock + struct.length
    local is_deleted = range and range.clock <= struct.clock
    local border = range and (is_deleted and range.stop or range.clock) or stop
    if border < stop then
      struct, rest = split(client, struct, border - struct.clock)
    end
    if is_deleted then
      forget_content(struct)
    end
    append(client, list, struct)
    struct = rest
  end
  return at
end

local function sort_by_clock(list)
  for i, struct in ipairs(list) do
    struct.order = i
  end
  table.sort(list, function(a, b)
    return a.clock < b.clock or a.clock == b.clock and a.order < b.order
  end)
end

-- The structs of one client in order, each clock once: of two, what came first.
local function settle_structs(client, list, ranges)
  sort_by_clock(list)
  local out, clock, at = {}, 0, 1
  for _, struct in ipairs(list) do
    local stop = struct.clock + struct.length
    if stop > clock then
      if struct.clock < clock then
        struct = select(2, split(client, struct, clock - struct.clock))
      end
      at, clock = append_parts(client, out, struct, ranges, at), stop
    end
  end
  return out
end

function M.merge(updates)
  local document = { structs = {}, deletes = {} }
  for _, bytes in ipairs(updates) do
    reader.update(document, bytes)
  end
  for client, list in pairs(document.deletes) do
    document.deletes[client] = settle_ranges(list)
  end
  for client, list in pairs(document.structs) do
    document.structs[client] = settle_structs(client, list, document.deletes[client] or {})
  end
  return document
end

function M.encode(document, vector)
  return writer.update(document, vector and reader.vector(vector) or {})
end

M.vector = writer.vector

return M
