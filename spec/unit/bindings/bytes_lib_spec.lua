local od = require("spec.support.library").od

local function refusal(call, ...)
  local ok, problem = pcall(call, ...)
  assert.is_false(ok)
  return problem
end

describe("random bytes", function()
  it("are as many as asked for, and not the same twice", function()
    for _, count in ipairs { 0, 1, 16, 257, 65536 } do
      assert.equal(count, #od.randomBytes(count))
    end
    assert.is_false(od.randomBytes(16) == od.randomBytes(16))
    for _, count in ipairs { -1, 1.5, 65537, 0 / 0, 1 / 0 } do
      assert.matches("0 to 65536", refusal(od.randomBytes, count))
    end
  end)

  it("make UUIDs of version 4", function()
    local hex = "%x"
    local pattern = "^" .. hex:rep(8) .. "%-" .. hex:rep(4) .. "%-4" .. hex:rep(3) .. "%-[89ab]"
      .. hex:rep(3) .. "%-" .. hex:rep(12) .. "$"
    for _ = 1, 50 do
      assert.matches(pattern, od.randomUUID())
    end
  end)
end)

describe("hashes", function()
  it("are those of the standards", function()
    assert.equal("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
      od.hex.encode(od.sha256("abc")))
    assert.equal("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
      od.hex.encode(od.sha256("")))
    assert.equal("5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
      od.hex.encode(od.hmacSha256("Jefe", "what do ya want for nothing?"))) -- RFC 4231
  end)

  it("can be compared without telling how far they agree", function()
    assert.is_true(od.timingSafeEqual("abc", "abc"))
    assert.is_true(od.timingSafeEqual("", ""))
    assert.is_false(od.timingSafeEqual("abc", "abd"))
    assert.is_false(od.timingSafeEqual("abc", "ab"))
  end)
end)

describe("encodings of bytes", function()
  it("are those of RFC 4648", function()
    local base64 = {
      [""] = "", f = "Zg==", fo = "Zm8=", foo = "Zm9v", foob = "Zm9vYg==", foobar = "Zm9vYmFy",
    }
    for bytes, text in pairs(base64) do
      assert.equal(text, od.base64.encode(bytes))
      assert.equal(bytes, od.base64.decode(text))
      assert.equal(bytes, od.base64.decode((text:gsub("=", ""))))
    end
    assert.equal("-_8", od.base64url.encode("\251\255"))
    assert.equal("\251\255", od.base64url.decode("-_8"))
    assert.equal("00ff10", od.hex.encode("\0\255\16"))
    assert.equal("\0\255\16", od.hex.decode("00Ff10"))
  end)

  it("give back all bytes", function()
    for size = 0, 70 do
      local bytes = od.randomBytes(size)
      for _, codec in ipairs { od.base64, od.base64url, od.hex } do
        assert.equal(bytes, codec.decode(codec.encode(bytes)))
      end
    end
  end)

  it("refuse what is none, with one text for one meaning", function()
    for _, text in ipairs { "A", "Zg=", "Zg===", "Z===", "====", "Zh==", "Zm9=", "Zm 9", "Zm9v\n",
      "Zg==Zg==", "-_8=", "Zm\0v" } do
      assert.matches("invalid base64", refusal(od.base64.decode, text))
    end
    assert.matches("invalid base64url", refusal(od.base64url.decode, "+/8"))
    assert.matches("invalid hex at byte 2", refusal(od.hex.decode, "0x"))
    assert.matches("odd number", refusal(od.hex.decode, "000"))
  end)
end)

describe("od.url", function()
  it("encodes and decodes percents", function()
    assert.equal("a%20b%2Fc%3F%C3%A9~", od.url.encode("a b/c?é~"))
    assert.equal("a b/é%zz%", od.url.decode("a%20b%2f%c3%A9%zz%"))
    local all = od.randomBytes(1000)
    assert.equal(all, od.url.decode(od.url.encode(all)))
  end)

  it("reads and writes queries", function()
    assert.same({ a = "1", b = "x y", c = "", [""] = "2", e = "=" },
      od.url.parseQuery("a=1&b=x+y&&c&=2&a=3&e=%3D"))
    assert.equal("a=1&b=x%20y&c=1&c=2&d=true",
      od.url.buildQuery { b = "x y", a = 1, c = { 1, 2 }, d = true, e = {} })
    assert.matches('the value of "a"', refusal(od.url.buildQuery, { a = print }))
  end)
end)
