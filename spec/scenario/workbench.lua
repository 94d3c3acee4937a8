-- An object on a workbench: it runs the Lua a spec posts to it and answers with what that returned,
-- so a spec can say in one line what an object is asked to do. Sockets are accepted with the tags
-- of `?tags=a,b`. A spec's own script takes `fetch` from here and adds handlers.
--
--   local server, ask, refusal = workbench.each()                             -- In a `describe`.
--   ask "storage:put('k', 1) return storage:get('k')"                         --> 1
--
--   local server = workbench.start()
--   workbench.ask(server, "a", "storage:put('k', 1) return storage:get('k')") --> 1
--   workbench.refusal(server, "a", "storage:put('k', nil)")                   --> "... put() ..."
--
-- The code has `self`, `state`, `storage`, `request` and `od`.
local json = require "dkjson"
local Server = require "spec.support.server"
local socket = require "socket"

local PATIENCE_S = 20

local M = {}

M.MODULE = [[
local od = require "open-do"

local M = {}

local function accept(self, request)
  local tags = {}
  for tag in (request.query.tags or ""):gmatch("[^,]+") do
    tags[#tags + 1] = tag
  end
  local client, server = od.WebSocketPair()
  self.state:acceptWebSocket(server, tags)
  return od.Response(nil, { status = 101, webSocket = client })
end

function M.fetch(self, request)
  if request.headers:get("upgrade") then
    return accept(self, request)
  end
  local code = "local self, state, storage, request, od = ... " .. request:text()
  local chunk = assert(load(code, "@code"))
  local ok, value = pcall(chunk, self, self.state, self.state.storage, request, od)
  if ok then
    return od.Response.json { value = value }
  end
  return od.Response.json { problem = tostring(value) }
end

return M
]]

M.PLAIN = [[
local od = require "open-do"
local Thing = { fetch = require("workbench").fetch }
function Thing:constructor() self.boot = od.randomUUID() end
return { namespaces = { things = Thing } }
]]

-- Starts a server with `source` (default: objects that do nothing by themselves), which may require
-- "workbench" and must have the namespace "things". Further options as for Server.start.
function M.start(source, options)
  options = options or {}
  options.source = source or M.PLAIN
  options.files = options.files or {}
  options.files["workbench.lua"] = M.MODULE
  return Server.start(options)
end

local function copy(options)
  local copied = {}
  for key, value in pairs(options or {}) do
    copied[key] = value
  end
  return copied
end

local function keep(source, options, before, after)
  local current
  local server = setmetatable({}, {
    __index = function(_, key) return current[key] end,
    __newindex = function(_, key, value) current[key] = value end,
  })
  before(function()
    current = M.start(source, copy(options))
  end)
  after(function()
    current:stop()
  end)
  return server,
    function(code, name) return M.ask(current, name or "a", code) end,
    function(code, name) return M.refusal(current, name or "a", code) end
end

-- Called in a `describe`: a server for each of its tests. Returns it, and two functions that are
-- M.ask and M.refusal of it, (code, name), without a name of the object "a".
function M.each(source, options)
  local suite = getfenv(2) -- Busted gives its words to the functions of the spec alone.
  return keep(source, options, suite.before_each, suite.after_each)
end

-- The same with one server for all of its tests. `suite`: the words, when that is known already.
function M.once(source, options, suite)
  suite = suite or getfenv(2)
  return keep(source, options, suite.setup, suite.teardown)
end

-- For a source that must not load: the exit code and all that was said.
function M.refuse(source)
  return Server.refuse { source = source }
end

local function path_of(name)
  return "/things/" .. name
end

local function understand(answer)
  assert(answer.status == 200, ("expected 200, got %d: %s"):format(answer.status, answer.body))
  local outcome = assert(json.decode(answer.body))
  return outcome.value, outcome.problem
end

-- What `code` returns in the object `name`; an error in it is an error here.
function M.ask(server, name, code)
  local value, problem = understand(server:post(path_of(name), code))
  if problem then
    error(("asked to %q: %s"):format(code, problem), 2)
  end
  return value
end

-- The text of the error that `code` raises in the object `name`.
function M.refusal(server, name, code)
  local value, problem = understand(server:post(path_of(name), code))
  if not problem then
    error(("expected an error from %q, got %s"):format(code, json.encode(value)), 2)
  end
  return problem
end

-- Sends the same without waiting; the connection is for `outcome`, or for looking at.
function M.begin(server, name, code)
  local connection = server:open()
  connection:send_request("POST", path_of(name), { body = code })
  return connection
end

-- What came of `begin`.
function M.outcome(connection)
  local value, problem = understand(connection:read_answer())
  connection:close()
  assert(not problem, problem)
  return value
end

-- Asks until the answer is `wanted`. What is stored takes a moment until those see it who look into
-- the data file: other workers, and main.
function M.becomes(wanted, question)
  local deadline = socket.gettime() + PATIENCE_S
  local answer = question()
  while answer ~= wanted and socket.gettime() < deadline do
    answer = question()
  end
  assert(answer == wanted, ("expected %s, got %s"):format(tostring(wanted), tostring(answer)))
end

-- Turns the clock of a server with one worker, once that has ended the turn it is in: what a
-- handler does right after it has said something in the log, like going to sleep, comes before.
function M.pass(server, ms)
  M.ask(server, "witness", "return 'the turn is over'")
  server:turn_clock(ms)
end

-- Lets every object of a server with one worker fall asleep: `witness`, an object in use for
-- nothing else, sleeps longer than they stay awake; when it answers, they have fallen asleep.
function M.fall_asleep(server)
  assert(server.options.workers == 1, "with several workers nobody knows whose clock has turned")
  local witness = M.begin(server, "witness", "print 'watching' od.sleep(11000) return true")
  server:wait_log("watching")
  M.ask(server, "witness", "return 'in its sleep'") -- The clock must not turn before it has begun.
  server:turn_clock(12000)
  M.outcome(witness)
end

return M
