-- What clients say and what the decoder hears. Numbers in brackets are cases of the Autobahn suite.

local core = require "spec.support.core"
local client = require "spec.unit.codec.client_frames"
local pieces = require "spec.unit.codec.pieces"
local C = core.load("codec/frame.h")
local ffi = core.ffi
local frame, fragments = client.frame, client.fragments

local MEGABYTE = 1024 * 1024

-- An event as one line: "text hello", "close 1000 bye", "error 1002 unknown opcode 3".
local function line_of(event, message)
  local payload = core.string(message.payload)
  if event == C.OD_FRAME_EVENT_MESSAGE then
    return (message.is_compressed and "compressed " or "")
      .. (message.is_text and "text " or "binary ") .. payload
  elseif event == C.OD_FRAME_EVENT_PING then
    return "ping " .. payload
  elseif event == C.OD_FRAME_EVENT_PONG then
    return "pong " .. payload
  elseif event == C.OD_FRAME_EVENT_CLOSE then
    return ("close %d %s"):format(message.code, payload)
  end
  return ("error %d %s"):format(message.code, payload)
end

local function decode_piece(decoder, piece, heard)
  local message, consumed = ffi.new("struct od_frame_message"), ffi.new("size_t[1]")
  pieces.with_copy(piece, function(at, size)
    while true do
      local event = C.od_frame_decode(decoder, at, size, consumed, message)
      at, size = at + consumed[0], size - tonumber(consumed[0])
      if event == C.OD_FRAME_EVENT_MORE then
        assert.equal(0, size) -- All input was taken.
        return
      end
      heard[#heard + 1] = line_of(event, message)
    end
  end)
end

local function new_decoder(options)
  local decoder = ffi.new("struct od_frame_decoder")
  C.od_frame_decoder_init(decoder, options and options.max or MEGABYTE,
    options and options.deflate or false)
  return decoder
end

-- What a decoder hears of [said], in every way in which it can be cut.
local function hear(said, options)
  return pieces.same_in_all(said, function(parts)
    local decoder, heard = new_decoder(options), {}
    for _, part in ipairs(parts) do
      decode_piece(decoder, part, heard)
    end
    C.od_frame_decoder_deinit(decoder)
    return heard
  end)
end

local function refuses(said, code, text, options)
  assert.same({ ("error %d %s"):format(code, text) }, hear(said, options))
end

describe("a client sends messages", function()
  it("[1.1.1-8, 1.2.1-8] of every length at which the head changes", function()
    for _, size in ipairs({ 0, 1, 7, 8, 9, 125, 126, 127, 128, 65535, 65536 }) do
      local text, blob = ("*"):rep(size), ("\254"):rep(size)
      assert.same({ "text " .. text }, hear(frame("text", text)))
      assert.same({ "binary " .. blob }, hear(frame("binary", blob)))
    end
  end)

  it("with any mask, also none to speak of", function()
    for _, mask in ipairs({ "\0\0\0\0", "\255\255\255\255", "\1\0\0\0", "\0\0\0\128" }) do
      assert.same({ "text nineteen bytes long" },
        hear(frame("text", "nineteen bytes long", { mask = mask })))
    end
  end)

  it("many in one packet, and hears none of them twice", function()
    local said, expected = {}, {}
    for i = 1, 50 do
      said[i], expected[i] = frame("text", "message " .. i), "text message " .. i
    end
    assert.same(expected, hear(table.concat(said)))
  end)

  it("up to the limit and not a byte more", function()
    assert.same({ "text 1234567890" }, hear(frame("text", "1234567890"), { max = 10 }))
    refuses(frame("text", "12345678901"), 1009, "a message was larger than the limit", { max = 10 })
    local said = fragments("text", { "12345", "67890" })
    assert.same({ "text 1234567890" }, hear(said, { max = 10 }))
    refuses(fragments("text", { "12345", "678901" }), 1009, "a message was larger than the limit",
      { max = 10 })
  end)

  it("is refused a size of 2^62 before it has sent any of it", function()
    local head = string.char(0x82, 0xff) .. "\64" .. ("\0"):rep(7) .. "mask"
    refuses(head, 1009, "a message was larger than the limit", { max = 4294967295 })
  end)

  it("and control frames do not count against the limit of messages", function()
    assert.same({ "ping 123456" }, hear(frame("ping", "123456"), { max = 3 }))
  end)
end)

describe("a client pings", function()
  it("[2.1-2.4] with nothing, with text, with bytes that are no text, with 125 bytes", function()
    for _, payload in ipairs({ "", "Hello", "\0\255\254\253", ("\254"):rep(125) }) do
      assert.same({ "ping " .. payload }, hear(frame("ping", payload)))
    end
  end)

  it("[2.5] with 126 bytes, which is refused", function()
    local text = "a control frame was longer than 125 bytes"
    refuses(frame("ping", ("\254"):rep(126)), 1002, text)
    refuses(frame("close", ("\254"):rep(126)), 1002, text)
    refuses(frame("pong", "short", { form = 16 }), 1002, text)
  end)

  it("[2.7-2.11] and pongs unasked, ten in a row", function()
    assert.same({ "pong ", "pong x", "ping y" },
      hear(frame("pong", "") .. frame("pong", "x") .. frame("ping", "y")))
    local said, expected = {}, {}
    for i = 1, 10 do
      said[i], expected[i] = frame("ping", "p" .. i), "ping p" .. i
    end
    assert.same(expected, hear(table.concat(said)))
  end)
end)

describe("a client that breaks the rules of frames", function()
  it("[3.1-3.7] is refused reserved bits, and what it said before is still heard", function()
    for rsv = 1, 7 do
      local said = frame("text", "good") .. frame("text", "bad", { rsv = rsv }) .. frame("ping", "")
      local why = rsv == 4
        and "a frame was marked as compressed, but compression was not negotiated"
        or "a reserved bit was set in a client frame"
      assert.same({ "text good", "error 1002 " .. why }, hear(said))
    end
  end)

  it("[4.1.1-4.2.5] is refused unknown opcodes by number", function()
    for _, opcode in ipairs({ 3, 4, 5, 6, 7, 11, 12, 13, 14, 15 }) do
      local why = "error 1002 unknown opcode " .. opcode
      assert.same({ "text good", why }, hear(frame("text", "good") .. frame(opcode, "")))
      assert.same({ why }, hear(frame(opcode, "payload")))
    end
  end)

  it("is refused frames without a mask", function()
    for _, opcode in ipairs({ "text", "binary", "ping", "pong", "close" }) do
      refuses(frame(opcode, "", { mask = false }), 1002, "a client frame was not masked")
    end
  end)

  it("is refused lengths that are not written in the shortest form", function()
    local text = "the length of a frame was not written in the shortest form"
    refuses(frame("text", ("x"):rep(125), { form = 16 }), 1002, text)
    refuses(frame("text", "", { form = 64 }), 1002, text)
    refuses(frame("binary", ("x"):rep(65535), { form = 64 }), 1002, text)
  end)

  it("is refused a length with the highest bit, whatever the limit", function()
    local head = string.char(0x82, 0xff, 0x80) .. ("\0"):rep(7) .. "mask"
    refuses(head, 1002, "the length of a frame had its highest bit set")
  end)

  it("is not heard any more, and the rest of what it sends is taken and forgotten", function()
    local said = frame(3, "x") .. frame("text", ("more"):rep(1000)) .. "garbage"
    assert.same({ "error 1002 unknown opcode 3" }, hear(said))
  end)
end)

describe("a client that fragments", function()
  it("[5.1, 5.2] control frames is refused", function()
    refuses(frame("ping", "a", { fin = false }), 1002, "a control frame was fragmented")
    refuses(frame("pong", "a", { fin = false }), 1002, "a control frame was fragmented")
    refuses(frame("close", "", { fin = false }), 1002, "a control frame was fragmented")
  end)

  it("[5.3-5.5] messages is heard once, at the end", function()
    assert.same({ "text fragment1fragment2" },
      hear(fragments("text", { "fragment1", "fragment2" })))
    assert.same({ "binary abc" }, hear(fragments("binary", { "a", "b", "c" })))
  end)

  it("[5.6-5.8, 5.19, 5.20] may ping in between, and is heard in that order", function()
    local said = frame("text", "one ", { fin = false }) .. frame("ping", "1")
      .. frame("continuation", "two ", { fin = false }) .. frame("ping", "2") .. frame("pong", "3")
      .. frame("continuation", "three") .. frame("ping", "4")
    assert.same({ "ping 1", "ping 2", "pong 3", "text one two three", "ping 4" }, hear(said))
  end)

  it("[6.1.1-6.1.3] may leave fragments empty, all of them or some", function()
    assert.same({ "text " }, hear(fragments("text", { "", "", "" })))
    assert.same({ "text middle" }, hear(fragments("text", { "", "middle", "" })))
    assert.same({ "text end" }, hear(fragments("text", { "", "", "end" })))
    assert.same({ "text end", "text again" },
      hear(fragments("text", { "", "end" }) .. fragments("text", { "again", "" })))
  end)

  it("[5.9-5.14] must have begun a message to continue it", function()
    local text = "a continuation frame came without a message to continue"
    refuses(frame("continuation", "x"), 1002, text)
    refuses(frame("continuation", "x", { fin = false }), 1002, text)
    local said = fragments("text", { "a", "b" }) .. frame("continuation", "c")
    assert.same({ "text ab", "error 1002 " .. text }, hear(said))
  end)

  it("[5.15-5.18] must end a message before it begins another", function()
    local text = "a new message began inside a fragmented one"
    refuses(frame("text", "a", { fin = false }) .. frame("text", "b"), 1002, text)
    refuses(frame("text", "a", { fin = false }) .. frame("binary", "b", { fin = false }),
      1002, text)
  end)

  it("[9.5, 9.6] into very small pieces is heard whole", function()
    local parts = {}
    for i = 1, 3000 do
      parts[i] = string.char(i % 256)
    end
    assert.same({ "binary " .. table.concat(parts) }, hear(fragments("binary", parts)))
  end)

  it("and closes in the middle is heard to close", function()
    assert.same({ "close 1000 bye" },
      hear(frame("text", "half", { fin = false }) .. client.close(1000, "bye")))
  end)
end)

describe("a client that writes text", function()
  local greek = "Hello-µ@ßöäüàá-UTF-8!! κόσμε"
  local why = "a text message was not UTF-8"

  it("[6.2.1-6.2.4] in UTF-8 is heard, wherever a character is cut", function()
    assert.same({ "text " .. greek }, hear(frame("text", greek)))
    local parts = {}
    for i = 1, #greek do
      parts[i] = greek:sub(i, i)
    end
    assert.same({ "text " .. greek }, hear(fragments("text", parts)))
  end)

  it("[6.3.1, 6.3.2] in something else is refused", function()
    local wrong = "\206\186\225\189\185\207\131\206\188\206\181\237\160\128edited"
    refuses(frame("text", wrong), 1007, why)
    refuses(fragments("text", { wrong:sub(1, 11), wrong:sub(12) }), 1007, why)
    assert.same({ "binary " .. wrong }, hear(frame("binary", wrong)))
  end)

  it("[6.4.1-6.4.4] is refused at the first wrong byte, not at the end of its frame", function()
    local start = "\206\186\225\189\185\207\131\206\188\206\181"
    refuses(frame("text", start, { fin = false })
      .. frame("continuation", "\244\144", { fin = false }), 1007, why)
    local half = frame("text", start .. "\244\144\128\128" .. ("x"):rep(1000))
    local head_bytes = 8
    refuses(half:sub(1, head_bytes + #start + 2), 1007, why)
    local not_yet = half:sub(1, head_bytes + #start + 1)
    assert.same({}, hear(not_yet))
  end)

  it("[6.6.1] is refused a message that ends inside a character", function()
    refuses(frame("text", "\206"), 1007, why)
    refuses(fragments("text", { "ok \225", "\189" }), 1007, why)
  end)

  it("and pings inside a character is not taken for a wrong writer", function()
    local said = frame("text", "\206", { fin = false }) .. frame("ping", "\255\255")
      .. frame("continuation", "\186")
    assert.same({ "ping \255\255", "text κ" }, hear(said))
  end)
end)

describe("a client that closes", function()
  it("[7.1.1, 7.3.1] without a code is heard with 1005, which is never sent", function()
    assert.same({ "text a", "close 1005 " }, hear(frame("text", "a") .. client.close()))
  end)

  it("[7.3.2] with half a code is refused", function()
    refuses(frame("close", "\3"), 1002, "a close frame had a payload of one byte")
  end)

  it("[7.3.3-7.3.5] with code and reason is heard with both", function()
    assert.same({ "close 1000 " }, hear(client.close(1000)))
    assert.same({ "close 1000 Hello World!" }, hear(client.close(1000, "Hello World!")))
    local longest = ("*"):rep(123)
    assert.same({ "close 1000 " .. longest }, hear(client.close(1000, longest)))
  end)

  it("[7.3.6] with a reason of 124 bytes is refused", function()
    refuses(client.close(1000, ("*"):rep(124)), 1002, "a control frame was longer than 125 bytes")
  end)

  it("[7.5.1] with a reason that is no text is refused", function()
    refuses(client.close(1000, "\206\186\237\160\128"), 1007,
      "the reason in a close frame was not UTF-8")
    refuses(client.close(1000, "\206"), 1007, "the reason in a close frame was not UTF-8")
  end)

  it("[7.7.1-7.7.13] may use these codes", function()
    for _, code in ipairs({ 1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014,
      3000, 3999, 4000, 4999 }) do
      assert.same({ ("close %d why"):format(code) }, hear(client.close(code, "why")))
    end
  end)

  it("[7.9.1-7.9.9, 7.13.1, 7.13.2] and not those", function()
    for _, code in ipairs({ 0, 1, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999,
      5000, 65535 }) do
      refuses(client.close(code, "why"), 1002, "a close frame had a code that cannot be sent")
    end
  end)

  it("[7.1.2-7.1.6] and goes on to talk is not heard", function()
    local said = client.close(1000, "") .. frame("text", "too late") .. frame("ping", "")
      .. client.close(1000, "")
    assert.same({ "close 1000 " }, hear(said))
  end)
end)

describe("a client with which compression was agreed on", function()
  local deflate = { deflate = true }

  it("is heard with messages marked, and their bytes as they came", function()
    assert.same({ "compressed text \255\254", "text plain", "compressed binary x" },
      hear(frame("text", "\255\254", { rsv = 4 }) .. frame("text", "plain")
        .. frame("binary", "x", { rsv = 4 }), deflate))
  end)

  it("marks only the first fragment, and plain text after it is checked again", function()
    local said = fragments("text", { "\255", "\254" }, { rsv = 4 })
    assert.same({ "compressed text \255\254", "error 1007 a text message was not UTF-8" },
      hear(said .. frame("text", "\255"), deflate))
  end)

  it("is refused the mark where it may not be", function()
    refuses(frame("ping", "", { rsv = 4 }), 1002, "a control frame was marked as compressed",
      deflate)
    refuses(frame("text", "a", { fin = false, rsv = 4 }) .. frame("continuation", "b", { rsv = 4 }),
      1002, "a continuation frame was marked as compressed", deflate)
    refuses(frame("text", "", { rsv = 2 }), 1002, "a reserved bit was set in a client frame",
      deflate)
  end)
end)

describe("the decoder", function()
  it("gives a message that lies in the input as a slice of it, and owns no memory then", function()
    local decoder, message = new_decoder(), ffi.new("struct od_frame_message")
    local consumed = ffi.new("size_t[1]")
    local said = frame("text", "Hello") .. frame("text", "there")
    pieces.with_copy(said, function(at, size)
      local event = C.od_frame_decode(decoder, at, size, consumed, message)
      assert.equal(tonumber(C.OD_FRAME_EVENT_MESSAGE), tonumber(event))
      assert.equal(11, tonumber(consumed[0]))
      assert.is_true(message.payload.at == at + 6)
      assert.is_true(decoder.gathered.at == nil)
      assert.equal(said:sub(12), ffi.string(at + 11, 11)) -- The rest is as it was read.
    end)
  end)

  it("keeps a cut message only until it was told", function()
    local decoder, heard = new_decoder(), {}
    local said = frame("text", ("x"):rep(1000))
    decode_piece(decoder, said:sub(1, 500), heard)
    assert.is_true(C.od_frame_decoder_is_amid(decoder))
    assert.is_false(decoder.gathered.at == nil)
    decode_piece(decoder, said:sub(501), heard)
    assert.equal(1, #heard)
    assert.is_false(C.od_frame_decoder_is_amid(decoder))
    assert.is_true(decoder.gathered.at == nil)
  end)

  it("keeps a cut ping only until it was told", function()
    local decoder, heard = new_decoder(), {}
    local said = frame("ping", ("x"):rep(100))
    decode_piece(decoder, said:sub(1, 50), heard)
    decode_piece(decoder, said:sub(51), heard)
    assert.equal(1, #heard)
    assert.is_true(decoder.gathered.at == nil)
  end)

  it("takes memory for what has come, not for what was announced", function()
    local decoder, heard = new_decoder({ max = 64 * MEGABYTE }), {}
    decode_piece(decoder, frame("binary", "only this", { size = 64 * MEGABYTE, form = 64 }), heard)
    assert.is_true(decoder.gathered.capacity < 1000)
    C.od_frame_decoder_deinit(decoder)
  end)

  it("is small", function()
    assert.is_true(ffi.sizeof("struct od_frame_decoder") <= 72)
  end)
end)

describe("a decoder that moves to another process", function()
  local function moved(decoder, options)
    local rest, fresh = ffi.new("struct od_bytes"), new_decoder(options)
    C.od_frame_decoder_put_rest(decoder, rest)
    C.od_frame_decoder_deinit(decoder)
    local heard = {}
    decode_piece(fresh, core.string(rest), heard)
    assert.same({}, heard)
    C.od_bytes_deinit(rest)
    return fresh
  end

  it("after every single byte hears the same as one that stays", function()
    local said = frame("text", "κόσμε", { fin = false }) .. frame("ping", "between")
      .. frame("continuation", ("x"):rep(300)) .. frame("binary", "\255", { rsv = 4 })
      .. client.close(1001, "gone")
    local options = { deflate = true, max = 400 }
    local decoder, heard = new_decoder(options), {}
    for i = 1, #said do
      decode_piece(decoder, said:sub(i, i), heard)
      decoder = moved(decoder, options)
    end
    C.od_frame_decoder_deinit(decoder)
    assert.same(hear(said, options), heard)
  end)

  it("between a message and the end of its input does not tell that message again", function()
    local decoder, heard = new_decoder(), {}
    local message, consumed = ffi.new("struct od_frame_message"), ffi.new("size_t[1]")
    decode_piece(decoder, frame("text", "cut"):sub(1, 8), heard)
    pieces.with_copy(frame("text", "cut"):sub(9), function(at, size)
      local event = C.od_frame_decode(decoder, at, size, consumed, message)
      assert.equal("text cut", line_of(event, message))
    end)
    decoder = moved(decoder)
    decode_piece(decoder, fragments("text", { "a", "b" }), heard)
    assert.same({ "text ab" }, heard)
  end)

  it("keeps its limit", function()
    local decoder, heard = new_decoder({ max = 5 }), {}
    decode_piece(decoder, fragments("text", { "123", "456" }):sub(1, 10), heard)
    decoder = moved(decoder, { max = 5 })
    decode_piece(decoder, fragments("text", { "123", "456" }):sub(11), heard)
    assert.same({ "error 1009 a message was larger than the limit" }, heard)
  end)
end)

describe("any bytes at all", function()
  it("give some events, the same in any pieces, and never more after an error", function()
    for seed = 1, 300 do
      math.randomseed(seed)
      local said = {}
      for i = 1, math.random(1, 12) do
        local junk = {}
        for j = 1, math.random(0, 40) do
          junk[j] = string.char(math.random(0, 255))
        end
        local payload = table.concat(junk)
        local opcode = ({ 0, 1, 2, 2, 8, 9, 10, 0, 1, math.random(0, 15) })[math.random(1, 10)]
        said[i] = math.random() < 0.05 and payload
          or frame(opcode, payload,
            { fin = math.random() < 0.7, rsv = math.random() < 0.9 and 0 or 4 })
      end
      local heard = hear(table.concat(said), { deflate = true, max = 60 })
      for i = 1, #heard - 1 do
        assert.is_nil(heard[i]:match("^error") or heard[i]:match("^close"))
      end
    end
  end)
end)
