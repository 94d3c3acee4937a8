-- `require "cjson"`: od.json under the names of lua-cjson.
local library = require "spec.support.library"
local modules = library.load("open-do.cjson")
local od, cjson, safe = library.od, modules.cjson, modules["cjson.safe"]

local function refusal(call, ...)
  local arguments, count = { ... }, select("#", ...)
  local ok, problem = pcall(function()
    local result = call(unpack(arguments, 1, count))
    return result
  end)
  assert.is_false(ok)
  local rest = problem:match("^spec/unit/lua/cjson_spec.lua:%d+: (.*)$")
  assert.is_truthy(rest, problem)
  return rest
end

describe("cjson", function()
  it("is the same JSON as od.json", function()
    local value = { a = 0.1, b = { 1, 2, 2 ^ 53 }, c = cjson.null, d = "é\n" }
    assert.same(od.json.decode(od.json.encode(value)), cjson.decode(cjson.encode(value)))
    assert.equal("9007199254740992", cjson.encode(2 ^ 53))
    assert.equal(od.json.null, cjson.null)
    assert.equal("[]", cjson.encode(cjson.decode("[]")))
    assert.equal("{}", cjson.encode(cjson.decode("{}")))
    assert.equal('"a/b"', cjson.encode("a/b"))
  end)

  it("knows arrays by the names of OpenResty", function()
    assert.equal("[]", cjson.encode(cjson.empty_array))
    assert.equal('{"a":[]}', cjson.encode { a = cjson.empty_array })
    assert.equal("[]", cjson.encode(setmetatable({}, cjson.array_mt)))
    assert.equal("[1,2]", cjson.encode(setmetatable({ 1, 2 }, cjson.array_mt)))
    assert.equal("[]", cjson.encode(setmetatable({}, cjson.empty_array_mt)))
    assert.equal('{"a":1}', cjson.encode(setmetatable({ a = 1 }, cjson.empty_array_mt)))
    assert.equal("[1]", cjson.encode(setmetatable({ 1 }, cjson.empty_array_mt)))
    assert.equal("[]", od.json.encode(setmetatable({}, cjson.array_mt)))
  end)

  it("writes empty tables as it is told, each instance for itself", function()
    local other = cjson.new()
    assert.is_true(other.encode_empty_table_as_object())
    assert.is_false(other.encode_empty_table_as_object(false))
    assert.equal('{"a":[]}', other.encode { a = {} })
    assert.equal('{"a":{}}', cjson.encode { a = {} })
    assert.equal('{"a":{}}', od.json.encode({ a = {} }, true))
  end)

  it("accepts what libraries set and gives it back", function()
    local other = cjson.new()
    assert.is_true(other.encode_escape_forward_slash(true))
    assert.is_true(other.decode_array_with_array_mt(true))
    assert.equal(14, other.encode_number_precision(14))
    assert.equal(100, other.encode_max_depth(100))
    assert.equal(100, other.decode_max_depth(100))
    assert.is_false(other.encode_keep_buffer(false))
    assert.is_false(other.encode_invalid_numbers(false))
    assert.same({ false, 2, 10 }, { other.encode_sparse_array() })
    assert.equal("0.1", other.encode(0.1))
    assert.equal("cjson", cjson._NAME)
    assert.is_string(cjson._VERSION)
  end)

  it("refuses settings it cannot keep", function()
    assert.equal("cjson.encode_invalid_numbers: open-do's JSON cannot do that",
      refusal(cjson.encode_invalid_numbers, true))
    assert.equal("cjson.decode_invalid_numbers: open-do's JSON cannot do that",
      refusal(cjson.decode_invalid_numbers, true))
    assert.equal("cjson.encode_sparse_array: open-do's JSON has no arrays with holes",
      refusal(cjson.encode_sparse_array, true))
    assert.equal("cjson.encode_max_depth: argument 1 must be a number, got string",
      refusal(cjson.encode_max_depth, "10"))
    assert.equal("cjson.encode_escape_forward_slash: argument 1 must be a boolean, got number",
      refusal(cjson.encode_escape_forward_slash, 1))
  end)

  it("raises at the caller's line", function()
    assert.is_truthy(refusal(cjson.encode, { x = print }):find("function", 1, true))
    assert.is_truthy(refusal(cjson.encode, { [1] = 1, [3] = 3 }):find("sparse", 1, true))
    assert.is_truthy(refusal(cjson.encode, 0 / 0):find("NaN", 1, true))
    assert.is_truthy(refusal(cjson.decode, "{"):find("line 1", 1, true))
    assert.is_truthy(refusal(cjson.decode, '"\255"'):find("UTF-8", 1, true))
    assert.equal("cjson.decode: argument 1 must be a string, got nil", refusal(cjson.decode, nil))
    assert.equal("cjson.decode: argument 1 must be a string, got table", refusal(cjson.decode, {}))
  end)
end)

describe("cjson.safe", function()
  it("gives nil and the problem instead", function()
    local value, problem = safe.decode("[1,")
    assert.is_nil(value)
    assert.is_truthy(problem:find("line 1", 1, true))
    value, problem = safe.encode(print)
    assert.is_nil(value)
    assert.is_truthy(problem:find("function", 1, true))
    value, problem = safe.decode(nil)
    assert.is_nil(value)
    assert.is_string(problem)
    assert.same({ 1 }, safe.decode("[1]"))
    assert.equal(safe.null, safe.decode("null"))
    assert.is_nil((safe.new().decode("x")))
  end)
end)
