-- Functions of a spec that are to run inside an object: as bytecode, with copies of what they use
-- from around them. lua/engine/test.lua unpacks them.
local _, native = ...

local od = require "open-do"

local M = {}

local add

local function upvalue_of(parcel, seen, name, value)
  if value == od then
    return { is_library = true }
  end
  if type(value) == "function" then
    return { at = add(parcel, seen, value) }
  end
  if type(value) == "nil" then
    return {}
  end
  local bytes, problem = native.test.encode(value)
  if not bytes then
    error(("the function uses '%s' from around it, which cannot be copied into the object: %s")
      :format(name, problem), 0)
  end
  return { value = value }
end

function add(parcel, seen, fn)
  if seen[fn] then
    return seen[fn]
  end
  local ok, code = pcall(string.dump, fn)
  if not ok then
    error("the function uses one of C from around it, which cannot be copied into the object", 0)
  end
  local one, place = { code = code, upvalues = {} }, #parcel + 1
  parcel[place], seen[fn] = one, place
  for i = 1, debug.getinfo(fn, "u").nups do
    local name, value = debug.getupvalue(fn, i)
    one.upvalues[i] = upvalue_of(parcel, seen, name, value)
  end
  return place
end

-- Raises without a position when something around `fn` cannot be copied.
function M.pack(fn)
  local parcel = {}
  add(parcel, {}, fn)
  return parcel
end

return M
