-- A worker that stands still while no event runs (somebody stopped it with SIGSTOP, say): it takes
-- no bytes, answers nobody, and does not end. It is seen and replaced, and its sockets go on.

local process = require "spec.support.process"
local survival = require "spec.scenario.survival"

local STAND_MS = 2000 -- OD_STILL_MS_MIN
local LIMIT = { "--event-limit-ms", tostring(STAND_MS) }

describe("a worker that stands still", function()
  local server

  before_each(function()
    server = survival.start { workers = 2, args = LIMIT }
    server:expect_mishap("another one is started")
  end)

  after_each(function()
    server:stop()
  end)

  -- Signals, one right behind the other.
  local function signal_worker(index, ...)
    local pid = server:status().workers[index + 1].pid
    for _, name in ipairs { ... } do
      process.send_signal(pid, name)
    end
  end

  it("is replaced, and its sockets and what was sent to them go on", function()
    local room = survival.room_in(server, "r", 0)
    local other = survival.room_in(server, "o", 1)
    local person = survival.person(server, room, "ann")
    signal_worker(0, "STOP")
    person:say("echo are you there?")
    assert.equal(200, server:get("/rooms/" .. other).status)
    server:wait_log("worker 0 stands still")
    local back = survival.await_back(server)
    assert.equal(1, back.given)
    person:hear("are you there?")
    assert.equal(200, server:get("/rooms/" .. room).status)
    assert.is_nil(server:log():find("is refused for", 1, true)) -- No object is to blame.
  end)

  it("is replaced again when its successor stands still", function()
    local room = survival.room_in(server, "r", 0)
    local person = survival.person(server, room, "ann")
    for _ = 1, 2 do
      signal_worker(0, "STOP")
      server:wait_log("worker 0 stands still")
      survival.await_back(server)
    end
    person:say("echo twice")
    person:hear("twice")
  end)

  it("is none that has nothing to do, however long", function()
    server:turn_clock(3600000)
    local person = survival.person(server, survival.room_in(server, "r", 0), "ann")
    -- The other one stands still for real, and is seen before this one would be.
    signal_worker(1, "STOP")
    server:wait_log("worker 1 stands still")
    survival.await_back(server)
    person:say("echo still")
    person:hear("still")
    assert.is_nil(server:log():find("worker 0 stands still", 1, true))
  end)

  it("is none when it goes on in time", function()
    signal_worker(0, "STOP", "CONT")
    signal_worker(1, "STOP")
    server:wait_log("worker 1 stands still")
    assert.is_nil(server:log():find("worker 0 stands still", 1, true))
    survival.await_back(server)
  end)
end)
