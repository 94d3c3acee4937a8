-- How much a call can carry. (These move hundreds of megabytes, and have a file of their own.)
local callers = require "spec.scenario.callers"
local workbench = require "spec.scenario.workbench"

describe("a call of a method with very much in it", function()
  local server, caller, same, other

  setup(function()
    server = callers.start()
    caller, same, other = callers.neighbours(server)
  end)

  teardown(function()
    server:stop()
  end)

  -- What `code` returns in the caller, where `stub` is the object `name`.
  local function ask(name, code)
    return workbench.ask(server, caller,
      ("local stub = self.env.things:getByName(%q) "):format(name) .. code)
  end

  local function refusal(name, code)
    return workbench.refusal(server, caller,
      ("local stub = self.env.things:getByName(%q) "):format(name) .. code)
  end

  -- Objects of the same worker and of another one are the same to the caller.
  local function both(what, check)
    it(what .. ", in the same worker", function() check(same) end)
    it(what .. ", in another worker", function() check(other) end)
  end

  local function limit(bytes)
    return "Serialized RPC arguments or return values are limited to 32MiB, but the size of " ..
      "this value was: " .. bytes
  end

  both("takes arguments of 32 MiB together, and not a byte more (28)", function(name)
    assert.equal(2, ask(name, "return stub:count(('x'):rep(32 * 2^20 - 8), true)"))
    assert.equal("code:1: count: " .. limit("33554433 bytes."),
      refusal(name, "stub:count(('x'):rep(32 * 2^20 - 7), true)"))
    assert.equal("still here", ask(name, "return stub:echo 'still here'"))
  end)

  both("gives results of 32 MiB together, and not a byte more (28)", function(name)
    assert.equal(32 * 2 ^ 20 - 7, ask(name, "return #stub:run [[return ('x'):rep(32 * 2^20 - 7)]]"))
    assert.matches(limit("33554433 bytes."),
      refusal(name, "stub:run [[return ('x'):rep(32 * 2^20 - 6)]]"), 1, true)
    assert.equal("still here", ask(name, "return stub:echo 'still here'"))
  end)

  it("does not even measure what is far too large", function()
    assert.equal("code:1: count: " .. limit("more than 67108864 bytes."),
      refusal(other, "local x = ('x'):rep(20e6) stub:count(x, x, { x, x })"))
  end)
end)
