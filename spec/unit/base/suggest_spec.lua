local core = require "spec.support.core"
local C = core.load("base/suggest.h")
local ffi = core.ffi

local NAMES = { "tag", "except", "isBinary", "getWebSockets", "getTags", "listen" }

local function nearest(word)
  local names = ffi.new("const char *[?]", #NAMES + 1)
  for i, name in ipairs(NAMES) do
    names[i - 1] = name
  end
  local name = C.od_suggest_of(word, names)
  return name ~= nil and ffi.string(name) or nil
end

describe("the nearest name", function()
  it("is found through one mistake in a short word, several in a long one", function()
    assert.equal("tag", nearest("tags"))
    assert.equal("listen", nearest("lisetn"))
    assert.equal("getWebSockets", nearest("getWebsocket"))
    assert.equal("isBinary", nearest("is_binary"))
  end)

  it("does not depend on case", function()
    assert.equal("getTags", nearest("GETTAGS"))
    assert.equal("tag", nearest("Tag"))
  end)

  it("is none when the word is another one, a very short one, or longer than any name", function()
    assert.is_nil(nearest("bag"))
    assert.is_nil(nearest("storage"))
    assert.is_nil(nearest(""))
    assert.is_nil(nearest(("getTags"):rep(100)))
  end)
end)
