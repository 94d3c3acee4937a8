-- Calls that go round in a circle. Where an object on the way handles nothing else meanwhile the
-- circle could never end: one of the calls fails and says who waits for whom.
local Server = require "spec.support.server"
local callers = require "spec.scenario.callers"
local workbench = require "spec.scenario.workbench"

-- Runs `code` in the object `name` and keeps what error came of it in self.problem.
local function try(name, code)
  return ([[
    local name, code = %q, %q
    local ok, problem = pcall(function()
      return self.env.things:getByName(name):run(code)
    end)
    self.problem = not ok and tostring(problem) or nil
  ]]):format(name, code)
end

local WHO = "return self:who()"

describe("a circle of calls", function()
  local server = callers.each()
  local first, same, other

  before_each(function()
    first, same, other = server.caller, server.same, server.other
  end)

  local function both(what, check)
    it(what .. ", in one worker", function() check(first, same) end)
    it(what .. ", across workers", function() check(first, other) end)
  end

  local function problem_of(name)
    return workbench.ask(server, name, "return self.problem")
  end

  local function circle(...)
    local names = { ... }
    local text = "things/" .. names[1] .. " waits for things/" .. names[2]
    for i = 3, #names do
      text = text .. ", which waits for things/" .. names[i]
    end
    return "this call can never finish: " .. text .. "."
  end

  both("is harmless while nobody is in a section", function(a, b)
    assert.equal("string", workbench.ask(server, a, ([[
      return type(self.env.things:getByName(%q):run(%q))
    ]]):format(b, ("return self.env.things:getByName(%q):who()"):format(a))))
    assert.is_string(workbench.ask(server, a,
      "return self.env.things:getByName(state.id.name):who()"))
  end)

  both("out of a constructor and back is found", function(a, b)
    callers.set_constructor(server, a, try(b, try(a, WHO)))
    assert.is_nil(problem_of(a))
    assert.matches(circle(a, b, a), problem_of(b), 1, true)
    assert.matches("While an object is in its constructor", problem_of(b), 1, true)
  end)

  it("from a constructor to its own object is found", function()
    callers.set_constructor(server, first, try(first, WHO))
    assert.matches(circle(first, first), problem_of(first), 1, true)
  end)

  it("over three objects is found", function()
    callers.set_constructor(server, first, try(same, try(other, try(first, WHO))))
    assert.is_nil(problem_of(first))
    assert.is_nil(problem_of(same))
    assert.matches(circle(first, same, other, first), problem_of(other), 1, true)
  end)

  both("of two constructors that call each other costs one of them its call", function(a, b)
    callers.set_constructor(server, a, try(b, WHO))
    callers.set_constructor(server, b, try(a, WHO))
    local problems = { problem_of(a), problem_of(b) }
    assert.equal(1, (problems[1] and 1 or 0) + (problems[2] and 1 or 0))
    local problem = problems[1] or problems[2]
    local found = problem:find(circle(a, b, a), 1, true) or problem:find(circle(b, a, b), 1, true)
    assert.is_truthy(found, problem)
  end)

  it("of two constructors that call each other at the same moment costs one its call", function()
    callers.set_constructor(server, first, try(other, WHO))
    callers.set_constructor(server, other, try(first, WHO))
    for _ = 1, 5 do
      local one = workbench.begin(server, first, "return self.problem or ''")
      local two = workbench.begin(server, other, "return self.problem or ''")
      local problems = workbench.outcome(one) .. workbench.outcome(two)
      assert.equal(1, select(2, problems:gsub("this call can never finish", "")), problems)
      server:post("/things/" .. first, "state:abort()")
      server:post("/things/" .. other, "state:abort()")
    end
  end)

  both("out of a section and back is found", function(a, b)
    workbench.ask(server, a, ("state:blockConcurrencyWhile(function() %s end)")
      :format(try(b, try(a, WHO))))
    assert.is_nil(problem_of(a))
    assert.matches(circle(a, b, a), problem_of(b), 1, true)
  end)

  both("of two sections that call each other costs one of them its call", function(a, b)
    local function section(name)
      return ([[
        state:blockConcurrencyWhile(function()
          local until_ms = od.now() + 10000
          print "inside" -- The clock may turn from here on.
          od.sleep(math.max(1, until_ms - od.now()))
          %s
        end)
        return self.problem or ""
      ]]):format(try(name, WHO))
    end
    for _ = 1, 3 do
      local one = workbench.begin(server, a, section(b))
      local two = workbench.begin(server, b, section(a))
      server:wait_log("  inside.-  inside")
      server:turn_clock(10000)
      local problems = workbench.outcome(one) .. workbench.outcome(two)
      assert.equal(1, select(2, problems:gsub("this call can never finish", "")), problems)
    end
  end)

  -- The handler of the first call is held back by a section of its own object, which waits for the
  -- section that made the call.
  both("through a handler that a section holds back is found", function(a, b)
    local waiting = workbench.begin(server, b, ([[
      local name = %q
      print "b waits"
      while not self.may_call do od.sleep(1) end
      local ok, problem = pcall(function()
        state:blockConcurrencyWhile(function()
          print "b is inside"
          local code = "print 'a naps' od.sleep(9000) return self.boot"
          return self.env.things:getByName(name):run(code)
        end)
      end)
      return ok and "fine" or tostring(problem)
    ]]):format(a))
    server:wait_log("b waits")
    workbench.ask(server, b, "self.may_call = true")
    server:wait_log("a naps")
    local outcome = workbench.ask(server, a, ([[
      local name = %q
      state:blockConcurrencyWhile(function()
        local ok, problem = pcall(function() return self.env.things:getByName(name):who() end)
        self.outcome = ok and "fine" or tostring(problem)
      end)
      return self.outcome
    ]]):format(b))
    assert.matches(circle(b, a, b), outcome, 1, true)
    server:turn_clock(9000)
    assert.equal("fine", workbench.outcome(waiting))
  end)

  both("that ends, because somebody waits for time and not for a call, is none", function(a, b)
    callers.set_constructor(server, a, ([[self.env.things:getByName(%q):run "od.sleep(20)"]])
      :format(b))
    assert.is_string(workbench.ask(server, b,
      ("return self.env.things:getByName(%q):who()"):format(a)))
  end)
end)

-- After a save a call waits for all handlers on the old code, each of which may wait for a call.
-- Each way from call to call was walked, and there were twelve to the power of the chain's length:
-- the worker stood still until it was killed.
describe("many calls between objects that wait for new code", function()
  local SOURCE = [[
local od = require "open-do"
local Link = {}
function Link:fetch(request)
  local text = request:text()
  local seconds, names = text:match("^(%d+) ?(.*)$")
  print("waits " .. seconds)
  od.sleep(seconds * 1000)
  print("calls at " .. seconds)
  local said = {}
  for name in names:gmatch("%S+") do
    local ok, why = pcall(function() return self.env.links:getByName(name):who() end)
    said[#said + 1] = ok and "fine" or tostring(why)
  end
  return od.Response(table.concat(said, "; "))
end
function Link:who() return self.state.id.name end
return { namespaces = { links = Link } } -- Version 1
]]
  local CALLS, LINKS = 12, 9
  local LAST_SECONDS = 19 -- Longer than this takes, and less than what a client waits for.
  local server

  after_each(function()
    server:stop()
  end)

  -- Until that is in the log so often: where two workers write it, lines of one come between those
  -- of the other.
  local function await(pattern, count)
    while select(2, server:log():gsub(pattern, "")) < count do
      server:wait_log("\n")
    end
  end

  -- Each object has so many handlers on the old code; those of `objects[i]` call `objects[i].names`
  -- after `objects[i].seconds`. Returns the clients, which have an answer to come.
  local function begin(workers, objects)
    server = Server.start { source = SOURCE, workers = workers }
    local clients = {}
    for i, object in ipairs(objects) do
      local body = object.seconds .. " " .. object.names
      for _ = 1, CALLS do
        local client = server:open()
        client:write(("POST /links/%d HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n%s")
          :format(i, #body, body))
        clients[#clients + 1] = client
      end
    end
    await("waits %d", #clients)
    server:save((SOURCE:gsub("Version 1", "Version 2")))
    assert.equal(0, (server:asking("reload")))
    return clients
  end

  for workers = 1, 2 do
    it(("are looked at once each, in %d workers"):format(workers), function()
      local objects = {}
      for i = 1, LINKS do
        objects[i] = { seconds = LINKS - i, names = tostring(i + 1) }
      end
      objects[LINKS] = { seconds = LAST_SECONDS, names = "" }
      local clients = begin(workers, objects)
      for second = 1, LINKS - 1 do
        server:turn_clock(1000)
        await("calls at " .. second .. "\n", CALLS)
      end
      server:turn_clock((LAST_SECONDS - LINKS + 1) * 1000)
      for i, client in ipairs(clients) do
        local answer = client:read_answer()
        assert.equal(200, answer.status)
        assert.equal(i <= (LINKS - 1) * CALLS and "fine" or "", answer.body)
      end
    end)

    it(("in circles all end, some with an error, in %d workers"):format(workers), function()
      local clients = begin(workers, {
        { seconds = 1, names = "2 3" }, { seconds = 1, names = "3 1" },
        { seconds = 1, names = "1 2" },
      })
      server:turn_clock(1000)
      for _, client in ipairs(clients) do
        local answer = client:read_answer()
        assert.equal(200, answer.status)
        for said in answer.body:gmatch("[^;]+") do
          assert.is_truthy(said:match("fine") or said:match("this call can never finish"), said)
        end
      end
    end)
  end
end)
