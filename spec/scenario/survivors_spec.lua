-- Clients as people have them, of WebSockets and of an event stream, through all that the runtime
-- survives: saves good and bad, sleep,
-- workers that die, and upgrades. None may see a close, and the one that reconnects by itself may
-- have no reason to.
local process = require "spec.support.process"
local survival = require "spec.scenario.survival"

local CLIENTS = { "ws", "partysocket", "chromium", "eventsource" }

describe("node's ws, partysocket and Chromium", function()
  it("notice nothing of saves, sleep, a stuck worker, a killed one and upgrades", function()
    local modules = os.getenv("OPEN_DO_NODE_MODULES")
    if not modules then
      return pending("OPEN_DO_NODE_MODULES does not name a directory with what npm installs")
    end
    local server = survival.start { workers = 1,
      args = { "--watch", "--event-limit-ms", "1000" } }
    finally(function() server:stop() end)
    local host = survival.person(server, "many", "host")
    local clients = process.start {
      argv = { "node", "spec/scenario/survivors.mjs",
        server.url:gsub("^http", "ws") .. "/rooms/many" },
      env = { OPEN_DO_NODE_MODULES = modules },
    }
    for _, name in ipairs(CLIENTS) do
      clients.matched = 1
      clients:wait_output(name .. " open 1", 60)
    end
    local version = 1

    -- The room greets; each answers, and hears that its answer came. In any order.
    local function all_hear(greeting)
      host:say("everyone hello " .. greeting)
      host:hear("hello " .. greeting)
      for _, name in ipairs(CLIENTS) do
        clients.matched = 1
        clients:wait_output(name .. " heard " .. greeting .. "\n", 20)
      end
    end

    local function save(text)
      version = version + 1
      server:save(text)
      server:wait_version(version)
    end

    all_hear "at first"
    local boot = host:ask("boot")
    save(survival.SOURCE .. "\n-- once more")
    assert.not_equal(boot, host:ask("boot"))
    all_hear "after a save"
    server:save("return {")
    server:wait_log("reload failed")
    all_hear "beside a broken script"
    save((survival.SOURCE:gsub("rooms = Room", "halls = Room")))
    save(survival.SOURCE)
    all_hear "after their namespace was gone"
    survival.kill_one(server)
    assert.equal(#CLIENTS + 1, survival.await_back(server).given)
    all_hear "after a kill"
    server:turn_clock(11000)
    server:get("/rooms/other")
    all_hear "after a sleep"
    local bad = survival.person(server, "bad", "bad")
    bad:say("loop")
    assert.equal(#CLIENTS + 1, survival.await_back(server).given)
    all_hear "after a loop"
    for i = 1, 5 do
      local code, said = server:asking("upgrade")
      assert.equal(0, code, said)
      all_hear("after upgrade " .. i)
      assert.equal(0, (server:asking("restart-worker", "0")))
      all_hear("after replacement " .. i)
    end
    assert.is_nil(clients:output():find("closed", 1, true), clients:output())
    assert.is_nil(clients:output():find("open 2", 1, true), clients:output())
    clients:signal("TERM")
  end)
end)
