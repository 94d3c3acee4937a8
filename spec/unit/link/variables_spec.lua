local core = require "spec.support.core"
local C = core.load("link/variables.h")
local ffi = core.ffi

describe("variables", function()
  local variables, err

  before_each(function()
    variables = ffi.new("struct od_variables")
    err = ffi.new("struct od_error")
  end)

  after_each(function()
    C.od_variables_deinit(variables)
  end)

  local function read(text)
    local line = ffi.new("unsigned[1]")
    local ok = C.od_variables_read_text(variables, core.slice(text), line, err)
    return ok, line[0], ffi.string(err.text)
  end

  local function value(name)
    local found = C.od_variables_find(variables, name)
    return found ~= nil and ffi.string(found) or nil
  end

  -- A line of a file → the value of A.
  local LINES = {
    ["A=1"] = "1",
    ["A="] = "",
    ["export A=1"] = "1",
    ["  A = two words  "] = "two words",
    ["A=1\r"] = "1",
    ["A=a=b"] = "a=b",
    ["A=one # a comment"] = "one",
    ["A=one#no comment"] = "one#no comment",
    ["A=# all comment"] = "",
    ["A='as $it \\n is' # a comment"] = "as $it \\n is",
    ['A=" spaces "'] = " spaces ",
    ['A="a\\nb\\t\\"c\\" \\\\ \\$ \\x"'] = 'a\nb\t"c" \\ $ \\x',
    ["A=\"it's # here\""] = "it's # here",
    ["A=pass'word"] = "pass'word",
  }

  for line, expected in pairs(LINES) do
    it("reads " .. line:gsub("%c", "?"), function()
      assert.is_true((read(line)))
      assert.equal(expected, value("A"))
    end)
  end

  it("passes over blank lines and comments; the last value of a name wins", function()
    assert.is_true((read("\n# A=0\nA=1\n   \nB=2\nA=3")))
    assert.equal("3", value("A"))
    assert.equal("2", value("B"))
    assert.equal(2, tonumber(variables.size))
    assert.is_nil(value("C"))
  end)

  local MISTAKES = {
    ["no equals sign"] = "expected NAME=VALUE, got 'no equals sign'",
    ["=1"] = "'' cannot be the name",
    ["A-B=1"] = "'A%-B' cannot be the name",
    ["1A=1"] = "'1A' cannot be the name",
    ['A="open'] = 'begins with ", which is not closed',
    ["A='open"] = "begins with ', which is not closed",
    ["A='x' y"] = "'y' follows the closing quote",
    ["A=a\0b"] = "zero byte",
  }

  for line, expected in pairs(MISTAKES) do
    it("refuses " .. line:gsub("%c", "?") .. " and says where", function()
      local ok, number, text = read("X=1\n" .. line .. "\nY=2")
      assert.is_false(ok)
      assert.equal(2, number)
      assert.truthy(text:match(expected), text)
    end)
  end
end)
