-- What a caller sees when the object it calls fails, is reset, or is not there.
local callers = require "spec.scenario.callers"
local workbench = require "spec.scenario.workbench"

-- Code for the caller: what `call` raises, with the fields that matter.
local SHOW = [[
local env = self.env
local function show(call, ...)
  local ok, problem = pcall(call, ...)
  assert(not ok, "it did not fail")
  if type(problem) ~= "table" then return { message = "not a table: " .. tostring(problem) } end
  assert(tostring(problem) == problem.message)
  local copy = {}
  for key, value in pairs(problem) do copy[key] = value end
  return copy
end
]]

describe("an error in another object", function()
  local server = callers.once()

  local function ask(code)
    return workbench.ask(server, server.caller, SHOW .. code)
  end

  local function with_stub(name, code)
    return ask(("local stub = env.things:getByName(%q) "):format(name) .. code)
  end

  local function both(what, check)
    it(what .. ", in the same worker", function() check(server.same) end)
    it(what .. ", in another worker", function() check(server.other) end)
  end

  local function id_of(name)
    return ask(("return tostring(env.things:idFromName(%q))"):format(name))
  end

  both("arrives with message and fields, and breaks nothing (22)", function(name)
    local before = with_stub(name, "return stub:who()")
    local seen = with_stub(name, [[
      local problem = show(stub.fail, stub, {
        message = "no room", name = "RangeError", code = 42, details = { seats = { 1, 2 } },
        flag = false, remote = "made up", durableObjectReset = true,
      })
      problem.after = stub:who()
      return problem
    ]])
    assert.same({
      message = "no room", name = "RangeError", code = 42, details = { seats = { 1, 2 } },
      flag = false, remote = true, durableObjectId = id_of(name), after = before,
    }, seen)
  end)

  -- A table with a function cannot be an argument, so the callee makes its own.
  both("leaves out fields that cannot be sent", function(name)
    local seen = with_stub(name, [=[
      return show(stub.run, stub, [[
        local loop = {} loop.loop = loop
        error({ message = "odd", f = print, loop = loop, big = ("x"):rep(70000), kept = 1,
          [1] = "an item", int = 5LL }, 0)
      ]])
    ]=])
    assert.same({ message = "odd", kept = 1, int = seen.int, remote = true,
      durableObjectId = id_of(name) }, seen)
  end)

  both("is told with its place in the script", function(name)
    assert.equal("script.lua:36: attempt to index local 't' (a nil value)",
      with_stub(name, "return show(stub.slip, stub)").message)
    assert.equal("plain", with_stub(name, "return show(stub.fail, stub, 'plain')").message)
    assert.equal("the error value is nil", with_stub(name, "return show(stub.fail, stub)").message)
    assert.equal("the error value is a table without a field `message`",
      with_stub(name, "return show(stub.fail, stub, { code = 1 })").message)
  end)

  both("arrives from stub:fetch in the same form", function(name)
    local seen = with_stub(name, [[
      return show(stub.fetch, stub, od.Request("/", {
        method = "POST", body = "error({ message = 'in fetch', code = 7 }, 0)",
        headers = { ["x-raise"] = "1" },
      }))
    ]])
    assert.same({ message = "in fetch", code = 7, remote = true, durableObjectId = id_of(name) },
      seen)
  end)

  it("goes through an object that does not catch it, and is then that one's", function()
    local seen = with_stub(server.same, ([[
      return show(stub.run, stub,
        "local _, _, name = ... local stub = self.env.things:getByName(name) " ..
        "stub:fail { message = 'deep', code = 3, retryable = true }", %q)
    ]]):format(server.other))
    assert.same({ message = "deep", code = 3, remote = true, retryable = true,
      durableObjectId = id_of(server.same) }, seen)
  end)

  both("by abort is a reset: the stub stays broken, a new one works (29)", function(name)
    local seen = with_stub(name, [[
      local before = stub:who()
      stub:add(5)
      local idle = env.things:getByName(stub.name) -- No call goes through it.
      local first = show(stub.abort, stub, "enough")
      local second, third = show(stub.who, stub), show(stub.fetch, stub, "/")
      local fresh = env.things:getByName(stub.name)
      return { first = first, second = second, third = third, count = fresh:add(1),
        is_new = fresh:who() ~= before, idle = idle:who() ~= before }
    ]])
    local reset = { message = "enough", remote = true, durableObjectReset = true,
      durableObjectId = id_of(name) }
    assert.same({ first = reset, second = reset, third = reset, count = 1, is_new = true,
      idle = true }, seen)
  end)

  both("in a section is a reset as well", function(name)
    local seen = with_stub(name, [[
      local first = show(stub.run, stub,
        "self.state:blockConcurrencyWhile(function() error('half done', 0) end)")
      return { first = first, second = show(stub.who, stub) }
    ]])
    assert.equal("half done", seen.first.message)
    assert.is_true(seen.first.durableObjectReset)
    assert.same(seen.first, seen.second)
  end)

  both("with a table in a section reaches the caller with its fields", function(name)
    local seen = with_stub(name, [[
      return show(stub.run, stub, "self.state:blockConcurrencyWhile(function() "
        .. "error { message = 'no room', code = 7, wanted = { 'a', 1 }, remote = 'mine' } end)")
    ]])
    assert.same({ message = "no room", code = 7, wanted = { "a", 1 }, remote = true,
      durableObjectReset = true, durableObjectId = id_of(name) }, seen)
  end)

  both("by reset meets all who wait", function(name)
    local waiting = workbench.begin(server, server.caller, SHOW .. ([[
      print "calls"
      return show(function(stub) stub:nap(60000) end, env.things:getByName(%q))
    ]]):format(name))
    server:wait_log("things/" .. server.caller .. "  calls")
    with_stub(name, "show(stub.abort, stub, 'all of you')")
    local seen = workbench.outcome(waiting)
    assert.equal("all of you", seen.message)
    assert.is_true(seen.durableObjectReset)
  end)

  both("of a commit that fails is a reset, and no result gets out", function(name)
    server:fault("commit.fail", { times = 1 })
    local seen = with_stub(name, [[
      local problem = show(stub.write, stub, 1)
      problem.stored = env.things:getByName(stub.name):run "return self.state.storage:get 'n'"
      return problem
    ]])
    assert.is_true(seen.durableObjectReset)
    assert.is_nil(seen.stored)
  end)

  both("waits for the disk as a result does", function(name)
    server:fault("commit.fail", { times = 1 })
    local seen = with_stub(name,
      [[return show(stub.run, stub, "self.state.storage:put('n', 2) error('written', 0)")]])
    assert.is_true(seen.durableObjectReset)
    assert.not_equal("written", seen.message)
  end)
end)

describe("a stub that was kept", function()
  it("reaches its object after that slept and after its code changed", function()
    local server = callers.start { workers = 1, args = { "--watch" } }
    local boot = workbench.ask(server, "b", "return self:who()")
    local waiting = workbench.begin(server, "a", [[
      local stub = self.env.things:getByName "b"
      local first = stub:who()
      print "napping"
      od.sleep(20000)
      return first .. " " .. stub:who()
    ]])
    server:wait_log("napping")
    server:save(callers.SOURCE .. "\n")
    server:wait_version(2)
    server:turn_clock(21000)
    local first, second = workbench.outcome(waiting):match("^(%S+) (%S+)$")
    assert.equal(boot, first)
    assert.not_equal(first, second)
    server:stop()
  end)
end)

describe("a worker that dies while it handles a call", function()
  it("leaves the caller with an error that says the same may work in a moment", function()
    local server = callers.start { args = { "--event-limit-ms", "1000" } }
    server:expect_mishap("another one is started")
    local caller, _, other = callers.neighbours(server)
    local seen = workbench.ask(server, caller, SHOW .. ([[
      return show(env.things:getByName(%q).run, env.things:getByName(%q), "while true do end")
    ]]):format(other, other))
    assert.equal("the worker of this object has ended", seen.message)
    assert.is_true(seen.retryable)
    assert.is_nil(seen.remote)
    server:stop()
  end)
end)
