-- What no client library may notice: its script saved three times, once broken; every worker
-- killed; its object asleep. Then the whole server starts again, the clients come back as they
-- always do, and all is as it was. One row for each library; its verbs are in clients/.
local ffi = require "ffi"
local npm = require "spec.support.npm"
local Server = require "spec.support.server"
local socket = require "socket"

local LIBRARIES = {
  -- `keeps`: what was said is stored, and a newcomer is told all of it.
  { name = "yjs", keeps = true },
  { name = "party", keeps = true },
  { name = "phoenix", keeps = true },
  { name = "socketio", keeps = true },
  { name = "json-rpc", keeps = true },
  { name = "tinybase", keeps = true },
  { name = "mqtt", options = { clean = false } },
}

local IDLE_MS, SLEEP_SECONDS, SIGKILL = 200, 20, 9
local BROKEN = "\nlocal end\n"

-- The files of the example, to be edited in a directory of the spec's own.
local function source_of(name)
  local files = {}
  local find = "cd examples/%s && find . -name '*.lua' -o -path './public/*'"
  local pipe = io.popen(find:format(name))
  for path in pipe:lines() do
    local file = assert(io.open(("examples/%s/%s"):format(name, path), "rb"))
    files[path:sub(3)] = file:read("*a")
    file:close()
  end
  pipe:close()
  local script = files[name .. ".lua"]
  files[name .. ".lua"] = nil
  return script, files
end

-- Asks again and again until every object is asleep: nothing says so by itself.
local function await_sleep(server)
  local deadline = socket.gettime() + SLEEP_SECONDS
  local awake
  repeat
    awake = 0
    for _, worker in ipairs(server:status().workers) do
      awake = awake + (worker.awake or 1) -- One that has just died does not say.
    end
  until awake == 0 or socket.gettime() > deadline
  assert.equal(0, awake, "objects still awake; the log:\n" .. server:log())
end

describe("a client of", function()
  for _, row in ipairs(LIBRARIES) do
    it(row.name .. " notices no save, no death of a worker and no sleep", function()
      local library = npm.start(row.name)
      if not library then
        return pending("OPEN_DO_NODE_MODULES does not name a directory with clients from npm")
      end
      local source, files = source_of(row.name)
      local server = Server.start {
        source = source, files = files, keep_port = true,
        args = { "--watch", "--idle-ms", tostring(IDLE_MS) },
      }
      server:expect_mishap "another one is started"
      finally(function()
        library:stop()
        server:stop()
      end)
      local ann, ben = library:client "ann", library:client "ben"
      ann:open(server.url, row.options)
      ben:open(server.url, row.options)

      local said = {}
      -- Each says something, and both hear all that was ever said: each once, in the same order.
      local function talk()
        for _, speaker in ipairs { ann, ben } do
          said[#said + 1] = "line " .. #said + 1
          speaker:say(said[#said])
          assert.same(said, ann:hear(#said))
          assert.same(said, ben:hear(#said))
        end
      end

      talk()
      server:save(source .. "-- saved once\n")
      server:wait_version(2)
      talk()
      server:save(source .. BROKEN)
      server:wait_log "script.lua:%d+:"
      talk()
      server:save(source .. "-- mended\n")
      server:wait_version(3)
      talk()

      for _, worker in ipairs(server:status().workers) do
        ffi.C.kill(worker.pid, SIGKILL)
        server:wait_log "worker %d+ is back"
      end
      talk()

      await_sleep(server)
      talk()
      assert.same({ 0, 0 }, { ann:lost(), ben:lost() })

      server:restart()
      ann:back(1)
      ben:back(1)
      talk()
      if row.keeps then
        local cleo = library:client "cleo"
        cleo:open(server.url)
        assert.same(said, cleo:stored())
      end
    end)
  end
end)
