-- od.url.parse and build: the parts of URLs, under the names they have in browsers.
local od = require("spec.support.library").od
local url = od.url

local function problem_of(text, base)
  local parts, problem = url.parse(text, base)
  assert.is_nil(parts)
  return problem
end

local function misuse(name, ...)
  local arguments, count = { ... }, select("#", ...)
  local ok, problem = pcall(function()
    local result = url[name](unpack(arguments, 1, count))
    return result
  end)
  assert.is_false(ok)
  local rest = problem:match("^spec/unit/lua/url_spec.lua:%d+: (.*)$")
  assert.is_truthy(rest, problem)
  return rest
end

describe("od.url.parse", function()
  it("gives the parts of a URL", function()
    assert.same({
      href = "http://ann:s%20t@example.org:8080/a/c?x=1&y=b+c#top",
      origin = "http://example.org:8080",
      protocol = "http:", username = "ann", password = "s%20t", host = "example.org:8080",
      hostname = "example.org", port = "8080", pathname = "/a/c", search = "?x=1&y=b+c",
      hash = "#top", query = { x = "1", y = "b c" },
    }, url.parse("HTTP://ann:s%20t@Example.ORG:8080/a/./b/../c?x=1&y=b+c#top"))
  end)

  it("writes them as browsers do", function()
    for text, href in pairs {
      ["http://h"] = "http://h/", ["https://h:443/"] = "https://h/", ["http://h:80"] = "http://h/",
      ["wss://h:443"] = "wss://h/", ["http://h:0081/"] = "http://h:81/", ["ws://h?"] = "ws://h/",
      ["http://h/%2e%2E/x"] = "http://h/x", ["http://h/a/.."] = "http://h/",
      ["http://h/a b?c d#e f"] = "http://h/a%20b?c%20d#e%20f", ["http://h/é"] = "http://h/%C3%A9",
      ["http://[::1]:8080/"] = "http://[::1]:8080/", ["  http://h/\n"] = "http://h/",
      ["http:\\\\h\\a?b\\c"] = "http://h/a?b\\c", ["http://h:/"] = "http://h/",
      ["odd+scheme://h/x"] = "odd+scheme://h/x", ["http://a@b@h/"] = "http://a%40b@h/",
    } do
      assert.equal(href, assert(url.parse(text)).href)
    end
  end)

  it("is not deceived about the host", function()
    assert.equal("good", url.parse("http://good\\@evil/").hostname)
    assert.equal("evil", url.parse("http://good@evil/").hostname)
    assert.equal("good", url.parse("http://good#@evil/").hostname)
    assert.equal("good", url.parse("http://good/@evil").hostname)
  end)

  it("resolves against a base", function()
    for text, href in pairs {
      [""] = "http://h/a/b/c?q=1", ["#f"] = "http://h/a/b/c?q=1#f", ["?q=2"] = "http://h/a/b/c?q=2",
      x = "http://h/a/b/x", ["../x"] = "http://h/a/x", ["./"] = "http://h/a/b/",
      ["//other/y"] = "http://other/y", ["/z"] = "http://h/z", ["https://n/"] = "https://n/",
      ["../../../.."] = "http://h/",
    } do
      assert.equal(href, url.parse(text, "http://h/a/b/c?q=1#g").href)
    end
  end)

  it("gives nil and the reason for what is no URL", function()
    assert.equal('"foo" is not a whole URL, like "http://host/path"', problem_of("foo"))
    assert.equal('"" is not a whole URL, like "http://host/path"', problem_of(""))
    assert.equal('"mailto:a@b" is not a whole URL, like "http://host/path"',
      problem_of("mailto:a@b"))
    assert.equal('"" cannot be a host', problem_of("http:///x"))
    assert.equal('"a b" cannot be a host', problem_of("http://a b/"))
    assert.is_truthy(problem_of("http://[::1"):find("cannot be a", 1, true))
    for _, port in ipairs { "99999", "-1", "1x", "123456", "0x50" } do
      assert.equal(('"%s" cannot be a port'):format(port), problem_of("http://h:" .. port .. "/"))
    end
    assert.equal('the base: "h" is not a whole URL, like "http://host/path"', problem_of("x", "h"))
    assert.equal("the URL is longer than 65536 bytes", problem_of("http://h/" .. ("x"):rep(65536)))
  end)

  it("survives anything", function()
    for _ = 1, 500 do
      url.parse("http://" .. od.randomBytes(20))
      url.parse(od.randomBytes(20), "http://h/")
    end
  end)

  it("refuses other types at the caller's line", function()
    assert.equal("url.parse: argument 1 must be a string, got nil", misuse("parse"))
    assert.equal("url.parse: argument 1 must be a string, got table", misuse("parse", {}))
    assert.equal("url.parse: argument 2 must be a string, got number", misuse("parse", "x", 1))
  end)
end)

describe("od.url.build", function()
  it("makes a URL of its parts", function()
    assert.equal("https://example.org/", url.build { hostname = "Example.ORG" })
    assert.equal("http://h:8080/a%20b/%3F?b=1&c=x%20y#z", url.build { protocol = "http",
      hostname = "h", port = 8080, pathname = "a b/?", query = { b = 1, c = "x y" }, hash = "z" })
    assert.equal("https://a%2Fb:c%40@h/?x=%23", url.build { hostname = "h", username = "a/b",
      password = "c@", search = "x=#" })
  end)

  it("takes what parse gave, with changes", function()
    local parts = url.parse("https://h/a?b=1#c")
    parts.pathname, parts.query.b, parts.port = "/d", "2", "444"
    assert.equal("https://h:444/d?b=2#c", url.build(parts))
  end)

  it("refuses what cannot be in a URL", function()
    assert.equal("url.build: argument 1 must be a table of parts, got nil", misuse("build"))
    assert.equal("url.build: hostname is not valid", misuse("build", {}))
    assert.equal("url.build: hostname is not valid", misuse("build", { hostname = "a/b" }))
    assert.equal("url.build: hostname is not valid", misuse("build", { hostname = "a@b" }))
    assert.equal("url.build: port is not valid", misuse("build", { hostname = "h", port = 65536 }))
    assert.equal("url.build: port is not valid", misuse("build", { hostname = "h", port = 1.5 }))
    assert.equal("url.build: port is not valid", misuse("build", { hostname = "h", port = "x" }))
    assert.equal("url.build: protocol is not valid",
      misuse("build", { hostname = "h", protocol = "a b" }))
    assert.equal("url.build: there is no part 'path'",
      misuse("build", { hostname = "h", path = "/" }))
    assert.equal("url.build: hash must be a string, got table",
      misuse("build", { hostname = "h", hash = {} }))
    assert.equal('the value of "x" must be a string, number or boolean, not a function',
      misuse("build", { hostname = "h", query = { x = print } }))
    assert.equal("buildQuery takes a table, not a number",
      misuse("build", { hostname = "h", query = 1 }))
  end)
end)

describe("queries", function()
  it("are read with all their values", function()
    assert.same({ a = { "1", "2" }, b = { "" } }, url.parseQueryAll("a=1&b&a=2"))
  end)

  it("refuse other types", function()
    for _, name in ipairs { "parseQuery", "parseQueryAll", "buildQuery", "encode", "decode" } do
      assert.is_false(pcall(url[name], nil))
      assert.is_false(pcall(url[name], print))
    end
  end)
end)
