local core = require "spec.support.core"
local C = core.load("link/address.h")
local ffi = core.ffi

describe("an address to listen at", function()
  local address, err = ffi.new("struct od_address"), ffi.new("struct od_error")

  local GOOD = {
    ["127.0.0.1:8787"] = { "127.0.0.1", 8787 },
    ["[::1]:8787"] = { "::1", 8787 },
    [":8787"] = { "", 8787 },
    ["localhost:0"] = { "localhost", 0 },
    ["0.0.0.0:65535"] = { "0.0.0.0", 65535 },
  }
  for text, parts in pairs(GOOD) do
    it("can be " .. text, function()
      assert.is_true(C.od_address_parse(text, address, err))
      assert.same(parts, { ffi.string(address.host), address.port })
    end)
  end

  for _, text in ipairs { "", "8787", "localhost", "localhost:", "localhost:http",
    "localhost:65536", "localhost:-1", "localhost:000080",
    "::1:8787", "[]:8787", "[::1:8787", "[::1]", "a:b:1" } do
    it("cannot be '" .. text .. "'", function()
      assert.is_false(C.od_address_parse(text, address, err))
      assert.truthy(ffi.string(err.text):match("expected HOST:PORT, like 127%.0%.0%.1:8787"))
    end)
  end

  it("cannot be longer than a name may be", function()
    assert.is_false(C.od_address_parse(("a"):rep(256) .. ":1", address, err))
    assert.is_true(C.od_address_parse(("a"):rep(255) .. ":1", address, err))
  end)
end)
