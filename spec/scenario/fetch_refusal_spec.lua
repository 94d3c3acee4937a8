-- od.fetch with what cannot be fetched: misuse, servers that misbehave, and what is forbidden.
local Peer = require "spec.support.peer"
local workbench = require "spec.scenario.workbench"

-- [options] are those of the server; or a function that makes them from the peer.
local function describe_with(what, options, body)
  describe(what, function()
    local world = {}

    setup(function()
      world.peer = Peer.start { secure = true }
      world.server = workbench.start(nil,
        type(options) == "function" and options(world.peer) or options)
    end)

    teardown(function()
      world.server:stop()
      world.peer:stop()
    end)

    body(world)
  end)
end

describe_with("od.fetch", nil, function(world)
  local server, peer

  setup(function()
    server, peer = world.server, world.peer
  end)

  -- The error of od.fetch(ARGUMENTS), without the place in front of it.
  local function refusal(arguments)
    local text = workbench.refusal(server, "a",
      ("local response = od.fetch(%s) return response.status"):format(arguments))
    local place, rest = text:match("^(code:1: )(.*)$")
    assert.is_truthy(place, text)
    return rest
  end

  local function why_not(path, init)
    local url = path:match("^http") and path or peer.url .. path
    local text = refusal(("%q, %s"):format(url, init or "nil"))
    local shown, why = text:match("^fetch (%S-): (.*)$")
    assert.is_truthy(shown, text)
    assert.equal(url:match("^[^?]*"), shown)
    return why
  end

  describe("used wrongly names what is wrong, at the caller's line:", function()
    for arguments, expected in pairs {
      [""] = "fetch: the URL of a Request must be a string, not a nil",
      ["42"] = "fetch: the URL of a Request must be a string, not a number",
      ["{}"] = "fetch: the URL of a Request must be a string, not a table",
      ["print"] = "fetch: the URL of a Request must be a string, not a function",
      ["''"] = 'fetch: "" must begin with "http://", "https://" or "/"',
      ["'/path'"] = 'fetch: the URL "/path" has no host; od.fetch needs a whole one, "http://..."',
      ["'ftp://x/'"] = 'fetch: "ftp://x/" must begin with "http://", "https://" or "/"',
      ["'http://x/ y'"] =
        'fetch: the URL "http://x/ y" has a space or control character; see od.url.encode',
      ["'http://x', 1"] = "fetch: argument 2 must be a table of options, got a number",
      ["'http://x', 'GET'"] = "fetch: argument 2 must be a table of options, got a string",
      ["'http://x', { method = 1 }"] =
        'fetch: the method of a Request must be a word such as "GET"',
      ["'http://x', { method = 'POST', headers = { Upgrade = 'WebSocket' } }"] =
        "fetch: a WebSocket is asked for with GET, without a body or the option stream",
      ["'http://x', { method = 'A B' }"] =
        'fetch: the method of a Request must be a word such as "GET"',
      ["'http://x', { method = 'CONNECT' }"] = "fetch: the method CONNECT cannot be sent",
      ["'http://x', { method = 'TRACE' }"] = "fetch: the method TRACE cannot be sent",
      ["'http://x', { body = {} }"] =
        "fetch: the body of a Request must be a string, not a table; see od.json.encode",
      ["'http://x', { body = 'x' }"] =
        "fetch: a Request with method GET or HEAD cannot have a body",
      ["'http://x', { method = 'POST', body = ('x'):rep(33 * 2 ^ 20) }"] =
        "fetch: the body has 34603008 bytes, the limit is 33554432",
      ["'http://x', { headers = 1 }"] =
        "fetch: headers must be a table of names and values, not a number",
      ["'http://x', { headers = { ['a b'] = '1' } }"] = 'fetch: "a b" cannot be a header\'s name',
      ["'http://x', { headers = { a = '1\\r\\nHost: y' } }"] =
        'fetch: the header "a" cannot have CR, LF or NUL in its value',
      ["'http://x', { headers = { a = '1\\0' } }"] =
        'fetch: the header "a" cannot have CR, LF or NUL in its value',
      ["'http://x', { headers = { a = {} } }"] =
        'fetch: the header "a" must be a string, not a table',
      ["'http://x', { timeout = 0 }"] = "fetch: timeout must be 1 to 600000 milliseconds, got 0",
      ["'http://x', { timeout = -1 }"] = "fetch: timeout must be 1 to 600000 milliseconds, got -1",
      ["'http://x', { timeout = 0 / 0 }"] =
        "fetch: timeout must be 1 to 600000 milliseconds, got nan",
      ["'http://x', { timeout = 600001 }"] =
        "fetch: timeout must be 1 to 600000 milliseconds, got 600001",
      ["'http://x', { timeout = '1' }"] =
        "fetch: option 'timeout' must be a number, got a string",
      ["'http://x', { redirect = 'no' }"] =
        'fetch: redirect must be "follow", "error" or "manual", got "no"',
      ["'http://x', { metod = 'POST' }"] =
        "fetch: there is no option 'metod'; did you mean 'method'?",
      ["'http://x', { redirect = true }"] =
        "fetch: option 'redirect' must be a string, got a boolean",
    } do
      it("od.fetch(" .. arguments:sub(1, 60) .. ")", function()
        assert.equal(expected, (refusal(arguments):gsub("%-nan", "nan")))
      end)
    end

    it("in a callback that cannot wait", function()
      assert.is_truthy(workbench.refusal(server, "a",
        "table.sort({ 1, 2 }, function() od.fetch('http://x') end)"):find(
        "fetch: cannot wait inside a callback of table.sort", 1, true))
    end)
  end)

  it("says what is wrong with a URL, a host or a port", function()
    assert.is_truthy(refusal("'http://[/'"):find('is not a URL: "[" cannot be a host', 1, true))
    assert.is_truthy(refusal("'http://x:99999/'"):find('"99999" cannot be a port', 1, true))
    assert.equal("the URL is longer than 16384 bytes",
      refusal("'http://x/' .. ('y'):rep(16384)"):match("(the URL.*)$"))
    assert.equal("the name of the host was not found", why_not("http://no-such-host.invalid/"))
    assert.equal("could not connect (Connection refused)", why_not("http://127.0.0.1:1/"))
  end)

  it("does not take or show a password in a URL", function()
    local text = refusal("'http://ann:secret@127.0.0.1:1/x?token=secret'")
    assert.equal("fetch http://127.0.0.1:1/x: a URL with a user name or password is not fetched; "
      .. "send the header Authorization", text)
  end)

  it("survives what servers do", function()
    assert.equal("the connection ended in the middle of the answer", why_not("/cut"))
    assert.equal("the server closed the connection without an answer", why_not("/close"))
    assert.is_truthy(why_not("/corrupt"):find("the body cannot be decoded", 1, true))
    assert.is_truthy(why_not(peer:raw("hello")):find("the answer is not HTTP", 1, true))
    assert.equal("the status of the answer is none of 200 to 599",
      why_not(peer:raw("HTTP/1.1 999 Odd\r\n\r\n")))
    why_not(peer:raw("HTTP/1.1 101 Switching Protocols\r\n\r\n"))
    why_not(peer:raw("HTTP/1.1 200 OK\r\nno colon\r\n\r\nhello"))
    why_not(peer:raw("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n"))
  end)

  -- libcurl takes one of the two, a proxy before us perhaps the other (RFC 9112, section 6.3).
  it("refuses an answer that has two lengths", function()
    local head = "HTTP/1.1 200 OK\r\nContent-Length: %s\r\nContent-Length: %s\r\n\r\nabcde"
    local function answer(first, second)
      return peer:raw(head:format(first, second))
    end
    for _, lengths in ipairs { { 3, 5 }, { 5, 3 }, { "5, 3", "5, 3" } } do
      assert.equal("the answer has two different Content-Length", why_not(answer(unpack(lengths))))
    end
    assert.equal("abcde", workbench.ask(server, "a",
      ("return od.fetch(%q):text()"):format(answer(5, 5))))
  end)

  it("says what is wrong with a head, in words of its own", function()
    local folded = workbench.ask(server, "a", ([[
      local ok, why = pcall(od.fetch, %q)
      return ok and "it is left out, as newer versions of libcurl do" or why
    ]]):format(peer:raw("HTTP/1.1 200 OK\r\n folded: x\r\n\r\n")))
    assert.is_truthy(folded:find("the answer is not HTTP (its first field is folded)", 1, true) or
      folded:find("it is left out", 1, true), folded)
    assert.equal("a line in the head of the answer is too long",
      why_not("/long-field?bytes=2000000"))
  end)

  it("gives fields a script can have, and no others", function()
    local raw = peer:raw("HTTP/1.1 200 OK\r\nGood: 1\r\nwith space: 2\r\n"
      .. "ctl: a\1b\r\nconnection: close\r\n\r\nhello")
    assert.same({ "good" }, workbench.ask(server, "a", ([[
      local names = {}
      for name in od.fetch(%q).headers:entries() do names[#names + 1] = name end
      return names
    ]]):format(raw)))
  end)

  it("refuses answers that are too large, whatever they say of themselves", function()
    local expected = "the answer has more than 33554432 bytes"
    assert.equal(expected, why_not("/large?announced=1&bytes=34000000"))
    assert.equal(expected, why_not("/large?bytes=34000000"))
    assert.equal(expected, why_not("/bomb?bytes=34000000"))
    assert.equal("the head of the answer has more than 131072 bytes",
      why_not("/many-fields?count=1000"))
    assert.equal(33554432,
      workbench.ask(server, "a", ("return #od.fetch(%q):text()"):format(
        peer.url .. "/large?bytes=33554432")))
  end)

  it("stops following redirects that do not end, or lead away from HTTP", function()
    assert.equal("it is redirected more than 20 times", why_not("/loop"))
    assert.equal("it is redirected to /mirror, and redirect is \"error\"",
      why_not("/redirect?to=/mirror", '{ redirect = "error" }'))
    for _, to in ipairs { "file:///etc/passwd", "ftp://127.0.0.1/", "gopher://127.0.0.1:1/x" } do
      assert.equal(("a redirect leads to %s; only http and https can be fetched"):format(to),
        why_not("/redirect?to=" .. to))
    end
    assert.is_truthy(why_not("/redirect?to=http://"):find("which is not a URL", 1, true))
  end)

  it("takes no certificate it does not know, nor one of another name", function()
    assert.is_truthy(why_not(peer.secure_url .. "/mirror"):find(
      "the certificate was not accepted", 1, true))
  end)
end)

local function not_readable()
  return { env = { SSL_CERT_FILE = "/does/not/exist" } }
end

describe_with("od.fetch without a readable SSL_CERT_FILE", not_readable, function(world)
  it("says so", function()
    local text = workbench.refusal(world.server, "a",
      ("od.fetch(%q)"):format(world.peer.secure_url))
    assert.is_truthy(text:find("the trusted certificates cannot be read (SSL_CERT_FILE)", 1, true),
      text)
  end)
end)

local function with_other_name(peer)
  return { env = { SSL_CERT_FILE = peer.certificate } }
end

describe_with("od.fetch with a trusted certificate", with_other_name, function(world)
  it("wants it to be of the host that was asked", function()
    local url = world.peer.secure_url:gsub("localhost", "127.0.0.2")
    local text = workbench.refusal(world.server, "a", ("od.fetch(%q)"):format(url))
    assert.is_truthy(text:find("the certificate was not accepted", 1, true), text)
  end)
end)

local proxies = { env = { http_proxy = "http://127.0.0.1:1/", ALL_PROXY = "http://127.0.0.1:1/" } }

describe_with("od.fetch where the environment names a proxy", proxies, function(world)
  it("does not ask it", function()
    assert.equal(200, workbench.ask(world.server, "a", ("return od.fetch(%q).status"):format(
      world.peer.url .. "/mirror")))
  end)
end)

local denied = { args = { "--fetch-private", "deny" } }

describe_with("od.fetch with --fetch-private deny", denied, function(world)
  it("reaches nothing of the inside, by whatever name", function()
    for _, host in ipairs { "127.0.0.1", "localhost", "2130706433", "0x7f.1", "[::1]", "0.0.0.0",
      "[::ffff:127.0.0.1]" } do
      local url = ("http://%s:%d/mirror"):format(host, world.peer.port)
      local text = workbench.refusal(world.server, "a", ("od.fetch(%q)"):format(url))
      assert.is_truthy(text:find("its address is of a private network or of this machine, and "
        .. "--fetch-private is deny", 1, true), text)
    end
  end)
end)

describe("od.fetch while the script is loaded", function()
  it("is refused", function()
    local code, output = workbench.refuse("require('open-do').fetch('http://x/')")
    assert.equal(1, code)
    assert.is_truthy(output:find("fetch: call it in a handler", 1, true), output)
  end)
end)
