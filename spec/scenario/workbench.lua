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
local kept = require "spec.support.kept"
local socket = require "socket"

local PATIENCE_S = 20 * (tonumber(os.getenv("OPEN_DO_TEST_PATIENCE")) or 1)

local M = {}

M.MODULE = [[
local od = require "open-do"

local M = {}

-- Takes a WebSocket, with its tags.
function M.accept(self, request)
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
    return M.accept(self, request)
  end
  local code = "local self, state, storage, request, od = ... " .. request:text()
  local chunk = assert(load(code, "@code"))
  local ok, value = pcall(chunk, self, self.state, self.state.storage, request, od)
  if ok then
    return od.Response.json { value = value }
  end
  return od.Response.json { problem = tostring(value) }
end

-- A class: `boot` is another one in each instance. `prepare(self)`: the rest of its constructor.
function M.thing(prepare)
  return { fetch = M.fetch, constructor = function(self)
    self.boot = od.randomUUID()
    if prepare then
      prepare(self)
    end
  end }
end

-- A class that takes WebSockets, and answers requests with `answer(self, request)`.
function M.room(answer)
  return { fetch = function(self, request)
    return request.headers:get("upgrade") and M.accept(self, request) or answer(self, request)
  end }
end

-- A class that passes on what it is asked to `?callee=`, and answers with the error of that.
M.Caller = {}

function M.Caller:fetch(request)
  local ok, answer = pcall(function()
    return self.env.things:getByName(request.query.callee):fetch("/",
      { method = "POST", body = request:text() })
  end)
  return ok and answer or od.Response("error: " .. tostring(answer))
end

return M
]]

M.PLAIN = [[
return { namespaces = { things = require("workbench").thing() } }
]]

local function copy(options)
  local copied = {}
  for key, value in pairs(options or {}) do
    copied[key] = value
  end
  return copied
end

-- Starts a server with `source` (default: objects that do nothing by themselves), which may require
-- "workbench" and must have the namespace "things". Further options as for Server.start.
function M.start(source, options)
  options = copy(options)
  options.source = source or M.PLAIN
  options.files = copy(options.files)
  options.files["workbench.lua"] = M.MODULE
  return Server.start(options)
end

-- A server that is kept, and M.ask and M.refusal of it.
local function kept_with_words(server)
  return server,
    function(code, name) return M.ask(server, name or "a", code) end,
    function(code, name) return M.refusal(server, name or "a", code) end
end

-- Called in a `describe`: a server for each of its tests. Returns it, and two functions that are
-- M.ask and M.refusal of it, (code, name), without a name of the object "a".
function M.each(source, options)
  return kept_with_words(kept.each(getfenv(2), function()
    return M.start(source, options)
  end))
end

-- The same with one server for all of its tests.
function M.once(source, options)
  return kept_with_words(kept.once(getfenv(2), function()
    return M.start(source, options)
  end))
end

-- The same, where each test has a fresh object, which `ask` and `refusal` speak to: (code), behind
-- `prefix`.
function M.fresh(prefix)
  local suite, count = getfenv(2), 0
  local server = kept.once(suite, M.start)
  suite.before_each(function()
    count = count + 1
  end)
  local function words(how)
    return function(code)
      return how(server, "object" .. count, (prefix or "") .. code)
    end
  end
  return server, words(M.ask), words(M.refusal)
end

-- The same with a server that a test starts, with `start(options, source)`; stopped after the test.
-- `options` and `source`: where the test has none. Returns it, `start`, and `ask` and `refusal`.
function M.asked(source, options)
  local server, start = kept.asked(getfenv(2), function(own, own_source)
    local all = copy(options)
    for key, value in pairs(own or {}) do
      all[key] = value
    end
    return M.start(own_source or source, all)
  end)
  return server, start, select(2, kept_with_words(server))
end

-- For one test: a server with another source in the place of a kept one.
function M.replace(server, source, options)
  kept.replace(server, function() return M.start(source, options) end)
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

-- Some turns of main and of the only worker pass.
function M.let_turns_pass(server)
  for _ = 1, 3 do
    M.ask(server, "other", "return storage:sync()")
  end
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
