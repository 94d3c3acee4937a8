-- Methods of other objects: what arrives, what comes back, and what cannot be called.
local callers = require "spec.scenario.callers"
local workbench = require "spec.scenario.workbench"

describe("a call of a method", function()
  local server, ask, refusal, both = callers.once()

  both("returns the value, and the object keeps its fields (17)", function(name)
    assert.equal("5 7 15",
      ask(name, "return ('%d %d %d'):format(stub:add(5), stub:add(2), stub:add(8))"))
  end)

  both("passes several arguments and results, nil among them and at the end", function(name)
    assert.equal("7: nil 1 nil two false nil nil", ask(name, [[
      local function text(...)
        local parts = {}
        for i = 1, select("#", ...) do parts[i] = tostring((select(i, ...))) end
        return select("#", ...) .. ": " .. table.concat(parts, " ")
      end
      return text(stub:echo(nil, 1, nil, "two", false, nil, nil))
    ]]))
    assert.equal(0, ask(name, "return select('#', stub:echo())"))
  end)

  both("copies what it passes", function(name)
    assert.equal("1 2 mine", ask(name, [[
      local value = { n = 1, list = od.json.array {}, int = 5LL, null = od.json.null }
      local copy = stub:echo(value)
      assert(copy ~= value and copy.int == 5LL and copy.null == od.json.null)
      assert(od.json.encode(copy.list) == "[]")
      value.n = 2
      local shared = {}
      local a, b = stub:echo(shared, shared)
      assert(a ~= b)
      return ("%d %d %s"):format(copy.n, value.n, stub:echo("mine"))
    ]]))
  end)

  it("copies also what an object passes to itself", function()
    assert.is_true(workbench.ask(server, server.same, [[
      local value = {}
      return self.env.things:getByName(state.id.name):echo(value) ~= value
    ]]))
  end)

  both("follows inheritance, and sees neither fields of self nor what is no function (19)",
    function(name)
      assert.equal("from above", ask(name, "return stub:inherited()"))
      for _, method in ipairs { "nope", "boot", "state", "env", "number", "instanceOnly", "" } do
        ask(name, "stub:run 'self.instanceOnly = function() end'")
        local problem = refusal(name, ("stub[%q](stub)"):format(method))
        assert.equal(('The RPC receiver does not implement the method "%s".'):format(method),
          (problem:gsub(' Did you mean "note"%?$', "")))
      end
    end)

  it("cannot use names that have a meaning of their own (20)", function()
    for _, method in ipairs {
      "alarm", "webSocketMessage", "webSocketClose", "webSocketError", "constructor", "dup",
      "connect",
    } do
      local problem = refusal(server.other, ("stub:%s(1)"):format(method))
      assert.equal(("code:1: '%s' is a reserved method and cannot be called over RPC.")
        :format(method), problem)
    end
    assert.matches("code:1: '_private' is private", refusal(server.other, "stub:_private()"), 1,
      true)
    assert.matches("is too long for the name of a method",
      refusal(server.other, "stub[('x'):rep(256)](stub)"), 1, true)
    assert.matches("does not implement", refusal(server.other, "stub[('x'):rep(255)](stub)"), 1,
      true)
  end)

  it("needs its stub in front of a colon", function()
    assert.equal("code:1: echo: call it with a colon, as in stub:echo(...)",
      refusal(server.other, "stub.echo(1)"))
    assert.equal("code:1: fetch: call it with a colon, as in stub:fetch(...)",
      refusal(server.other, "stub.fetch('/')"))
    assert.equal("code:1: a stub has no field '1'; there are: fetch, id, name",
      refusal(server.other, "return stub[1]"))
    assert.matches("a stub takes no fields", refusal(server.other, "stub.echo = 1"))
  end)

  both("refuses what cannot be copied, and says where it is (25)", function(name)
    local cases = {
      ["print"] = "argument 1: cannot send a function",
      ["1, { users = { 1, 2, { on = print } } }"] =
        "argument 2: cannot send a function at users[3].on",
      ["state"] = "argument 1: cannot send a userdata",
      ["stub"] = "argument 1: cannot send a userdata",
      ["coroutine.create(print)"] = "argument 1: cannot send a thread",
      ["setmetatable({}, {})"] = "argument 1: cannot send a table with a metatable",
      ["{ [{}] = 1 }"] = "argument 1: cannot send a table with a key that is a table",
    }
    for arguments, problem in pairs(cases) do
      assert.equal("code:1: echo: " .. problem,
        refusal(name, ("stub:echo(%s)"):format(arguments)))
    end
    assert.matches("code:1: echo: argument 1: cannot send a table that contains itself at t",
      refusal(name, "local t = {} t.t = t stub:echo(t)"))
    assert.matches("result 2: cannot send a function at deep.f",
      refusal(name, "stub:returnFunction()"), 1, true)
    assert.equal("nan inf", ask(name, [[
      local nan, inf = stub:echo(0/0, 1/0)
      return (nan ~= nan and "nan" or "") .. " " .. tostring(inf)
    ]]))
  end)

  it("passes at most a thousand values", function()
    assert.matches("count: there are 1001 arguments; there can be at most 1000",
      refusal(server.other, "stub:count(unpack({}, 1, 1001))"), 1, true)
    assert.matches("there are 1001 results; there can be at most 1000",
      refusal(server.other, "stub:run 'return unpack({}, 1, 1001)'"), 1, true)
    assert.equal(1000, ask(server.other, "return select('#', stub:echo(unpack({}, 1, 1000)))"))
  end)
end)
