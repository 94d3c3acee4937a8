local core = require "spec.support.core"
local C = core.load("codec/frame.h")
local ffi = core.ffi

describe("the server puts frames", function()
  local out

  before_each(function()
    out = ffi.new("struct od_bytes")
  end)

  after_each(function()
    C.od_bytes_deinit(out)
  end)

  it("unmasked, with the shortest length", function()
    for _, case in ipairs({ { 0, "\0" }, { 125, "\125" }, { 126, "\126\0\126" },
      { 65535, "\126\255\255" }, { 65536, "\127\0\0\0\0\0\1\0\0" } }) do
      local payload = ("x"):rep(case[1])
      C.od_bytes_clear(out)
      C.od_frame_put(out, C.OD_FRAME_TEXT, false, core.slice(payload))
      assert.is_true("\129" .. case[2] .. payload == core.string(out))
    end
  end)

  it("with the mark of compression", function()
    C.od_frame_put(out, C.OD_FRAME_BINARY, true, core.slice("z"))
    assert.equal("\194\1z", core.string(out))
  end)

  it("one behind the other", function()
    C.od_frame_put(out, C.OD_FRAME_PING, false, core.slice("a"))
    C.od_frame_put(out, C.OD_FRAME_PONG, false, core.slice(""))
    assert.equal("\137\1a\138\0", core.string(out))
  end)

  it("that close, with code and reason", function()
    C.od_frame_put_close(out, 1001, core.slice("going"))
    assert.equal("\136\7\3\233going", core.string(out))
  end)

  it("that close without a code, for a client that gave none", function()
    C.od_frame_put_close(out, 0, core.slice("not sent"))
    C.od_frame_put_close(out, 1005, core.slice("not sent"))
    assert.equal("\136\0\136\0", core.string(out))
  end)

  it("with a long reason cut between two characters", function()
    C.od_frame_put_close(out, 1000, core.slice(("x"):rep(121) .. "κόσμε"))
    assert.equal("\136\125\3\232" .. ("x"):rep(121) .. "κ", core.string(out))
    C.od_bytes_clear(out)
    C.od_frame_put_close(out, 1000, core.slice(("x"):rep(122) .. "κόσμε"))
    assert.equal("\136\124\3\232" .. ("x"):rep(122), core.string(out))
  end)

  it("without a reason that is no text", function()
    C.od_frame_put_close(out, 1000, core.slice("\255"))
    assert.equal("\136\2\3\232", core.string(out))
  end)
end)
