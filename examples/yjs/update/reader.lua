-- Reads Yjs updates (format V1) and refuses what no Yjs client could read: an update that is stored
-- meets every later client. Each function takes bytes and a position, and returns what is there and
-- the position after it; all raise when there is something else.
local od = require "open-do"

local M = {}

local byte, find, floor, sub = string.byte, string.find, math.floor, string.sub

local GC, DELETED, JSON, BINARY, TEXT, EMBED, FORMAT, TYPE, ANY, DOC, SKIP =
  0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10
local HAS_ORIGIN, HAS_RIGHT, HAS_KEY = 128, 64, 32
local DEPTH_MAX = 64

local function read_byte(bytes, at)
  return byte(bytes, at) or error("it ends too early", 0), at + 1
end

function M.uint(bytes, at)
  local number, scale = 0, 1
  while scale < 2 ^ 53 do
    local digit = byte(bytes, at) or error("it ends too early", 0)
    at = at + 1
    if digit < 128 then
      return number + digit * scale, at
    end
    number, scale = number + (digit - 128) * scale, scale * 128
  end
  error("a number is too large", 0)
end

function M.bytes(bytes, at)
  local size
  size, at = M.uint(bytes, at)
  if at + size - 1 > #bytes then
    error("it ends too early", 0)
  end
  return sub(bytes, at, at + size - 1), at + size
end

local read_uint, read_bytes = M.uint, M.bytes

-- Readers refuse a text that is no UTF-8, so it must not get in.
local function read_text(bytes, at)
  local text
  text, at = read_bytes(bytes, at)
  if find(text, "[\128-\255]") and not pcall(od.json.encode, text) then
    error("a text is not UTF-8", 0)
  end
  return text, at
end

local function read_json(bytes, at)
  local text
  text, at = read_text(bytes, at)
  if text ~= "undefined" and not pcall(od.json.decode, text) then
    error("a value is not JSON", 0)
  end
  return text, at
end

-- The values of lib0's "any", by the byte in front; they are only passed over.
local skip_any
local ANY_SKIPPERS = {
  [127] = function(_, at) return at end, -- undefined
  [126] = function(_, at) return at end, -- null
  [125] = function(bytes, at) return select(2, read_uint(bytes, at)) end,
  [124] = function(_, at) return at + 4 end, -- float32
  [123] = function(_, at) return at + 8 end, -- float64
  [122] = function(_, at) return at + 8 end, -- bigint
  [121] = function(_, at) return at end, -- false
  [120] = function(_, at) return at end, -- true
  [119] = function(bytes, at) return select(2, read_text(bytes, at)) end,
  [118] = function(bytes, at, depth)
    local count
    count, at = read_uint(bytes, at)
    for _ = 1, count do
      at = skip_any(bytes, select(2, read_text(bytes, at)), depth + 1)
    end
    return at
  end,
  [117] = function(bytes, at, depth)
    local count
    count, at = read_uint(bytes, at)
    for _ = 1, count do
      at = skip_any(bytes, at, depth + 1)
    end
    return at
  end,
  [116] = function(bytes, at) return select(2, read_bytes(bytes, at)) end,
}

function skip_any(bytes, at, depth)
  local kind
  kind, at = read_byte(bytes, at)
  local skip = depth <= DEPTH_MAX and ANY_SKIPPERS[kind] or error("an unknown value", 0)
  at = skip(bytes, at, depth)
  if at > #bytes + 1 then
    error("it ends too early", 0)
  end
  return at
end

-- UTF-16 units, in which Yjs counts a [text].
local function text_units(text)
  if not find(text, "[\128-\255]") then
    return #text
  end
  local _, characters = text:gsub("[^\128-\191]", "")
  local _, pairs_of_units = text:gsub("[\240-\247]", "")
  return characters + pairs_of_units
end

local function read_elements(bytes, at, read)
  local count
  count, at = read_uint(bytes, at)
  local elements = {}
  for i = 1, count do
    local from = at
    at = read(bytes, at)
    elements[i] = sub(bytes, from, at - 1)
  end
  return elements, count, at
end

local function read_whole(skip)
  return function(bytes, at)
    local after = skip(bytes, at)
    return sub(bytes, at, after - 1), 1, after
  end
end

-- What an item holds, by its kind: the content, its length in Yjs' count, and what comes after.
local CONTENTS = {
  [DELETED] = function(bytes, at)
    local length
    length, at = read_uint(bytes, at)
    return false, length, at
  end,
  [JSON] = function(bytes, at)
    return read_elements(bytes, at, function(...) return select(2, read_json(...)) end)
  end,
  [BINARY] = read_whole(function(...) return select(2, read_bytes(...)) end),
  [TEXT] = function(bytes, at)
    local text
    text, at = read_text(bytes, at)
    return text, text_units(text), at
  end,
  [EMBED] = read_whole(function(...) return select(2, read_json(...)) end),
  [FORMAT] = read_whole(function(bytes, at)
    return select(2, read_json(bytes, select(2, read_text(bytes, at))))
  end),
  [TYPE] = read_whole(function(bytes, at)
    local type_number
    type_number, at = read_uint(bytes, at)
    if type_number > 6 then
      error("an unknown type", 0)
    end
    local has_name = type_number == 3 or type_number == 5
    return has_name and select(2, read_text(bytes, at)) or at
  end),
  [ANY] = function(bytes, at)
    return read_elements(bytes, at, function(b, a) return skip_any(b, a, 0) end)
  end,
  [DOC] = read_whole(function(bytes, at)
    return skip_any(bytes, select(2, read_text(bytes, at)), 0)
  end),
}

-- Where a first item hangs: a named type or another item, and the key in a map; kept as bytes.
local function read_parent(bytes, at, has_key)
  local from, is_name = at
  is_name, at = read_uint(bytes, at)
  if is_name == 1 then
    at = select(2, read_text(bytes, at))
  else
    at = select(2, read_uint(bytes, select(2, read_uint(bytes, at))))
  end
  if has_key then
    at = select(2, read_text(bytes, at))
  end
  return sub(bytes, from, at - 1), at
end

local function read_item(bytes, at, info, clock)
  local kind = info % 32
  local item = { clock = clock, length = 0, kind = kind, is_item = true, is_text = kind == TEXT,
    has_key = floor(info / HAS_KEY) % 2 == 1, origin_client = false, origin_clock = 0,
    right_client = false, right_clock = 0, parent = "", content = false, pieces = false, order = 0 }
  if info >= HAS_ORIGIN then
    item.origin_client, at = read_uint(bytes, at)
    item.origin_clock, at = read_uint(bytes, at)
  end
  if floor(info / HAS_RIGHT) % 2 == 1 then
    item.right_client, at = read_uint(bytes, at)
    item.right_clock, at = read_uint(bytes, at)
  end
  if not item.origin_client and not item.right_client then
    item.parent, at = read_parent(bytes, at, item.has_key)
  end
  local read = CONTENTS[kind] or error("an unknown kind of content", 0)
  item.content, item.length, at = read(bytes, at)
  return item, at
end

local function read_struct(bytes, at, clock)
  local info
  info, at = read_byte(bytes, at)
  if info ~= GC and info ~= SKIP then
    return read_item(bytes, at, info, clock)
  end
  local length
  length, at = read_uint(bytes, at)
  return { clock = clock, length = length, kind = info, is_item = false, order = 0 }, at
end

local function list_of(lists, client)
  lists[client] = lists[client] or {}
  return lists[client]
end

local function read_structs(document, bytes, at)
  local count, client, clock
  count, at = read_uint(bytes, at)
  client, at = read_uint(bytes, at)
  clock, at = read_uint(bytes, at)
  local list = list_of(document.structs, client)
  for _ = 1, count do
    local struct
    struct, at = read_struct(bytes, at, clock)
    clock = clock + struct.length
    if struct.length == 0 or clock > 2 ^ 53 then
      error("a length is out of range", 0)
    end
    if struct.kind ~= SKIP then -- What nobody has: a gap shows by itself.
      list[#list + 1] = struct
    end
  end
  return at
end

local function read_deletes(document, bytes, at)
  local count, client
  client, at = read_uint(bytes, at)
  count, at = read_uint(bytes, at)
  local list = list_of(document.deletes, client)
  for _ = 1, count do
    local clock, length
    clock, at = read_uint(bytes, at)
    length, at = read_uint(bytes, at)
    list[#list + 1] = { clock = clock, stop = clock + length }
  end
  return at
end

-- Adds what [bytes] hold to document.structs[client] and document.deletes[client], both unsorted.
function M.update(document, bytes)
  local count, at = read_uint(bytes, 1)
  for _ = 1, count do
    at = read_structs(document, bytes, at)
  end
  count, at = read_uint(bytes, at)
  for _ = 1, count do
    at = read_deletes(document, bytes, at)
  end
  if at ~= #bytes + 1 then
    error("something follows its end", 0)
  end
end

-- A state vector: how much of each client's structs somebody has.
function M.vector(bytes)
  local vector = {}
  local count, at = read_uint(bytes, 1)
  for _ = 1, count do
    local client
    client, at = read_uint(bytes, at)
    vector[client], at = read_uint(bytes, at)
  end
  return vector
end

return M
