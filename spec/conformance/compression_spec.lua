-- RFC 7692, permessage-deflate: what is agreed on, and real traffic under each agreement, as in the
-- groups 12 and 13 of the Autobahn test suite.
local Server = require "spec.support.server"
local websocket = require "spec.support.websocket"
local zlib = require "spec.support.zlib"

local RSV1 = 4

-- Text that compresses as text does, and bytes that do not.
local function prose(size)
  local words, out, length = { "object", "socket", "storage", "batch", "turn", "wire" }, {}, 0
  for i = 1, size do
    local word = words[(i * i) % 6 + 1] .. (i % 97) .. " "
    out[i], length = word, length + #word
    if length >= size then
      break
    end
  end
  return table.concat(out):sub(1, size)
end

local function noise(size)
  local out, state = {}, 42
  for i = 1, size do
    state = (state * 1103515245 + 12345) % 2147483648
    out[i] = string.char(math.floor(state / 65536) % 256)
  end
  return table.concat(out)
end

describe("compression, by the letter:", function()
  local server = Server.once { script = "spec/conformance/echo.lua", workers = 2 }

  local function agreed(extensions)
    local answer, connection = server:handshake("/echo/a", { extensions = extensions })
    connection:close()
    assert.equal(101, answer.status)
    return answer.headers["sec-websocket-extensions"]
  end

  -- Parameters of an answer: name -> value or true.
  local function parameters(answer)
    local found = {}
    for each in answer:gmatch("[^;]+") do
      local name, value = each:match("^%s*([%w_-]+)%s*=?%s*(%w*)%s*$")
      assert(name, "not an extension: " .. answer)
      assert(found[name] == nil, "said twice: " .. answer)
      found[name] = value == "" and true or value
    end
    return found
  end

  local function receive(client, bits, room)
    local frame = assert(client:read_frame())
    if frame.rsv == RSV1 then
      return zlib.inflate(frame.payload, bits, room), true
    end
    assert.equal(0, frame.rsv)
    return frame.payload, false
  end

  local function send(client, message, options, fragment_bytes)
    local payload = zlib.deflate(message, options)
    fragment_bytes = fragment_bytes or #payload
    for at = 1, #payload, fragment_bytes do
      client:send_frame {
        opcode = at > 1 and "continuation" or options and options.opcode or "text",
        rsv = at == 1 and RSV1 or 0, payload = payload:sub(at, at + fragment_bytes - 1),
        fin = at + fragment_bytes > #payload,
      }
    end
  end

  local offers = {
    "permessage-deflate",
    "permessage-deflate; client_no_context_takeover",
    "permessage-deflate; server_no_context_takeover",
    "permessage-deflate; client_no_context_takeover; server_no_context_takeover",
    "permessage-deflate; client_max_window_bits",
    "permessage-deflate; client_max_window_bits=9",
    "permessage-deflate; server_max_window_bits=9",
    "permessage-deflate; server_max_window_bits=15; client_max_window_bits=15",
    "permessage-deflate; server_max_window_bits=\"10\"; client_max_window_bits",
    "permessage-deflate; server_max_window_bits=8; client_max_window_bits=8",
    "x-unknown, permessage-deflate; client_max_window_bits",
    "permessage-deflate; mystery=1, permessage-deflate",
  }

  for _, offer in ipairs(offers) do
    it(("13 with the offer '%s'"):format(offer), function()
      local client = server:connect("/echo/a", { extensions = offer })
      local answer = client.answer.headers["sec-websocket-extensions"]
      if not answer then -- A server may decline; then nothing may be compressed.
        client:send(prose(5000))
        assert.equal(prose(5000), (receive(client)))
        client:cut()
        return
      end
      local agreement = parameters(answer)
      assert.is_true(agreement["permessage-deflate"])
      -- Without this the client would have to keep a context for what we send.
      local bits = tonumber(agreement.server_max_window_bits) or 15
      local own = math.max(9, tonumber(agreement.client_max_window_bits) or 15)
      if offer:match("server_max_window_bits") then
        local asked = tonumber(offer:match("server_max_window_bits=\"?(%d+)"))
        assert.is_true(bits <= asked, answer)
      end
      assert.is_nil(not offer:match("client_max_window_bits")
        and agreement.client_max_window_bits or nil)
      for _, size in ipairs { 0, 1, 16, 64, 256, 1023, 1024, 4096, 8192, 32768, 131072 } do
        local message = prose(size)
        send(client, message, { bits = own })
        assert.equal(message, (receive(client, math.max(9, bits))))
        client:send(message) -- Uncompressed, as everybody may at any time.
        assert.equal(message, (receive(client, math.max(9, bits))))
      end
      client:close(1000)
      client:expect_close(1000)
    end)
  end

  it("13 offers that cannot be taken are declined", function()
    for _, offer in ipairs {
      "x-webkit-deflate-frame", "permessage-deflate; mystery", "permessage-deflate; mystery=1",
      "permessage-deflate; server_max_window_bits", "permessage-deflate; server_max_window_bits=7",
      "permessage-deflate; server_max_window_bits=16",
      "permessage-deflate; server_max_window_bits=010",
      "permessage-deflate; client_max_window_bits=7",
      "permessage-deflate; client_max_window_bits=0",
      "permessage-deflate; server_no_context_takeover=1",
      "permessage-deflate; client_no_context_takeover; client_no_context_takeover",
      "permessage-bzip2",
    } do
      assert.is_nil(agreed(offer), offer)
    end
  end)

  for _, size in ipairs { 16, 64, 256, 1024, 4096, 8192, 16384, 32768, 65536, 131072 } do
    it(("12 messages of %d bytes, a hundred"):format(size), function()
      local client = server:connect("/echo/a", { extensions = offers[1] })
      local message, compressed = prose(size), 0
      for i = 1, 100 do
        send(client, message, { opcode = i % 2 == 0 and "binary" or "text" })
        local echo, is_compressed = receive(client)
        assert(echo == message, "another message came back")
        compressed = compressed + (is_compressed and 1 or 0)
      end
      assert.equal(size >= 1024 and 100 or 0, compressed)
      client:close(1000)
      client:expect_close(1000)
    end)
  end

  it("12 a thousand messages at once", function()
    local client = server:connect("/echo/a", { extensions = offers[1] })
    local message, frames = prose(2000), {}
    local payload = zlib.deflate(message)
    for i = 1, 1000 do
      frames[i] = websocket.encode { opcode = "text", rsv = RSV1, payload = payload }
    end
    client:write(table.concat(frames))
    for _ = 1, 1000 do
      assert(receive(client) == message)
    end
    client:close(1000)
    client:expect_close(1000)
  end)

  it("fragments of a compressed message carry the bit only on the first", function()
    local client = server:connect("/echo/a", { extensions = offers[1] })
    local message = prose(3000)
    send(client, message, nil, 7)
    assert.equal(message, (receive(client)))
    client:send_frame { opcode = "text", rsv = RSV1, payload = "x", fin = false }
    client:send_frame { opcode = "continuation", rsv = RSV1, payload = "y" }
    client:expect_close(1002)
  end)

  it("control frames carry no such bit", function()
    local client = server:connect("/echo/a", { extensions = offers[1] })
    client:send_frame { opcode = "ping", rsv = RSV1, payload = "x" }
    client:expect_close(1002)
  end)

  it("blocks of every kind are understood", function()
    local client = server:connect("/echo/a", { extensions = offers[1] })
    for _, options in ipairs {
      { level = 0 }, { level = 1 }, { level = 9 }, { flush = "full" }, { bits = 9 },
    } do
      for _, message in ipairs { prose(5000), noise(5000), ("a"):rep(5000), "" } do
        options.opcode = "binary"
        send(client, message, options)
        assert.equal(message, (receive(client)))
      end
    end
    -- The samples of RFC 7692, section 7.2.3.
    for _, payload in ipairs {
      "\242\72\205\201\201\7\0", "\0\5\0\250\255\72\101\108\108\111\0", "\243\72\205\201\201\7\0\0",
      "\242\72\5\0\0\0\255\255\202\201\201\7\0",
    } do
      client:send_frame { opcode = "text", rsv = RSV1, payload = payload }
      assert.equal("Hello", (receive(client)))
    end
    client:close(1000)
    client:expect_close(1000)
  end)

  it("what is no compressed data is refused with 1007", function()
    for _, payload in ipairs { "\255\255\255\255", "\6\255", ("\255"):rep(100), "\4\192\129\8" } do
      local client = server:connect("/echo/a", { extensions = offers[1] })
      client:send_frame { opcode = "binary", rsv = RSV1, payload = payload }
      assert.equal(1007, (client:expect_close()))
    end
  end)

  it("what is no UTF-8 when inflated is refused with 1007", function()
    local client = server:connect("/echo/a", { extensions = offers[1] })
    send(client, "caf\233")
    client:expect_close(1007)
  end)

  it("what inflates beyond the limit is refused with 1009, without its memory", function()
    local client = server:connect("/echo/a", { extensions = offers[1] })
    send(client, ("\0"):rep(64 * 1024 * 1024), { opcode = "binary" })
    client:expect_close(1009)
    local other = server:connect("/echo/a", { extensions = offers[1] })
    other:expect_silence()
    other:cut()
  end)
end)
