-- The client's side of frames: its own are masked, its peer's are not.
local core = require "spec.support.core"
local C = core.load("codec/frame.h")
local ffi = core.ffi

-- What a decoder makes of `bytes`, given in pieces of `step`: the first event and its payload.
local function decode(bytes, is_client, step)
  local decoder = ffi.new("struct od_frame_decoder")
  local message, consumed = ffi.new("struct od_frame_message"), ffi.new("size_t[1]")
  C.od_frame_decoder_init(decoder, 2 ^ 20, false)
  decoder.is_client = is_client
  local event, payload = C.OD_FRAME_EVENT_MORE, nil
  for at = 1, #bytes, step or #bytes do
    local piece = bytes:sub(at, at + (step or #bytes) - 1)
    local buffer = ffi.new("char[?]", #piece, piece)
    event = C.od_frame_decode(decoder, buffer, #piece, consumed, message)
    if event ~= C.OD_FRAME_EVENT_MORE then
      payload = message.payload.size > 0 and ffi.string(message.payload.at, message.payload.size)
        or ""
      break
    end
  end
  C.od_frame_decoder_deinit(decoder)
  return event, payload
end

local function frame(payload, key)
  local out = ffi.new("struct od_bytes")
  C.od_frame_put(out, C.OD_FRAME_PING, false, core.slice("before"))
  local mark = out.size
  C.od_frame_put(out, C.OD_FRAME_BINARY, false, core.slice(payload))
  if key then
    C.od_frame_mask(out, mark, key)
  end
  local bytes = core.string(out):sub(tonumber(mark) + 1)
  C.od_bytes_deinit(out)
  return bytes
end

describe("a client", function()
  it("masks frames of every length so that a server reads them", function()
    for _, size in ipairs { 0, 1, 3, 4, 5, 125, 126, 127, 65535, 65536, 70001 } do
      local payload = ("payload "):rep(size / 8 + 1):sub(1, size)
      local event, text = decode(frame(payload, 0x12345678), false)
      assert.equal(C.OD_FRAME_EVENT_MESSAGE, event)
      assert.is_true(text == payload, size .. " bytes")
    end
  end)

  it("masks with the key it is given", function()
    assert.equal("\130\129\4\3\2\1" .. string.char(bit.bxor(("a"):byte(), 4)),
      frame("a", 0x01020304))
  end)

  it("reads what a server sends, in any pieces", function()
    for _, size in ipairs { 0, 5, 126, 70000 } do
      local payload = ("x"):rep(size)
      for _, step in ipairs { 1, 3, 100000 } do
        local event, text = decode(frame(payload), true, step)
        assert.equal(C.OD_FRAME_EVENT_MESSAGE, event)
        assert.is_true(text == payload)
      end
    end
  end)

  it("refuses a server's frame that is masked, as a server does one that is not", function()
    local event, why = decode(frame("x", 1), true)
    assert.equal(C.OD_FRAME_EVENT_ERROR, event)
    assert.equal("a server frame was masked", why)
    event, why = decode(frame("x"), false)
    assert.equal(C.OD_FRAME_EVENT_ERROR, event)
    assert.equal("a client frame was not masked", why)
  end)
end)
