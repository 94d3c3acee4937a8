-- Text that anybody may have written, inside JSON.
local json = require "dkjson"
local core = require "spec.support.core"
local C = core.load("base/escape.h")
local ffi = core.ffi

local function escaped(text)
  local bytes = ffi.new("struct od_bytes")
  C.od_escape_put_json(bytes, core.slice(text))
  local result = ffi.string(bytes.at, bytes.size)
  C.od_bytes_deinit(bytes)
  return result
end

describe("text in JSON", function()
  it("stays inside its quotes", function()
    local text = 'a "b" \\ \n\t\1\127é€😀'
    assert.equal(text, json.decode('"' .. escaped(text) .. '"'))
  end)

  -- The name of an object is what a client wrote into a path: "/s/%ff" made lines of the log and
  -- `status --json` that no reader of JSON takes.
  it("is UTF-8 whatever it was", function()
    assert.equal("a\239\191\189b", escaped("a\255b"))
    assert.equal("\239\191\189", escaped("\195"))
    assert.equal("é\239\191\189\239\191\189x", escaped("é\226\130x"))
    assert.equal(("\239\191\189"):rep(3), escaped("\237\160\128"))
  end)
end)
