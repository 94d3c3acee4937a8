-- The counter's conversation, as its README tells it.
local Server = require "spec.support.server"

describe("the counter", function()
  local server

  before_each(function()
    server = Server.start { script = "examples/counter/counter.lua" }
  end)

  after_each(function()
    server:stop()
  end)

  local function ask(path)
    local answer = server:get(path)
    assert.equal(200, answer.status)
    return answer.body
  end

  it("counts from one", function()
    assert.equal("1\n", ask("/counters/apples"))
    assert.equal("2\n", ask("/counters/apples"))
    assert.equal("3\n", ask("/counters/apples"))
  end)

  it("counts each name by itself", function()
    assert.equal("1\n", ask("/counters/apples"))
    assert.equal("1\n", ask("/counters/pears"))
    assert.equal("2\n", ask("/counters/apples"))
  end)

  it("goes on counting after a restart", function()
    assert.equal("1\n", ask("/counters/apples"))
    server:restart()
    assert.equal("2\n", ask("/counters/apples"))
  end)

  it("knows nothing outside its namespace", function()
    assert.equal(404, server:get("/nowhere/apples").status)
    assert.equal(404, server:get("/").status)
  end)
end)
