-- When descriptors run out: those who are connected go on, what is stored is stored, nobody spins,
-- and when descriptors are back, so is everything.

local proc = require "spec.support.proc"
local workbench = require "spec.scenario.workbench"

local SOURCE = [[
local od = require "open-do"
local Room = require("workbench").room(function(self, request)
  local count = (self.state.storage:get("count") or 0) + 1
  self.state.storage:put("count", count)
  return od.Response(tostring(count))
end)

function Room:webSocketMessage(ws, message)
  self.state.storage:put("last", message)
  ws:send(message)
end

return { namespaces = { rooms = Room } }
]]

local function limit_descriptors(pid, count)
  assert(os.execute(("prlimit --pid %d --nofile=%d:"):format(pid, count)) == 0)
end

-- In hundredths of a second, of one process.
local function cpu_of(pid)
  local user, system = proc.read(pid, "stat"):match("%) %S" .. (" %S+"):rep(10) .. " (%d+) (%d+)")
  return tonumber(user) + tonumber(system)
end

describe("without descriptors", function()
  local server = workbench.each(SOURCE, { workers = 1 })

  local function check_connected(clients)
    for i, client in ipairs(clients) do
      client:send("still " .. i)
      assert.equal("still " .. i, (client:receive()))
    end
  end

  -- Connects until it is refused or left waiting; the connections, and how many were to be.
  local function crowd(count)
    local clients = {}
    for i = 1, count do
      local ok, client = pcall(server.connect, server, "/rooms/" .. i % 5)
      if not ok then
        break
      end
      clients[#clients + 1] = client
    end
    return clients
  end

  for _, whose in ipairs { "main", "worker" } do
    it(("%s serves those who are there, and others later"):format(whose), function()
      local clients = crowd(5)
      local main = server.process.pid
      local pid = whose == "main" and main or server.process:children()[1]
      limit_descriptors(pid, proc.descriptors(pid) + 3)
      local before = cpu_of(pid)
      local late = crowd(20)
      check_connected(clients)
      check_connected(late)
      for _ = 1, 50 do
        check_connected(clients)
      end
      assert.is_true(cpu_of(pid) - before < 100)
      limit_descriptors(pid, 4096)
      assert.equal("1", server:get("/rooms/new").body)
      check_connected(clients)
      check_connected(crowd(20))
    end)
  end
end)
