-- Alarms: an object asks to be called at a time, and is, whatever happens until then.
local workbench = require "spec.scenario.workbench"

local SOURCE = [[
local od = require "open-do"

local Thing = require("workbench").thing()

-- What the alarm does is stored with it: code, run with (self, storage, info, od).
function Thing:alarm(info)
  local storage = self.state.storage
  print(("rings %d %s at %d, %s"):format(info.retryCount, tostring(info.isRetry),
    info.scheduledTime, tostring(self.state.id.name)))
  local runs = storage:get("runs") or {}
  runs[#runs + 1] = {
    retryCount = info.retryCount, isRetry = info.isRetry, scheduledTime = info.scheduledTime,
    now = od.now(), seen = storage:getAlarm(), boot = self.boot,
  }
  storage:put("runs", runs)
  local code = storage:get("code")
  if code then
    return load("local self, storage, info, od = ... " .. code, "@alarm")(self, storage, info, od)
  end
end

local Silent = { fetch = Thing.fetch }

return { namespaces = { things = Thing, silent = Silent } }
]]

describe("an alarm", function()
  local server, ask, refusal = workbench.each(SOURCE, {
    workers = 1, args = { "--idle-ms", "10000" },
  })

  -- Waits until the object has said once more that its handler runs.
  local function wait_ring(name)
    server:wait_log(("things/%s  rings"):format(name or "a"))
  end

  -- What the handler noted of each of its runs.
  local function runs(name)
    return ask("return storage:get('runs') or {}", name)
  end

  local function set(milliseconds, name)
    return ask(("local at = od.now() + %d storage:setAlarm(at) return at"):format(milliseconds),
      name)
  end

  local function get(name)
    return ask("return storage:getAlarm()", name)
  end

  local function turns_pass()
    workbench.let_turns_pass(server)
  end

  describe("that is set", function()
    it("fires at its time, not earlier, and is gone then (121)", function()
      local at = set(9000)
      assert.equal(at, get())
      server:turn_clock(4000)
      turns_pass()
      assert.same({}, runs())
      server:turn_clock(5000)
      wait_ring()
      local run = runs()[1]
      assert.equal(at, run.scheduledTime)
      assert.is_true(run.now >= at)
      assert.is_nil(run.seen)
      assert.equal(0, run.retryCount)
      assert.is_false(run.isRetry)
      assert.is_nil(get())
      server:turn_clock(3600000)
      turns_pass()
      assert.equal(1, #runs())
    end)

    it("by the real clock is not early either (121)", function()
      local at = set(50)
      wait_ring()
      assert.is_true(runs()[1].now >= at)
    end)

    it("twice fires at the later time set only (122)", function()
      set(4000)
      local at = set(9000)
      assert.equal(at, get())
      server:turn_clock(4500)
      turns_pass()
      assert.same({}, runs())
      server:turn_clock(4500)
      wait_ring()
      assert.equal(at, runs()[1].scheduledTime)
      set(9000)
      at = set(1000)
      server:turn_clock(1000)
      wait_ring()
      assert.equal(at, runs()[2].scheduledTime)
      server:turn_clock(9000)
      turns_pass()
      assert.equal(2, #runs())
    end)

    it("in seconds is refused: nobody means January of 1970", function()
      for _, seconds in ipairs { "os.time() + 10", "1e9", "1e11 - 1" } do
        assert.matches("setAlarm: argument 1 %(%d+%) looks like seconds, as of os.time%(%); it "
          .. "must be milliseconds since 1970, as in od.now%(%) %+ 10000",
          workbench.refusal(server, "a", ("storage:setAlarm(%s)"):format(seconds)))
      end
    end)

    it("in the past fires at once (125)", function()
      ask("storage:setAlarm(1)")
      wait_ring()
      set(-5000)
      wait_ring()
      assert.is_true(runs()[2].scheduledTime > 1)
      assert.is_nil(get())
    end)

    it("for the same time twice fires once (139)", function()
      local at = ask([[
        local at = od.now() + 9000
        storage:setAlarm(at)
        storage:setAlarm(at)
        return at
      ]])
      ask(("storage:setAlarm(%d)"):format(at))
      server:turn_clock(9000)
      wait_ring()
      server:turn_clock(9000)
      turns_pass()
      assert.equal(1, #runs())
    end)

    it("and deleted does not fire", function()
      set(9000)
      ask("storage:deleteAlarm()")
      assert.is_nil(get())
      server:turn_clock(9000)
      turns_pass()
      assert.same({}, runs())
      ask("storage:deleteAlarm()")
    end)

    it("in parts of a millisecond is not early", function()
      local at = ask("local at = od.now() + 1000 storage:setAlarm(at + 0.5) return at")
      assert.equal(at + 1, get())
    end)

    it("is seen by the same stretch, and not stored when the object is reset", function()
      assert.is_true(ask([[
        local at = od.now() + 1000
        storage:setAlarm(at)
        local seen = storage:getAlarm()
        storage:deleteAlarm()
        return seen == at and storage:getAlarm() == nil
      ]]))
      server:post("/things/a", "storage:setAlarm(od.now() + 1000) state:abort()")
      assert.is_nil(get())
    end)

    it("belongs to its object alone", function()
      set(9000, "a")
      set(18000, "b")
      server:turn_clock(9000)
      wait_ring("a")
      assert.same({}, runs("b"))
      server:turn_clock(9000)
      wait_ring("b")
      assert.equal(1, #runs("a"))
    end)

    it("by an object that stored nothing else wakes it by its name", function()
      set(60000, "quiet")
      workbench.fall_asleep(server)
      server:turn_clock(60000)
      server:wait_log("things/quiet  rings 0 false at %d+, quiet")
    end)
  end)

  describe("whose handler runs", function()
    it("is not deleted by it, and set and deleted again runs once (124)", function()
      ask("storage:put('code', 'storage:deleteAlarm()')")
      set(1000)
      server:turn_clock(1000)
      wait_ring()
      assert.is_nil(get())
      ask("storage:put('code', 'storage:setAlarm(od.now() + 1000) storage:deleteAlarm()')")
      set(1000)
      server:turn_clock(1000)
      wait_ring()
      assert.is_nil(get())
      server:turn_clock(10000)
      turns_pass()
      assert.equal(2, #runs())
    end)

    it("fires again when it sets itself", function()
      ask([[storage:put("code", "storage:setAlarm(info.scheduledTime + 60000)")]])
      local at = set(60000)
      for i = 1, 3 do
        server:turn_clock(60000)
        wait_ring()
        assert.equal(at + i * 60000, get())
      end
      assert.equal(at + 120000, runs()[3].scheduledTime)
    end)

    it("is not there for other events meanwhile, and only one runs at a time", function()
      ask([[storage:put("code", "print 'waits' od.sleep(9000) print 'goes on'")]])
      set(0)
      server:wait_log("waits")
      assert.is_nil(get())
      set(0)
      turns_pass()
      assert.equal(1, #runs())
      assert.is_not_nil(get())
      server:turn_clock(9000)
      server:wait_log("goes on")
      server:wait_log("waits")
      assert.is_nil(get())
      server:turn_clock(9000)
      server:wait_log("goes on")
      assert.is_nil(get())
    end)

    it("may be replaced at the same time by itself", function()
      ask([[storage:put("code", "if info.scheduledTime < 2 ^ 53 and not storage:get('again') then "
        .. "storage:put('again', true) storage:setAlarm(info.scheduledTime) end")]])
      set(0)
      wait_ring()
      wait_ring()
      turns_pass()
      assert.equal(2, #runs())
      assert.is_nil(get())
    end)
  end)

  describe("whose handler fails", function()
    before_each(function()
      ask([[storage:put("code", "error 'no'")]])
    end)

    it("is tried again six times with growing pauses, then dropped (128)", function()
      server.options.args = { "--idle-ms", "1000000" } -- One instance sees all of it.
      server:restart()
      local at = set(0)
      local boot, earliest = ask("return self.boot"), at
      for retry = 1, 7 do
        wait_ring()
        local run = runs()[retry]
        assert.is_true(run.now >= earliest)
        assert.equal(retry - 1, run.retryCount)
        assert.equal(retry > 1, run.isRetry)
        assert.is_true(run.scheduledTime >= at and run.scheduledTime < at + 1000)
        assert.is_nil(run.seen)
        assert.equal(boot, run.boot)
        if retry < 7 then
          assert.equal(runs()[1].scheduledTime, get())
          local pause = 1000 * 2 ^ retry
          earliest = run.now + pause
          server:turn_clock(pause - 500)
          turns_pass() -- It would ring now if the pause were shorter.
          server:turn_clock(pause / 4 + 501)
        end
      end
      server:wait_log("ERROR%s+things/a  alarm: dropped after 7 failed tries")
      assert.is_nil(get())
      server:turn_clock(3600000)
      turns_pass()
      assert.equal(7, #runs())
    end)

    -- It used to ring for ever, once a refusal: a process that is killed writes nothing down.
    it("by costing its worker has failed too, and is dropped after the seventh", function()
      server:expect_mishap("another one is started")
      server.options.args = { "--event-limit-ms", "200" }
      server:restart()
      ask([[storage:put("code", "while true do end")]])
      set(1000)
      server:turn_clock(1000)
      for retry = 1, 7 do
        server:wait_log(("things/a  rings %d %s"):format(retry - 1, tostring(retry > 1)))
        server:wait_log("things/a  alarm: its worker ended while it ran: a failed try")
        if retry < 7 then
          server:wait_log(("alarm: retry %d of 6"):format(retry))
          server:turn_clock(1000 * 2 ^ retry * 1.25 + 1)
        end
      end
      server:wait_log("ERROR%s+things/a  alarm: dropped after 7 failed tries")
      server:turn_clock(3600000)
      turns_pass()
      assert.is_nil(get())
    end)

    it("by costing its worker, when it was set anew before, counts for the old one only", function()
      server:expect_mishap("another one is started")
      server.options.args = { "--event-limit-ms", "200" }
      server:restart()
      ask([[storage:put("code", "if not storage:get('anew') then storage:put('anew', true) "
        .. "storage:setAlarm(od.now() + 5000) storage:sync() end while true do end")]])
      set(1000)
      server:turn_clock(1000)
      wait_ring()
      server:wait_log("another one is started")
      ask("storage:sync()", "other")
      server:turn_clock(6000)
      wait_ring()
      server:wait_log("another one is started")
      server:wait_log("things/a  alarm: its worker ended")
      server:wait_log("alarm: retry 1 of 6")
      local _, failures = server:log():gsub("a failed try", "")
      assert.equal(1, failures)
    end)

    it("keeps what it wrote, and says where it failed", function()
      ask([[storage:put("code", "storage:put('half', 1) error 'no'")]])
      set(0)
      server:wait_log("ERROR%s+things/a  alarm: alarm:1: no")
      assert.equal(1, ask("return storage:get('half')"))
    end)

    it("leaves a new one that it has set, and does not try again (130)", function()
      ask([[storage:put("code", "if info.retryCount == 0 and not storage:get('done') then "
        .. "storage:put('done', true) storage:setAlarm(od.now() + 60000) error 'no' end")]])
      set(0)
      wait_ring()
      local at = get()
      server:turn_clock(30000) -- A try after a failure would have been long before.
      turns_pass()
      assert.equal(1, #runs())
      server:turn_clock(30000)
      wait_ring()
      assert.equal(at, runs()[2].scheduledTime)
      assert.equal(0, runs()[2].retryCount)
      assert.is_nil(get())
    end)

    it("is replaced when it is set between two tries", function()
      set(0)
      wait_ring()
      ask("storage:delete('code')")
      local at = set(500)
      server:turn_clock(500)
      wait_ring()
      assert.equal(at, runs()[2].scheduledTime)
      assert.equal(0, runs()[2].retryCount)
      server:turn_clock(10000)
      turns_pass()
      assert.equal(2, #runs())
    end)

    it("goes on counting after a restart and a reload", function()
      set(0)
      wait_ring()
      server:restart()
      server:turn_clock(2501)
      wait_ring()
      assert.equal(1, runs()[2].retryCount)
      server:save(SOURCE .. "-- changed")
      server.process:signal("HUP")
      server:wait_version(2)
      server:turn_clock(5001)
      wait_ring()
      assert.equal(2, runs()[3].retryCount)
    end)

    it("by an abort gets a new instance each time (131)", function()
      ask([[storage:put("code", "storage:sync() self.state:abort('enough')")]])
      set(0)
      for retry = 1, 3 do
        wait_ring()
        server:wait_log("reset: enough")
        assert.equal(retry - 1, runs()[retry].retryCount)
        server:turn_clock(1000 * 2 ^ retry * 1.25 + 1)
      end
      assert.not_equal(runs()[1].boot, runs()[2].boot)
      assert.not_equal(runs()[2].boot, runs()[3].boot)
    end)

    it("by an abort that asks for it is not tried again (131)", function()
      ask([[storage:put("code",
        "storage:sync() self.state:abort('enough', { retryAlarm = false })")]])
      set(0)
      server:wait_log("reset: enough")
      assert.is_nil(get())
      server:turn_clock(10000)
      turns_pass()
      assert.equal(1, #runs())
    end)

    it("when its time limit is over counts as failed", function()
      ask([[storage:put("code", "print 'waits' od.sleep(2000000)")]])
      set(0)
      server:wait_log("waits")
      workbench.pass(server, 900000)
      server:wait_log("reset: Alarm exceeded its allowed execution time")
      ask("storage:delete('code')")
      server:turn_clock(2501)
      wait_ring()
      assert.equal(1, runs()[2].retryCount)
      assert.is_nil(get())
    end)
  end)

  describe("that the runtime fails", function()
    it("does not use up a try when the commit is not possible (133)", function()
      set(2000)
      server:fault("commit.fail", { times = 1 })
      server:turn_clock(2000)
      wait_ring()
      server:wait_log("could not be stored")
      assert.same({}, runs())
      server:turn_clock(2000)
      wait_ring()
      assert.equal(0, runs()[1].retryCount)
      assert.is_nil(get())
      turns_pass()
      assert.equal(1, #runs())
    end)

    it("rings again after a constructor that failed", function()
      server:save((SOURCE:gsub("%.thing%(%)",
        "%0 function Thing:constructor() error 'not now' end")))
      set(60000)
      server.process:signal("HUP")
      server:wait_version(2)
      server:turn_clock(60000)
      server:wait_log("constructor: script.lua:3: not now")
      server:wait_log("alarm: retry 1 of 6")
      server:save(SOURCE)
      server.process:signal("HUP")
      server:wait_version(3)
      server:turn_clock(2501)
      wait_ring()
      assert.equal(1, runs()[1].retryCount)
    end)
  end)

  describe("outlives", function()
    it("a restart before it is due, and fires cold (134)", function()
      local at = set(5000)
      server:restart()
      turns_pass()
      assert.equal(at, get())
      assert.same({}, runs())
      server:restart()
      server:turn_clock(5000)
      wait_ring()
      assert.equal(at, runs()[1].scheduledTime)
    end)

    it("a restart after it was due, and fires at the start (134)", function()
      local at = set(5000)
      server:hang_up()
      server:shut_down()
      server:turn_clock(3600000)
      server:launch()
      wait_ring()
      assert.equal(at, runs()[1].scheduledTime)
      assert.equal(0, runs()[1].retryCount)
    end)

    it("kill -9, also in the middle of its handler", function()
      ask([[storage:put("code", "print 'waits' od.sleep(9000)")]])
      set(0)
      server:wait_log("waits")
      ask("storage:sync()") -- What it has noted so far is on disk.
      server:kill()
      server:launch()
      server:wait_log("waits")
      assert.equal(2, #runs())
      assert.equal(0, runs()[2].retryCount)
      server:turn_clock(9000)
      turns_pass()
      assert.is_nil(get())
    end)

    it("kill -9 between its handler's end and the commit", function()
      set(5000)
      server:fault("commit.hold")
      server:turn_clock(5000)
      wait_ring()
      server:kill()
      server:clear_fault("commit.hold")
      server:launch()
      wait_ring()
      assert.equal(1, #runs())
      assert.is_nil(get())
    end)

    it("kill -9 of its worker while many ring: each rings again, none is lost", function()
      local COUNT = 40
      server:expect_mishap("another one is started")
      for i = 1, COUNT do
        ask([[storage:put("code", "print 'waits' od.sleep(600000)")]], "n" .. i)
        set(600000, "n" .. i)
      end
      server:turn_clock(600000)
      for _ = 1, COUNT do
        server:wait_log("waits")
      end
      for i = 1, COUNT do
        ask("storage:sync()", "n" .. i) -- What it has noted so far is on disk.
      end
      require("ffi").C.kill(server.process:children()[1], 9)
      server:wait_log("worker 0 is back")
      for _ = 1, COUNT do
        server:wait_log("waits")
      end
      workbench.pass(server, 600000)
      for i = 1, COUNT do
        turns_pass()
        local all = runs("n" .. i)
        assert.equal(2, #all)
        assert.equal(0, all[2].retryCount)
        assert.is_nil(get("n" .. i))
      end
    end)

    it("a reload in the middle of its handler, which is no try of its own", function()
      ask([[storage:put("code", "print 'waits' od.sleep(5000)")]])
      set(0)
      server:wait_log("waits")
      server:save(SOURCE .. "-- new")
      server.process:signal("HUP")
      server:wait_version(2)
      server:turn_clock(5000)
      turns_pass()
      assert.equal(1, #runs())
      assert.is_nil(get())
      set(0)
      server:wait_log("waits")
      assert.equal(0, runs()[2].retryCount)
    end)

    it("its namespace, when that comes back", function()
      set(5000)
      server:save((SOURCE:gsub("things = Thing, ", "")))
      server.process:signal("HUP")
      server:wait_version(2)
      server:turn_clock(5000)
      assert.equal(404, server:get("/things/a").status)
      server:save(SOURCE)
      server.process:signal("HUP")
      wait_ring()
      assert.equal(1, #runs())
    end)

    it("its handler, when that comes back", function()
      set(5000)
      server:save((SOURCE:gsub("Thing:alarm", "Thing:another")))
      server.process:signal("HUP")
      server:wait_version(2)
      server:turn_clock(5000)
      server:wait_log("things/a  alarm: the class has no alarm%(%) handler; it waits")
      server:save(SOURCE)
      server.process:signal("HUP")
      wait_ring()
      assert.equal(1, #runs())
    end)
  end)

  describe("and deleteAll", function()
    it("go together (91)", function()
      ask("storage:put('k', 1)")
      set(1000)
      ask("storage:deleteAll()")
      assert.is_nil(get())
      set(1000)
      ask("storage:deleteAll()")
      server:turn_clock(2000)
      turns_pass()
      assert.same({}, runs())
    end)

    it("leave one that is set after it in the same turn (92)", function()
      set(1000)
      local at = ask([[
        storage:deleteAll()
        assert(storage:getAlarm() == nil)
        local at = od.now() + 2000
        storage:setAlarm(at)
        return at
      ]])
      assert.equal(at, get())
      server:turn_clock(2000)
      wait_ring()
      assert.equal(at, runs()[1].scheduledTime)
      assert.equal(1, #runs())
    end)

    it("in its own handler leave nothing to try again", function()
      ask([[storage:put("code", "storage:deleteAll() error 'no'")]])
      set(0)
      server:wait_log("alarm: alarm:1: no")
      server:turn_clock(10000)
      turns_pass()
      assert.is_nil(get())
      assert.same({}, runs())
    end)
  end)

  describe("is refused", function()
    it("for a time that is none (127)", function()
      for _, time in ipairs { "0", "-1", "-1e300", "-math.huge" } do
        assert.matches("setAlarm() cannot be called with an alarm time <= 0",
          refusal(("storage:setAlarm(%s)"):format(time)), 1, true)
      end
      for time, part in pairs {
        ["0/0"] = "NaN", ["nil"] = "got nil", [""] = "got nothing", ["'1'"] = "got a string",
        ["{}"] = "got a table", ["true"] = "got a boolean", ["math.huge"] = "any date",
        ["8.65e15"] = "any date", ["print"] = "got a function",
      } do
        local why = refusal(("storage:setAlarm(%s)"):format(time))
        assert.matches("code:1: setAlarm: argument 1", why, 1, true)
        assert.matches(part, why, 1, true)
      end
      assert.is_nil(get())
    end)

    it("with options that are none", function()
      assert.matches("argument 2", refusal("storage:setAlarm(od.now(), 7)"))
      assert.matches("soon", refusal("storage:setAlarm(od.now(), { soon = true })"))
      assert.matches("allowUnconfirmed",
        refusal("storage:setAlarm(od.now(), { allowUnconfirmed = 1 })"))
      assert.matches("argument 1", refusal("storage:getAlarm(7)"))
      assert.matches("argument 1", refusal("storage:deleteAlarm(7)"))
      assert.matches("colon", refusal("storage.setAlarm(od.now())"))
      assert.is_nil(get())
    end)

    it("when the class has no handler", function()
      local answer = server:post("/silent/a", "storage:setAlarm(od.now() + 1000)")
      assert.matches("must have an alarm() handler in order to call setAlarm()", answer.body, 1,
        true)
      assert.equal("{}", server:post("/silent/a", "return storage:getAlarm()").body)
    end)
  end)

  it("holds the answer until it is stored, or not (43, 44)", function()
    server:fault("commit.hold")
    local held = workbench.begin(server, "a", "storage:setAlarm(od.now() + 1000) print 'set'")
    server:wait_log("set")
    assert.equal("other", ask("return 'other'", "other"))
    assert.is_false(held:has_news())
    assert.equal("early", ask([[
      storage:setAlarm(od.now() + 1000, { allowUnconfirmed = true })
      return "early"
    ]], "b"))
    server:clear_fault("commit.hold")
    workbench.outcome(held)
  end)
end)
