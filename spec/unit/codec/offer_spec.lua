local core = require "spec.support.core"
local C = core.load("codec/offer.h")
local ffi = core.ffi

local AGREED = "permessage-deflate; server_no_context_takeover; client_no_context_takeover"

-- What the server answers to [offers]; nil: it does not compress.
local function answer(offers)
  local offer = C.od_offer_choose(core.slice(offers))
  if offer.window_bits == 0 then
    return nil
  end
  local out = ffi.new("struct od_bytes")
  C.od_offer_put_answer(offer, out)
  local text = core.string(out)
  C.od_bytes_deinit(out)
  return text
end

describe("a client offers compression", function()
  it("and it is agreed on, without context takeover", function()
    for _, offer in ipairs({ "permessage-deflate", "permessage-deflate; client_max_window_bits",
      "permessage-deflate;client_max_window_bits=10;server_no_context_takeover",
      "permessage-deflate ; client_no_context_takeover ; server_no_context_takeover",
      "permessage-deflate; client_max_window_bits=\"8\"" }) do
      assert.equal(AGREED, answer(offer), offer)
    end
  end)

  it("with a window for us, which we keep and name", function()
    for bits = 8, 15 do
      local offer = "permessage-deflate; server_max_window_bits=" .. bits
      assert.equal(AGREED .. "; server_max_window_bits=" .. bits, answer(offer))
      assert.equal(bits, C.od_offer_choose(core.slice(offer)).window_bits)
    end
    assert.equal(15, C.od_offer_choose(core.slice("permessage-deflate")).window_bits)
  end)

  it("in several ways, of which the first that we can keep is taken", function()
    assert.equal(AGREED .. "; server_max_window_bits=9",
      answer("x-webkit-deflate-frame, permessage-deflate; server_max_window_bits=7, "
        .. "permessage-deflate; server_max_window_bits=9, permessage-deflate"))
    assert.equal(AGREED, answer("permessage-bzip2; x=\"y\", permessage-deflate"))
  end)

  it("in a way that we cannot keep, and gets none", function()
    for _, parameters in ipairs({
      "unknown", "unknown=1", "server_max_window_bits", "server_max_window_bits=7",
      "server_max_window_bits=16", "server_max_window_bits=08", "server_max_window_bits=x",
      "server_max_window_bits=-9", "server_max_window_bits=99999999999999999999",
      "client_max_window_bits=7",
      "client_max_window_bits=16", "client_max_window_bits=0", "client_max_window_bits=010",
      "server_no_context_takeover=1", "client_no_context_takeover=\"\"",
      "Server_no_context_takeover",
      "server_no_context_takeover; server_no_context_takeover",
      "client_max_window_bits; client_max_window_bits=10",
      "server_max_window_bits=10; server_max_window_bits=10",
    }) do
      assert.is_nil(answer("permessage-deflate; " .. parameters), parameters)
    end
    assert.is_nil(answer("permessage-bzip2"))
    assert.is_nil(answer("Permessage-deflate"))
  end)

  it("in a header that is not well-formed, which offers nothing", function()
    for _, offers in ipairs({ "", ",", "permessage-deflate,", ", permessage-deflate",
      "permessage-deflate;",
      "permessage-deflate; =8", "permessage-deflate; server_max_window_bits=",
      "permessage-deflate x",
      "permessage-deflate; server_max_window_bits=\"10",
      "permessage-deflate; server_max_window_bits=10\"",
      "permessage-deflate; server_max_window_bits=\" 10\"", "permessage-deflate, @", "\0",
      "permessage-deflate; server_max_window_bits=1 0" }) do
      assert.is_nil(answer(offers), offers)
    end
  end)
end)
