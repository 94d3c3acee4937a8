-- Schedules: many named times of one object, beside its one alarm and by the same clock.
local workbench = require "spec.scenario.workbench"

local SOURCE = [[
local od = require "open-do"

local Thing = { fetch = require("workbench").fetch }

-- What a run does is stored with it: code, run with (self, storage, info, od).
local function run(self, who, info, ...)
  local storage = self.state.storage
  print(("rings %s %s %d missed %d"):format(who, info.name or "", info.retryCount,
    info.missed or 0))
  local runs = storage:get("runs") or {}
  runs[#runs + 1] = { who = who, name = info.name, arguments = { ... }, count = select("#", ...),
    missed = info.missed, scheduledTime = info.scheduledTime, retryCount = info.retryCount,
    isRetry = info.isRetry, now = od.now() }
  storage:put("runs", runs)
  local code = storage:get("code")
  if code then
    return load("local self, storage, info, od = ... " .. code, "@code")(self, storage, info, od)
  end
end

function Thing:alarm(info) return run(self, "alarm", info) end
function Thing:tick(info, ...) return run(self, "tick", info, ...) end
function Thing:_count()
  self.count = (self.count or 0) + 1
  if self.count == 200 then print("counted 200") end
end
function Thing:_private(info) return run(self, "private", info) end

return { namespaces = { things = Thing } }
]]

describe("a schedule", function()
  local server, ask = workbench.each(SOURCE, { workers = 1, args = { "--idle-ms", "10000" } })

  local function runs(name)
    return ask("return storage:get('runs') or {}", name)
  end

  local function schedules()
    return ask("return storage:schedules()")
  end

  local function wait_ring(pattern)
    server:wait_log("rings " .. (pattern or ""))
  end

  local function turns_pass()
    workbench.let_turns_pass(server)
  end

  describe("for a moment", function()
    it("calls its method once, with what was given, and is gone", function()
      local at = ask([[local at = od.now() + 60000
        storage:schedule("greet", { at = at }, "tick", "hello", 2, { n = 1 }) return at]])
      assert.same({ { name = "greet", at = at, time = at, method = "tick",
        arguments = { "hello", 2, { n = 1 } } } }, schedules())
      server:turn_clock(30000)
      turns_pass()
      assert.same({}, runs())
      server:turn_clock(30000)
      wait_ring("tick greet 0")
      local run = runs()[1]
      assert.same({ "hello", 2, { n = 1 } }, run.arguments)
      assert.equal(3, run.count)
      assert.equal(at, run.scheduledTime)
      assert.equal(0, run.missed)
      assert.is_true(run.now >= at)
      assert.same({}, schedules())
      server:turn_clock(3600000)
      turns_pass()
      assert.equal(1, #runs())
    end)

    it("in the past comes at once; the same again changes nothing; another replaces it", function()
      ask("storage:schedule('x', { at = 1 }, 'tick')")
      wait_ring("tick x")
      local at = ask([[local at = od.now() + 60000
        storage:schedule("x", { at = at }, "tick", 1)
        storage:schedule("x", { at = at }, "tick", 1)
        storage:schedule("x", { at = at + 1000 }, "tick", 2)
        return at]])
      assert.equal(1, #schedules())
      server:turn_clock(61000)
      wait_ring("tick x")
      turns_pass()
      assert.equal(2, #runs())
      assert.same({ 2 }, runs()[2].arguments)
      assert.equal(at + 1000, runs()[2].scheduledTime)
    end)

    it("and taken back does not come", function()
      assert.same({ true, false, false }, ask([[
        storage:schedule("x", { at = od.now() + 1000 }, "tick")
        return { storage:unschedule("x"), storage:unschedule("x"), storage:unschedule("never") }]]))
      server:turn_clock(1000)
      turns_pass()
      assert.same({}, runs())
    end)

    it("of one object comes beside others and the alarm, in the order of their times", function()
      ask([[local now = od.now()
        storage:setAlarm(now + 2000)
        storage:schedule("c", { at = now + 3000 }, "tick")
        storage:schedule("a", { at = now + 1000 }, "tick")
        storage:schedule("b", { at = now + 1000 }, "_private")
        storage:schedule("d", { at = now + 60000 }, "tick")]])
      server:turn_clock(5000)
      wait_ring("tick c")
      local names = {}
      for i, run in ipairs(runs()) do
        names[i] = run.who .. " " .. (run.name or "")
      end
      assert.same({ "tick a", "private b", "alarm ", "tick c" }, names)
      assert.equal("d", schedules()[1].name)
    end)

    it("wakes an object that sleeps, also after the server was killed", function()
      ask("storage:schedule('x', { at = od.now() + 60000 }, 'tick')", "quiet")
      workbench.fall_asleep(server)
      server:kill()
      server:launch()
      server:turn_clock(60000)
      wait_ring("tick x 0")
    end)

    it("is part of the batch: a reset and a rollback take it along", function()
      server:post("/things/a", "storage:schedule('x', { at = od.now() }, 'tick') state:abort()")
      assert.same({}, schedules())
      ask([[
        storage:transaction(function(txn)
          txn:schedule("x", { at = od.now() + 1000 }, "tick")
          assert(#storage:schedules() == 1)
          txn:rollback()
        end)]])
      assert.same({}, schedules())
      ask("storage:schedule('x', { every = 1000 }, 'tick') storage:deleteAll()")
      assert.same({}, schedules())
      ask("storage:schedule('x', { every = 60000 }, 'tick')")
      ask("storage:deleteAll()")
      server:turn_clock(60000)
      turns_pass()
      assert.same({}, runs())
    end)
  end)

  describe("that comes again", function()
    it("keeps its rhythm, whoever is late", function()
      local start = ask([[storage:schedule("beat", { every = 60000 }, "tick")
        return storage:schedules()[1].time]])
      for i = 0, 2 do
        server:turn_clock(60000)
        wait_ring("tick beat")
        assert.equal(start + i * 60000, runs()[i + 1].scheduledTime)
      end
      assert.equal(start + 180000, schedules()[1].time)
      assert.equal(60000, schedules()[1].every)
    end)

    it("set again in each constructor keeps its time, with new arguments too", function()
      local time = ask([[storage:schedule("x", { every = 60000 }, "tick")
        return storage:schedules()[1].time]])
      server:turn_clock(30000)
      ask("storage:schedule('x', { every = 60000 }, 'tick')")
      assert.equal(time, schedules()[1].time)
      ask("storage:schedule('x', { every = 60000 }, 'tick', 'new')")
      assert.equal(time, schedules()[1].time)
      assert.same({ "new" }, schedules()[1].arguments)
      ask("storage:schedule('x', { every = 90000 }, 'tick', 'new')")
      assert.is_true(schedules()[1].time > time)
    end)

    it("that was missed comes once, and is told how often", function()
      local start = ask([[storage:schedule("x", { every = 100000 }, "tick")
        return storage:schedules()[1].time]])
      server:turn_clock(100000)
      wait_ring("tick x 0 missed 0")
      assert.equal(1, #runs())
      server:kill()
      server:launch()
      server:turn_clock(1000000)
      wait_ring("tick x 0 missed")
      turns_pass()
      local all = runs()
      assert.equal(2, #all)
      assert.is_true(all[2].missed >= 9)
      assert.equal(start + (1 + all[2].missed) * 100000, all[2].scheduledTime)
      assert.equal(all[2].scheduledTime + 100000, schedules()[1].time)
    end)

    it("by cron comes when that says, on the clocks of its zone", function()
      local seen = ask([[
        storage:schedule("digest", { cron = "0 9 * * 1", zone = "Europe/Berlin" }, "tick")
        storage:schedule("utc", { cron = "0 9 * * 1" }, "tick")
        return storage:schedules()]])
      assert.equal("UTC", seen[2].zone)
      for i, zone in ipairs { "Europe/Berlin", "UTC" } do
        local pipe = io.popen(("TZ=%s date -d @%d '+%%u %%H:%%M:%%S'"):format(zone,
          seen[i].time / 1000))
        assert.equal("1 09:00:00\n", pipe:read("*a"))
        pipe:close()
      end
      -- On a Monday between the two the other would come first.
      local now = ask("storage:unschedule('utc') return od.now()")
      server:turn_clock(seen[1].time - now)
      wait_ring("tick digest 0")
      local all = runs() -- On a Monday between the two nines the other one rings first.
      assert.equal(seen[1].time, all[all[1].name == "digest" and 1 or 2].scheduledTime)
      assert.is_true(schedules()[1].time > seen[1].time + 6 * 86400000)
    end)

    it("is taken back by its own run, replaced by it, or changed by it", function()
      ask([[storage:put("code", "storage:unschedule(info.name)")
        storage:schedule("x", { every = 1000 }, "tick")]])
      server:turn_clock(1000)
      wait_ring("tick x")
      assert.same({}, schedules())
      ask([[storage:put("code", "storage:schedule(info.name, { every = 60000 }, 'tick', 'slower')")
        storage:schedule("x", { every = 1000 }, "tick")]])
      server:turn_clock(1000)
      wait_ring("tick x")
      assert.equal(60000, schedules()[1].every)
      ask([[storage:put("code",
        "storage:schedule(info.name, { every = 60000 }, 'tick', od.now())")]])
      server:turn_clock(60000)
      wait_ring("tick x")
      turns_pass()
      assert.equal(3, #runs())
      assert.equal(runs()[3].scheduledTime + 60000, schedules()[1].time)
    end)
  end)

  describe("whose run fails", function()
    it("is tried again like an alarm, and goes on with its next time after the seventh", function()
      local start = ask([[storage:put("code", "error 'no'")
        storage:schedule("x", { every = 3600000 }, "tick")
        return storage:schedules()[1].time]])
      server:turn_clock(3600000)
      for retry = 1, 7 do
        wait_ring(("tick x %d"):format(retry - 1))
        local run = runs()[retry]
        assert.equal(retry > 1, run.isRetry)
        assert.equal(start, run.scheduledTime)
        if retry < 7 then
          server:wait_log(("schedule 'x': retry %d of 6"):format(retry))
          server:turn_clock(1000 * 2 ^ retry * 1.25 + 1)
        end
      end
      server:wait_log("ERROR%s+things/a  schedule 'x': dropped after 7 failed tries")
      assert.equal(start + 3600000, schedules()[1].time)
      ask("storage:delete('code')")
      server:turn_clock(3600000)
      wait_ring("tick x 0")
      assert.equal(8, #runs())
    end)

    it("says where in the method, by the name of what ran", function()
      ask([[storage:put("code", "error 'no'") storage:schedule("x", { at = 1 }, "tick")]])
      server:wait_log("schedule: code:1: no")
    end)

    it("by costing its worker has failed too, and the others come meanwhile", function()
      server:expect_mishap("another one is started")
      server.options.args = { "--event-limit-ms", "500" }
      server:restart()
      ask([[storage:put("code", "if info.name == 'bad' then while true do end end")
        storage:schedule("bad", { at = od.now() + 1000 }, "tick")
        storage:schedule("good", { at = od.now() + 1001 }, "tick")]])
      server:turn_clock(2000)
      server:wait_log("schedule 'bad': retry 1 of 6")
      wait_ring("tick good 0")
      for retry = 1, 6 do
        server:turn_clock(1000 * 2 ^ retry * 1.25 + 1)
        if retry < 6 then
          server:wait_log(("schedule 'bad': retry %d of 6"):format(retry + 1))
        end
      end
      server:wait_log("schedule 'bad': dropped after 7 failed tries")
      server:turn_clock(3600000) -- It is refused no longer.
      turns_pass()
      assert.same({}, schedules())
    end)

    it("to be stored runs again, as no try", function()
      ask("storage:schedule('x', { at = od.now() + 1000 }, 'tick')")
      server:fault("commit.fail", { times = 1 })
      server:turn_clock(1000)
      wait_ring("tick x 0")
      server:turn_clock(2000)
      wait_ring("tick x 0")
      assert.equal(1, #runs())
      assert.same({}, schedules())
    end)
  end)

  it("whose method a new version lacks waits for one that has it, and holds up nobody", function()
    ask([[storage:schedule("x", { at = od.now() + 60000 }, "tick")
      storage:schedule("y", { at = od.now() + 60000 }, "tick")
      storage:schedule("z", { at = od.now() + 61000 }, "_private")]])
    server:save((SOURCE:gsub("Thing:tick", "Thing:tock")))
    server.process:signal("HUP")
    server:wait_version(2)
    server:turn_clock(61000)
    server:wait_log("schedule 'x': the class does not have its method; it waits for a version")
    wait_ring("private z")
    assert.equal(2, #schedules())
    server:save(SOURCE .. "-- again")
    server.process:signal("HUP")
    wait_ring("tick x")
    wait_ring("tick y")
    assert.same({}, schedules())
  end)

  it("is refused when something about it is wrong, and says what", function()
    local wrong = {
      [ [["x", { at = od.now() }, "nothing"]] ] =
        "schedule: the class has no method 'nothing' that could be called",
      [ [["x", { at = od.now() }, "alarm"]] ] =
        "the class has no method 'alarm' that could be called",
      [ [["x", { at = od.now() }]] ] = "schedule: argument 3 must be the name of a method, got nil",
      [ [["x", { at = od.now() }, Thing]] ] =
        "schedule: argument 3 must be the name of a method, got nil",
      [ [["", { at = od.now() }, "tick"]] ] = "schedule: a name has 1 to 256 bytes, not 0",
      [ [[("x"):rep(257), { at = od.now() }, "tick"]] ] = "a name has 1 to 256 bytes, not 257",
      [ [[7, { at = od.now() }, "tick"]] ] = "schedule: argument 1 must be a string",
      [ [["x", od.now(), "tick"]] ] = "schedule: argument 2 must be a table, like { at = ms }",
      [ [["x", {}, "tick"]] ] = "must have one of 'at', 'every' and 'cron', not none",
      [ [["x", { at = 1, every = 1000 }, "tick"]] ] = "'at', 'every' and 'cron', not several",
      [ [["x", { evry = 1000 }, "tick"]] ] =
        "schedule: there is no option 'evry'; did you mean 'every'?",
      [ [["x", { every = 999.9 }, "tick"]] ] =
        "option 'every' must be milliseconds from 1000 to 8640000000000000, got 999.9",
      [ [["x", { every = -1 }, "tick"]] ] = "to 8640000000000000, got -1",
      [ [["x", { every = 1e300 }, "tick"]] ] = "to 8640000000000000, got 1e+300",
      [ [["x", { every = 1/0 }, "tick"]] ] = "to 8640000000000000, got inf",
      [ [["x", { every = 0/0 }, "tick"]] ] = "to 8640000000000000, got NaN",
      [ [["x", { every = "1000" }, "tick"]] ] = "option 'every' must be a number",
      [ [["x", { at = 0/0 }, "tick"]] ] =
        "schedule: option 'at' must be a number of milliseconds since 1970, got NaN",
      [ [["x", { at = os.time() }, "tick"]] ] = "looks like seconds, as of os.time()",
      [ [["x", { cron = "61 * * * *" }, "tick"]] ] =
        [[schedule: "61 * * * *": minute 61 is not between 0 and 59]],
      [ [["x", { cron = "0 0 30 2 *" }, "tick"]] ] = "never comes",
      [ [["x", { cron = "* * * * *", zone = "Berlin" }, "tick"]] ] =
        "schedule: 'Berlin' is no time zone",
      [ [["x", { cron = "* * * * *", zone = 1 }, "tick"]] ] = "option 'zone' must be a string",
      [ [["x", { every = 1000, zone = "Europe/Berlin" }, "tick"]] ] =
        "option 'zone' is only for 'cron'",
      [ [["x", { at = 1 }, "tick", print]] ] = "schedule: argument 1: cannot send a function",
      [ [["x", { at = 1 }, "tick", ("x"):rep(16385)]] ] =
        "schedule: the arguments are 16391 bytes, and 16384 is the limit",
    }
    for arguments, expected in pairs(wrong) do
      local problem = workbench.refusal(server, "a", ("storage:schedule(%s)"):format(arguments))
      assert.is_truthy(problem:find(expected, 1, true), arguments .. ": " .. problem)
    end
    assert.same({}, schedules())
    assert.matches("unschedule: a name has",
      workbench.refusal(server, "a", "storage:unschedule('')"))
  end)

  it("whose next time is beyond all dates waits for the last one, as import knows it", function()
    assert.equal(8.64e15, ask([[
      storage:schedule("far", { every = 8.64e15 }, "tick")
      return storage:schedules()[1].time]], "far"))
  end)

  it("may be one of hundreds, and all that are due come", function()
    assert.equal(200, ask([[
      for i = 1, 200 do
        storage:schedule("n" .. i, { at = od.now() + 1000 + i }, "_count")
      end
      return #storage:schedules()]], "many"))
    server:turn_clock(5000)
    server:wait_log("counted 200")
    assert.equal(0, ask("return #storage:schedules()", "many"))
  end)
end)
