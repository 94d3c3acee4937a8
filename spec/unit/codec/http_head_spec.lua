-- Clients send heads, good and bad. Each head is fed whole, byte by byte and in random pieces, by a
-- buffer that grows and moves, as it does in a server.

local core = require "spec.support.core"
local pieces = require "spec.unit.codec.pieces"
local C = core.load("codec/http_head.h", "link/request.h")
local ffi = core.ffi

local HEAD_MAX = C.OD_HTTP_HEAD_BYTES_MAX

local function headers_of(raw)
  local rest, header = ffi.new("od_slice[1]", { raw }), ffi.new("struct od_header")
  local headers = {}
  while C.od_http_headers_next(rest, header) do
    headers[#headers + 1] = core.string(header.name) .. "=" .. core.string(header.value)
  end
  return headers
end

local function facts_of(head)
  return {
    bytes = head.bytes,
    method = core.string(head.method),
    target = core.string(head.target),
    host = core.string(head.host),
    version = head.version_minor,
    headers = headers_of(head.headers),
    chunked = head.is_chunked,
    length = tonumber(head.content_length),
    keeps_alive = head.keeps_alive,
    expects_continue = head.expects_continue,
    websocket = head.wants_websocket,
  }
end

-- What somebody else understands who has the same bytes, and is told where their lines stand.
local function facts_told(read, at, size)
  local head = ffi.new("struct od_http_head")
  C.od_http_head_take_lines(head, C.od_http_head_lines(read))
  assert.equal(tonumber(C.OD_HTTP_DONE), tonumber(C.od_http_head_parse(head, at, size)))
  return facts_of(head)
end

-- Feeds pieces until the head is decided: its facts, or "400 why", or "more".
local function parse_pieces(parts)
  local head, sent = ffi.new("struct od_http_head"), ""
  C.od_http_head_init(head)
  for _, part in ipairs(parts) do
    sent = sent .. part
    local result = pieces.with_copy(sent, function(at, size)
      local outcome = C.od_http_head_parse(head, at, size)
      if outcome == C.OD_HTTP_DONE then
        local facts = facts_of(head)
        assert.same(facts, facts_told(head, at, size))
        return facts
      end
      return outcome == C.OD_HTTP_BAD and head.fault.status .. " " .. ffi.string(head.fault.text)
    end)
    if result then
      return result
    end
  end
  return "more"
end

local function parse(text)
  return pieces.same_in_all(text, parse_pieces)
end

local function lines(...)
  return table.concat({ ... }, "\r\n") .. "\r\n\r\n"
end

local function get(...)
  return parse(lines("GET / HTTP/1.1", "Host: h", ...))
end

local function post(...)
  return parse(lines("POST / HTTP/1.1", "Host: h", ...))
end

-- [result] is a refusal with [status]; [what] was said.
local function refused(status, result, what)
  assert.equal(status, tostring(result):sub(1, 3), what)
end

describe("a client sends a head", function()
  it("and the server knows what it wants", function()
    local text = lines("GET /a%20b?c=d&e HTTP/1.1", "Host: example.org:8080", "X-One: 1",
      "x-two:\t two \t")
    assert.same({
      bytes = #text, method = "GET", target = "/a%20b?c=d&e", host = "example.org:8080",
      version = 1,
      headers = { "Host=example.org:8080", "X-One=1", "x-two=two" }, chunked = false, length = 0,
      keeps_alive = true, expects_continue = false, websocket = false,
    }, parse(text))
  end)

  it("and what follows it is left alone", function()
    local text = lines("GET / HTTP/1.1", "Host: h")
    assert.equal(#text, parse(text .. "\0\1\2 the next request").bytes)
  end)

  it("and must send it all", function()
    local text = lines("GET / HTTP/1.1", "Host: h")
    for size = 0, #text - 1 do
      assert.equal("more", parse(text:sub(1, size)))
    end
  end)

  it("behind one empty line, but not behind two", function()
    assert.equal("/", parse("\r\n" .. lines("GET / HTTP/1.1", "Host: h")).target)
    assert.same({ "Host=h" }, parse("\r\n" .. lines("GET / HTTP/1.1", "Host: h")).headers)
    refused("400", parse("\r\n\r\n" .. lines("GET / HTTP/1.1", "Host: h")))
  end)

  it("with a method nobody knows, in the case in which it was sent", function()
    assert.equal("m-Search", parse(lines("m-Search / HTTP/1.1", "Host: h")).method)
  end)

  it("with an empty value, and with bytes that are not ASCII in a value", function()
    assert.same({ "Host=h", "A=", "B=caf\195\169" }, get("A:", "B: caf\195\169").headers)
  end)

  it("of HTTP/1.0 without a Host", function()
    local head = parse(lines("GET /old HTTP/1.0"))
    assert.equal("", head.host)
    assert.equal(0, head.version)
    assert.is_false(head.keeps_alive)
  end)
end)

describe("the request line", function()
  it("may have an absolute target, whose host overrules the header", function()
    local head = parse(lines("GET http://other.example:81/p?q HTTP/1.1", "Host: h"))
    assert.same({ "/p?q", "other.example:81" }, { head.target, head.host })
    assert.equal("/", parse(lines("GET HTTPS://other HTTP/1.1", "Host: h")).target)
  end)

  it("may ask OPTIONS of the whole server, and nothing else of it", function()
    assert.equal("*", parse(lines("OPTIONS * HTTP/1.1", "Host: h")).target)
    refused("400", parse(lines("GET * HTTP/1.1", "Host: h")))
  end)

  it("is refused with 400 in any other form", function()
    for _, line in ipairs({
      "GET", "GET /", "GET  / HTTP/1.1", "GET /  HTTP/1.1", " GET / HTTP/1.1", "GET / HTTP/1.1 ",
      "GET\t/\tHTTP/1.1", "GET / HTTP/1.1 x", "G\0T / HTTP/1.1", "G(T / HTTP/1.1", "GET / http/1.1",
      "GET / HTTP/1", "GET / HTTP/1.10", "GET / HTTP/a.1", "GET / HTTP/1,1", "GET / FTP/1.1",
      "GET path HTTP/1.1", "GET /a#b HTTP/1.1", "GET /a\127 HTTP/1.1", "GET /a\195\169 HTTP/1.1",
      "GET /\0 HTTP/1.1", "GET /a\rb HTTP/1.1", "GET http:// HTTP/1.1", "GET http:///p HTTP/1.1",
      "GET http://u@h/ HTTP/1.1", "GET http://h?q HTTP/1.1", "GET ftp://h/ HTTP/1.1",
      "GET h:80 HTTP/1.1", "GET / \r HTTP/1.1", "\0", "{\"json\": 1}",
    }) do
      refused("400", parse(lines(line, "Host: h")), line)
    end
  end)

  it("is refused with 505 for other versions, and 501 for CONNECT", function()
    for _, version in ipairs({ "HTTP/0.9", "HTTP/1.2", "HTTP/2.0", "HTTP/3.1" }) do
      refused("505", parse(lines("GET / " .. version, "Host: h")))
    end
    refused("505", parse("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"))
    refused("501", parse(lines("CONNECT h:443 HTTP/1.1", "Host: h")))
  end)

  it("is refused with 414 when it is too long, also before it ends", function()
    local longest = C.OD_HTTP_REQUEST_LINE_BYTES_MAX - #"GET / HTTP/1.1"
    local fits = lines("GET /" .. ("x"):rep(longest) .. " HTTP/1.1", "Host: h")
    assert.equal("GET", parse(fits).method)
    refused("414", parse(lines("GET /" .. ("x"):rep(longest + 1) .. " HTTP/1.1", "Host: h")))
    refused("414", parse("GET /" .. ("x"):rep(9000)))
  end)

  it("is refused at its first byte when that cannot begin a request", function()
    assert.equal("400 this port speaks plain HTTP, not TLS", parse("\22\3\1"))
    refused("400", parse("\0"))
    refused("400", parse(" "))
  end)
end)

describe("a line of the head", function()
  it("ends with CR LF and nothing less", function()
    refused("400", parse("GET / HTTP/1.1\nHost: h\r\n\r\n"))
    refused("400", parse("GET / HTTP/1.1\r\nHost: h\n\r\n"))
    refused("400", parse("GET / HTTP/1.1\r\nHost: h\r\n\n"))
    refused("400", parse("\nGET / HTTP/1.1\r\n"))
    refused("400", parse("GET / HTTP/1.1\r\nHost: h\rX: y\r\n\r\n"))
    refused("400", parse("GET / HTTP/1.1\r\nHost: h\r\r\n\r\n"))
    refused("400", parse("GET / HTTP/1.1\r\nHost: h\r\n\r\r\n"))
  end)

  it("has a name, a colon and a value, in one line", function()
    for _, line in ipairs({
      " folded", "\tfolded", "no colon", ": no name", "Name : value", "Na me: value",
      "N\195\169: value",
      "Name\0: value", "A: nul \0", "A: bell \7", "A: delete \127", "A: cr \r x", "(A): b",
      "A\t: b",
    }) do
      refused("400", get(line), line)
      refused("400", parse(lines("GET / HTTP/1.1", line, "Host: h")), line)
    end
  end)

  it("is refused as soon as it is whole, without the rest", function()
    refused("400", parse("GET / HTTP/1.1\r\nno colon\r\n"))
  end)

  it("is one of at most 100", function()
    local many = {}
    for i = 1, 99 do
      many[i] = "X-" .. i .. ": y"
    end
    assert.equal(100, #get(unpack(many)).headers)
    many[100] = "X-100: y"
    refused("431", get(unpack(many)))
  end)

  it("is part of a head of at most 16 KiB", function()
    local empty = lines("GET / HTTP/1.1", "Host: h", "X: ")
    local fits = lines("GET / HTTP/1.1", "Host: h", "X: " .. ("y"):rep(HEAD_MAX - #empty))
    assert.equal(HEAD_MAX, parse(fits).bytes)
    assert.equal(HEAD_MAX, parse(fits .. "body").bytes)
    local too_large = lines("GET / HTTP/1.1", "Host: h", "X: " .. ("y"):rep(HEAD_MAX - #empty + 1))
    refused("431", parse(too_large))
    refused("431", parse(too_large:sub(1, HEAD_MAX)))
  end)
end)

describe("the Host header", function()
  it("is there exactly once in HTTP/1.1", function()
    assert.equal("400 there is no Host header", parse(lines("GET / HTTP/1.1")))
    assert.equal("400 there is more than one Host header", get("Host: h"))
    assert.equal("400 there is no Host header", parse(lines("GET http://h/ HTTP/1.1")))
  end)

  it("is a host, so that it can stand in a url", function()
    for _, host in ipairs({ "a", "a.b-c.example", "127.0.0.1", "h:80", "h:", "[::1]", "[::1]:8080",
      "[fe80::1%25eth0]", "under_score" }) do
      assert.equal(host, parse(lines("GET / HTTP/1.1", "Host: " .. host)).host)
    end
    for _, host in ipairs({ "", "a b", "a/b", "a?b", "a#b", "u@h", ":80", "h:x", "h:99999", "h:1:2",
      "::1",
      "[::1", "::1]", "[]", "[a]b", "[a[b]]", "a[b]", "h\\", "\"h\"", "<h>", "h\195\169" }) do
      local result = parse(lines("GET / HTTP/1.1", "Host: " .. host))
      assert.equal("400 the Host header is not valid", result, host)
    end
  end)
end)

describe("the length of a body", function()
  it("is what Content-Length says", function()
    assert.equal(123, post("Content-Length: 123").length)
    assert.equal(0, post("Content-Length: 0").length)
    assert.equal(999999999999999999, post("content-length:999999999999999999").length)
  end)

  it("is one number and no more", function()
    for _, value in ipairs({ "", "-1", "+1", "1 2", "1, 1", "0x10", "1.0", "1e3", "12a",
      "9999999999999999999", "18446744073709551616", ("9"):rep(100) }) do
      refused("400", post("Content-Length: " .. value), value)
    end
    refused("400", post("Content-Length: 5", "Content-Length: 6"))
    refused("400", post("Content-Length: 5", "Content-Length: 5"))
  end)

  it("is found by chunks, and then nowhere else", function()
    assert.is_true(post("Transfer-Encoding: chunked").chunked)
    assert.is_true(post("Transfer-Encoding: Chunked").chunked)
    refused("400", post("Transfer-Encoding: chunked", "Content-Length: 5"))
    refused("400", post("Content-Length: 0", "Transfer-Encoding: chunked"))
    refused("400", parse(lines("POST / HTTP/1.0", "Transfer-Encoding: chunked")))
  end)

  it("is not guessed when the coding is another", function()
    for _, value in ipairs({ "", "gzip", "gzip, chunked", "chunked, chunked", "identity",
      "xchunked",
      "chunked;q=1", "\"chunked\"" }) do
      refused("501", post("Transfer-Encoding: " .. value), value)
    end
    refused("501", post("Transfer-Encoding: chunked", "Transfer-Encoding: chunked"))
  end)
end)

describe("the connection", function()
  it("stays open in 1.1 unless the client says close, and in 1.0 when it asks", function()
    assert.is_true(get("Connection: keep-alive").keeps_alive)
    assert.is_false(get("Connection: close").keeps_alive)
    assert.is_false(get("Connection: x , CLOSE").keeps_alive)
    assert.is_false(get("Connection: x", "Connection: close").keeps_alive)
    assert.is_true(get("Connection: closed").keeps_alive)
    assert.is_true(parse(lines("GET / HTTP/1.0", "Connection: Keep-Alive")).keeps_alive)
    assert.is_false(parse(lines("GET / HTTP/1.0", "Connection: keep-alive, close")).keeps_alive)
  end)

  it("waits for 100 when the client expects it and has a body", function()
    assert.is_true(post("Expect: 100-Continue", "Content-Length: 5").expects_continue)
    assert.is_true(post("Expect: 100-continue", "Transfer-Encoding: chunked").expects_continue)
    assert.is_false(post("Expect: 100-continue").expects_continue)
    refused("417", post("Expect: miracles", "Content-Length: 5"))
    assert.is_false(parse(lines("POST / HTTP/1.0", "Expect: 100-continue", "Content-Length: 1"))
      .expects_continue)
  end)

  it("becomes a WebSocket when all of it is there", function()
    assert.is_true(get("Connection: Upgrade", "Upgrade: websocket").websocket)
    assert.is_true(get("Connection: keep-alive, upgrade", "Upgrade: h2c, WebSocket").websocket)
    assert.is_false(get("Upgrade: websocket").websocket)
    assert.is_false(get("Connection: upgrade").websocket)
    assert.is_false(get("Connection: upgrade", "Upgrade: websockets").websocket)
    assert.is_false(post("Connection: upgrade", "Upgrade: websocket").websocket)
    assert.is_false(parse(lines("GET / HTTP/1.0", "Host: h", "Connection: upgrade",
      "Upgrade: websocket")).websocket)
  end)
end)

describe("a head as a message", function()
  local function request_of(text, body)
    local head, out = ffi.new("struct od_http_head"), ffi.new("struct od_bytes")
    assert.equal(tonumber(C.OD_HTTP_DONE), tonumber(C.od_http_head_parse(head, text, #text)))
    C.od_http_head_put_request(head, core.slice("192.0.2.1"), core.slice(body or ""), out)
    local request, header = ffi.new("struct od_request"), ffi.new("struct od_header")
    assert.is_true(C.od_request_read(C.od_bytes_slice(out), request))
    local headers = {}
    while C.od_headers_next(request.headers, header) do
      headers[#headers + 1] = core.string(header.name) .. "=" .. core.string(header.value)
    end
    local told = { core.string(request.method), core.string(request.url), core.string(request.peer),
      headers, core.string(request.body) }
    C.od_bytes_deinit(out)
    return told
  end

  it("says all of it, with lower-case names and an absolute url", function()
    assert.same({ "PUT", "http://h:80/a?b", "192.0.2.1",
      { "host=h:80", "x-a=B", "x-a=C" }, "body" },
      request_of(lines("PUT /a?b HTTP/1.1", "HOST: h:80", "X-A: B", "x-a: C"), "body"))
  end)

  it("leaves out what was dealt with", function()
    assert.same({ "host=h", "te=x" }, request_of(lines("POST / HTTP/1.1", "Host: h",
      "Transfer-Encoding: chunked", "Expect: 100-continue", "TE: x"))[4])
  end)

  it("names one host, also for an absolute target", function()
    local told = request_of(lines("GET http://real/p HTTP/1.1", "Host: claimed"))
    assert.same({ "http://real/p", { "host=real" } }, { told[2], told[4] })
  end)

  it("has a host and a path where the client gave none", function()
    assert.equal("http://localhost/x", request_of(lines("GET /x HTTP/1.0"))[2])
    assert.equal("http://h/*", request_of(lines("OPTIONS * HTTP/1.1", "Host: h"))[2])
  end)

  for what, origins in pairs {
    ["http://a"] = { "ORIGIN: http://a", "origin: http://b" },
    [""] = { "Origin:", "Origin: http://b" },
    none = {},
  } do
    it("has the first origin, in any letter case: " .. what, function()
      local text = lines("GET / HTTP/1.1", "Host: h", unpack(origins))
      local head = ffi.new("struct od_http_head")
      assert.equal(tonumber(C.OD_HTTP_DONE), tonumber(C.od_http_head_parse(head, text, #text)))
      assert.equal(what, head.has_origin and core.string(head.origin) or "none")
    end)
  end
end)

describe("any bytes at all", function()
  it("give one result in any pieces", function()
    local parts = { "GET", " ", "/", "HTTP/1.1", "\r\n", "\r\n", "\n", "\r", ":", "Host: h\r\n",
      "X: y\r\n",
      "Content-Length: 1\r\n", "\0", "\t", "Connection: close\r\n", "GET / HTTP/1.1\r\n",
      "http://a/",
      "Transfer-Encoding: chunked\r\n" }
    for seed = 1, 400 do
      math.randomseed(seed)
      local text = math.random() < 0.6 and { "GET / HTTP/1.1\r\nHost: h\r\n" } or {}
      for _ = 1, math.random(1, 10) do
        text[#text + 1] = parts[math.random(#parts)]
      end
      local result = parse(table.concat(text))
      assert.is_true(type(result) == "table" or result == "more"
        or result:match("^[45]%d%d ") ~= nil)
    end
  end)
end)
