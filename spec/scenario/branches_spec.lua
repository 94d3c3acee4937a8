-- od.all, od.allSettled, od.race: functions of one handler that run side by side.
local callers = require "spec.scenario.callers"
local workbench = require "spec.scenario.workbench"

local SOURCE = [[
local od = require "open-do"
local Thing = { fetch = require("workbench").fetch }

function Thing:slow(ms, what)
  print("began " .. tostring(what))
  od.sleep(ms)
  print("ended " .. tostring(what))
  return what
end

function Thing:many()
  od.all { function() self:slow(3600000, "many") end, function() self:slow(3600000, "more") end }
end

function Thing:refuse() error({ message = "not today", code = 7 }) end

function Thing:echo(...) return ... end

local function fetch(request, env)
  if request.path:find("^/things/") then
    return env.things:getByName(request.path:sub(9)):fetch(request)
  end
  local other = env.things:getByName("other")
  if request.path == "/upgrade" then
    local response
    od.all { function() response = env.things:getByName("sockets"):fetch(request) end }
    return response
  end
  return od.Response.json(od.all {
    function() return (other:slow(200, "a")) end, function() return other:echo("b", 2) end,
  })
end

return { namespaces = { things = Thing }, fetch = fetch }
]]

describe("functions side by side", function()
  local server, ask, refusal = workbench.each(SOURCE, { workers = 1 })

  it("wait together, and their results come in order", function()
    assert.same({ results = { 1, 2, 3, 4, 5 }, order = { "+1", "+2", "+3", "+4", "+5", "-5", "-4",
      "-3", "-2", "-1" } }, ask([[
      local order, list = {}, {}
      for i = 1, 5 do
        list[i] = function()
          order[#order + 1] = "+" .. i
          od.sleep(600 - i * 100)
          order[#order + 1] = "-" .. i
          return i, "more"
        end
      end
      return { results = od.all(list), order = order }
    ]]))
  end)

  it("may call, fetch, sync, write, and end without having waited", function()
    assert.same({ "b", 3, "c", 5 }, ask([[
      local other = self.env.things:getByName("other")
      return od.all { function() return other:echo("b") end,
        function() storage:put("k", 3) storage:sync() return storage:get("k") end,
        function() return "c" end,
        function() return #other:fetch("/", { method = "POST", body = "return 'x'" }):text()
          - #'{"value":"x"}' + 5 end }
    ]]))
    assert.equal("[]", ask("return od.json.encode(od.all {})"))
    assert.equal("[]", ask("return od.json.encode(od.allSettled {})"))
  end)

  it("are given up at the first error, with what they wait for", function()
    assert.same({ "not today", 7, 2 }, ask([[
      local other, ended = self.env.things:getByName("other"), 0
      local ok, err = pcall(od.all, {
        function() ended = ended + 1 end,
        function() other:slow(3600000, "slow") ended = 100 end,
        function() od.sleep(3600000) ended = 100 end,
        function() ended = ended + 1 od.sleep(20) other:refuse() end,
      })
      return { err.message, err.code, ended }
    ]]))
    server:turn_clock(3700000)
    ask("return 1")
    assert.is_nil(server:log():find("ended slow", 1, true))
  end)

  it("of allSettled are all heard out", function()
    assert.same({ { status = "fulfilled", value = 1 }, { status = "rejected", reason = "no" },
      { status = "fulfilled" } }, ask([[
      return od.allSettled { function() od.sleep(20) return 1 end,
        function() error("no", 0) end, function() end }
    ]]))
  end)

  it("of race are over with the first, be it an error", function()
    assert.same({ "fast", 2 }, ask([[
      local late
      local a, b = od.race { function() od.sleep(3600000) late = true end,
        function() od.sleep(5) return "fast", 2 end }
      return { a, b, late }
    ]]))
    assert.equal("no", refusal([[
      od.race { function() od.sleep(3600000) end, function() error("no", 0) end }
    ]]))
    assert.matches("code:1: race: the list of functions is empty", refusal("od.race {}"), 1, true)
  end)

  it("may have some of their own", function()
    assert.same({ { 1, { 2, 3 } }, "x" }, ask([[
      return od.all { function()
        return od.all { function() od.sleep(5) return 1 end,
          function() return od.all { function() return 2 end, function() od.sleep(1) return 3 end }
          end }
      end, function() return od.race { function() return "x" end } end }
    ]]))
    assert.equal("deep", refusal([[
      od.all { function() od.sleep(3600000) end,
        function() od.all { function() od.sleep(2) error("deep", 0) end,
          function() od.sleep(3600000) end } end }
    ]]))
  end)

  it("let other events of the object in, and waitUntil is after the event", function()
    local busy = workbench.begin(server, "a", [[
      self.log = {}
      od.all { function()
        state:waitUntil(function() print "after" end)
        print "waits"
        repeat od.sleep(1) until self.free
      end }
      return "done"
    ]])
    server:wait_log("waits")
    ask("self.free = true return 1")
    assert.equal("done", workbench.outcome(busy))
    server:wait_log("after")
  end)

  it("are part of the entry, and of its upgrades", function()
    assert.equal('["a","b"]', server:get("/").body)
    local socket = server:connect("/upgrade")
    assert.equal(1, workbench.ask(server, "sockets", [[
      local ws = state:getWebSockets()[1]
      ws:send("hi")
      return #state:getWebSockets()
    ]]))
    socket:expect("hi")
  end)

  it("end with the call that asked for them", function()
    ask([[
      local other = self.env.things:getByName("other")
      od.race { function() other:many() end, function() other:echo() end }
    ]])
    server:wait_log("began many")
    server:turn_clock(3700000)
    assert.equal("here", ask("return self.env.things:getByName('other'):echo('here')"))
    assert.is_nil(server:log():find("ended many", 1, true))
  end)

  it("have sections of their own, but none around them", function()
    assert.same({ 2, "+1-1+2-2" }, ask([[
      local trace, list = "", {}
      for i = 1, 2 do
        list[i] = function()
          return state:blockConcurrencyWhile(function()
            trace = trace .. "+" .. i
            od.sleep(5)
            trace = trace .. "-" .. i
            return i
          end)
        end
      end
      return { #od.all(list), trace }
    ]]))
    assert.matches("all: cannot be used inside blockConcurrencyWhile or a transaction",
      refusal("storage:transaction(function() od.all { function() end } end)"), 1, true)
    -- One in a section is not left half done.
    ask([[
      pcall(od.all, { function() od.sleep(1) error("x") end, function()
        storage:transaction(function() storage:put("whole", 1) od.sleep(50)
          storage:put("whole", 2) end)
      end })
    ]])
    assert.equal(2, ask("return storage:get('whole')"))
  end)

  it("go with the instance", function()
    local connection = workbench.begin(server, "a", [[
      od.all { function() od.sleep(3600000) end, function() od.sleep(1) state:abort("why") end }
    ]])
    assert.equal(500, connection:read_answer().status)
    assert.equal(1, ask("return 1"))
  end)

  it("are checked at the caller's line", function()
    for code, words in pairs {
      ["od.all()"] = "code:1: all: argument 1 must be a list of functions, got nil",
      ["od.all { print, 1 }"] = "code:1: all: item 2 must be a function, got a number",
      ["od.all { a = print }"] = "code:1: all: takes a list of functions, { f, g, ... }",
      ["od.race(print)"] = "code:1: race: argument 1 must be a list of functions",
      ["local l = {} for i = 1, 1001 do l[i] = print end od.allSettled(l)"] =
        "code:1: allSettled: 1001 functions are more than 1000",
      ["table.sort({ 1, 2 }, function() od.all { print } end)"] = "all: cannot wait inside",
      ["od.all { coroutine.yield }"] = "yield",
    } do
      assert.matches(words, refusal(code), 1, true)
    end
  end)
end)

describe("a circle of calls through functions side by side", function()
  it("is found as any other", function()
    local server = callers.start()
    local first, same = callers.neighbours(server)
    callers.set_constructor(server, first, ([[
      local ok, problem = pcall(od.all, { function() od.sleep(1) end, function()
        return self.env.things:getByName(%q):run(%q)
      end })
      self.problem = tostring(problem)
    ]]):format(same, ([[
      return od.all { function() return self.env.things:getByName(%q):who() end }
    ]]):format(first)))
    assert.matches("this call can never finish", workbench.ask(server, first,
      "return self.problem"), 1, true)
    server:stop()
  end)
end)
