-- When no process can be started (a limit of processes is reached): whose worker is there goes on,
-- main goes on trying and says so, and once there may be processes again, all is as before.
--
-- The limit counts all processes of a user, and not those of root: the server runs as one who has
-- nothing else.
local workbench = require "spec.scenario.workbench"
local survival = require "spec.scenario.survival"

local SOURCE = [[
local od = require "open-do"
local Room = require("workbench").room(function(self, request)
  return od.Response(tostring(self.state.id))
end)
function Room:webSocketMessage(ws, message)
  ws:send(message)
end
return { namespaces = { rooms = Room } }
]]

local function limit(server, what, count)
  local words = table.concat(server:user_words(), " ")
  local command = ("%s prlimit --pid %d --%s=%d:"):format(words, server.process.pid, what, count)
  assert(os.execute(command) == 0)
end

-- No two specs that run at once may have the same user.
local function any_uid()
  return 100000 + require("ffi").C.getpid() % 100000
end

describe("without processes", function()
  local server = workbench.each(SOURCE, { workers = 2, uid = any_uid() })

  before_each(function()
    server:expect_mishap("another one is started")
  end)

  -- A room in worker `index`, and a WebSocket to it.
  local function room_in(index)
    for i = 1, 64 do
      if survival.worker_of_id(server, server:get("/rooms/" .. i).body) == index then
        return "/rooms/" .. i, server:connect("/rooms/" .. i)
      end
    end
  end

  -- Worker 0 ends, and cannot be replaced for some tries.
  local function lose_worker()
    limit(server, "nproc", 1)
    local pid = server:status().workers[1].pid
    assert(os.execute("kill -9 " .. pid) == 0)
    for _ = 1, 4 do
      server:wait_log("cannot start worker 0: Resource temporarily unavailable")
    end
  end

  local function expect_back()
    limit(server, "nproc", 4096)
    server:turn_clock(5000)
    server:wait_log("worker 0 is back after")
  end

  it("main goes on without a worker that cannot be replaced, until it can", function()
    local there, other = room_in(1)
    local lost, kept = room_in(0)
    lose_worker()
    assert.equal(200, server:get(there).status)
    other:send("still here")
    assert.equal("still here", (other:receive()))
    kept:send("while you were out")
    local answer = server:get(lost)
    assert.equal(503, answer.status)
    assert.matches("^%d+$", answer.headers["retry-after"])
    assert.matches("worker", answer.body)
    expect_back()
    assert.equal(200, server:get(lost).status)
    assert.equal("while you were out", (kept:receive()))
  end)

  -- A line of the program's own Lua stood in front of it.
  it("a list of objects says so, and no more", function()
    lose_worker()
    for _, command in ipairs { "objects", "export" } do
      local code, text = server:asking(command, "rooms")
      assert.equal(1, code)
      assert.equal("open-do: worker 0 is not there at the moment\n", text)
    end
    expect_back()
  end)

  it("the status shows it, for people and for machines", function()
    lose_worker()
    local _, text = server:asking("status")
    assert.matches("worker 0: cannot be started %(%d+ tries%): .*Resource temporarily", text)
    local worker = server:status().workers[1]
    assert.is_false(worker.answers)
    assert.equal(0, worker.pid)
    assert.matches("Resource temporarily unavailable", worker.cannotStart.why)
    assert.is_true(worker.cannotStart.tries >= 4)
    expect_back()
    assert.is_nil(server:status().workers[1].cannotStart)
  end)

  it("a reload fails and says why, and works later", function()
    lose_worker()
    server:save((SOURCE:gsub("tostring%(self.state.id%)", '"new"')))
    local code, text = server:asking("reload")
    assert.equal(1, code)
    assert.matches("Resource temporarily unavailable", text)
    assert.not_equal("new", server:get(room_in(1)).body)
    expect_back()
    assert.equal(0, (server:asking("reload")))
    assert.equal("new", server:get("/rooms/1").body)
  end)

  it("nor descriptors for its link the same is done", function()
    local _, kept = room_in(0)
    local pid = server:status().workers[1].pid
    limit(server, "nofile", 8)
    assert(os.execute("kill -9 " .. pid) == 0)
    for _ = 1, 4 do
      server:wait_log("cannot start worker 0: .*Too many open files")
    end
    limit(server, "nofile", 1024)
    server:turn_clock(5000)
    server:wait_log("worker 0 is back after")
    kept:send("still here")
    assert.equal("still here", (kept:receive()))
  end)

  it("the tries come ever more rarely, also long after the worker was born", function()
    server:turn_clock(3600000) -- A life that long lets the next one begin at once, but only once.
    lose_worker()
    local _, tries = server:log():gsub("cannot start worker 0", "")
    assert.is_true(tries < 10, tries .. " tries")
    expect_back()
  end)

  it("the program stops in order", function()
    lose_worker()
    server:shut_down()
    server:launch()
    assert.equal(200, server:get("/rooms/1").status)
  end)
end)
