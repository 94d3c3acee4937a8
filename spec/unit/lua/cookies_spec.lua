local od = require("spec.support.library").od

local function refusal(...)
  local arguments, count = { ... }, select("#", ...)
  local ok, problem = pcall(function()
    local text = od.cookies.serialize(unpack(arguments, 1, count))
    return text
  end)
  assert.is_false(ok)
  local rest = problem:match("^spec/unit/lua/cookies_spec.lua:%d+: cookies.serialize: (.*)$")
  assert.is_truthy(rest, problem)
  return rest
end

describe("od.cookies.parse", function()
  local parse = od.cookies.parse

  it("reads the header Cookie", function()
    assert.same({ a = "1", b = "two words", c = "", ["d.e"] = "x=y" },
      parse("a=1; b=two%20words;c=;  d.e=x=y "))
    assert.same({ a = "quoted" }, parse('a="quoted"'))
    assert.same({}, parse(nil))
    assert.same({}, parse(""))
  end)

  it("takes the first of a repeated name, and leaves out what is no pair", function()
    assert.same({ a = "1", b = "2" }, parse("a=1; junk; =3; a=9;;; b=2"))
  end)

  it("takes any bytes", function()
    for _ = 1, 200 do
      assert.is_table(parse(od.randomBytes(60)))
    end
    assert.same({ a = "%zz" }, parse("a=%zz"))
  end)

  it("is fast with long headers", function()
    assert.is_table(parse((" "):rep(200000) .. "a=1"))
    assert.is_table(parse(("a"):rep(200000)))
  end)

  it("refuses what is no string", function()
    for _, value in ipairs { 1, true, {}, print } do
      local ok, problem = pcall(function() parse(value) end)
      assert.is_false(ok)
      assert.is_truthy(problem:find("cookies.parse: argument 1 must be a string or nil, got "
        .. type(value), 1, true))
    end
  end)
end)

describe("od.cookies.serialize", function()
  it("writes Set-Cookie", function()
    assert.equal("a=1", od.cookies.serialize("a", 1))
    assert.equal("a=; Max-Age=0", od.cookies.serialize("a", "", { maxAge = 0 }))
    assert.equal("id=x%3B%20y%0D%0A%22; Path=/a; Domain=example.org; Max-Age=60; "
      .. "Expires=Tue, 14 Nov 2023 22:13:20 GMT; SameSite=Lax; Secure; HttpOnly; Partitioned",
      od.cookies.serialize("id", 'x; y\r\n"', { path = "/a", domain = "example.org", maxAge = 60,
        expires = 1700000000999, sameSite = "lax", secure = true, httpOnly = true,
        partitioned = true }))
    assert.equal("__Host-a=1; Path=/; Secure",
      od.cookies.serialize("__Host-a", "1", { path = "/", secure = true, httpOnly = false }))
  end)

  it("is undone by parse, for all bytes", function()
    for _ = 1, 50 do
      local value = od.randomBytes(100)
      assert.same({ n = value }, od.cookies.parse(od.cookies.serialize("n", value)))
    end
  end)

  it("refuses what could add an attribute or a header", function()
    for _, name in ipairs { "", "a b", "a;b", "a=b", "a\r\nb", "a,b", "é" } do
      assert.equal('argument 1 must be a name of letters, digits and "-_."', refusal(name, "x"))
    end
    assert.equal('path cannot have ";" or control characters', refusal("a", "b", { path = "/;x" }))
    assert.equal('path cannot have ";" or control characters',
      refusal("a", "b", { path = "/\r\nSet-Cookie: x=y" }))
    assert.equal('path must begin with "/"', refusal("a", "b", { path = "x" }))
    assert.equal('domain must be the name of a host, like "example.org"',
      refusal("a", "b", { domain = "a, b" }))
    assert.equal('domain cannot have ";" or control characters',
      refusal("a", "b", { domain = "a;b" }))
    assert.equal("path is longer than 1024 bytes",
      refusal("a", "b", { path = "/" .. ("x"):rep(1024) }))
  end)

  it("refuses what is of another type or out of range", function()
    assert.equal('argument 1 must be a name of letters, digits and "-_."', refusal(nil, "x"))
    assert.equal("argument 2 must be a string or a number, got nil", refusal("a"))
    assert.equal("argument 2 must be a string or a number, got table", refusal("a", {}))
    assert.equal("argument 3 must be a table of attributes, got string", refusal("a", "b", "c"))
    assert.equal("there is no attribute 'Path'", refusal("a", "b", { Path = "/" }))
    assert.equal("there is no attribute '1'", refusal("a", "b", { "secure" }))
    assert.equal("path must be a string, got number", refusal("a", "b", { path = 1 }))
    for _, age in ipairs { -1, 1.5, 0 / 0, 1 / 0, "60" } do
      assert.equal("maxAge must be a whole number of seconds", refusal("a", "b", { maxAge = age }))
    end
    for _, time in ipairs { -1, 0 / 0, 1 / 0, 1e18, "soon" } do
      assert.equal("expires must be a time in milliseconds, like od.now() + 3600000",
        refusal("a", "b", { expires = time }))
    end
    assert.equal('sameSite must be "strict", "lax" or "none"',
      refusal("a", "b", { sameSite = true }))
    assert.equal("the cookie has 5002 bytes, browsers keep 4096", refusal("a", ("b"):rep(5000)))
  end)

  it("refuses what browsers would drop without a word", function()
    assert.equal('a cookie with sameSite "none" must be secure',
      refusal("a", "b", { sameSite = "None" }))
    assert.equal("a partitioned cookie must be secure", refusal("a", "b", { partitioned = true }))
    assert.equal("a cookie named __Secure-a must be secure", refusal("__Secure-a", "b", {}))
    assert.equal('a cookie named __Host-a must have path "/" and no domain',
      refusal("__Host-a", "b", { secure = true }))
  end)
end)

describe("a signed cookie", function()
  local sign, unsign = od.cookies.sign, od.cookies.unsign
  local OLD, NEW = ("old"):rep(6), ("new"):rep(6)

  it("comes back as it was signed", function()
    for _, value in ipairs { "7", "", "a.b.c", "a=b; c\0\255", "." } do
      local signed = sign("user", value, NEW)
      assert.equal(value, unsign("user", signed, NEW))
      local header = od.cookies.serialize("user", signed)
      assert.equal(value, unsign("user", od.cookies.parse(header).user, NEW))
    end
  end)

  it("is none when anything of it is another", function()
    local signed = sign("user", "7", NEW)
    for at = 1, #signed do
      local byte = string.char(signed:byte(at) % 64 + 60)
      local changed = signed:sub(1, at - 1) .. byte .. signed:sub(at + 1)
      assert.is_nil(changed ~= signed and unsign("user", changed, NEW) or nil)
      assert.is_nil(unsign("user", signed:sub(1, at - 1), NEW))
    end
    assert.is_nil(unsign("admin", signed, NEW))
    assert.is_nil(unsign("user", signed, OLD))
    assert.is_nil(unsign("user", "7", NEW))
    assert.is_nil(unsign("user", "7.", NEW))
    assert.is_nil(unsign("user", "", NEW))
  end)

  it("outlives a change of the secret, while the former one counts", function()
    local signed = sign("user", "7", { OLD, NEW })
    assert.equal("7", unsign("user", signed, { NEW, OLD }))
    assert.is_nil(unsign("user", signed, { NEW }))
  end)

  it("needs a secret", function()
    for _, secret in ipairs { "short", {}, { NEW, 1 }, 7, false } do
      assert.has_error(function() sign("user", "7", secret) end)
      assert.has_error(function() unsign("user", "7.x", secret) end)
    end
    local _, nothing = pcall(function() local text = sign("user", "7", nil) return text end)
    assert.matches("it is nil: is it given by %-%-var%-file%?$", nothing)
    local ok, problem = pcall(function() local text = sign("user", 7, NEW) return text end)
    assert.is_false(ok)
    assert.matches("^spec/unit/lua/cookies_spec.lua:%d+: cookies.sign: arguments 1 and 2 must be",
      problem)
  end)
end)
