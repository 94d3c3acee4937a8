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
      ["wss://h:443"] = "wss://h/", ["http://h:0081/"] = "http://h:81/", ["ws://h?"] = "ws://h/?",
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
      ["../../../.."] = "http://h/", ["http:\0x"] = "http://h/a/b/%00x",
    } do
      assert.equal(href, url.parse(text, "http://h/a/b/c?q=1#g").href)
    end
  end)

  it("gives nil and the reason for what is no URL", function()
    assert.equal('"foo" is not a whole URL, like "http://host/path"', problem_of("foo"))
    assert.equal('"" is not a whole URL, like "http://host/path"', problem_of(""))
    assert.equal('"mailto:a@b" is not a whole URL, like "http://host/path"',
      problem_of("mailto:a@b"))
    assert.equal('"" cannot be a host', problem_of("http:///"))
    assert.equal('"a b" cannot be a host', problem_of("http://a b/"))
    assert.is_truthy(problem_of("http://[::1"):find("cannot be a", 1, true))
    for _, port in ipairs { "99999", "-1", "1x", "123456", "0x50" } do
      assert.equal(('"%s" cannot be a port'):format(port), problem_of("http://h:" .. port .. "/"))
    end
    assert.equal('the base: "h" is not a whole URL, like "http://host/path"', problem_of("x", "h"))
    assert.equal("the URL is longer than 65536 bytes", problem_of("http://h/" .. ("x"):rep(65536)))
  end)

  -- "/\\evil.example" stayed on the page's host, where every browser leaves it.
  it("leaves the host where browsers leave it", function()
    for _, text in ipairs { "/\\evil.example", "\\\\evil.example", "\\/evil.example",
      "/\t/evil.example", "/\n\\evil.example", "http:\\evil.example", "\1//evil.example" } do
      if text ~= "http:\\evil.example" then
        assert.equal("evil.example", url.parse(text, "https://good.example/login").hostname, text)
      end
    end
    assert.equal("127.0.0.1", url.parse("http://0x7f.1/").hostname)
    assert.equal("127.0.0.1", url.parse("http://2130706433/").hostname)
    assert.equal("[::ffff:7f00:1]", url.parse("http://[::ffff:127.0.0.1]/").hostname)
  end)

  it("reads URLs as node does", function()
    local HOSTS = { "h", "Ex.ORG", "1.2.3.4", "0x7f.1", "017700000001", "1.2.3.4.5", "256.1",
      "1.256",
      "4294967296", "4294967295", "1.2.3.", "1..2", "0x", "0x.0x", "a.0x1", "a.08", "09", "[::1]",
      "[1:0:0:2:0:0:0:3]", "[::1.2.3.4]", "[1::2::3]", "[::1%25a]", "[::G]", "[1:2:3:4:5:6:7::]",
      "[1]", "%61%2eb", "a%00b", "a%20b", "a%5bb", "a b", "a_b", "a..b", ".", "-", "*", "a^b",
      "a|b",
      "a<b", "a%b", "%", "u@h", "u:p@h", "u@v:w@h", "@h", ":@h", "u:@h", "h:", "h:80", "h:443",
      "h:0", "h:00081", "h:65535", "h:65536", "h:8a", "h:-1", ":80", "[::1]:8", "[::1]8", "", "@",
      "h\\x", "u\\@h", "h\tx", "a\127b", "'h", "{h}", "~h", "h!$&'()*+,;=" }
    local TAILS = { "", "/", "/a/b", "/a/../b", "/%2e%2E/b", "/a/.%2e", "/.", "/..", "//x",
      "/a//..",
      "\\a\\..\\b", "/a b\"<>`{}|'", "?", "?a=1&b=c d\"'<>`", "?a#", "#", "#a b\"<>`'", "/%zz%4",
      "?\\#\\", "/a;b=c,d", "/é", "?é", "#é", "/\1\127", "/[x]", "/a?b?c#d#e" }
    local RELATIVE = { "", "x", "/x", "//h2/x", "/\\h2", "\\\\h2/x", "\\/h2", "\\x", "/\t/h2", "?q",
      "#f", "..", "../..", "../../../x", ".", "./x", "x:y", "http:x", "http:/x", "http://x",
      "https:x", "http:", "http:?x", "http:#x", "HTTP:\\x", "ftp:x", " x ", "\0x", "///x", "////h",
      "/%2e%2e/x", "a\\b", "x?y#z", "//", "//:80", "//@", "://x", "1:x", "a+b://h/x?y",
      "http:///h", "http:\\\\h", "ws:/h", "wss:h" }
    local BASES = { "http://u:p@h:81/a/b/c?q#f", "https://h", "ws://h/x" }
    local inputs = {}
    local function add(text, base)
      inputs[#inputs + 1] = { text, base }
    end
    for _, host in ipairs(HOSTS) do
      for _, scheme in ipairs { "http://", "https:/\\", "WSS:", "ftp://", "odd://" } do
        add(scheme .. host)
        add(scheme .. host .. "/a?b#c")
      end
    end
    for _, tail in ipairs(TAILS) do
      add("http://h" .. tail)
      add("odd://h" .. tail)
      for _, base in ipairs(BASES) do
        add(tail, base)
        add("x" .. tail, base)
      end
    end
    for _, text in ipairs(RELATIVE) do
      add(text)
      for _, base in ipairs(BASES) do
        add(text, base)
      end
    end
    local random = require("spec.support.random_value").new(11)
    local pieces = { "/", "\\", ":", "@", "?", "#", ".", "..", "%2e", "h", "1", "0x7", "[", "]",
      "::",
      "http", "\t", "\n", " ", "a", "%41", "%", "&", "8" }
    for at = 1, 3000 do
      local text = {}
      for place = 1, random.below(9) do
        text[place] = random.pick(pieces)
      end
      text = table.concat(text)
      add((at % 2 == 0 and "http://" or "") .. text, at % 3 == 0 and BASES[1] or nil)
    end
    local path, lines = os.tmpname(), {}
    for at, input in ipairs(inputs) do
      lines[at] = od.json.encode { input[1], input[2] }
    end
    local file = assert(io.open(path, "w"))
    file:write(table.concat(lines, "\n"))
    file:close()
    local node = io.popen("unset LD_PRELOAD; node spec/unit/lua/url.mjs " .. path)
    local compared = 0
    for at, input in ipairs(inputs) do
      local theirs = od.json.decode(node:read("*l"))
      local ours = url.parse(input[1], input[2])
      if theirs == od.json.null then
        assert.is_nil(ours, lines[at])
      elseif theirs.isOfTheWeb then -- In the dots of others it does not keep to the standard.
        assert(ours, lines[at])
        for _, part in ipairs { "href", "protocol", "username", "password", "host", "hostname",
          "port", "pathname", "search", "hash" } do
          assert.equal(theirs[part], ours[part], lines[at] .. " " .. part)
        end
        compared = compared + 1
      end
    end
    node:close()
    os.remove(path)
    assert.is_true(compared > 1500, compared)
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
