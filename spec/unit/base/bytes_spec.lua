local core = require "spec.support.core"
local C = core.load("base/bytes.h", "base/cursor.h")
local ffi = core.ffi

describe("bytes and cursor", function()
  local bytes

  before_each(function()
    bytes = ffi.new("struct od_bytes")
  end)

  after_each(function()
    C.od_bytes_deinit(bytes)
  end)

  it("gives back field by field what was put in", function()
    C.od_bytes_put_u8(bytes, 250)
    C.od_bytes_put_u16(bytes, 65000)
    C.od_bytes_put_u32(bytes, 4000000000)
    C.od_bytes_put_u64(bytes, 0x0102030405060708ULL)
    C.od_bytes_put_string(bytes, core.slice("ab\0c"))
    local cursor = ffi.new("struct od_cursor[1]", { C.od_cursor_of(C.od_bytes_slice(bytes)) })
    assert.equal(250, C.od_cursor_u8(cursor))
    assert.equal(65000, C.od_cursor_u16(cursor))
    assert.equal(4000000000, C.od_cursor_u32(cursor))
    assert.is_true(0x0102030405060708ULL == C.od_cursor_u64(cursor))
    assert.equal("ab\0c", core.string(C.od_cursor_string(cursor)))
    assert.is_true(C.od_cursor_at_end(cursor))
    assert.is_false(cursor[0].failed)
  end)

  it("marks a cursor that reads past the end and goes on with zeros", function()
    C.od_bytes_put_u32(bytes, 1000) -- A string that claims more than there is.
    local cursor = ffi.new("struct od_cursor[1]", { C.od_cursor_of(C.od_bytes_slice(bytes)) })
    assert.equal(0, tonumber(C.od_cursor_string(cursor).size))
    assert.is_true(cursor[0].failed)
    assert.equal(0, C.od_cursor_u8(cursor))
  end)

  it("forgets its front", function()
    C.od_bytes_put(bytes, "hello world", 11)
    C.od_bytes_drop_front(bytes, 6)
    assert.equal("world", core.string(bytes))
  end)
end)
