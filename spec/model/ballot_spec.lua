-- The model of the ballot (ballot.pml), searched by spin: all orders of proposals, votes, deaths,
-- joins, leaves and impatience. A control without one of the rules must be found wrong.
--
-- OPEN_DO_MODEL_WHOLE=1 searches it with three nodes of which one dies and one leaves.
local spin = require "spec.model.spin"

describe("a version of the script, as a model,", function()
  local function search(defines)
    return spin.search("ballot", defines)
  end

  local function is_right(defines)
    assert.same({ 0 }, { search(defines) })
  end

  it("serves on all nodes or on none, and never against a vote", function()
    is_right "-DNODES=3 -DDEATHS=0"
    is_right "-DNODES=2"
    if os.getenv("OPEN_DO_MODEL_WHOLE") then
      is_right "-DNODES=3"
    end
  end)

  it("can come to serve behind another", function()
    assert.equal(1, (search "-DIN_VAIN"))
  end)

  it("has two outcomes when one statement counts the votes, and another decides", function()
    local errors, what = search "-DTWO_STATEMENTS"
    assert.equal(1, errors)
    assert.matches("outcome[", what, 1, true)
  end)

  it("has two outcomes when it can fail after it serves", function()
    local errors, what = search "-DLATE_FAILURE"
    assert.equal(1, errors)
    assert.matches("outcome[", what, 1, true)
  end)

  it("serves what a node has refused when votes are not waited for", function()
    local errors, what = search "-DNO_VOTES"
    assert.equal(1, errors)
    assert.matches("refused[", what, 1, true)
  end)
end)
