-- A moment is read as people write it, and written so that it is read as the same.
local core = require "spec.support.core"
local C = core.load("base/moment.h")
local ffi = core.ffi

describe("a moment", function()
  local err = ffi.new("struct od_error")

  local function parse(text)
    local ms = ffi.new("int64_t[1]")
    if C.od_moment_parse(text, ms, err) then
      return tonumber(ms[0])
    end
    return nil, ffi.string(err.text)
  end

  local function text(ms)
    return ffi.string(C.od_moment_text(ms, ffi.new("char[32]")))
  end

  it("is written in UTC with milliseconds", function()
    assert.equal("1970-01-01T00:00:00.000Z", text(0))
    assert.equal("2026-11-29T12:50:11.123Z", text(1795956611123))
    assert.equal("1969-12-31T23:59:59.999Z", text(-1))
  end)

  it("is read in each of its forms", function()
    for _, form in ipairs { "2026-11-29T12:50:11.123Z", "2026-11-29 12:50:11.123Z",
      "2026-11-29T13:50:11.123+01:00", "2026-11-29T07:20:11.1239-05:30", "1795956611123" } do
      assert.equal(1795956611123, parse(form), form)
    end
    assert.equal(1795956600000, parse "2026-11-29T12:50Z")
    assert.equal(1795956611100, parse "2026-11-29T12:50:11.1Z")
    assert.equal(1709164800000, parse "2024-02-29T00:00Z")
  end)

  it("is read back as it was written, at any time", function()
    math.randomseed(7)
    for _ = 1, 1000 do
      local ms = math.random(0, 2 ^ 42)
      assert.equal(ms, parse(text(ms)))
    end
  end)

  it("is refused when it is none", function()
    for _, form in ipairs { "", "now", "2026", "2026-11-29", "2026-11-29T12:50",
      "2026-13-01T00:00Z",
      "2026-02-29T00:00Z", "2026-11-29T24:00Z", "2026-11-29T12:60Z", "2026-11-29T12:50:60Z",
      "2026-11-29T12:50:11.Z", "2026-11-29T12:50Zx", "2026-11-29T12:50+1:00", "-1795956611123",
      "99999999999999999999" } do
      local ms, why = parse(form)
      assert.is_nil(ms, form)
      assert.matches("expected a moment like", why)
    end
  end)
end)
