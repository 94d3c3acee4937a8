local core = require "spec.support.core"
local C = core.load("store/range.h")
local ffi = core.ffi

describe("a range", function()
  local bounds

  local function bound(fields)
    local range = ffi.new("struct od_range")
    for name, value in pairs(fields) do
      range[name] = core.slice(value)
      if name ~= "prefix" then
        range["has_" .. name] = true
      end
    end
    bounds = ffi.new("struct od_bounds")
    C.od_bounds_of(bounds, range)
    return core.string(bounds.low), bounds.has_high and core.string(bounds.high)
  end

  it("without conditions has every key", function()
    assert.same({ "", false }, { bound({}) })
    assert.is_true(C.od_bounds_have(bounds, core.slice("")))
  end)

  it("with a prefix ends before the first key that is larger", function()
    assert.same({ "ab", "ac" }, { bound({ prefix = "ab" }) })
    assert.same({ "a\255", "b" }, { bound({ prefix = "a\255" }) })
    assert.same({ "\255\255", false }, { bound({ prefix = "\255\255" }) })
  end)

  it("begins at start and behind startAfter", function()
    assert.same({ "k", false }, { bound({ start = "k" }) })
    assert.same({ "k\0", false }, { bound({ start_after = "k" }) })
    assert.same({ ("k"):rep(2048) .. "\0", false }, { bound({ start_after = ("k"):rep(2048) }) })
  end)

  it("is what all conditions allow together", function()
    assert.same({ "ab", "ac" }, { bound({ prefix = "ab", start = "aa", ["end"] = "b" }) })
    assert.same({ "abc", "abd" }, { bound({ prefix = "ab", start = "abc", ["end"] = "abd" }) })
  end)

  it("is empty when its end is not behind its start", function()
    for _, fields in ipairs({ { start = "b", ["end"] = "b" }, { start = "b", ["end"] = "a" },
      { start_after = "a", ["end"] = "a" }, { ["end"] = "" }, { prefix = "b", ["end"] = "a" } }) do
      bound(fields)
      assert.is_true(bounds.is_empty)
    end
    bound({ start_after = "a", ["end"] = "a\0\0" })
    assert.is_false(bounds.is_empty)
  end)
end)
