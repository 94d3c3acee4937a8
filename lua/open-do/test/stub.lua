-- Namespaces, ids and stubs of a server under test. They look like those of a script; what they do
-- is done by a script's stub inside the server.
local _, native = ...

local od = require "open-do"
local http = require "open-do.test.http"
local parcel = require "open-do.test.parcel"
local socket = require "open-do.test.socket"
local websocket = require "open-do.test.websocket"

local M = {}

local Stub, Id, Namespace = {}, {}, {}
local private = setmetatable({}, { __mode = "k" }) -- Stub or namespace -> { app =, target = }.

-- The way in --------------------------------------------------------------------------------------

local failure_metatable = {
  __tostring = function(failure) return failure.message end,
}

-- The tail call takes this function off the stack, as those that lead here are: busted names the
-- first line there is, and that is the spec's.
local function results_of(ok, ...)
  if not ok then
    return error(setmetatable((...), failure_metatable), 0)
  end
  return ...
end

local function encode(...)
  local bytes, problem = native.test.encode(...)
  if not bytes then
    error(setmetatable({ message = problem }, failure_metatable), 0)
  end
  return bytes
end

-- Has the server do `op`; returns its results, or raises its error.
local function ask(app, op, ...)
  local answer = http.request(app.address, "POST", "/.open-do-test/" .. op, { body = encode(...) })
  if answer.status ~= 200 then
    error(("the server answered %d %s; its last lines:\n%s"):format(answer.status, answer.body,
      app:lastLines()), 0)
  end
  return results_of(native.test.decode(answer.body))
end

-- Stubs -------------------------------------------------------------------------------------------

local function target_headers(self, url, init)
  local headers = {}
  for name, value in od.Headers(init and init.headers):entries() do
    headers[name] = value
  end
  local target = { url = url }
  for name, value in pairs(private[self].target) do
    target[name] = value
  end
  headers["x-open-do-test"] = od.base64url.encode(encode(target))
  return headers
end

local function url_and_init(request, init)
  if type(request) == "table" then
    return request.url, { method = request.method, headers = request.headers, body = request.body }
  end
  return request, init or {}
end

local BODILESS = { [101] = true, [204] = true, [205] = true, [304] = true }

local function response_of(answer)
  local headers = od.Headers()
  for _, field in ipairs(answer.all_headers) do
    headers:append(field[1], field[2])
  end
  return od.Response(not BODILESS[answer.status] and answer.body or nil,
    { status = answer.status, headers = headers })
end

local function send(app, path, method, headers, body)
  return response_of(http.request(app.address, method, path, { headers = headers, body = body }))
end

function Stub:fetch(request, init)
  local url
  url, init = url_and_init(request, init)
  return send(private[self].app, "/.open-do-test/fetch", init.method or "GET",
    target_headers(self, url, init), init.body)
end

-- Opens a WebSocket by asking the object's fetch for it.
function Stub:connect(url, options)
  local app = private[self].app
  options = { headers = target_headers(self, url or "/", options),
    protocols = options and options.protocols }
  return app:keep(socket.new(websocket.connect(app.address, "/.open-do-test/fetch", options), app))
end

local stub_metatable = { __metatable = false }

function stub_metatable.__index(self, name)
  if Stub[name] then
    return Stub[name]
  end
  local mine = private[self]
  if name == "name" then
    return mine.target.name
  elseif name == "id" then
    return M.new_id(mine.app, mine.target)
  end
  return function(stub, ...)
    if not private[stub] then
      error(("call it with a colon, as in stub:%s(...)"):format(tostring(name)), 2)
    end
    return ask(mine.app, "call", mine.target, name, ...)
  end
end

local function new_stub(app, target)
  local stub = setmetatable({}, stub_metatable)
  private[stub] = { app = app, target = target }
  return stub
end

-- Ids ---------------------------------------------------------------------------------------------

local id_metatable = { __index = Id }

function id_metatable.__tostring(id)
  return id.hex
end

function id_metatable.__eq(a, b)
  return a.hex == b.hex
end

function M.new_id(app, target)
  local hex, name = ask(app, "id", target)
  return setmetatable({ hex = hex, name = name, namespace = target.namespace }, id_metatable)
end

-- Namespaces --------------------------------------------------------------------------------------

function Namespace:idFromName(name)
  return M.new_id(private[self].app, { namespace = private[self].name, name = name })
end

function Namespace:newUniqueId()
  return M.new_id(private[self].app, { namespace = private[self].name })
end

function Namespace:idFromString(hex)
  return M.new_id(private[self].app, { namespace = private[self].name, id = hex })
end

function Namespace:get(id)
  if getmetatable(id) ~= id_metatable then
    error("get: argument 1 must be an object id", 2)
  end
  return new_stub(private[self].app, { namespace = private[self].name, id = not id.name and id.hex
    or nil, name = id.name })
end

function Namespace:getByName(name)
  if type(name) ~= "string" then
    error(("getByName: argument 1 must be a string, got %s"):format(type(name)), 2)
  end
  return new_stub(private[self].app, { namespace = private[self].name, name = name })
end

local namespace_metatable = { __metatable = false, __index = Namespace }

-- The `env` of a server: any name may be a namespace; the server knows when it is used.
function M.env(app)
  return setmetatable({}, {
    __index = function(env, name)
      local namespace = setmetatable({}, namespace_metatable)
      private[namespace] = { app = app, name = name }
      rawset(env, name, namespace)
      return namespace
    end,
  })
end

-- What a test does with objects ------------------------------------------------------------------

local function check_stub(stub, call)
  local mine = private[stub]
  if not mine or not mine.target then
    error(("%s: argument 1 must be a stub, as app.env.NAMESPACE:getByName(name) gives one")
      :format(call), 3)
  end
  return mine
end

-- An error of the function is raised as it was: with the line of the spec where it happened.
local function run(mine, packed, ...)
  return ask(mine.app, "inside", mine.target, "run", packed, ...)
end

function M.runInObject(stub, fn, ...)
  local mine = check_stub(stub, "runInObject")
  if type(fn) ~= "function" then
    error(("runInObject: argument 2 must be a function (instance, state), got %s")
      :format(type(fn)), 2)
  end
  local ok, packed = pcall(parcel.pack, fn)
  if not ok then
    error("runInObject: " .. packed, 2)
  end
  return run(mine, packed, ...)
end

local function make_alarm_due(_, state)
  local is_set = state.storage:getAlarm() ~= nil
  if is_set then
    state.storage:setAlarm(1)
  end
  return is_set
end

-- Tells whether there was an alarm. It is made due now, so the server's clock rings it.
function M.runObjectAlarm(stub)
  local mine = check_stub(stub, "runObjectAlarm")
  local was_set = run(mine, parcel.pack(make_alarm_due))
  mine.app:settle()
  return was_set
end

function M.listObjectIds(namespace)
  local mine = private[namespace]
  if not mine or not mine.name then
    error("listObjectIds: argument 1 must be a namespace, as app.env.NAMESPACE", 2)
  end
  mine.app:settle()
  local ids = {}
  for at, one in ipairs(ask(mine.app, "ids", { namespace = mine.name })) do
    ids[at] = setmetatable({ hex = one.id, name = one.name, namespace = mine.name }, id_metatable)
  end
  return ids
end

-- Has the object do `what` of lua/engine/test.lua, in the name of `call`.
function M.instruct(stub, what)
  local mine = check_stub(stub, what)
  ask(mine.app, "inside", mine.target, what)
end

-- Answers in place of the world ------------------------------------------------------------------

local Mock = {}
Mock.__index = Mock

-- Of what a spec gives: a text, a Response or a table like its init, a function, false.
local function answer_of(given)
  if given == nil then
    return nil
  elseif given == false then
    return { fails = "could not connect (as app:mockFetch says)" }
  elseif type(given) == "function" then
    return { functions = parcel.pack(given) }
  elseif type(given) == "string" then
    given = od.Response(given)
  elseif type(given) == "table" and given.json ~= nil and type(given.json) ~= "function" then
    given = od.Response.json(given.json, { status = given.status, headers = given.headers })
  elseif type(given) == "table" and not given.text then
    given = od.Response(given.body, { status = given.status, headers = given.headers })
  end
  if type(given) ~= "table" then
    error(("argument 2 must be a string, a Response, a table, a function or false, got %s"):format(
      type(given)), 0)
  end
  local fields = {}
  for name, value in given.headers:entries() do
    fields[#fields + 1] = { name, value }
  end
  return { status = given.status, headers = fields, body = given.body }
end

function M.mock_fetch(app, url, given)
  if type(url) ~= "string" or not url:match("^https?://") then
    error("mockFetch: argument 1 must be a whole URL, which may end with *", 3)
  end
  local ok, answer = pcall(answer_of, given)
  if not ok then
    error("mockFetch: " .. tostring(answer), 3)
  end
  app.mocks = app.mocks or {}
  local mock = app.mocks[url] or setmetatable({ app = app, at = app.mock_count or 0 }, Mock)
  app.mocks[url], app.mock_count = mock, math.max(mock.at + 1, app.mock_count or 0)
  ask(app, "mock", {}, "set", mock.at, url, answer)
  app.page:arm("fetch.mock", -1)
  return mock
end

local function readable(request)
  local headers = {}
  for _, field in ipairs(request.headers) do
    headers[field[1]] = field[2]
  end
  return { url = request.url, method = request.method, headers = headers, body = request.body }
end

function Mock:requests()
  self.app:settle()
  local list = ask(self.app, "mock", {}, "requests", self.at)
  for at, request in ipairs(list) do
    list[at] = readable(request)
  end
  return list
end

-- Requests to the server itself, as its clients make them.
M.send = send
M.url_and_init = url_and_init

return M
