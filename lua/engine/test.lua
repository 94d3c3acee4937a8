-- What a server that was started for tests does for `open-do test`: it answers requests under
-- /.open-do-test/ in place of the script (bindings/api/test.h). The other side is lua/open-do/test.
local _, native = ...

local od = require "open-do"
local mocks = require "engine.mocks"
local surface = require "engine.surface"

local decode, encode, ids, load = native.test.decode, native.test.encode, native.test.ids,
  native.test.load
local reset, retire = native.test.reset, native.test.retire
local error, pairs, pcall, tostring, type = error, pairs, pcall, tostring, type
local find, format, match, setupvalue = string.find, string.format, string.match, debug.setupvalue

local EVICTED = "evicted by a test"

-- What comes back of an error: its text, and the plain fields of one that is a table.
local function describe(failure)
  local fields = {}
  if type(failure) == "table" then
    for name, value in pairs(failure) do
      if type(name) == "string" and encode(value) then
        fields[name] = value
      end
    end
  end
  fields.message = fields.message or tostring(failure)
  return fields
end

-- Answers with what a call gave: true and its results, or false and the error.
local function answer(ok, ...)
  if not ok then
    return od.Response(encode(false, describe((...))))
  end
  local body, problem = encode(true, ...)
  return od.Response(body or encode(false, { message = "what comes back: " .. problem }))
end

-- In the entry ------------------------------------------------------------------------------------

local function namespace_of(env, target)
  local namespace = env[target.namespace]
  if type(namespace) ~= "userdata" then
    error(format("the script has no namespace '%s'", target.namespace), 0)
  end
  return namespace
end

local function id_of(env, target)
  local namespace = namespace_of(env, target)
  if target.name then
    return namespace:idFromName(target.name)
  end
  return target.id and namespace:idFromString(target.id) or namespace:newUniqueId()
end

local function stub_of(env, target)
  return namespace_of(env, target):get(id_of(env, target))
end

local entry = {}

function entry.id(env, target)
  local id = id_of(env, target)
  return tostring(id), id.name
end

function entry.ids(env, target)
  namespace_of(env, target)
  return ids(target.namespace)
end

function entry.call(env, target, method, ...)
  local stub = stub_of(env, target)
  return stub[method](stub, ...)
end

-- Of `app:mockFetch`.
function entry.mock(_, _, method, ...)
  local stub = mocks.stub()
  return stub[method](stub, ...)
end

local function results_of(ok, ...)
  if not ok then
    error((...), 0)
  end
  return ...
end

-- To the same function in the object, which has the instance at hand.
function entry.inside(env, target, ...)
  local request = od.Request("/.open-do-test/inside", { method = "POST", body = encode(...) })
  local ok, response = pcall(function() return stub_of(env, target):fetch(request) end)
  if ok then
    return results_of(decode(response:text()))
  end
  if not find(tostring(response), EVICTED, 1, true) then
    error(response, 0)
  end
end

local M = {}

local function fetch(request, env)
  local target = decode(od.base64url.decode(request.headers:get("x-open-do-test")))
  local headers = od.Headers()
  for name, value in request.headers:entries() do
    if name ~= "x-open-do-test" then
      headers:append(name, value)
    end
  end
  local init = { method = request.method, headers = headers, body = request.body }
  return stub_of(env, target):fetch(od.Request(target.url, init))
end

function M.entry(request, env)
  local name = match(request.path, "^/%.open%-do%-test/(%w+)$")
  if name == "fetch" then
    return fetch(request, env)
  end
  if name == "surface" then
    return od.Response.json(surface(native.test.surface()))
  end
  if not entry[name] then
    return od.Response("open-do test and the server are of different versions\n", { status = 404 })
  end
  return answer(pcall(entry[name], env, decode(request:text())))
end

-- In an object ------------------------------------------------------------------------------------

-- Functions of a spec: bytecode, and for each upvalue a value, another function, or module open-do.
local function unpack_functions(parcel)
  local functions = {}
  for at, one in pairs(parcel) do
    functions[at] = load(one.code)
  end
  for at, one in pairs(parcel) do
    for place, upvalue in pairs(one.upvalues) do
      local value = upvalue.value
      if upvalue.at then
        value = functions[upvalue.at]
      elseif upvalue.is_library then
        value = od
      end
      setupvalue(functions[at], place, value)
    end
  end
  return functions[1]
end

native.test.unpack = unpack_functions -- For engine.mocks.

local object = {}

function object.run(self, parcel, ...)
  return unpack_functions(parcel)(self, self.state, ...)
end

function object.hibernate()
  retire()
end

function object.evict()
  reset(EVICTED)
end

function M.object(self, request)
  local function run(what, ...)
    return object[what](self, ...)
  end
  return answer(pcall(run, decode(request:text())))
end

return M
