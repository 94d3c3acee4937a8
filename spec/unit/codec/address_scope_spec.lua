-- Which addresses od.fetch does not reach with --fetch-private deny.
local core = require "spec.support.core"
local C = core.load("codec/address_scope.h")
local ffi = core.ffi

local AF_INET, AF_INET6 = 2, 10

if not pcall(ffi.typeof, "struct od_spec_address") then
  ffi.cdef [[
  struct od_spec_address {
    uint16_t family; uint16_t port; uint8_t v4[4]; uint8_t v6[16]; uint8_t rest[100];
  };
  int inet_pton(int family, const char *text, void *address);
  ]]
end

local function is_inside(text)
  local address = ffi.new("struct od_spec_address")
  local is_v6 = text:find(":", 1, true) ~= nil
  address.family = is_v6 and AF_INET6 or AF_INET
  assert(C.inet_pton(address.family, text, is_v6 and address.v6 or address.v4) == 1, text)
  return C.od_address_is_inside(ffi.cast("struct sockaddr *", address))
end

describe("an address", function()
  it("of the inside is one", function()
    for _, text in ipairs { "127.0.0.1", "127.255.255.255", "0.0.0.0", "10.0.0.1", "10.255.255.255",
      "100.64.0.1", "100.127.255.255", "169.254.169.254", "172.16.0.1", "172.31.255.255",
      "192.168.0.1", "192.0.0.1", "198.18.0.1", "198.19.255.255", "224.0.0.1", "240.0.0.1",
      "255.255.255.255", "::", "::1", "fc00::1", "fdff::1", "fe80::1", "febf::1", "fec0::1",
      "ff02::1", "2001:db8::1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:169.254.169.254",
      "::127.0.0.1", "64:ff9b::10.0.0.1", "64:ff9b:1::1", "2002:7f00:1::", "2002:0a00:1::1",
      "100::1" } do
      assert.is_true(is_inside(text), text)
    end
  end)

  it("of the world is none", function()
    for _, text in ipairs { "1.1.1.1", "8.8.8.8", "9.255.255.255", "11.0.0.0", "100.63.255.255",
      "100.128.0.0", "126.255.255.255", "128.0.0.1", "169.253.0.1", "169.255.0.1", "172.15.255.255",
      "172.32.0.0", "192.167.255.255", "192.169.0.0", "198.17.0.0", "198.20.0.0", "223.255.255.255",
      "2606:4700::1111", "2a00::1", "2001:4860:4860::8888", "::ffff:8.8.8.8", "64:ff9b::8.8.8.8",
      "2002:0808:0808::1", "fbff::1" } do
      assert.is_false(is_inside(text), text)
    end
  end)

  it("of another family is of the inside", function()
    local address = ffi.new("struct od_spec_address")
    address.family = 1
    assert.is_true(C.od_address_is_inside(ffi.cast("struct sockaddr *", address)))
  end)
end)
