-- The model of several machines (cluster.pml), searched by spin: all orders of claims, beats,
-- batches, broken connections and deaths. A control without one of the rules must be found wrong.
--
-- OPEN_DO_MODEL_WHOLE=1 searches it with two broken connections and six epochs, for minutes.
local spin = require "spec.model.spin"

local WHOLE = os.getenv("OPEN_DO_MODEL_WHOLE")
local SIZE = WHOLE and "" or "-DBREAKS=1 -DEPOCHS=4"

describe("several machines as a model", function()
  local model = spin.model "cluster"

  it("keep what was acknowledged, once, and never answer with old values", function()
    model.holds(SIZE)
  end)

  it("keep it also when two own a slot at once: the fence trusts no clock", function()
    model.holds("-DNO_LEASE -DNO_READS " .. SIZE)
  end)

  it("lose writes without the fence", function()
    model.fails("-DNO_FENCE", "acknowledged<=value")
  end)

  it("lose writes when an unknown outcome is read without a new epoch", function()
    model.fails("-DNO_BUMP", "acknowledged<=value")
  end)

  it("answer with old values without the lease", function()
    model.fails("-DNO_LEASE", "mine==value")
  end)
end)
