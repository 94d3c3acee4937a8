-- Somebody sets the clock of the machine, a day ahead or a day back. Alarms stand for a time of the
-- day and go by it; whatever waits a while (timers, deadlines, pings) does not notice.
local workbench = require "spec.scenario.workbench"

local SOURCE = [[
local od = require "open-do"
local Thing = { fetch = require("workbench").fetch }

function Thing:alarm(info)
  local count = (self.state.storage:get("rings") or 0) + 1
  self.state.storage:put("rings", count)
  print(("rings, number %d"):format(count))
end

function Thing:webSocketMessage(ws, message)
  if message == "wait" then
    print("waits")
    od.sleep(60000)
    self.has_waited = true
    ws:send("waited")
  else
    ws:send(message)
  end
end

return { namespaces = { things = Thing } }
]]

local DAY, HOUR = 86400000, 3600000

describe("a clock that is set", function()
  local server = workbench.each(SOURCE, { workers = 1 })

  local function ask(name, code)
    return workbench.ask(server, name, code)
  end

  local function set_alarm(name, milliseconds)
    return ask(name, ("storage:setAlarm(od.now() + %d) return od.now()"):format(milliseconds))
  end

  local function rings(name)
    return ask(name, "return storage:get('rings') or 0")
  end

  local function wait_ring(name, number)
    server:wait_log(("things/%s  rings, number %d"):format(name, number))
  end

  it("a day ahead rings what is due now, once, and nothing that is due later", function()
    set_alarm("soon", HOUR)
    set_alarm("later", DAY + HOUR)
    server:set_wall_clock(DAY)
    wait_ring("soon", 1)
    assert.is_nil(ask("soon", "return storage:getAlarm()"))
    assert.is_truthy(ask("later", "return storage:getAlarm()"))
    assert.equal(0, rings("later"))
    server:turn_clock(HOUR)
    wait_ring("later", 1)
    assert.equal(1, rings("soon"))
    assert.equal(1, rings("later"))
  end)

  it("a day back rings nothing early and nothing twice", function()
    set_alarm("past", 1000)
    server:turn_clock(1001)
    wait_ring("past", 1)
    local before = set_alarm("next", HOUR)
    server:set_wall_clock(-DAY)
    assert.is_true(ask("next", "return od.now()") < before - DAY + HOUR)
    server:turn_clock(HOUR + 1) -- By the clock as it is now, the alarm is due in a day.
    set_alarm("other", 1000)
    server:turn_clock(1001)
    wait_ring("other", 1) -- So main has looked.
    assert.equal(0, rings("next"))
    server:turn_clock(DAY)
    wait_ring("next", 1)
    assert.equal(1, rings("past"))
    assert.equal(1, rings("next"))
  end)

  it("back and then right again rings at the right time", function()
    set_alarm("a", HOUR)
    server:set_wall_clock(-DAY)
    set_alarm("b", HOUR)
    server:set_wall_clock(DAY)
    wait_ring("b", 1) -- It stood for an hour that is long over.
    assert.equal(0, rings("a"))
    server:turn_clock(HOUR + 1)
    wait_ring("a", 1)
    assert.equal(1, rings("b"))
  end)

  it("leaves those who wait a while where they are", function()
    local ann = server:connect("/things/ann")
    ann:send("wait")
    server:wait_log("waits")
    server:set_wall_clock(DAY)
    ask("ann", "return 1")
    server:set_wall_clock(-2 * DAY)
    ask("ann", "return 1")
    server:turn_clock(20000) -- Not so long that it is asked whether it is there, and then lost.
    assert.is_true(ask("ann", "return not self.has_waited"))
    server:turn_clock(41000)
    ann:expect("waited")
  end)
end)
