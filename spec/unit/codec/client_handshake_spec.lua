local core = require "spec.support.core"
local C = core.load("codec/client_handshake.h", "codec/handshake.h")
local ffi = core.ffi

local CHANCE = "the sample nonce" -- Key and proof are the example of RFC 6455.
local ACCEPT = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
local OFFERED = "permessage-deflate; server_no_context_takeover; client_no_context_takeover"

local protocols = core.slice("one, two")

local function handshake()
  local made = ffi.new("struct od_client_handshake")
  C.od_client_handshake_begin(made, ffi.cast("const uint8_t *", CHANCE), protocols)
  return made
end

-- The lines we send to [url] with the headers { name, value }*.
local function request(url, headers)
  local parsed, bytes, out = ffi.new("struct od_url"), ffi.new("struct od_bytes"),
    ffi.new("struct od_bytes")
  local err = ffi.new("struct od_error")
  assert(C.od_url_parse(parsed, core.slice(url), nil, err), ffi.string(err.text))
  C.od_bytes_put_u32(bytes, #(headers or {}))
  for _, header in ipairs(headers or {}) do
    C.od_headers_put(bytes, core.slice(header[1]), core.slice(header[2]))
  end
  local cursor = ffi.new("struct od_cursor[1]", { C.od_cursor_of(C.od_bytes_slice(bytes)) })
  C.od_client_handshake_put(handshake(), parsed, C.od_headers_read(cursor), out)
  local text = core.string(out)
  C.od_bytes_deinit(out)
  C.od_bytes_deinit(bytes)
  C.od_url_deinit(parsed)
  return text
end

-- What an answer means: "more", or a table; nil and why it is bad.
local function read(text)
  local answer, err = ffi.new("struct od_client_handshake_answer"), ffi.new("struct od_error")
  local outcome = tonumber(C.od_client_handshake_read(handshake(), core.slice(text), answer, err))
  if outcome == tonumber(C.OD_HTTP_MORE) then
    return "more"
  elseif outcome == tonumber(C.OD_HTTP_BAD) then
    return nil, ffi.string(err.text)
  end
  return { bytes = tonumber(answer.bytes), window = answer.window_bits,
    protocol = answer.protocol.size > 0 and core.string(answer.protocol) or "" }
end

local function answer(...)
  return table.concat({ "HTTP/1.1 101 Switching Protocols", "Upgrade: websocket",
    "Connection: keep-alive, Upgrade", "Sec-WebSocket-Accept: " .. ACCEPT, ... }, "\r\n")
    .. "\r\n\r\n"
end

describe("the handshake of a client", function()
  it("asks for the place, with what it needs and what it is given", function()
    local text = request("http://h:81/a/b?x=1#f", { { "authorization", "me" }, { "host", "other" },
      { "sec-websocket-key", "mine" }, { "user-agent", "a spec" } })
    assert.equal("GET /a/b?x=1 HTTP/1.1\r\nHost: h:81\r\nUpgrade: websocket\r\n"
      .. "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
      .. "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Extensions: " .. OFFERED
      .. "\r\nSec-WebSocket-Protocol: one, two\r\nauthorization: me\r\nuser-agent: a spec\r\n\r\n",
      text)
    assert.matches("^GET / HTTP/1.1\r\nHost: %[::1%]\r\n", request("https://[::1]"))
  end)

  it("takes the answer in any pieces, and no byte behind it", function()
    local text = answer("X-More: \t value ")
    for size = 0, #text - 1 do
      assert.equal("more", (read(text:sub(1, size))))
    end
    assert.same({ bytes = #text, window = 0, protocol = "" }, read(text .. "\129\0"))
  end)

  it("agrees on what it has offered, and nothing else", function()
    local function extensions(value)
      return read(answer("Sec-WebSocket-Extensions: " .. value))
    end
    assert.equal(15, extensions(OFFERED).window)
    assert.equal(15, extensions("permessage-deflate;server_no_context_takeover").window)
    for _, value in ipairs { "x-other", "permessage-deflate; server_max_window_bits=10",
      OFFERED .. ", " .. OFFERED, "permessage-deflate; server_no_context_takeover; what", "" } do
      assert.same({ nil, "it was answered with extensions that nobody asked for" },
        { extensions(value) }, value)
    end
    assert.matches("context takeover", select(2, extensions("permessage-deflate")))
    assert.equal("two", read(answer("Sec-WebSocket-Protocol: two")).protocol)
    assert.matches("nobody asked for", select(2, read(answer("Sec-WebSocket-Protocol: three"))))
  end)

  it("is failed by whatever is no such answer", function()
    local function why(text)
      return (select(2, read(text)))
    end
    local not_http = "the answer is not HTTP"
    for _, text in ipairs { "HTTP/2 101 x\r\n", "HTTP/1.1 1o1 x\r\n", "HTTP/1.1 101x\r\n",
      "HTTP/1.1\r\n", "\r\n", answer("no colon"), answer(": x"), answer("a b: x"),
      answer("a: \1"), answer("a: x\ny") } do
      assert.equal(not_http, why(text), text)
    end
    assert.equal("it was answered with 404 Not Found and not with 101",
      why("HTTP/1.1 404 Not Found\r\n"))
    assert.equal("it was answered with 404 and not with 101", why("HTTP/1.1 404\r\n"))
    assert.matches("twice", why(answer("Sec-WebSocket-Accept: " .. ACCEPT)))
    assert.matches("Accept is wrong", why((answer():gsub("K%+xOo=", "K+xOp="))))
    assert.matches("not to a WebSocket", why((answer():gsub("Upgrade: websocket", "Upgrade: h2"))))
    assert.matches("not to a WebSocket", why((answer():gsub("keep%-alive, Upgrade", "close"))))
    assert.matches("more than 16384 bytes", why("HTTP/1.1 101 x\r\na: " .. ("x"):rep(16384)))
  end)
end)
