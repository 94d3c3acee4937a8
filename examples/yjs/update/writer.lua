-- Writes what reader.lua reads: merged documents and state vectors, in Yjs' format V1.
local M = {}

local char, concat, floor = string.char, table.concat, math.floor

local SKIP = 10
local HAS_ORIGIN, HAS_RIGHT, HAS_KEY = 128, 64, 32

local function uint(number)
  if number < 128 then
    return char(number)
  end
  local digits = {}
  while number >= 128 do
    digits[#digits + 1] = char(number % 128 + 128)
    number = floor(number / 128)
  end
  return concat(digits) .. char(number)
end
M.uint = uint

-- A text or bytes with their length in front.
function M.bytes(bytes)
  return uint(#bytes) .. bytes
end

local function write_content(out, item)
  local content = item.content
  if not content then -- Deleted: only its length is left.
    out[#out + 1] = uint(item.length)
  elseif type(content) == "table" then
    out[#out + 1] = uint(#content)
    out[#out + 1] = concat(content)
  elseif item.is_text then
    local text = item.pieces and concat(item.pieces) or content
    out[#out + 1] = M.bytes(text)
  else
    out[#out + 1] = content
  end
end

local function write_struct(out, struct)
  if not struct.is_item then
    out[#out + 1] = char(struct.kind) .. uint(struct.length)
    return
  end
  out[#out + 1] = char(struct.kind + (struct.origin_client and HAS_ORIGIN or 0)
    + (struct.right_client and HAS_RIGHT or 0) + (struct.has_key and HAS_KEY or 0))
  if struct.origin_client then
    out[#out + 1] = uint(struct.origin_client) .. uint(struct.origin_clock)
  end
  if struct.right_client then
    out[#out + 1] = uint(struct.right_client) .. uint(struct.right_clock)
  end
  out[#out + 1] = struct.parent
  write_content(out, struct)
end

-- The structs of [list] that reach beyond [known], gaps written as such; returns their number.
local function write_structs(out, list, known)
  local count, first_clock, clock = 0, nil, nil
  for _, struct in ipairs(list) do
    if struct.clock + struct.length > known then
      first_clock, clock = first_clock or struct.clock, clock or struct.clock
      if struct.clock > clock then
        write_struct(out, { kind = SKIP, length = struct.clock - clock })
        count = count + 1
      end
      write_struct(out, struct)
      count, clock = count + 1, struct.clock + struct.length
    end
  end
  return count, first_clock
end

-- The clients of [lists] in Yjs' order.
local function clients_of(lists)
  local clients = {}
  for client in pairs(lists) do
    clients[#clients + 1] = client
  end
  table.sort(clients, function(a, b) return a > b end)
  return clients
end

local function write_deletes(out, deletes)
  local clients = clients_of(deletes)
  out[#out + 1] = uint(#clients)
  for _, client in ipairs(clients) do
    out[#out + 1] = uint(client) .. uint(#deletes[client])
    for _, range in ipairs(deletes[client]) do
      out[#out + 1] = uint(range.clock) .. uint(range.stop - range.clock)
    end
  end
end

-- One update with all of [document] that somebody whose state is [vector] lacks.
function M.update(document, vector)
  local groups, group_count = {}, 0
  for _, client in ipairs(clients_of(document.structs)) do
    local out = {}
    local count, clock = write_structs(out, document.structs[client], vector[client] or 0)
    if count > 0 then
      group_count = group_count + 1
      groups[#groups + 1] = uint(count) .. uint(client) .. uint(clock) .. concat(out)
    end
  end
  local out = { uint(group_count), concat(groups) }
  write_deletes(out, document.deletes)
  return concat(out)
end

-- What [document] has of each client without a gap, as a state vector.
function M.vector(document)
  local out, count = {}, 0
  for client, list in pairs(document.structs) do
    local clock = 0
    for _, struct in ipairs(list) do
      if struct.clock ~= clock then
        break
      end
      clock = clock + struct.length
    end
    if clock > 0 then
      count = count + 1
      out[#out + 1] = uint(client) .. uint(clock)
    end
  end
  return uint(count) .. concat(out)
end

return M
