-- How many rooms of the yjs example, with two people typing in each, one core carries: more and
-- more of them, until one in a hundred updates needs more than 50 ms to reach the other.
--
--   cmake --preset release && cmake --build --preset release
--   luajit spec/bench/yjs.lua [seconds a step, 1.5]
--
-- The server, with one worker, is on core 0; those who type (yjs.mjs) are on core 1. It takes less
-- than half a minute.
local ffi = require "ffi"
ffi.cdef "int setenv(const char *name, const char *value, int replace);"
ffi.C.setenv("OPEN_DO_BUILD", os.getenv("OPEN_DO_BUILD") or "build/release", 0)

package.path = "./lua/?.lua;" .. package.path
local process = require "spec.support.process"
local Server = require "spec.support.server"

local SECONDS_MAX = 60

local server = Server.start { script = "examples/yjs/yjs.lua", workers = 1 }
local pids = { server.process.pid, unpack(server.process:children()) }
for _, pid in ipairs(pids) do
  os.execute(("taskset -acp 0 %d >/dev/null"):format(pid))
end
local typists = process.start {
  argv = { "taskset", "-c", "1", "node", "spec/bench/yjs.mjs", server.url, arg[1] or "1.5",
    table.concat(pids, ",") },
}
local code = typists:wait_exit(SECONDS_MAX)
io.write(typists:output())
server:stop()
os.exit(code or 1)
