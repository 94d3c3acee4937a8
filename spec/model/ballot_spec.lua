-- The model of the ballot (ballot.pml), searched by spin: all orders of proposals, votes, deaths,
-- joins, leaves and impatience. A control without one of the rules must be found wrong.
--
-- OPEN_DO_MODEL_WHOLE=1 searches it with three nodes of which one dies and one leaves.
local spin = require "spec.model.spin"

describe("a version of the script, as a model,", function()
  local model = spin.model "ballot"

  it("serves on all nodes or on none, and never against a vote", function()
    model.holds "-DNODES=3 -DDEATHS=0"
    model.holds "-DNODES=2"
    if os.getenv("OPEN_DO_MODEL_WHOLE") then
      model.holds "-DNODES=3"
    end
  end)

  it("can come to serve behind another", function()
    model.fails("-DIN_VAIN", "sees<2")
  end)

  it("has two outcomes when one statement counts the votes, and another decides", function()
    model.fails("-DTWO_STATEMENTS", "outcome[")
  end)

  it("has two outcomes when it can fail after it serves", function()
    model.fails("-DLATE_FAILURE", "outcome[")
  end)

  it("serves what a node has refused when votes are not waited for", function()
    model.fails("-DNO_VOTES", "refused[")
  end)
end)
