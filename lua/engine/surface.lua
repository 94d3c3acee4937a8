-- All names that a script can reach, by where they are: for the spec that compares them with the
-- types in lua/types. Only in a server for tests, and only here does anything look behind the
-- metatables that hide them.
local cjson = require "open-do.cjson"
local od = require "open-do"

local getmetatable, getupvalue, pairs, type = debug.getmetatable, debug.getupvalue, pairs, type
local sort = table.sort

local function sorted(names)
  local list = od.json.array()
  for name in pairs(names) do
    if type(name) == "string" and name:sub(1, 1) ~= "_" then
      list[#list + 1] = name
    end
  end
  sort(list)
  return list
end

-- The table behind a read-only one, or itself.
local function behind(value)
  local metatable = getmetatable(value)
  local index = metatable and metatable.__index
  return type(index) == "table" and index or value
end

-- The functions of a Request, a Response, Headers: in an upvalue of their __index, or it itself.
local function methods_of(value)
  local index = getmetatable(value).__index
  if type(index) == "table" then
    return sorted(index)
  end
  for i = 1, 20 do
    local name, upvalue = getupvalue(index, i)
    if name == "Request" or name == "Response" or name == "Headers" then
      return sorted(upvalue)
    end
  end
end

-- Fields of a table, and of the tables in it: "od", "od.json" ...
local function add(found, label, value)
  found[label] = sorted(behind(value))
  for name, field in pairs(behind(value)) do
    if type(field) == "table" and type(name) == "string" and field ~= value then
      add(found, label .. "." .. name, field)
    end
  end
end

return function(globals, kinds)
  local found = {
    Headers = methods_of(od.Headers()), Request = methods_of(od.Request("/")),
    Response = methods_of(od.Response()),
  }
  add(found, "od", od)
  found.cjson = sorted(cjson.cjson)
  for label, methods in pairs(kinds) do
    found[label] = sorted(methods)
  end
  local real = behind(globals)
  found["globals"] = sorted(real)
  for name, library in pairs(real) do
    if type(library) == "table" and library ~= globals then
      found["globals." .. name] = sorted(behind(library))
    end
  end
  return found
end
