local core = require "spec.support.core"
local ffi = core.ffi

local C = core.load("base/slice.h")

ffi.cdef [[ // Of link/networks.h; an address is a struct in6_addr.
  bool od_networks_read_address(od_slice text, uint8_t address[16]);
  void od_networks_print(const uint8_t address[16], char text[46]);
]]

describe("An address", function()
  for _, text in ipairs { "0.0.0.0", "1.2.3.4", "9.10.99.100", "255.255.255.255", "::1",
    "2001:db8::7" } do
    it("is written as it was read: " .. text, function()
      local address, written = ffi.new("uint8_t[16]"), ffi.new("char[46]")
      assert.is_true(C.od_networks_read_address(core.slice(text), address))
      C.od_networks_print(address, written)
      assert.equal(text, ffi.string(written))
    end)
  end
end)
