local core = require "spec.support.core"
local C = core.load("link/failure.h", "link/invocation.h")
local ffi = core.ffi

local function text(slice)
  return ffi.string(slice.at, slice.size)
end

describe("a failure", function()
  local bytes, failure, again

  before_each(function()
    bytes = ffi.new("struct od_bytes")
    failure, again = ffi.new("struct od_failure"), ffi.new("struct od_failure")
  end)

  after_each(function()
    C.od_bytes_deinit(bytes)
  end)

  it("is read as it was written, with an object and without", function()
    for _, id in ipairs { ("i"):rep(32), "" } do
      C.od_bytes_clear(bytes)
      failure.flags, failure.id = 5, core.slice(id)
      failure.message, failure.fields = core.slice("no room"), core.slice("fields")
      C.od_failure_put(bytes, failure)
      assert.is_true(C.od_failure_read(C.od_bytes_slice(bytes), again))
      assert.equal(5, again.flags)
      assert.equal(id, text(again.id))
      assert.equal("no room", text(again.message))
      assert.equal("fields", text(again.fields))
    end
  end)

  it("that is cut short is none", function()
    failure.id, failure.message = core.slice(("i"):rep(32)), core.slice("no room")
    C.od_failure_put(bytes, failure)
    local whole = ffi.string(bytes.at, bytes.size)
    for size = 0, #whole - 1 do
      assert.is_false(C.od_failure_read(core.slice(whole:sub(1, size)), again), "of size " .. size)
    end
  end)
end)

describe("a method call", function()
  local bytes, invocation

  before_each(function()
    bytes, invocation = ffi.new("struct od_bytes"), ffi.new("struct od_invocation")
  end)

  after_each(function()
    C.od_bytes_deinit(bytes)
  end)

  it("is a name that can be used as it stands, and the rest", function()
    C.od_invocation_begin(bytes, core.slice("greet"))
    C.od_bytes_put_slice(bytes, core.slice("arguments"))
    assert.is_true(C.od_invocation_read(C.od_bytes_slice(bytes), invocation))
    assert.equal("greet", ffi.string(invocation.method.at))
    assert.equal("arguments", text(invocation.arguments))
  end)

  it("without the end of its name is none", function()
    for _, wrong in ipairs { "", "\5gree", "\5greet", "\5greet!" } do
      assert.is_false(C.od_invocation_read(core.slice(wrong), invocation), wrong)
    end
  end)
end)
