-- od.utf8: the functions of Lua 5.3's utf8, strict.
local od = require("spec.support.library").od
local utf8 = od.utf8

local TEXT = "aü€😀"
local CODES = { 0x61, 0xFC, 0x20AC, 0x1F600 }
local PLACES = { 1, 2, 4, 7 }
-- Not UTF-8: alone, too short, overlong, a surrogate, too large, none at all.
local WRONG = { "\128", "\195", "\226\130", "\240\159\152", "\192\128", "\193\191", "\224\159\191",
  "\240\143\191\191", "\237\160\128", "\237\191\191", "\244\144\128\128", "\245\128\128\128",
  "\255", "\195a" }

describe("od.utf8", function()
  it("makes text of code points, and code points of text", function()
    assert.equal(TEXT, utf8.char(unpack(CODES)))
    assert.equal("", utf8.char())
    assert.same(CODES, { utf8.codepoint(TEXT, 1, -1) })
    assert.equal(0x20AC, utf8.codepoint(TEXT, 4))
    local places, codes = {}, {}
    for place, code in utf8.codes(TEXT) do
      places[#places + 1], codes[#codes + 1] = place, code
    end
    assert.same({ PLACES, CODES }, { places, codes })
    for _, code in ipairs { 0, 0x7F, 0x80, 0x7FF, 0x800, 0xD7FF, 0xE000, 0xFFFF, 0x10000,
      0x10FFFF } do
      assert.equal(code, utf8.codepoint(utf8.char(code)))
    end
  end)

  it("counts", function()
    assert.equal(4, utf8.len(TEXT))
    assert.equal(0, utf8.len(""))
    assert.equal(2, utf8.len(TEXT, 4))
    assert.equal(1, utf8.len(TEXT, -4))
    assert.equal(2, utf8.len(TEXT, 1, 2))
    assert.equal(0, utf8.len(TEXT, 11))
  end)

  it("says where text is no UTF-8", function()
    for _, bytes in ipairs(WRONG) do
      assert.same({ nil, 3 }, { utf8.len("ok" .. bytes) })
      assert.has_error(function() utf8.codepoint("ok" .. bytes, 3) end,
        "utf8.codepoint: invalid UTF-8 at byte 3")
      assert.has_error(function() for _ in utf8.codes("ok" .. bytes) do end end,
        "utf8.codes: invalid UTF-8 at byte 3")
    end
  end)

  it("finds characters", function()
    for at, place in ipairs(PLACES) do
      assert.equal(place, utf8.offset(TEXT, at))
      assert.equal(place, utf8.offset(TEXT, at - 5))
    end
    assert.equal(11, utf8.offset(TEXT, 5))
    assert.is_nil(utf8.offset(TEXT, 6))
    assert.is_nil(utf8.offset(TEXT, -5))
    assert.equal(7, utf8.offset(TEXT, 0, 9))
    assert.equal(4, utf8.offset(TEXT, 2, 2))
    local found = {}
    for character in TEXT:gmatch(utf8.charpattern) do
      found[#found + 1] = character
    end
    assert.same({ "a", "ü", "€", "😀" }, found)
  end)

  it("refuses what it cannot take", function()
    for words, call in pairs {
      ["utf8.char: argument 2 is no code point"] = function() utf8.char(1, 0xD800) end,
      ["utf8.char: argument 1 is no code point"] = function() utf8.char("1") end,
      ["utf8.len: argument 1 must be a string, got nil"] = function() utf8.len() end,
      ["utf8.len: argument 2 must be a whole number"] = function() utf8.len("a", 1.5) end,
      ["utf8.len: position out of bounds"] = function() utf8.len("a", 3) end,
      ["utf8.codepoint: position out of bounds"] = function() utf8.codepoint("a", 1, 2) end,
      ["utf8.offset: initial position is a continuation byte"] =
        function() utf8.offset("ü", 1, 2) end,
      ["utf8.offset: argument 2 must be a whole number"] = function() utf8.offset("a") end,
      ["utf8.codes: argument 1 must be a string, got a table"] = function() utf8.codes({}) end,
    } do
      local ok, problem = pcall(call)
      assert.is_false(ok)
      assert.matches(words:gsub("got a table", "got table"), problem, 1, true)
    end
  end)
end)
