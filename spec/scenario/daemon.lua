-- A server of Debian, like Redis, that objects speak with: on a port and in a directory of its own.
--
--   local redis = daemon.once {                     -- In a `describe`: one for all of its tests.
--     argv = function(port, directory) return { "redis-server", "--port", port } end,
--     ready = "Ready to accept connections",        -- What it says once it is.
--     signal = "TERM",                              -- What ends it.
--   }
--   redis.port
local kept = require "spec.support.kept"
local process = require "spec.support.process"
local shell = require "spec.support.shell"
local Upstream = require "spec.support.upstream"

local SECONDS = 60

local M = {}
local Daemon = {}
Daemon.__index = Daemon

-- What is preloaded here, the sanitizer's runtime, is not for it.
local function start(options)
  local self = setmetatable({ signal = options.signal, port = Upstream.free_port(),
    directory = shell.make_directory() }, Daemon)
  self.process = process.start { argv = options.argv(tostring(self.port), self.directory),
    cwd = self.directory, env = { LD_PRELOAD = "" } }
  self.process:wait_output(options.ready, SECONDS)
  return self
end

-- A server of open-do that is connected to it is named before it, so that it stops first.
function M.once(options)
  return kept.once(getfenv(2), function()
    return start(options)
  end)
end

function Daemon:stop()
  self.process:signal(self.signal)
  self.process:wait_exit(SECONDS)
  shell.remove(self.directory)
end

return M
