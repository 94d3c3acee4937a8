-- How much a call can carry. (These move hundreds of megabytes, and have a file of their own.)
local callers = require "spec.scenario.callers"

describe("a call of a method with very much in it", function()
  local server, ask, refusal, both = callers.once()

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
      refusal(server.other, "local x = ('x'):rep(20e6) stub:count(x, x, { x, x })"))
  end)
end)
