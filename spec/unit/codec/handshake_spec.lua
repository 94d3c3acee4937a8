local core = require "spec.support.core"
local C = core.load("codec/handshake.h")
local ffi = core.ffi

local KEY = "dGhlIHNhbXBsZSBub25jZQ==" -- Key and proof are the example of RFC 6455.
local ACCEPT = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
local ALL = { ["Sec-WebSocket-Key"] = KEY, ["Sec-WebSocket-Version"] = "13" }

-- A handshake with these headers; more of them come as lines.
local function request(headers, ...)
  local text = "GET /chat HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
  for name, value in pairs(headers) do
    text = text .. name .. ": " .. value .. "\r\n"
  end
  for _, line in ipairs({ ... }) do
    text = text .. line .. "\r\n"
  end
  return text .. "\r\n"
end

-- A handshake that was read, or nil and "400 why".
local function read(text)
  local head, handshake = ffi.new("struct od_http_head"), ffi.new("struct od_handshake")
  local fault = ffi.new("struct od_http_fault")
  assert.equal(tonumber(C.OD_HTTP_DONE), tonumber(C.od_http_head_parse(head, text, #text)))
  if C.od_handshake_read(handshake, head, fault) then
    return ffi.gc(handshake, C.od_handshake_deinit)
  end
  assert.is_true(handshake.protocols.at == nil)
  return nil, fault.status .. " " .. ffi.string(fault.text)
end

-- The answer with the headers { name, value }* of the handler, without Date; or nil and why not.
local function answer(handshake, headers)
  local bytes, response = ffi.new("struct od_bytes"), ffi.new("struct od_response")
  local mark = C.od_response_begin_with(bytes, 101, C.OD_RESPONSE_SOCKET, 1, 7)
  for _, header in ipairs(headers or {}) do
    C.od_headers_put(bytes, core.slice(header[1]), core.slice(header[2]))
  end
  C.od_response_end(bytes, mark, #(headers or {}), core.slice(""))
  assert.is_true(C.od_response_read(C.od_bytes_slice(bytes), response))
  local out, err = ffi.new("struct od_bytes"), ffi.new("struct od_error")
  local ok = C.od_handshake_put_answer(out, handshake, response, 0, err)
  local text = core.string(out):gsub("Date: [^\r]*\r\n", "")
  C.od_bytes_deinit(bytes)
  C.od_bytes_deinit(out)
  if not ok then
    assert.equal("", text)
    return nil, ffi.string(err.text)
  end
  return text
end

describe("a client asks for a WebSocket", function()
  it("and gets the proof that its key was read", function()
    assert.equal("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
      .. "Sec-WebSocket-Accept: " .. ACCEPT .. "\r\n\r\n", answer(read(request(ALL))))
  end)

  it("in another version, and is told ours", function()
    for _, version in ipairs({ "12", "8", "013", "13, 8", "" }) do
      local handshake, why = read(request({
        ["Sec-WebSocket-Key"] = KEY, ["Sec-WebSocket-Version"] = version,
      }))
      assert.is_nil(handshake)
      assert.matches("^426 ", why)
    end
    assert.matches("^426 ", select(2, read(request({ ["Sec-WebSocket-Key"] = KEY }))))
    assert.matches("^426 ", select(2, read(request(ALL, "Sec-WebSocket-Version: 13"))))
  end)

  it("with a key that is not 16 bytes in base64", function()
    for _, key in ipairs({ "", "x", KEY:sub(1, 23), KEY .. "=", KEY:sub(1, 22),
      "dGhlIHNhbXBsZSBub25jZQ=x",
      "dGhlIHNhbXBsZSBub25jZR==", "dGhlIHNhbXBsZSBub25j!Q==", "dGhlIHNhbXBsZSBub25jZWU=",
      "dGhlIHNhbXBsZSB=b25jZQ==" }) do
      local handshake, why = read(request({
        ["Sec-WebSocket-Key"] = key, ["Sec-WebSocket-Version"] = "13",
      }))
      assert.is_nil(handshake, key)
      assert.matches("^400 ", why)
    end
    assert.matches("^400 ", select(2, read(request({ ["Sec-WebSocket-Version"] = "13" }))))
    assert.matches("^400 ", select(2, read(request(ALL, "Sec-WebSocket-Key: " .. KEY))))
  end)

  it("with a body, which it cannot have", function()
    assert.matches("^400 ", select(2, read(request(ALL, "Content-Length: 5"))))
    assert.matches("^400 ", select(2, read(request(ALL, "Transfer-Encoding: chunked"))))
  end)
end)

describe("a client offers subprotocols", function()
  local offered = "Sec-WebSocket-Protocol: chat.v2,chat.v1 , wamp"

  it("and the handler chooses one of them", function()
    for _, name in ipairs({ "chat.v1", "chat.v2", "wamp" }) do
      assert.matches("\r\nsec%-websocket%-protocol: " .. name:gsub("%.", "%%.") .. "\r\n",
        answer(read(request(ALL, offered)), { { "sec-websocket-protocol", name } }))
    end
  end)

  it("in two headers", function()
    local handshake = read(request(ALL, "Sec-WebSocket-Protocol: a", "Sec-WebSocket-Protocol: b"))
    assert.is_string(answer(handshake, { { "sec-websocket-protocol", "b" } }))
  end)

  it("and the handler chooses none", function()
    assert.is_nil(answer(read(request(ALL, offered))):lower():find("protocol:", 1, true))
  end)

  it("and the handler chooses what was not offered, or two, and reads why that fails", function()
    local handshake = read(request(ALL, offered))
    local text, why = answer(handshake, { { "sec-websocket-protocol", "chat.v3" } })
    assert.is_nil(text)
    assert.equal('the response chooses the subprotocol "chat.v3", but the client offered '
      .. "chat.v2, chat.v1, wamp", why)
    for _, wrong in ipairs({ "", "Chat.v1", "chat", "chat.v1, chat.v2" }) do
      assert.is_nil((answer(handshake, { { "sec-websocket-protocol", wrong } })), wrong)
    end
    assert.is_nil((answer(handshake, { { "sec-websocket-protocol", "wamp" },
      { "Sec-WebSocket-Protocol", "wamp" } })))
    assert.equal('the response chooses the subprotocol "x", but the client offered none',
      select(2, answer(read(request(ALL)), { { "sec-websocket-protocol", "x" } })))
  end)

  it("with a name that is no token, and is refused", function()
    assert.matches("^400 ", select(2, read(request(ALL, "Sec-WebSocket-Protocol: good, b@d"))))
  end)
end)

describe("a client offers compression", function()
  it("and it is answered by us", function()
    local text = answer(read(request(ALL, "Sec-WebSocket-Extensions: permessage-deflate")))
    assert.matches("\r\nSec%-WebSocket%-Extensions: permessage%-deflate; "
      .. "server_no_context_takeover; client_no_context_takeover\r\n", text)
  end)

  it("in two headers, of which the first can be kept", function()
    for _, second in ipairs({ "x", "permessage-deflate" }) do
      local handshake = read(request(ALL, "Sec-WebSocket-Extensions: "
        .. "permessage-deflate; server_max_window_bits=10", "Sec-WebSocket-Extensions: " .. second))
      assert.equal(10, handshake.offer.window_bits)
    end
  end)

  it("in two headers, of which the second can be kept", function()
    local handshake = read(request(ALL, "Sec-WebSocket-Extensions: x",
      "Sec-WebSocket-Extensions: permessage-deflate; server_max_window_bits=9"))
    assert.equal(9, handshake.offer.window_bits)
    assert.matches("; server_max_window_bits=9\r\n", answer(handshake))
  end)

  it("and there is none when the server does not want it", function()
    local handshake = read(request(ALL, "Sec-WebSocket-Extensions: permessage-deflate"))
    handshake.offer.window_bits = 0
    assert.is_nil(answer(handshake):find("Extensions", 1, true))
  end)
end)

describe("the handler's other headers", function()
  it("are sent, but none that is ours", function()
    local text = answer(read(request(ALL)), { { "x-a", "b" }, { "set-cookie", "c=d" },
      { "sec-websocket-accept", "forged" }, { "sec-websocket-extensions", "permessage-deflate" },
      { "upgrade", "h2c" }, { "connection", "close" }, { "content-length", "0" } })
    assert.equal("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
      .. "Sec-WebSocket-Accept: " .. ACCEPT .. "\r\nx-a: b\r\nset-cookie: c=d\r\n\r\n", text)
  end)

  it("that cannot be sent, stop it all", function()
    assert.is_nil((answer(read(request(ALL)), { { "x", "a\r\nb: c" } })))
  end)
end)
