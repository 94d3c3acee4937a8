-- The model of several machines (cluster.pml), searched by spin: all orders of claims, beats,
-- batches, broken connections and deaths. A control without one of the rules must be found wrong.
--
-- OPEN_DO_MODEL_WHOLE=1 searches it with two broken connections and six epochs, for minutes.
local spin = require "spec.model.spin"

local WHOLE = os.getenv("OPEN_DO_MODEL_WHOLE")
local SIZE = WHOLE and "" or "-DBREAKS=1 -DEPOCHS=4"

describe("several machines as a model", function()
  local function search(defines)
    return spin.search("cluster", defines)
  end

  it("keep what was acknowledged, once, and never answer with old values", function()
    assert.equal(0, (search(SIZE)))
  end)

  it("keep it also when two own a slot at once: the fence trusts no clock", function()
    assert.equal(0, (search("-DNO_LEASE -DNO_READS " .. SIZE)))
  end)

  it("lose writes without the fence", function()
    local errors, what = search "-DNO_FENCE"
    assert.equal(1, errors)
    assert.matches("acknowledged<=value", what, 1, true)
  end)

  it("lose writes when an unknown outcome is read without a new epoch", function()
    local errors, what = search "-DNO_BUMP"
    assert.equal(1, errors)
    assert.matches("acknowledged<=value", what, 1, true)
  end)

  it("answer with old values without the lease", function()
    local errors, what = search "-DNO_LEASE"
    assert.equal(1, errors)
    assert.matches("mine==value", what, 1, true)
  end)
end)
