local core = require "spec.support.core"
local C = core.load("base/cursor.h")
local ffi = core.ffi

describe("a cursor", function()
  -- A fuzzer's finding: a message without a body has no address either, and the end of such a
  -- cursor was computed as NULL + 0, which is undefined: UBSan ends the program at it.
  it("over nothing at all stands somewhere, and has nothing", function()
    local cursor = C.od_cursor_of(ffi.new("od_slice"))
    assert.is_true(cursor.at ~= nil)
    assert.is_true(cursor.at == cursor["end"])
    assert.is_true(C.od_cursor_at_end(cursor))
    assert.equal("", core.string(C.od_cursor_rest(cursor)))
    assert.is_false(cursor.failed)
    assert.equal(0, C.od_cursor_u8(cursor))
    assert.is_true(cursor.failed)
    assert.equal("", core.string(C.od_cursor_string(cursor)))
  end)

  it("takes no more than there is, and nothing after it has failed", function()
    local bytes = "\5\0\0\0abc" -- A string of five, of which three are there.
    local cursor = C.od_cursor_of(core.slice(bytes))
    assert.equal("", core.string(C.od_cursor_string(cursor)))
    assert.is_true(cursor.failed)
    assert.equal("", core.string(C.od_cursor_rest(cursor)))
    assert.equal(0, C.od_cursor_u8(cursor))
  end)

  it("reads numbers and strings as bytes.h writes them", function()
    local bytes = "\1\2\1\4\3\2\1\2\0\0\0hi!"
    local cursor = C.od_cursor_of(core.slice(bytes))
    assert.equal(1, C.od_cursor_u8(cursor))
    assert.equal(0x0102, C.od_cursor_u16(cursor))
    assert.equal(0x01020304, C.od_cursor_u32(cursor))
    assert.equal("hi", core.string(C.od_cursor_string(cursor)))
    assert.is_false(C.od_cursor_at_end(cursor))
    assert.equal("!", core.string(C.od_cursor_rest(cursor)))
    assert.is_true(C.od_cursor_at_end(cursor))
    assert.is_false(cursor.failed)
  end)
end)
