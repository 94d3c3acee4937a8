-- `require "cjson"` and `require "cjson.safe"`: od.json under the names that libraries written for
-- OpenResty expect. The JSON is the same: exact numbers, strict UTF-8. What lua-cjson lets its
-- users set is accepted where it can be meant, and refused where nothing here does it.
local module_name, native = ...
assert(module_name == "open-do.cjson")

local error, pairs, setmetatable, type = error, pairs, setmetatable, type
local json = native.json
local try_decode, try_encode = json.try_decode, json.try_encode

local DEPTH_MAX = 1000
local VERSION = "2.1.0"

-- Settings: name → what it is at first, and what it may be besides (nil: anything of that type).
-- Those that are only kept change nothing here: an escaped "/" is the same JSON, all digits of a
-- number are printed, and decoded arrays always know that they are arrays.
local SETTINGS = {
  encode_empty_table_as_object = { true },
  encode_escape_forward_slash = { false },
  encode_number_precision = { 17 },
  encode_keep_buffer = { true },
  encode_skip_unsupported_value_types = { false, only = true },
  encode_invalid_numbers = { false, only = true },
  decode_invalid_numbers = { false, only = true },
  decode_array_with_array_mt = { true },
  encode_max_depth = { DEPTH_MAX },
  decode_max_depth = { DEPTH_MAX },
}

local function checked_setting(name, setting, value, level)
  if type(value) ~= type(setting[1]) then
    error(("cjson.%s: argument 1 must be a %s, got %s"):format(name, type(setting[1]), type(value)),
      level)
  end
  if setting.only and value ~= setting[1] then
    error(("cjson.%s: open-do's JSON cannot do that"):format(name), level)
  end
  return value
end

local function add_settings(module, values)
  for name, setting in pairs(SETTINGS) do
    values[name] = setting[1]
    module[name] = function(value)
      if value ~= nil then
        values[name] = checked_setting(name, setting, value, 3)
      end
      return values[name]
    end
  end
end

-- Arrays with holes are refused: (convert, ratio, safe) as lua-cjson gives them.
local function sparse_array(convert)
  if convert then
    error("cjson.encode_sparse_array: open-do's JSON has no arrays with holes", 2)
  end
  return false, 2, 10
end

-- [finish] makes of (result, problem) what the module returns.
local function make(name, finish, make_other)
  local values = {}
  local module = {
    _NAME = name,
    _VERSION = VERSION,
    null = json.null,
    array_mt = json.array_mt,
    empty_array = json.empty_array,
    empty_array_mt = json.empty_array_mt,
    encode_sparse_array = sparse_array,
    new = make_other,
  }
  add_settings(module, values)
  function module.encode(value)
    local text, problem = try_encode(value, not values.encode_empty_table_as_object)
    if problem then
      text, problem = finish(problem)
    end
    return text, problem
  end
  function module.decode(text)
    if type(text) ~= "string" then
      local _, problem = finish("cjson.decode: argument 1 must be a string, got " .. type(text))
      return nil, problem
    end
    local value, problem = try_decode(text)
    if problem then
      value, problem = finish(problem)
    end
    return value, problem
  end
  return setmetatable(module, { __metatable = false })
end

-- Raises at the line of who called encode or decode; these must not end in a tail call.
local function raise(problem)
  error(problem, 3)
end

local function give_up(problem)
  return nil, problem
end

local function new()
  return make("cjson", raise, new)
end

local function new_safe()
  return make("cjson.safe", give_up, new_safe)
end

return { cjson = new(), ["cjson.safe"] = new_safe() }
