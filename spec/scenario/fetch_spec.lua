-- od.fetch: an object asks a server of the outside world.
local json = require "dkjson"
local Peer = require "spec.support.peer"
local workbench = require "spec.scenario.workbench"

local SOURCE = [[
local od = require "open-do"
local Relay = {}
function Relay:fetch(request)
  return od.fetch(request.headers:get("x-url"))
end
return { namespaces = { relays = Relay, things = { fetch = require("workbench").fetch } } }
]]

describe("od.fetch", function()
  local server, peer

  setup(function()
    peer = Peer.start { secure = true }
    server = workbench.start(SOURCE, { env = { SSL_CERT_FILE = peer.certificate } })
  end)

  teardown(function()
    server:stop()
    peer:stop()
  end)

  -- What `code` returns, in which fetch(path, init) asks the peer.
  local function ask(code)
    return workbench.ask(server, "a", ([[
      local function fetch(path, init)
        if path:sub(1, 1) == "/" then path = %q .. path end
        local response = od.fetch(path, init)
        return response
      end
    ]]):format(peer.url) .. code)
  end

  -- What the peer saw of a fetch with `init`: fields by their lower-case names.
  local function seen(init, path)
    local text = ask(("return fetch(%q, %s):text()"):format(path or "/mirror", init or "nil"))
    local request = assert(json.decode(text))
    request.headers = {}
    for at = 1, #request.fields, 2 do
      local name = request.fields[at]:lower()
      assert.is_nil(request.headers[name], name .. " came twice")
      request.headers[name] = request.fields[at + 1]
    end
    return request
  end

  it("gets", function()
    local request = seen(nil, "/mirror?x=1&y=a%20b#fragment")
    assert.equal("GET", request.method)
    assert.equal("/mirror?x=1&y=a%20b", request.url)
    assert.equal("", request.body)
    assert.matches("^open%-do/%d+%.%d+%.%d+$", request.headers["user-agent"])
    assert.is_nil(request.headers["content-type"])
  end)

  it("posts text, which says so, or bytes of another type", function()
    local request = seen('{ method = "POST", body = "two words" }')
    assert.equal("POST", request.method)
    assert.equal("two words", request.body)
    assert.equal("9", request.headers["content-length"])
    assert.equal("text/plain;charset=UTF-8", request.headers["content-type"])
    request = seen([[{ method = "PUT", body = "\0\r\n\255",
      headers = { ["Content-Type"] = "application/x-bytes" } }]])
    assert.equal("PUT", request.method)
    assert.equal("\0\r\n\195\191", request.body) -- JSON's UTF-8 for the byte 255.
    assert.equal("application/x-bytes", request.headers["content-type"])
  end)

  it("says that a body is empty where the method needs to know", function()
    assert.equal("0", seen('{ method = "POST" }').headers["content-length"])
    assert.is_nil(seen('{ method = "DELETE" }').headers["content-length"])
    assert.equal("OPTIONS", seen('{ method = "OPTIONS" }').method)
    assert.equal("x", seen('{ method = "DELETE", body = "x" }').body)
  end)

  it("sends large bodies without asking first", function()
    local request = seen('{ method = "POST", body = ("x"):rep(2 * 2 ^ 20) }')
    assert.equal(2 * 2 ^ 20, #request.body)
    assert.is_nil(request.headers.expect)
  end)

  it("sends fields, also empty ones, and its own name only when there is none", function()
    local request = seen([[{ headers = { ["X-One"] = "1", ["X-Empty"] = "",
      ["User-Agent"] = "tester", accept = "text/x" } }]])
    assert.equal("1", request.headers["x-one"])
    assert.equal("", request.headers["x-empty"])
    assert.equal("tester", request.headers["user-agent"])
    assert.equal("text/x", request.headers.accept)
  end)

  it("leaves out fields that belong to a connection", function()
    local request = seen([[{ method = "POST", body = "four", headers = { Host = "elsewhere",
      ["Content-Length"] = "9", ["Transfer-Encoding"] = "chunked", Connection = "close",
      ["Keep-Alive"] = "1", TE = "trailers", Trailer = "x", Expect = "100-continue",
      ["Accept-Encoding"] = "x-odd" } }]])
    assert.equal("four", request.body)
    assert.equal("127.0.0.1:" .. peer.port, request.headers.host)
    assert.equal("4", request.headers["content-length"])
    for _, name in ipairs { "transfer-encoding", "te", "trailer", "expect", "keep-alive" } do
      assert.is_nil(request.headers[name], name)
    end
    assert.is_truthy(request.headers["accept-encoding"]:find("gzip"))
  end)

  it("leaves out what Connection names, both ways", function()
    local request = seen([[{ headers = { Connection = "close, X-Hop ,x-other", ["X-Hop"] = "1",
      ["x-other"] = "2", ["X-Kept"] = "3" } }]])
    assert.is_nil(request.headers["x-hop"])
    assert.is_nil(request.headers["x-other"])
    assert.equal("3", request.headers["x-kept"])
    local raw = peer:raw("HTTP/1.1 200 OK\r\nX-Hop: 1\r\nConnection: close\r\nX-Kept: 3\r\n"
      .. "Connection: x-hop\r\n\r\n")
    assert.same({ false, true }, ask(([[
      local headers = fetch(%q).headers
      return { headers:has("x-hop"), headers:has("x-kept") }
    ]]):format(raw)))
  end)

  -- A recipient of HTTP/1.1 may refuse such a line or put spaces where it was folded (RFC 9112,
  -- section 5.2). What followed the fold was lost.
  it("joins a folded field", function()
    local raw = peer:raw("HTTP/1.1 200 OK\r\nX-Long: one\r\n two\r\n\t \r\n  three \r\n"
      .. "bad name: 1\r\n of nobody\r\nX-Next: 4\r\nX-Odd: 5\r\n \1\r\n\r\n")
    assert.same({ "one two three", "4", false }, ask(([[
      local headers = fetch(%q).headers
      return { headers:get("x-long"), headers:get("x-next"), headers:has("x-odd") }
    ]]):format(raw)))
  end)

  -- The answer lies before the reset, and was thrown away when both were seen at once.
  it("takes an answer that is followed by a reset", function()
    for _ = 1, 20 do
      assert.same({ 200, 20000 }, ask([[
        local response = fetch("/reset?bytes=20000")
        return { response.status, #response:text() }
      ]]))
    end
  end)

  it("tries anew what a used connection ended without an answer", function()
    for _, how in ipairs { "close", "reset" } do
      for _, size in ipairs { 0, 10, 3000000 } do
        local code = ([[fetch("/once?how=%s", %d > 0 and { method = "POST",
          body = ("x"):rep(%d) } or nil):text()]]):format(how, size, size)
        local sizes = ask("local first, second = " .. code .. ", " .. code
          .. " return { first, second }")
        assert.same({ tostring(size), tostring(size) }, sizes)
        peer:wait("ended a connection that was used before")
      end
    end
  end)

  it("sends a Request on, with what init says otherwise", function()
    local value = ask(([[
      local request = od.Request(%q, { method = "POST", body = "b" })
      return { od.fetch(request.url):text(), od.fetch(request):text(),
        od.fetch(request, { method = "PUT" }):text() }
    ]]):format(peer.url .. "/mirror"))
    assert.equal("GET", json.decode(value[1]).method)
    assert.equal("POST", json.decode(value[2]).method)
    assert.equal("b", json.decode(value[2]).body)
    assert.equal("PUT", json.decode(value[3]).method)
  end)

  it("gives status, fields and body", function()
    assert.same({ 404, false, "status", "gone" }, ask([[
      local response = fetch("/status?code=404&body=gone")
      return { response.status, response.ok, response.headers:get("x-kind"), response:text() }
    ]]))
    assert.same({ 204, true, "" }, ask([[
      local response = fetch("/status?code=204")
      return { response.status, response.ok, response:text() }
    ]]))
  end)

  it("gives each Set-Cookie by itself", function()
    assert.same({ "a=1; Path=/", "b=2" }, ask('return fetch("/cookies").headers:getSetCookie()'))
  end)

  it("gives bytes as they are", function()
    assert.equal("00ff0a0d0080", ask('return od.hex.encode(fetch("/binary"):text())'))
  end)

  it("reads JSON", function()
    assert.equal("GET", ask('return fetch("/mirror"):json().method'))
  end)

  it("decodes gzip and brotli, and tells nothing of them", function()
    assert.same({ "a small text, again a small text", "another small text" }, ask([[
      local a, b = fetch("/gzip"), fetch("/br")
      assert(not a.headers:has("content-encoding") and not a.headers:has("content-length"))
      return { a:text(), b:text() }
    ]]))
  end)

  it("asks for a head alone", function()
    assert.same({ 200, "", "40000000" }, ask([[
      local response = fetch("/large?announced=1&bytes=40000000", { method = "HEAD" })
      return { response.status, response:text(), response.headers:get("content-length") }
    ]]))
  end)

  it("goes where od.url.parse says, also by a redirect", function()
    local port = peer.port
    for _, text in ipairs { "http:\\\\127.0.0.1:%d\\mirror", "http:/0x7f.1:%d/a/%%2e./mirror",
      "http:x@y", "HTTP:2130706433:%d/mirror#x", "http://127.0.0.1:%d/mirror?a|b\\" } do
      text = text:format(port)
      local seen_url, parsed = unpack(ask(([[
        local text = %q
        local ok, answer = pcall(od.fetch, text)
        local parts = od.url.parse(text)
        return { ok and "http://" .. od.json.decode(answer:text()).fields[2]
          .. od.json.decode(answer:text()).url or "refused",
          parts.username ~= "" and "refused" or parts.origin .. parts.pathname .. parts.search }
      ]]):format(text)))
      assert.equal(parsed, seen_url, text)
    end
    local to = ("/\\localhost:%d/mirror"):format(port)
    local far = seen('{ headers = { Authorization = "secret" } }',
      "/redirect?to=" .. to:gsub("\\", "%%5c"))
    assert.equal("localhost:" .. port, far.headers.host)
    assert.is_nil(far.headers.authorization)
  end)

  it("uses a connection again", function()
    local first = seen().connections
    assert.equal(first, seen().connections)
  end)

  it("speaks TLS with a server whose certificate is trusted", function()
    local text = ask(("return fetch(%q):text()"):format(peer.secure_url .. "/mirror"))
    assert.equal("/mirror", json.decode(text).url)
  end)

  describe("follows redirects", function()
    it("to the end", function()
      assert.equal("landed", ask('return fetch("/count-down?left=20"):text()'))
    end)

    it("with the method of the standard", function()
      local function method_after(status, method)
        local init = ('{ method = %q, body = %s, headers = { ["content-type"] = "x/y" } }'):format(
          method, method == "GET" and "nil" or '"data"')
        local request = seen(init, ("/redirect?status=%d&to=/mirror"):format(status))
        local has_body = request.body == "data"
        assert.equal(has_body or method == "GET", request.headers["content-type"] == "x/y")
        return request.method .. (has_body and " data" or "")
      end
      assert.equal("GET", method_after(301, "POST"))
      assert.equal("GET", method_after(302, "POST"))
      assert.equal("PUT data", method_after(302, "PUT"))
      assert.equal("GET", method_after(303, "PUT"))
      assert.equal("POST data", method_after(307, "POST"))
      assert.equal("POST data", method_after(308, "POST"))
      assert.equal("GET", method_after(307, "GET"))
    end)

    it("with credentials in the same origin only", function()
      local init = [[{ headers = { Authorization = "Bearer secret", Cookie = "a=1",
        ["X-Other"] = "kept" } }]]
      local near = seen(init, "/redirect?to=/mirror")
      assert.equal("Bearer secret", near.headers.authorization)
      assert.equal("a=1", near.headers.cookie)
      local far = seen(init, ("/redirect?to=http://localhost:%d/mirror"):format(peer.port))
      assert.is_nil(far.headers.authorization)
      assert.is_nil(far.headers.cookie)
      assert.equal("kept", far.headers["x-other"])
    end)

    it("or gives them to the script", function()
      assert.same({ 302, "/mirror", "moved" }, ask([[
        local response = fetch("/redirect?to=/mirror", { redirect = "manual" })
        return { response.status, response.headers:get("location"), response:text() }
      ]]))
    end)
  end)

  it("fetches from an open-do, too", function()
    assert.same({ value = 7 }, ask(([[
      return fetch(%q, { method = "POST", body = "return 3 + 4" }):json()
    ]]):format(server.url .. "/things/b")))
  end)

  it("can be passed on as the answer of the object", function()
    local answer = server:get("/relays/a", { ["x-url"] = peer.url .. "/gzip" })
    assert.equal("a small text, again a small text", answer.body)
    assert.is_nil(answer.headers["content-encoding"])
    answer = server:get("/relays/a", { ["x-url"] = peer.url .. "/status?code=404&body=x" })
    assert.equal(404, answer.status)
    assert.equal("x", answer.body)
  end)
end)
