local core = require "spec.support.core"
local C = core.load("base/utf8.h")

local function is_valid(text)
  return C.od_utf8_is_valid(core.slice(text))
end

local function encode(code)
  local function tail(shift)
    return string.char(128 + math.floor(code / 2 ^ shift) % 64)
  end
  if code < 0x80 then
    return string.char(code)
  elseif code < 0x800 then
    return string.char(192 + math.floor(code / 64)) .. tail(0)
  elseif code < 0x10000 then
    return string.char(224 + math.floor(code / 4096)) .. tail(6) .. tail(0)
  end
  return string.char(240 + math.floor(code / 262144)) .. tail(12) .. tail(6) .. tail(0)
end

describe("UTF-8", function()
  it("is every character that exists, and no surrogate", function()
    local mistaken = {}
    for code = 0, 0x10ffff, 7 do
      if is_valid(encode(code)) ~= (code < 0xd800 or code > 0xdfff) then
        mistaken[#mistaken + 1] = code
      end
    end
    assert.same({}, mistaken)
    for _, code in ipairs({ 0x7f, 0x80, 0x7ff, 0x800, 0xd7ff, 0xe000, 0xffff, 0x10000,
      0x10ffff }) do
      assert.is_true(is_valid(encode(code)), code)
    end
    assert.is_false(is_valid(encode(0x110000)))
  end)

  it("is nothing overlong, nothing that lacks its tail, no tail alone", function()
    for _, wrong in ipairs({ "\192\128", "\193\191", "\224\128\128", "\224\159\191",
      "\240\128\128\128",
      "\240\143\191\191", "\206", "\225\189", "\241\128\128", "\128", "\191", "\206\206", "\254",
      "\255",
      "\245\128\128\128", "\248\136\128\128\128", "\237\160\128", "\237\191\191",
      "\244\144\128\128" }) do
      assert.is_false(is_valid(wrong))
      assert.is_false(is_valid("some ASCII before " .. wrong))
      assert.is_false(is_valid(wrong .. " and some ASCII behind"))
      assert.is_false(is_valid(wrong .. ("\0"):rep(100)))
    end
  end)

  it("is seen to be wrong wherever the wrong byte lies among eights of ASCII", function()
    for size = 0, 40 do
      for at = 1, size do
        assert.is_false(is_valid(("a"):rep(at - 1) .. "\255" .. ("a"):rep(size - at)))
      end
      assert.is_true(is_valid(("a"):rep(size)))
    end
  end)

  it("has a state between any two bytes, and is refused at the first that cannot be", function()
    local function state_after(text)
      local state = C.OD_UTF8_WHOLE
      for i = 1, #text do
        state = C.od_utf8_feed(state, core.slice(text:sub(i, i)))
      end
      return state
    end
    local text = "aé€😀z"
    assert.equal(C.od_utf8_feed(C.OD_UTF8_WHOLE, core.slice(text)), state_after(text))
    assert.equal(C.OD_UTF8_WHOLE, state_after(text))
    for _, prefix in ipairs({ "\237\160", "\244\144", "\224\159", "\240\143", "\192", "\245" }) do
      assert.equal(C.OD_UTF8_WRONG, state_after(prefix))
      assert.equal(C.OD_UTF8_WRONG, state_after(prefix .. "a"))
    end
  end)

  it("is cut between characters", function()
    local text = "aé€😀"
    local sizes = {}
    for limit = 0, 11 do
      sizes[limit + 1] = tonumber(C.od_utf8_cut(core.slice(text), limit))
    end
    assert.same({ 0, 1, 1, 3, 3, 3, 6, 6, 6, 6, 10, 10 }, sizes)
  end)
end)
