-- Workers that die, by a kill or by a fault: their idle sockets notice nothing, the others are
-- closed and their objects told, and nothing that was acknowledged is lost.
--
-- OPEN_DO_SOCKETS sets how many people are connected (300).

local survival = require "spec.scenario.survival"

local PEOPLE = tonumber(os.getenv("OPEN_DO_SOCKETS")) or 300
local ROOMS = 20

describe("a worker that is killed", function()
  local server

  after_each(function()
    server:stop()
  end)

  it("costs no idle socket, three times each of two workers", function()
    server = survival.start { workers = 2 }
    local crowd = survival.gather(server, { people = PEOPLE, rooms = ROOMS, listeners = 40 })
    crowd:check()
    for round = 1, 6 do
      survival.kill_one(server)
      local back = survival.await_back(server)
      print(("# round %d: worker %d back after %d ms with %d sockets"):format(round, back.worker,
        back.ms, back.given))
      assert.equal(0, back.closed)
      assert.is_true(back.given > 0, "the worker had no sockets")
      crowd:check()
    end
  end)

  it("is back with its sockets also when it is the only one", function()
    server = survival.start { workers = 1 }
    local crowd = survival.gather(server, { people = 20, rooms = 2 })
    survival.kill_one(server)
    assert.equal(20, survival.await_back(server).given)
    crowd:check()
  end)

  it("does not wake the objects whose sockets are given back", function()
    server = survival.start { workers = 1 }
    local ann = survival.person(server, "a", "ann")
    local boot = ann:ask("boot")
    survival.kill_one(server)
    survival.await_back(server)
    ann.ws:expect_silence()
    assert.not_equal(boot, ann:ask("boot"))
    assert.equal("none", ann:ask("closed"))
  end)

  it("loses no message that was sent while it was away", function()
    server = survival.start { workers = 1 }
    local crowd = survival.gather(server, { people = 40, rooms = 4 })
    os.execute("kill -STOP " .. server.process:children()[1])
    crowd:say("echo one")
    crowd:say("echo two")
    survival.kill_one(server)
    crowd:hear("one")
    crowd:hear("two")
    assert.equal(0, survival.await_back(server).closed)
  end)

  it("closes the sockets with something in flight, and tells their objects", function()
    server = survival.start { workers = 1 }
    local ann, ben = survival.person(server, "a", "ann"), survival.person(server, "a", "ben")
    local half = survival.person(server, "a", "half")
    ann:ask("wait", "waiting")
    half.ws:write("\129") -- The first byte of a frame.
    ben.ws:expect_silence()
    half.ws:write("\129") -- And another, so that the first was read when this comes.
    ben.ws:expect_silence()
    survival.kill_one(server)
    local back = survival.await_back(server)
    assert.equal(1, back.given)
    assert.equal(2, back.closed)
    ann.ws:expect_close(1012, "the worker of this object has ended")
    half.ws:expect_close(1012)
    assert.equal("ann:1012:false;half:1012:false;", ben:ask("closed"))
    assert.equal("ben ben", ben:ask("order"))
  end)

  it("keeps the auto response, its times and the timeout of events", function()
    server = survival.start { workers = 1 }
    local ann = survival.person(server, "a", "ann")
    assert.equal("set", server:get("/rooms/a?ask=autoResponse").body)
    ann:ask("ping", "pong")
    local before = server:get("/rooms/a?ask=answered&rest=ann").body
    assert.matches("^%d+ 1234$", before)
    survival.kill_one(server)
    survival.await_back(server)
    assert.equal(before, server:get("/rooms/a?ask=answered&rest=ann").body)
    survival.kill_one(server)
    ann:ask("ping", "pong")
  end)

  it("has stored what it acknowledged", function()
    server = survival.start { workers = 2 }
    local crowd = survival.gather(server, { people = 40, rooms = 40 })
    for round = 1, 4 do
      crowd:say("store " .. round)
      crowd:hear("stored " .. round)
      survival.kill_one(server)
      crowd:say("stored")
      crowd:hear(tostring(round))
      survival.await_back(server)
    end
  end)

  it("fails the requests it was busy with, and the calls of others to it", function()
    server = survival.start { workers = 2, args = { "--event-limit-ms", "300" } }
    local busy = server:open()
    busy:send_request("GET", "/rooms/a?ask=loop")
    assert.equal(503, busy:read_answer().status)
    survival.await_back(server)
    local callers = {}
    for i = 1, 8 do -- All of them within that second.
      callers[i] = server:open()
      callers[i]:send_request("GET", "/rooms/caller" .. i .. "?ask=other&rest=a")
    end
    assert.equal(503, server:get("/rooms/a?ask=boot").status)
    for i = 1, 8 do
      assert.matches("^error .*rooms/a is refused for 1000 ms, because its worker ended",
        callers[i]:read_answer().body)
    end
  end)

  it("waits longer and longer when it dies again and again", function()
    server = survival.start { workers = 1 }
    local ann = survival.person(server, "a", "ann")
    local times = {}
    for i = 1, 5 do
      survival.kill_one(server)
      times[i] = survival.await_back(server).ms
    end
    assert.is_true(times[5] >= 800, table.concat(times, ", "))
    ann:ask("who", ann:identity())
  end)
end)

describe("a worker with a fault", function()
  it("is replaced; the log names what ran, and that object is refused for a while", function()
    local server = survival.start { workers = 1 }
    finally(function() server:stop() end)
    local crowd = survival.gather(server, { people = 30, rooms = 3 })
    local bad = survival.person(server, "bad", "bad")
    server:expect_mishap("Sanitizer") -- It reports a SIGSEGV.
    server:fault("event.crash", { times = 1 })
    bad:say("who")
    server:wait_log("while rooms/bad ran webSocketMessage; another one is started")
    assert.equal(30, survival.await_back(server).given)
    assert.equal(503, server:get("/rooms/bad").status)
    crowd:check()
    bad.ws:expect_close(1012)
    server:turn_clock(1500)
    crowd:check() -- When others are answered, the worker has seen the time.
    local again = survival.person(server, "bad", "again")
    assert.equal("bad:1012:false;", again:ask("closed"))
  end)
end)

-- The object has to learn of a close, so the next worker tells it again. A handler that takes down
-- each of them would do so for ever, at every refusal's end, with all its neighbours.
describe("a webSocketClose that never ends", function()
  local SOURCE = survival.SOURCE:gsub("function Room:webSocketClose%b()", [[%0
  if self.state.id.name == "bad" then
    while true do end
  end]])

  it("takes three workers; then the close counts as told, and the object goes on", function()
    local server = survival.start { source = SOURCE, workers = 1,
      args = { "--event-limit-ms", "500" } }
    finally(function() server:stop() end)
    local good = survival.person(server, "good", "good")
    local leaves, stays = survival.person(server, "bad", "a"), survival.person(server, "bad", "b")
    leaves.ws:close(1000, "bye")
    for lives = 1, 3 do
      server:wait_log("while rooms/bad ran webSocketClose; another one is started")
      good:ask("who", good:identity()) -- By that other one.
      if lives < 3 then
        server:turn_clock(500 + 1000 * 2 ^ (lives - 1))
      end
    end
    server:wait_log("rooms/bad +its webSocketClose has cost 3 workers: of its WebSockets that were "
      .. "closed it is not told any more; mend the handler")
    server:turn_clock(4500)
    stays:ask("order", "b b")
    stays:ask("who", stays:identity())
    good:ask("order", "good good")
    good:ask("who", good:identity())
    survival.kill_one(server)
    survival.await_back(server)
    stays:ask("order", "b b")
    local _, deaths = server:log():gsub("ran webSocketClose", "")
    assert.equal(3, deaths)
  end)
end)
