-- The counter's conversation, as its README tells it.
local t = require "open-do.test"

describe("the counter", function()
  local app

  before_each(function()
    app = t.start "counter.lua"
  end)

  local function ask(path)
    local answer = app:fetch(path)
    assert.equal(200, answer.status)
    return answer:text()
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

  it("goes on counting after a restart, and after a power cut", function()
    assert.equal("1\n", ask("/counters/apples"))
    app:restart()
    assert.equal("2\n", ask("/counters/apples"))
    app:crash()
    assert.equal("3\n", ask("/counters/apples"))
  end)

  it("knows nothing outside its namespace", function()
    assert.equal(404, app:fetch("/nowhere/apples").status)
    assert.equal(404, app:fetch("/").status)
  end)
end)
