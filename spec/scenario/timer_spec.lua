-- od.setTimeout, od.setInterval and od.sleep: when their functions run, what they keep awake, and
-- what becomes of them.
local workbench = require "spec.scenario.workbench"

local SOURCE = [[
local od = require "open-do"

local Thing = require("workbench").thing(function(self)
  self.trace = {}
  if self.state.id.name:find("^ticking") then
    self.ticks = 0
    od.setInterval(function()
      self.ticks = self.ticks + 1
      print("tick of VERSION")
    end, 1000)
  end
end)

-- A function that notes `...` in the trace, and says so in the log.
function Thing:noting(...)
  local text = table.concat({ ... }, " ")
  return function(...)
    self.trace[#self.trace + 1] = text .. table.concat({ ... }, " ")
    print("noted " .. text)
  end
end

function Thing:webSocketMessage(ws, message)
  ws:send(message)
end

return { namespaces = { things = Thing } }
]]

describe("od.setTimeout and od.setInterval", function()
  local server, ask = workbench.each(SOURCE, { workers = 1 })

  local function trace()
    return table.concat(ask("return self.trace"), ",")
  end

  local function why(name)
    local object = server:why_awake("things/" .. (name or "a"))
    return object and table.concat(object.why, "; ")
  end

  it("run their functions when it is time, with their arguments", function()
    ask([[
      od.setTimeout(self:noting("x"), 50000, 1, 2, 3)
      od.setTimeout(function(...) self.count, self.last = select("#", ...), (select(3, ...)) end,
        50000, nil, nil, false, nil)
      od.setTimeout(self:noting("at once"))
    ]])
    server:wait_log("noted at once")
    assert.equal("at once", trace())
    workbench.pass(server, 40000)
    assert.equal("at once", trace())
    workbench.pass(server, 10500)
    server:wait_log("noted x")
    assert.equal("at once,x1 2 3", trace())
    assert.equal("4 false", ask("return self.count .. ' ' .. tostring(self.last)"))
  end)

  it("run them by time, and then as they were set, also when all are late", function()
    ask([[
      for _, name in ipairs { "c", "d", "e" } do od.setTimeout(self:noting(name), 3000) end
      od.setTimeout(self:noting("b"), 2000)
      od.setTimeout(self:noting("f"), 9000)
      od.setTimeout(self:noting("a"), 1000)
    ]])
    workbench.pass(server, 60000)
    server:wait_log("noted f")
    assert.equal("a,b,c,d,e,f", trace())
  end)

  it("are never early, nor is od.sleep", function()
    assert.is_true(ask([[
      for _, ms in ipairs { 1, 2, 3, 7, 1.5, 0.2 } do
        for _ = 1, 10 do
          local before, early = od.now(), nil
          od.setTimeout(function() early = od.now() - before < ms end, ms)
          od.sleep(ms)
          if od.now() - before < ms then return "sleep " .. ms end
          while early == nil do od.sleep(0) end
          if early then return "timer " .. ms end
        end
      end
      return true
    ]]))
  end)

  it("do not run what was cleared, not even when it was due", function()
    ask([[
      local kept = od.setTimeout(self:noting("kept"), 1000)
      local early, late = od.setTimeout(self:noting("early"), 1000), nil
      od.setTimeout(function() od.clearTimeout(late) self:noting("clears")() end, 1000)
      late = od.setInterval(self:noting("late"), 1000)
      od.clearInterval(early)
      od.clearTimeout(early)
      od.setTimeout(self:noting("end"), 2000)
    ]])
    workbench.pass(server, 10000)
    server:wait_log("noted end")
    assert.equal("kept,clears,end", trace())
  end)

  it("take nil and what is no timer any more as nothing to clear", function()
    assert.equal("fine", ask([[
      local once = od.setTimeout(function() end)
      od.sleep(5)
      for _, id in ipairs { once, 0, -1, 1.5, 1e300, 0 / 0, 12345678, 2 ^ 53 } do
        od.clearTimeout(id)
        od.clearInterval(id)
      end
      od.clearTimeout()
      od.clearInterval(nil)
      return "fine"
    ]]))
  end)

  it("cannot clear the timers of another object", function()
    local id = ask("return od.setTimeout(self:noting('mine'), 1000)")
    workbench.ask(server, "b", ("od.clearTimeout(%d)"):format(id))
    workbench.pass(server, 1500)
    server:wait_log("noted mine")
  end)

  it("repeat until they are cleared", function()
    ask([[
      local count = 0
      local id
      id = od.setInterval(function(step)
        count = count + step
        print("count " .. count)
        if count == 6 then od.clearInterval(id) print("cleared") end
      end, 1000, 2)
    ]])
    for _, count in ipairs { 2, 4, 6 } do
      workbench.pass(server, 1001)
      server:wait_log("count " .. count)
    end
    server:wait_log("cleared")
    workbench.pass(server, 5000)
    ask("return 1")
    assert.matches("^idle", why())
    assert.is_nil(server:log():find("count 8", 1, true))
  end)

  it("do not pile up what a slow function has missed, and stay in step", function()
    ask([[
      local began = od.now()
      od.setInterval(function()
        self.trace[#self.trace + 1] = math.floor((od.now() - began) / 10000)
        print("begins " .. #self.trace)
        if #self.trace == 1 then od.sleep(35000) end
        print("ends " .. #self.trace)
      end, 10000)
    ]])
    workbench.pass(server, 10100)
    server:wait_log("begins 1")
    workbench.pass(server, 35100)
    server:wait_log("ends 1")
    assert.equal("1", trace())
    workbench.pass(server, 5000)
    server:wait_log("ends 2")
    assert.equal("1,5", trace())
    workbench.pass(server, 600000)
    server:wait_log("ends 3")
    ask("return 1")
    assert.equal("1,5,65", trace())
  end)

  it("report an error with its place, and change nothing else", function()
    local boot = ask([[
      od.setTimeout(function() error("once") end, 500)
      local count = 0
      od.setInterval(function()
        count = count + 1
        print("runs " .. count)
        if count == 1 then od.sleep(1) error({ message = "again" }) end
      end, 1000)
      return self.boot
    ]])
    workbench.pass(server, 1200)
    server:wait_log("things/a  timer: code:1: once")
    server:wait_log("things/a  timer: again")
    workbench.pass(server, 1000)
    server:wait_log("runs 2")
    assert.equal(boot, ask("return self.boot"))
  end)

  it("run as events of their own: writes are kept, messages leave, calls are made", function()
    local ann = server:connect("/things/a")
    ask([[
      od.setTimeout(function()
        storage:put("n", 1)
        local answer = self.env.things:getByName("b"):fetch("/",
          { method = "POST", body = "return 'b'" })
        state:getWebSockets()[1]:send(answer:text())
      end, 1000)
    ]])
    workbench.pass(server, 1500)
    ann:expect('{"value":"b"}')
    assert.equal(1, ask("return storage:get('n')"))
  end)

  it("wait for a critical section, and may enter one", function()
    local section = workbench.begin(server, "a", [[
      od.setTimeout(self:noting("first"), 1000)
      od.setTimeout(function()
        state:blockConcurrencyWhile(function() od.sleep(5000) self:noting("section")() end)
      end, 1500)
      state:blockConcurrencyWhile(function() print("begun") od.sleep(9000) end)
    ]])
    server:wait_log("begun")
    workbench.pass(server, 5000)
    workbench.ask(server, "other", "return 1")
    assert.is_nil(server:log():find("noted first", 1, true))
    workbench.pass(server, 4500)
    server:wait_log("noted first")
    workbench.outcome(section)
    local later = workbench.begin(server, "a", "return self.trace")
    workbench.ask(server, "other", "return 1")
    assert.is_false(later:has_news())
    workbench.pass(server, 5500)
    assert.same({ "first", "section" }, workbench.outcome(later))
  end)

  it("keep the instance, which sleeps ten seconds after the last of them (53)", function()
    local boot = ask("od.setTimeout(self:noting('x'), 15000) return self.boot")
    assert.matches("^1 timer, due in 1%d%.%d s$", why())
    workbench.fall_asleep(server) -- 12 seconds pass.
    assert.equal(boot, ask("return self.boot"))
    workbench.pass(server, 3500)
    server:wait_log("noted x")
    assert.equal(boot, ask("od.setInterval(self:noting('y'), 20000) "
      .. "self.timer = od.setTimeout(self:noting('z'), 1e6) return self.boot"))
    assert.matches("^2 timers, the next due in [12]%d%.%d s$", why())
    workbench.pass(server, 21000)
    server:wait_log("noted y")
    workbench.fall_asleep(server)
    assert.equal(boot, ask("return self.boot"))
    workbench.ask(server, "b", "return 1")
    workbench.fall_asleep(server)
    assert.is_nil(why("b"))
  end)

  it("are as many as 10,000 for an object, and the rest is refused", function()
    assert.equal("10000 code:7: setTimeout: the object has 10000 timers, which is the limit", ask([[
      local count, problem = 0
      local first = od.setTimeout(function() end, 1e6)
      repeat
        count = count + 1
        local ok
        ok, problem = pcall(function()
          od.setTimeout(function() end, 1e6)
        end)
      until not ok
      od.clearTimeout(first)
      od.setTimeout(function() end, 1e6)
      return count .. " " .. problem
    ]]))
    assert.matches("^10000 timers, the next due in", why())
    workbench.ask(server, "b", "od.setTimeout(function() end, 1e6)")
    server:post("/things/a", "state:abort()")
    assert.is_nil(why())
    assert.matches("^1 timer, due in", why("b"))
  end)

  it("are gone with their instance", function()
    for _, ending in ipairs { "state:abort()",
      "state:blockConcurrencyWhile(function() error('x') end)" } do
      server:post("/things/a", "od.setTimeout(self:noting('gone'), 1000) "
        .. "od.setTimeout(self:noting('gone')) " .. ending)
    end
    ask("od.setTimeout(self:noting('stays'), 2000)")
    workbench.pass(server, 10000)
    server:wait_log("noted stays")
    assert.equal("stays", trace())
  end)

  it("make way for new code at once, whose constructor sets them again", function()
    assert.equal(0, workbench.ask(server, "ticking", "return self.ticks"))
    workbench.ask(server, "ticking-too", "return self.ticks")
    workbench.pass(server, 1100)
    server:wait_log("ticking  tick of VERSION")
    ask("od.setTimeout(self:noting('gone'), 60000)") -- A busy machine takes long for what follows.
    server:save((SOURCE:gsub("VERSION", "two")))
    assert.equal(0, (server:asking("reload")))
    server:wait_version(2)
    workbench.pass(server, 61000) -- Nobody asks any of them for anything.
    server:wait_log("ticking  tick of two")
    server:wait_log("ticking%-too  tick of two")
    assert.equal("", trace())
    assert.is_nil(server:log():find("noted gone", 1, true))
  end)

  it("make way for new code once a running function of theirs has ended", function()
    workbench.ask(server, "ticking", [[
      od.setTimeout(function() print("old begins") od.sleep(20000) print("old ends") end, 100)
    ]])
    workbench.pass(server, 200)
    server:wait_log("old begins")
    server:save((SOURCE:gsub("VERSION", "two")))
    assert.equal(0, (server:asking("reload")))
    workbench.pass(server, 20500)
    server:wait_log("old ends")
    workbench.pass(server, 1500)
    server:wait_log("tick of two")
  end)

  it("do not keep a server from ending, however often they write", function()
    for i = 1, 30 do
      workbench.ask(server, "busy" .. i, [[
        od.setInterval(function() storage:put("n", od.now()) end, 1)
        local function again() od.setTimeout(again) end
        again()
      ]])
    end
    server.process:signal("TERM")
    assert.equal(0, (server.process:wait_exit(5)))
    server:launch()
  end)

  it("are refused with wrong arguments, at the caller's line", function()
    local cases = {
      ["od.setTimeout()"] = "setTimeout: argument 1 must be a function, got nothing",
      ["od.setTimeout(1, 2)"] = "setTimeout: argument 1 must be a function, got a number",
      ["od.setTimeout('print(1)', 2)"] = "setTimeout: argument 1 must be a function, got a string",
      ["od.setTimeout(print, 'x')"] =
        "setTimeout: argument 2 must be a number of milliseconds from 0 to 2147483647, got a str",
      ["od.setTimeout(print, -1)"] = "from 0 to 2147483647, got -1",
      ["od.setTimeout(print, 0 / 0)"] = "got nan",
      ["od.setTimeout(print, 1 / 0)"] = "got inf",
      ["od.setTimeout(print, 2147483648)"] = "got 2147483648",
      ["od.setTimeout(print, {})"] = "got a table",
      ["od.setTimeout(print, 1, unpack({}, 1, 201))"] =
        "setTimeout: at most 200 arguments can be kept for the function",
      ["od.setInterval(print)"] =
        "setInterval: argument 2 must be a number of milliseconds from 1 to 2147483647, got no",
      ["od.setInterval(print, 0)"] = "from 1 to 2147483647, got 0",
      ["od.setInterval(print, 0.5)"] = "got 0.5",
      ["od.setInterval(nil, 1)"] = "setInterval: argument 1 must be a function, got nil",
      ["od.clearTimeout('1')"] = "clearTimeout: argument 1 must be a timer, which is a number",
      ["od.clearInterval({})"] = "clearInterval: argument 1 must be a timer, which is a number",
      ["od.sleep(-1)"] = "sleep: argument 1 must be a number of milliseconds from 0",
      ["od.sleep()"] = "got nothing",
    }
    for code, expected in pairs(cases) do
      local problem = workbench.refusal(server, "a", code)
      assert.matches("^code:1: ", (problem:gsub("nan", "nan")))
      assert.matches(expected, (problem:gsub("%-nan", "nan")), 1, true)
    end
    assert.matches("^idle", why())
  end)

  it("are not there while the script is loaded", function()
    workbench.replace(server, [[
      local od = require "open-do"
      local _, problem = pcall(od.setTimeout, print, 1)
      local _, problem2 = pcall(od.clearTimeout, 1)
      return {
        namespaces = { things = { fetch = function() return od.Response("") end } },
        fetch = function() return od.Response(problem .. "; " .. problem2) end,
      }
    ]], { workers = 1 })
    assert.equal("setTimeout: call it in a handler, not while the script is loaded; "
      .. "clearTimeout: call it in a handler, not while the script is loaded",
      (server:get("/").body:gsub("script.lua:%d+: ", "")))
  end)

  describe("in the entry", function()
    local ENTRY = [[
      local od = require "open-do"
      local ticks, interval = 0, nil
      local doing = {}
      function doing.tick()
        local function tick(by) ticks = ticks + by print("tick VERSION") end
        interval = od.setInterval(tick, 9000, 2)
      end
      function doing.stop() od.clearInterval(interval) od.clearInterval(interval) end
      function doing.fail() od.setTimeout(function() error "no" end, 9000) end
      function doing.wait()
        od.setTimeout(function() od.sleep(9000) print("slept VERSION") end)
      end
      function doing.call()
        od.setTimeout(function(env)
          print("seen " .. env.things:getByName("a"):fetch("/"):text())
        end, 0, doing.env)
      end
      function doing.late()
        print "late begins"
        od.sleep(9000)
        od.setTimeout(print, 0, "late VERSION")
      end
      return {
        namespaces = { things = { fetch = function() return od.Response("it") end } },
        fetch = function(request, env)
          doing.env = env
          if request.query["do"] then doing[request.query["do"] ]() end
          return od.Response(tostring(ticks))
        end,
      }
    ]]

    before_each(function()
      workbench.replace(server, ENTRY, { workers = 1 })
    end)

    local function ask_for(what)
      return server:get("/?do=" .. what).body
    end

    it("run beside requests, call objects, wait, and are cleared", function()
      ask_for "tick"
      for _ = 1, 2 do
        server:turn_clock(9000)
        server:wait_log("tick VERSION")
      end
      assert.equal("4", server:get("/").body)
      ask_for "stop"
      ask_for "call"
      server:wait_log("seen it")
      ask_for "wait"
      server:turn_clock(9000)
      server:wait_log("slept VERSION")
      assert.equal("4", server:get("/").body)
    end)

    it("that fail say where, and harm nobody", function()
      ask_for "fail"
      server:turn_clock(9000)
      server:wait_log("ERROR .*timer: script.lua:%d: no")
      assert.equal("0", server:get("/").body)
    end)

    it("go with their version, also those that old code still sets", function()
      ask_for "tick"
      server:turn_clock(9000)
      server:wait_log("tick VERSION")
      local waiting = server:open()
      waiting:send_request("GET", "/?do=late")
      server:wait_log("late begins")
      assert.equal("2", server:get("/").body)
      server:save((ENTRY:gsub("VERSION", "two")))
      server.process:signal("HUP")
      server:wait_version(2)
      server:turn_clock(9000)
      assert.equal(200, waiting:read_answer().status)
      ask_for "tick"
      server:turn_clock(9000)
      server:wait_log("tick two")
      assert.is_nil(server:log():match("late VERSION"))
      local _, old = server:log():gsub("tick VERSION", "")
      assert.equal(1, old)
    end)
  end)
end)
