-- Values as JSON that is read back as they were. What JSON has no word for is an object whose
-- one field begins with a dollar sign, {"$int64": "7"} or {"$base64": "/w=="}; so is every table
-- whose own fields would look like that.
local od = require "open-do"

local json = od.json
local ARRAY = debug.getmetatable(json.array {}) -- The mark, which scripts do not see.
local INT64, UINT64 = "LL$", "ULL$"

local M = {}

local encode

local function is_utf8(text)
  return (pcall(json.encode, text))
end

local function encode_string(text)
  return is_utf8(text) and text or { ["$base64"] = od.base64.encode(text) }
end

local function encode_number(number)
  local is_negative_zero = number == 0 and 1 / number < 0
  if number ~= number or number == math.huge or number == -math.huge or is_negative_zero then
    local text = number ~= number and "nan" or is_negative_zero and "-0" or tostring(number)
    return { ["$number"] = text }
  end
  return number
end

local function encode_cdata(number)
  local text = tostring(number)
  if text:find(UINT64) then
    return { ["$uint64"] = (text:gsub(UINT64, "")) }
  end
  return { ["$int64"] = (text:gsub(INT64, "")) }
end

local function count_of(value)
  local count = 0
  for _ in pairs(value) do
    count = count + 1
  end
  return count
end

-- Whether its fields are those of a JSON object, and not of one that means something else.
local function is_plain(value)
  for key in pairs(value) do
    if type(key) ~= "string" or key:byte() == 36 or not is_utf8(key) then
      return false
    end
  end
  return true
end

local function encode_items(value, exact)
  local items = json.array {}
  for i = 1, #value do
    items[i] = encode(value[i], exact)
  end
  return items
end

local function encode_pairs(value, exact)
  local list = json.array {}
  for key, item in pairs(value) do
    list[#list + 1] = json.array { encode(key, exact), encode(item, exact) }
  end
  table.sort(list, function(a, b) return json.encode(a[1]) < json.encode(b[1]) end)
  return list
end

local function encode_fields(value, exact)
  local fields = {}
  for key, item in pairs(value) do
    fields[key] = encode(item, exact)
  end
  return fields
end

local function encode_table(value, exact)
  local is_marked, is_list = debug.getmetatable(value) == ARRAY, count_of(value) == #value
  if is_list and (is_marked or (not exact and #value > 0)) then
    return encode_items(value, exact)
  elseif is_marked then
    return { ["$array"] = encode_pairs(value, exact) }
  elseif is_plain(value) then
    return encode_fields(value, exact)
  elseif is_list then
    return { ["$list"] = encode_items(value, exact) }
  end
  return { ["$table"] = encode_pairs(value, exact) }
end

local encoders = { string = encode_string, number = encode_number, cdata = encode_cdata,
  table = encode_table }

function encode(value, exact)
  local encoder = encoders[type(value)]
  return encoder and encoder(value, exact) or value
end

local decode

local function whole(text, suffix)
  if type(text) ~= "string" or not text:find("^%-?%d+$") then
    error("a whole number is expected as a text", 0)
  end
  return loadstring("return " .. text .. suffix)()
end

local function decode_pairs(list)
  local value = {}
  for _, pair in ipairs(list) do
    value[decode(pair[1])] = decode(pair[2])
  end
  return value
end

local decoders = {
  ["$base64"] = function(text) return od.base64.decode(text) end,
  ["$number"] = function(text) return text == "nan" and 0 / 0 or tonumber(text) end,
  ["$int64"] = function(text) return whole(text, "LL") end,
  ["$uint64"] = function(text) return whole(text, "ULL") end,
  ["$table"] = decode_pairs,
  ["$array"] = function(list) return json.array(decode_pairs(list)) end,
  ["$list"] = function(list)
    local value = {}
    for i = 1, #list do
      value[i] = decode(list[i])
    end
    return value
  end,
}

function decode(value)
  if type(value) ~= "table" then
    return value
  end
  local field, content = next(value)
  if decoders[field] and next(value, field) == nil then
    return decoders[field](content)
  end
  for key, item in pairs(value) do
    value[key] = decode(item)
  end
  return value
end

--- What of a value can be written as JSON. Not `exact`, it is for people: a list is an array, also
--- one that comes back as something else, a table that nobody marked as an array.
---@param value any
---@param exact? boolean
function M.encode(value, exact)
  return encode(value, exact)
end

--- The value of what was read from JSON; the tables of that are used up.
---@param value any
function M.decode(value)
  return decode(value)
end

return M
