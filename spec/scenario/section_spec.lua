-- blockConcurrencyWhile: while it runs, nothing else of its object does; and what happens when it
-- fails, lasts too long, or never comes to its end.
local survival = require "spec.scenario.survival"
local workbench = require "spec.scenario.workbench"

local SOURCE = [[
local od = require "open-do"

local Thing = require("workbench").thing(function(self)
  self.trace = {}
  if self.state.id.name == "slow" then
    self.state:blockConcurrencyWhile(function() od.sleep(20000) end)
    self.is_ready = true
  elseif self.state.id.name == "doomed" and not self.state.storage:get("is fixed") then
    self.state:blockConcurrencyWhile(function() od.sleep(1) error("not yet") end)
  end
end)

function Thing:note(text)
  self.trace[#self.trace + 1] = text
end

-- Runs `fn` in a section, and notes its beginning and its end.
function Thing:section(name, fn)
  return self.state:blockConcurrencyWhile(function()
    self:note(name .. " begins")
    fn()
    self:note(name .. " ends")
  end)
end

function Thing:webSocketMessage(ws, message)
  self:note("message " .. message)
  if message == "section" then
    self:section(message, function() od.sleep(20000) end)
  end
  ws:send(message)
end

return { namespaces = { things = Thing, callers = require("workbench").Caller } }
]]

describe("blockConcurrencyWhile", function()
  local server, ask = workbench.each(SOURCE, { workers = 1 })

  -- Begins what says "begun" in the log.
  local function begin(code, name)
    local connection = workbench.begin(server, name or "a", code)
    server:wait_log("begun")
    return connection
  end

  local function expect_nothing(connection)
    for _ = 1, 2 do
      workbench.ask(server, "other", "return 1")
    end
    assert.is_false(connection:has_news())
  end

  it("returns what its function returns, also nothing and much", function()
    assert.equal("1 nil 3", ask([[
      local a, b, c = state:blockConcurrencyWhile(function() od.sleep(1) return 1, nil, 3 end)
      return ("%s %s %s"):format(a, b, c)
    ]]))
    assert.equal(0, ask("return select('#', state:blockConcurrencyWhile(function() end))"))
  end)

  it("lets requests and messages wait, and nothing else (34)", function()
    local ann = server:connect("/things/a")
    local first = begin("self:section('first', function() print 'begun' od.sleep(20000) end)")
    local second = workbench.begin(server, "a", "self:note('request')")
    ann:send("hello")
    expect_nothing(second)
    ann:expect_silence()
    workbench.pass(server, 20000)
    workbench.outcome(first)
    workbench.outcome(second)
    ann:expect("hello")
    assert.matches("^first begins,first ends,", ask("return table.concat(self.trace, ',')"))
  end)

  it("comes one after the other, in their order (35)", function()
    local ann = server:connect("/things/a")
    local first = begin("self:section('one', function() print 'begun' od.sleep(9000) end)")
    ann:send("section")
    ann:expect_silence() -- So it has come before the third.
    local third = workbench.begin(server, "a", "self:section('three', function() od.sleep(1) end)")
    expect_nothing(third)
    workbench.pass(server, 9000)
    workbench.outcome(first)
    expect_nothing(third)
    workbench.pass(server, 20000)
    workbench.outcome(third)
    ann:expect("section")
    assert.equal("one begins,one ends,message section,section begins,section ends,three begins,"
      .. "three ends", ask("return table.concat(self.trace, ',')"))
  end)

  it("holds back what other handlers wait for, in their order", function()
    local waiting = {}
    for i = 1, 3 do
      waiting[i] = begin(("print 'begun' od.sleep(%d000) self:note('%d')"):format(9 - i, i))
    end
    local section = begin([[
      self:section("section", function() print "begun" od.sleep(20000) od.sleep(5000) end)
      self:note("after")
    ]])
    workbench.pass(server, 20000)
    expect_nothing(waiting[1])
    workbench.pass(server, 5000)
    workbench.outcome(section)
    for i = 1, 3 do
      workbench.outcome(waiting[i])
    end
    assert.same({ "section begins", "section ends", "after", "3", "2", "1" },
      ask("return self.trace"))
  end)

  it("lets its own calls and syncs through, and what they do to others", function()
    assert.equal("7", ask([[
      return state:blockConcurrencyWhile(function()
        storage:put("n", 7)
        storage:sync()
        local answer = self.env.things:getByName("b"):fetch("/",
          { method = "POST", body = "od.sleep(1) return 'seen'" })
        assert(answer:text():find("seen"))
        return tostring(storage:get("n"))
      end)
    ]]))
  end)

  it("can be nested 64 deep, and says so at the 65th (37)", function()
    local problem = ask([[
      local problem
      local function nest(depth)
        return state:blockConcurrencyWhile(function()
          if depth < 64 then return nest(depth + 1) end
          problem = select(2, pcall(state.blockConcurrencyWhile, state, function() end))
          od.sleep(1)
        end)
      end
      self.alive = true
      nest(1)
      return problem
    ]])
    assert.equal("blockConcurrencyWhile() calls are nested too deeply.",
      (problem:gsub("^code:%d+: ", "")))
    assert.is_true(ask("return self.alive"))
  end)

  for how, code in pairs {
    ["an error"] = "error('broken')",
    ["an error after a pause"] = "od.sleep(1) error('broken')",
    ["an error that is a table"] = "error({ message = 'broken' })",
    ["an error with a tostring of its own"] =
      "error(setmetatable({}, { __tostring = function() return 'broken' end }))",
    ["an error in a coroutine of its own"] =
      "coroutine.wrap(function() od.sleep(1) error('broken') end)()",
    ["a section inside"] =
      "state:blockConcurrencyWhile(function() od.sleep(1) error('broken') end)",
    ["a call that fails"] = "self.env.callers:getByName('x'):fetch('nonsense broken')",
  } do
    it(("with %s ends its instance, and no pcall sees it (38)"):format(how), function()
      local boot = ask("storage:put('kept', 1) return self.boot")
      local answer = server:post("/callers/x?callee=a", ([[
        storage:sync()
        local ok = pcall(state.blockConcurrencyWhile, state, function()
          storage:put("kept", 2)
          %s
        end)
        print("CAUGHT", ok)
        return "wrong"
      ]]):format(code))
      assert.matches("^error: .*broken", answer.body)
      assert.matches("things/a  blockConcurrencyWhile: .*broken", server:log())
      assert.not_equal(boot, ask("return self.boot"))
      assert.is_nil(server:log():find("CAUGHT", 1, true))
    end)
  end

  it("that fails takes back what was written since the last pause, and no more", function()
    server:post("/things/a", [[
      storage:put("before", 1)
      state:blockConcurrencyWhile(function()
        storage:put("paused", 1)
        od.sleep(1)
        storage:put("lost", 1)
        error("broken")
      end)
    ]])
    assert.equal("1 1 nil", ask([[
      return ("%s %s %s"):format(storage:get("before"), storage:get("paused"), storage:get("lost"))
    ]]))
  end)

  it("that fails answers all who wait in handlers, and spares sockets and the queue", function()
    local ann = server:connect("/things/a?tags=ann")
    local other = begin("print 'begun' od.sleep(100000)")
    local section = begin("state:blockConcurrencyWhile(function() print 'begun' od.sleep(9000) "
      .. "error('broken') end)")
    local queued = workbench.begin(server, "a", "return 'new instance'")
    ann:send("hello")
    workbench.pass(server, 9000)
    assert.equal(500, section:read_answer().status)
    assert.equal(500, other:read_answer().status)
    assert.equal("new instance", workbench.outcome(queued))
    ann:expect("hello")
    ann:send("and on")
    ann:expect("and on")
  end)

  it("that fails ends where it cannot wait, too, and nothing of it is seen", function()
    local ann = server:connect("/things/a?tags=ann")
    local boot = ask("return self.boot")
    local answer = server:post("/things/a", [[
      pcall(table.sort, { 2, 1 }, function()
        state:blockConcurrencyWhile(function() error("broken") end)
      end)
      state:getWebSockets("ann")[1]:send("never")
      return "never"
    ]])
    assert.equal(500, answer.status)
    ann:expect_close(1011, "the object was reset") -- It was promised a message.
    assert.not_equal(boot, ask("return self.boot"))
  end)

  it("may last 30 seconds, then the instance goes (40)", function()
    local boot = ask("return self.boot")
    local ann = server:connect("/things/a")
    local caller = server:open()
    caller:send_request("POST", "/callers/x?callee=a", { body =
      "pcall(state.blockConcurrencyWhile, state, function() print 'begun' od.sleep(1e9) end)" })
    server:wait_log("begun")
    workbench.pass(server, 27000)
    ann:send("hello")
    ann:expect_silence()
    workbench.pass(server, 3500)
    ann:expect("hello")
    server:wait_log("things/a  reset: A call to blockConcurrencyWhile%(%) in a Durable Object "
      .. "waited for too long%. The call was canceled and the Durable Object was reset%.")
    assert.not_equal(boot, ask("return self.boot"))
  end)

  it("is over with the next, and each has its own 30 seconds", function()
    local boot = ask("return self.boot")
    local ann = server:connect("/things/a")
    for _ = 1, 3 do
      ann:send("section")
      ann:expect_silence()
      workbench.pass(server, 20000)
      ann:expect("section")
    end
    assert.equal(boot, ask("return self.boot"))
  end)

  it("whose function is left in a coroutine ends the instance with its event", function()
    local boot = ask("return self.boot")
    local answer = server:post("/things/a", [[
      self.left = coroutine.wrap(function()
        state:blockConcurrencyWhile(function() coroutine.yield() end)
      end)
      self.left()
      return "too early"
    ]])
    assert.equal(500, answer.status)
    server:wait_log("reset: a critical section apparently will never complete: its event is over, "
      .. "and the function given to blockConcurrencyWhile has not returned")
    assert.not_equal(boot, ask("return self.boot"))
  end)

  it("whose function comes back after its instance is told so, and does no harm", function()
    workbench.replace(server, [[
      local Thing = { fetch = require("workbench").fetch }
      local left
      function Thing:leave(ending)
        left = coroutine.wrap(function()
          self.state:blockConcurrencyWhile(function() coroutine.yield() ending() end)
        end)
        left()
      end
      function Thing:go_on() return left() end
      return { namespaces = { things = Thing } }
    ]], { workers = 1 })
    for ending, expected in pairs {
      [""] = "blockConcurrencyWhile: the instance this was called in is gone",
      ["error('late')"] = "late",
    } do
      assert.equal(500,
        server:post("/things/a", ("self:leave(function() %s end)"):format(ending)).status)
      assert.matches(expected, workbench.refusal(server, "a", "self:go_on()"), 1, true)
      assert.is_true(workbench.ask(server, "a",
        "return state:blockConcurrencyWhile(function() od.sleep(1) return true end)"))
    end
  end)

  it("in a constructor is a part of it", function()
    local early = workbench.begin(server, "slow", "return self.is_ready")
    expect_nothing(early)
    workbench.pass(server, 20000)
    assert.is_true(workbench.outcome(early))
  end)

  it("that fails in a constructor fails the event, until the cause is gone (64)", function()
    assert.equal("error: script.lua:9: not yet", server:post("/callers/x?callee=doomed", "").body)
    assert.equal(500, server:post("/things/doomed", "return 1").status)
    assert.equal("error: script.lua:9: not yet", server:post("/callers/x?callee=doomed", "").body)
  end)

  it("goes on when its client has left, and the others wait for it", function()
    local client = begin("self:section('long', function() print 'begun' od.sleep(20000) end)")
    client:cut()
    local next_one = workbench.begin(server, "a", "return self.trace")
    expect_nothing(next_one)
    workbench.pass(server, 20000)
    assert.same({ "long begins", "long ends" }, workbench.outcome(next_one))
  end)

  it("goes on when the object that asked for it is gone", function()
    local caller = begin([[
      self.env.things:getByName("b"):fetch("/", { method = "POST", body =
        "self:section('long', function() print 'begun' od.sleep(20000) end)" })
    ]])
    server:post("/things/a", "state:abort('tired')")
    assert.equal(500, caller:read_answer().status)
    workbench.pass(server, 20000)
    assert.same({ "long begins", "long ends" },
      workbench.ask(server, "b", "return self.trace"))
  end)

  it("may be entered by waitUntil, after the answer", function()
    assert.equal("answered", ask([[
      state:waitUntil(function() self:section("later", function() od.sleep(5000) end) end)
      return "answered"
    ]]))
    local next_one = workbench.begin(server, "a", "return self.trace")
    expect_nothing(next_one)
    workbench.pass(server, 5000)
    assert.same({ "later begins", "later ends" }, workbench.outcome(next_one))
  end)

  it("keeps the old code until it is over, when the script changes", function()
    local ann = server:connect("/things/a")
    local section = begin("self:section('old', function() print 'begun' od.sleep(20000) end) "
      .. "return self.boot")
    server:save((SOURCE:gsub("ws:send%(message%)", "ws:send('new ' .. message)")))
    assert.equal(0, (server:asking("reload")))
    ann:send("hello")
    ann:expect_silence()
    workbench.pass(server, 20000)
    local boot = workbench.outcome(section)
    ann:expect("new hello")
    assert.not_equal(boot, ask("return self.boot"))
  end)

  it("is waited for when the server stops", function()
    local section = begin("self:section('last', function() print 'begun' od.sleep(3000) end) "
      .. "storage:put('done', true) return self.trace")
    workbench.ask(server, "other", "return 1") -- So it sleeps already.
    server.process:signal("TERM")
    server:wait_log("stopping")
    server:turn_clock(3000)
    assert.same({ "last begins", "last ends" }, workbench.outcome(section))
    assert.equal(0, (server.process:wait_exit(10)))
    server:launch()
    assert.is_true(ask("return storage:get('done')"))
  end)

  it("is gone with its worker: half of it never was, and its object serves on", function()
    server:expect_mishap("another one is started")
    local ann = server:connect("/things/a")
    local section = begin([[
      state:blockConcurrencyWhile(function()
        storage:put("half", 1)
        storage:sync()
        print("begun")
        od.sleep(1e9)
        storage:put("half", 2)
      end)
    ]])
    survival.kill_one(server)
    assert.equal(503, section:read_answer().status)
    assert.equal(1, ask("return storage:get('half')"))
    ann:send("hello")
    ann:expect("hello")
  end)

  it("is shown by the status, with what waits for it", function()
    local other = begin("print 'begun' od.sleep(5000)")
    local section = begin("self:section('x', function() print 'begun' od.sleep(20000) end)")
    local queued = workbench.begin(server, "a", "return 1")
    expect_nothing(queued)
    workbench.pass(server, 6000)
    expect_nothing(other)
    local why = server:why_awake("things/a").why
    assert.equal("handler fetch waits for the end of blockConcurrencyWhile", why[1])
    assert.matches("^handler fetch, in blockConcurrencyWhile, waits for od%.sleep, 1%d%.%d s to "
      .. "go$", why[2])
    assert.equal("queue 1", why[3])
    workbench.pass(server, 15000)
    workbench.outcome(section)
    workbench.outcome(other)
    workbench.outcome(queued)
  end)

  it("is refused with anything but a function, at the caller's line", function()
    for _, argument in ipairs { "", "nil", "1", "'x'", "{}", "state", "true" } do
      assert.matches("^code:1: blockConcurrencyWhile: argument 1 must be a function, got ",
        workbench.refusal(server, "a", ("state:blockConcurrencyWhile(%s)"):format(argument)))
    end
    assert.matches("blockConcurrencyWhile", workbench.refusal(server, "a",
      "state.blockConcurrencyWhile(function() end)"), 1, true)
    assert.equal(1, ask("return 1"))
  end)
end)
