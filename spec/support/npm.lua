-- Client libraries from npm, run by node and told what to do by a spec (spec/examples/clients).
--
--   local library = npm.start("yjs")          nil without OPEN_DO_NODE_MODULES
--   local ann = library:client("Ann")
--   ann:open(server.url); ann:say("hello")    each verb of spec/examples/clients/yjs.mjs
--   assert.same({ "hello" }, ann:hear(1))
--   library:stop()
--
-- npm.scenes does that for the spec of one example, in each scene with a server of its own.

local json = require "dkjson"
local process = require "spec.support.process"
local Server = require "spec.support.server"
local socket = require "socket"

local M = {}

local START_SECONDS, ANSWER_SECONDS = 60, 75

local Library = {}
Library.__index = Library

function M.start(name)
  local modules = os.getenv("OPEN_DO_NODE_MODULES")
  if not modules then
    return nil
  end
  local self = setmetatable({ name = name }, Library)
  self.process = process.start {
    argv = { "node", "spec/examples/clients/driver.mjs", name },
    env = { OPEN_DO_NODE_MODULES = modules, LD_PRELOAD = "" }, -- The sanitizer is not for node.
  }
  local port = self.process:wait_output("driver on port (%d+)", START_SECONDS)
  self.tcp = assert(socket.connect("127.0.0.1", tonumber(port)))
  self.tcp:settimeout(ANSWER_SECONDS)
  return self
end

-- Has the client [name] do [verb]; returns what comes of it, and raises when that is an error.
function Library:ask(name, verb, ...)
  local args = setmetatable({ ... }, { __jsontype = "array" })
  local wish = { client = name, verb = verb, args = args }
  assert(self.tcp:send(json.encode(wish) .. "\n"))
  local line, why = self.tcp:receive("*l")
  if not line then
    error(("%s in %s: %s; it said:\n%s"):format(verb, self.name, why, self.process:output()), 3)
  end
  local answer = assert(json.decode(line, 1, nil))
  if answer.problem then
    error(answer.problem, 3)
  end
  return answer.value
end

-- A client whose methods are the verbs.
function Library:client(name)
  return setmetatable({ name = name }, {
    __index = function(_, verb)
      return function(_, ...)
        return self:ask(name, verb, ...)
      end
    end,
  })
end

function Library:stop()
  self.tcp:send("\n") -- Its end alone may not be seen: a server started meanwhile has it open too.
  self.tcp:close()
  self.process:wait_exit(START_SECONDS)
end

-- To be called in a describe(). Returns scene(text, act), which is it() for the [example] and its
-- library: act(server, client) has client(name), a client that does not know the server yet.
function M.scenes(example)
  return function(text, act)
    local busted = getfenv(act) -- Only spec files have its words.
    busted.it(text, function()
      local library = M.start(example)
      if not library then
        return busted.pending("OPEN_DO_NODE_MODULES does not name a directory of clients")
      end
      local script = ("examples/%s/%s.lua"):format(example, example)
      local server = Server.start { script = script, keep_port = true }
      local ok, why = xpcall(function()
        act(server, function(name) return library:client(name) end)
      end, function(problem)
        return type(problem) == "string" and problem .. "\n" .. server:log() or problem
      end)
      library:stop()
      server:stop()
      if not ok then
        error(why, 0)
      end
    end)
  end
end

return M
