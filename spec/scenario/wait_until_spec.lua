-- waitUntil: what goes on after an event, and what it keeps.
local workbench = require "spec.scenario.workbench"

local SOURCE = [[
local od = require "open-do"

local Thing = require("workbench").thing(function(self)
  if self.state.id.name:find("^builds") then
    self.state:waitUntil(function()
      od.sleep(20000)
      print("built")
    end)
    if self.state.id.name == "builds-badly" then error("no") end
  end
end)

-- Goes on for `ms` after the event, then says so.
function Thing:linger(ms)
  self.state:waitUntil(function()
    od.sleep(ms)
    print("lingered " .. ms)
  end)
end

function Thing:webSocketMessage(ws, message)
  if message == "linger" then
    self:linger(20000)
  end
  ws:send(message)
end

function Thing:webSocketClose()
  self:linger(5000)
end

return { namespaces = { things = Thing } }
]]

describe("waitUntil", function()
  local server, ask = workbench.each(SOURCE, { workers = 1 })

  local function why(name)
    local object = server:why_awake("things/" .. (name or "a"))
    return object and table.concat(object.why, "; ")
  end

  it("keeps the instance, and tells the status so", function()
    local boot = ask("self:linger(25000) return self.boot")
    assert.matches("^waitUntil of fetch waits for od%.sleep, 2%d%.%d s to go$", why())
    workbench.fall_asleep(server)
    workbench.fall_asleep(server)
    assert.equal(boot, ask("return self.boot"))
    workbench.pass(server, 2000)
    server:wait_log("lingered 25000")
    workbench.fall_asleep(server)
    assert.not_equal(boot, ask("return self.boot"))
  end)

  it("lets the next message of the same socket through, and its close", function()
    local ann = server:connect("/things/a")
    ann:send("linger")
    ann:expect("linger")
    ann:send("next")
    ann:expect("next")
    ann:close(4000)
    ann:expect_close(4000)
    assert.matches("waitUntil of webSocketMessage .*waitUntil of webSocketClose", why())
    assert.equal(0, ask("return #state:getWebSockets()"))
    workbench.pass(server, 6000)
    server:wait_log("lingered 5000")
    workbench.pass(server, 15000)
    server:wait_log("lingered 20000")
  end)

  it("of a constructor does not delay the event", function()
    assert.equal("here", ask("return 'here'", "builds"))
    assert.matches("^waitUntil of constructor waits", why("builds"))
    workbench.pass(server, 20500)
    server:wait_log("things/builds  built")
    assert.matches("^idle", why("builds"))
  end)

  it("of a constructor that fails does not run", function()
    assert.equal(500, server:post("/things/builds-badly", "return 1").status)
    server:wait_log("things/builds%-badly  constructor: script.lua:9: no")
    assert.is_nil(why("builds-badly"))
  end)

  it("runs when its handler fails, too", function()
    assert.equal(500, server:post("/things/a", "self:linger(5000) coroutine.yield()").status)
    workbench.pass(server, 5500)
    server:wait_log("lingered 5000")
  end)

  it("runs what is given to it while it runs, after the rest", function()
    ask([[
      self.trace = ""
      local function note(text) self.trace = self.trace .. text end
      state:waitUntil(function()
        state:waitUntil(function() note("c") print("noted") end)
        note("a")
      end)
      state:waitUntil(function() od.sleep(1) note("b") end)
    ]])
    server:wait_log("noted")
    assert.equal("abc", ask("return self.trace"))
  end)

  it("can be used in timers, and has its errors logged with their place", function()
    ask([[
      od.setTimeout(function()
        state:waitUntil(function() od.sleep(1) error("late") end)
      end, 0)
    ]])
    server:wait_log("things/a  waitUntil: code:2: late")
    assert.equal(1, ask("return 1"))
  end)

  it("may take 15 minutes after its event, all functions together", function()
    local boot = ask([[
      self:linger(10 * 60000)
      self:linger(6 * 60000)
      self:linger(1)
      return self.boot
    ]])
    workbench.pass(server, 10 * 60000 + 1000)
    server:wait_log("lingered 600000")
    workbench.pass(server, 4 * 60000)
    assert.matches("^waitUntil of fetch waits", why())
    workbench.pass(server, 61000)
    server:wait_log("WARN  things/a  waitUntil%(%) tasks did not complete within the allowed time "
      .. "after invocation end and have been cancelled")
    assert.matches("^idle", why())
    assert.equal(boot, ask("return self.boot"))
    assert.is_nil(server:log():find("lingered 360000", 1, true))
    assert.is_nil(server:log():find("lingered 1\n", 1, true))
  end)

  it("is not cut off in the middle of a critical section", function()
    ask([[
      state:waitUntil(function()
        od.sleep(15 * 60000 - 5000)
        print("enters")
        state:blockConcurrencyWhile(function() od.sleep(10000) storage:put("is whole", true) end)
        print("leaves")
        od.sleep(60000)
      end)
    ]])
    workbench.pass(server, 15 * 60000 - 4000)
    server:wait_log("enters")
    workbench.pass(server, 6000)
    assert.matches("^waitUntil of fetch, in blockConcurrencyWhile, waits", why())
    workbench.pass(server, 5000)
    server:wait_log("leaves")
    workbench.pass(server, 31000)
    server:wait_log("waitUntil%(%) tasks did not complete")
    assert.is_true(ask("return storage:get('is whole')"))
  end)

  it("keeps the old code until it is over, while events wait for the new", function()
    local ann = server:connect("/things/a")
    ask("self:linger(9000)")
    server:save((SOURCE:gsub("ws:send%(message%)", "ws:send('new ' .. message)")))
    assert.equal(0, (server:asking("reload")))
    ann:send("hello")
    ann:expect_silence()
    workbench.pass(server, 10000)
    ann:expect("new hello")
  end)

  it("does so for 30 seconds, then new code takes over", function()
    local ann = server:connect("/things/a")
    local boot = ask("self:linger(600000) return self.boot")
    server:save((SOURCE:gsub("ws:send%(message%)", "ws:send('new ' .. message)")))
    assert.equal(0, (server:asking("reload")))
    ann:send("hello")
    workbench.pass(server, 20000)
    ann:expect_silence()
    server:save((SOURCE:gsub("ws:send%(message%)", "ws:send('newest ' .. message)")))
    assert.equal(0, (server:asking("reload")))
    ann:expect_silence()
    workbench.pass(server, 10500)
    ann:expect("newest hello")
    server:wait_log("things/a  reset: Durable Object reset because its code was updated%.")
    assert.not_equal(boot, ask("return self.boot"))
  end)

  it("is refused with anything but a function", function()
    for _, argument in ipairs { "", "nil", "1", "'x'", "{}" } do
      assert.matches("^code:1: waitUntil: argument 1 must be a function, got ",
        workbench.refusal(server, "a", ("state:waitUntil(%s)"):format(argument)))
    end
  end)
end)

describe("ctx.waitUntil of the entry", function()
  it("goes on after the answer, with a dot and a colon", function()
    local server = workbench.start([[
      local od = require "open-do"
      return {
        namespaces = { things = {} },
        fetch = function(request, env, ctx)
          ctx:waitUntil(function() od.sleep(5000) print("first") end)
          ctx.waitUntil(function() od.sleep(5000) error("second") end)
          local ok, problem = pcall(ctx.waitUntil, "x")
          return od.Response(problem)
        end,
      }
    ]], { workers = 1 })
    assert.equal("waitUntil: argument 1 must be a function, got a string",
      (server:get("/").body:gsub("script.lua:%d+: ", "")))
    server:status() -- The turn is over.
    server:turn_clock(5500)
    server:wait_log("entry  first")
    server:status()
    server:turn_clock(5500)
    server:wait_log("entry  waitUntil: script.lua:6: second")
    server:get("/")
    server:status()
    server:turn_clock(6000)
    server:wait_log("entry  first")
    server:stop()
  end)
end)
