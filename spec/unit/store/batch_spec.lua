local core = require "spec.support.core"
local C = core.load("store/batch.h", "store/slot.h")
local ffi = core.ffi

-- A schedule's: at 7, due at 8, after 9 tries, the 10th; and what it is about.
local ROW = ("%s\0\0\0\0\0\0\0%s\0\0\0\0\0\0\0%s\0\0\0%s\0\0\0body")
  :format("\7", "\8", "\9", "\10")

describe("a batch", function()
  local bytes, identity, name

  before_each(function()
    bytes = ffi.new("struct od_bytes")
    identity = ffi.new("struct od_identity")
    ffi.fill(identity.id, 32, 7)
    name = "lobby"
    identity.space = core.slice("rooms")
    identity.name = core.slice(name)
    identity.has_name = true
  end)

  after_each(function()
    C.od_bytes_deinit(bytes)
  end)

  local function put_batch(key)
    local begin = C.od_batch_begin(bytes, identity)
    C.od_batch_put(bytes, core.slice(key), core.slice("value"))
    C.od_batch_delete(bytes, core.slice("gone"))
    C.od_batch_delete_all(bytes)
    C.od_batch_set_alarm(bytes, core.slice(""), core.slice(ROW:sub(1, 24)))
    C.od_batch_delete_alarm(bytes, core.slice(""))
    C.od_batch_set_alarm(bytes, core.slice("daily"), core.slice(ROW))
    C.od_batch_delete_alarm(bytes, core.slice("daily"))
    C.od_batch_end(bytes, begin)
  end

  local function is_valid(text)
    return C.od_submission_is_valid(core.slice(text))
  end

  it("is read back operation by operation, one behind the other", function()
    put_batch("a")
    put_batch("b")
    local submission = ffi.new("struct od_cursor[1]", { C.od_cursor_of(C.od_bytes_slice(bytes)) })
    local batch, operation = ffi.new("struct od_batch"), ffi.new("struct od_operation")
    for _, key in ipairs({ "a", "b" }) do
      assert.is_true(C.od_batch_next(submission, batch))
      assert.equal("rooms", core.string(batch.identity.space))
      assert.equal("lobby", core.string(batch.identity.name))
      assert.is_true(batch.identity.has_name)
      assert.equal(7, batch.identity.id[31])
      assert.is_true(C.od_operation_next(batch, operation))
      assert.equal(key, core.string(operation.key))
      assert.equal("value", core.string(operation.value))
      assert.is_true(C.od_operation_next(batch, operation))
      assert.equal(tonumber(ffi.cast("int", C.OD_OPERATION_DELETE)), tonumber(operation.kind))
      assert.equal("gone", core.string(operation.key))
      assert.is_true(C.od_operation_next(batch, operation))
      assert.is_true(C.od_operation_next(batch, operation))
      assert.equal(ROW:sub(1, 24), core.string(operation.value))
      assert.equal(8, tonumber(operation.alarm_ms))
      assert.is_true(C.od_operation_next(batch, operation))
      assert.equal(tonumber(ffi.cast("int", C.OD_OPERATION_DELETE_ALARM)), tonumber(operation.kind))
      assert.is_true(C.od_operation_next(batch, operation))
      assert.equal("daily", core.string(operation.key))
      assert.equal(ROW, core.string(operation.value))
      assert.equal(8, tonumber(operation.alarm_ms))
      assert.is_true(C.od_operation_next(batch, operation))
      assert.equal(tonumber(ffi.cast("int", C.OD_OPERATION_DELETE_NAMED_ALARM)),
        tonumber(operation.kind))
      assert.equal("daily", core.string(operation.key))
      assert.is_false(C.od_operation_next(batch, operation))
      assert.is_false(batch.operations.failed)
    end
    assert.is_false(C.od_batch_next(submission, batch))
    assert.is_false(submission[0].failed)
  end)

  it("is refused when it is cut at any place", function()
    put_batch("a")
    local whole = core.string(bytes)
    assert.is_true(is_valid(whole))
    assert.is_true(is_valid(whole .. whole))
    assert.is_true(is_valid(""))
    for size = 1, #whole - 1 do
      assert.is_false(is_valid(whole:sub(1, size)), "cut at " .. size)
      assert.is_false(is_valid(whole .. whole:sub(1, size)), "second cut at " .. size)
    end
  end)

  it("is refused with an unknown operation, or a key over its limit", function()
    put_batch("a")
    local whole = core.string(bytes)
    -- The last is DELETE_NAMED_ALARM; its name follows, as length and bytes.
    local head = whole:sub(1, -(1 + 4 + #"daily") - 1)
    assert.is_true(is_valid(head .. "\9" .. whole:sub(-4 - #"daily")))
    assert.is_false(is_valid(head .. "\10" .. whole:sub(-4 - #"daily")))
    assert.is_false(is_valid(head .. "\0" .. whole:sub(-4 - #"daily")))
    C.od_bytes_clear(bytes)
    put_batch(("k"):rep(2049))
    assert.is_false(is_valid(core.string(bytes)))
    C.od_bytes_clear(bytes)
    put_batch(("k"):rep(2048))
    assert.is_true(is_valid(core.string(bytes)))
  end)

  it("survives any change of one byte without reading outside", function()
    put_batch("a")
    local whole = core.string(bytes)
    for i = 1, #whole do
      for _, byte in ipairs({ 0, 1, 127, 255 }) do
        is_valid(whole:sub(1, i - 1) .. string.char(byte) .. whole:sub(i + 1))
      end
    end
  end)
end)

describe("a slot", function()
  it("comes from the first two bytes of an id", function()
    local id = ffi.new("uint8_t[32]", { 0x01, 0x02 })
    assert.equal(0x102, C.od_slot_of_id(id))
    id[0] = 0xff
    assert.equal(0x302, C.od_slot_of_id(id))
  end)
end)
