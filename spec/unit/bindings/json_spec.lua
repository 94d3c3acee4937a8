local library = require "spec.support.library"
local random_value = require "spec.support.random_value"

local json = library.od.json
local encode, decode = json.encode, json.decode

local function refusal(call, ...)
  local ok, problem = pcall(call, ...)
  assert.is_false(ok)
  return problem
end

local function same_number(a, b)
  return a == b and 1 / a == 1 / b
end

local function make_text(random)
  local parts = {}
  for at = 1, random.below(6) - 1 do
    parts[at] = random.pick { "a", '"', "\\", "\n", "\0", "\31", "\127", "é", "€", "😀", "/" }
  end
  return table.concat(parts)
end

local function make_value(random, depth)
  local kind = random.below(depth > 5 and 4 or 6)
  if kind == 1 then return random.below(2) == 1 end
  if kind == 2 then return make_text(random) end
  if kind == 3 then return random.double() end
  if kind == 4 then return json.null end
  local value = kind == 5 and json.array() or {}
  for at = 1, random.below(5) - 1 do
    value[kind == 5 and at or "k" .. make_text(random)] = make_value(random, depth + 1)
  end
  return value
end

describe("json.encode", function()
  it("writes what JSON has", function()
    assert.equal('[1,2.5,"a",true,false,null]', encode { 1, 2.5, "a", true, false, json.null })
    assert.equal('{"a":{"b":[]}}', encode { a = { b = json.array {} } })
    assert.equal("{}", encode {})
    assert.equal("[]", encode(json.array()))
    assert.equal('"\\"\\\\/\\b\\f\\n\\r\\t\\u0000\\u001f\127é😀"',
      encode('"\\/\b\f\n\r\t\0\31\127é😀'))
  end)

  it("writes an array whose items came in any order", function()
    local list = {}
    for at = 10, 1, -1 do
      list[at] = at
    end
    assert.equal("[1,2,3,4,5,6,7,8,9,10]", encode(list))
  end)

  it("writes numbers that read back as they were", function()
    for _, number in ipairs(random_value.numbers) do
      local text = encode(number)
      assert.is_true(same_number(number, decode(text)), text)
      assert.is_true(same_number(number, tonumber(text)), text)
    end
    for text, number in pairs { ["0.1"] = 0.1, ["-0"] = -0.0, ["9007199254740992"] = 2 ^ 53,
      ["0.30000000000000004"] = 0.1 + 0.2, ["1e+300"] = 1e300, ["123456.789"] = 123456.789,
      ["-12.05"] = -12.05, ["0.001"] = 0.001, ["1e-7"] = 1e-7 } do
      assert.equal(text, encode(number))
    end
  end)

  -- 10^16 was 1e+16, which some readers take for a number that is not whole.
  it("writes whole numbers without an exponent up to 10^21, as JavaScript", function()
    for text, number in pairs { ["10000000000000000"] = 1e16, ["-123456789012345680000"] =
      -123456789012345680000, ["1e+21"] = 1e21, ["9007199254740994"] = 2 ^ 53 + 2,
      ["0.000001"] = 1e-6, ["1e-7"] = 1e-7, ["1.5e-9"] = 1.5e-9, ["5e-324"] = 5e-324,
      ["1.7976931348623157e+308"] = 1.7976931348623157e308, ["1234567.00001"] = 1234567.00001 } do
      assert.equal(text, encode(number))
    end
  end)

  it("writes numbers as node does", function()
    local random, numbers, texts = random_value.new(7), {}, {}
    for at = 1, 20000 do
      local whole = random.below(2 ^ 30) * random.below(2 ^ 23) * (at % 2 * 2 - 1)
      numbers[at] = random.pick { random.double(), whole * 4096, whole / 1024, whole / 1e15,
        10 ^ (random.below(628) - 320), random.below(1000) * 10 ^ (random.below(32) - 10) }
      if numbers[at] == 0 or numbers[at] ~= numbers[at] or math.abs(numbers[at]) == 1 / 0 then
        numbers[at] = 1
      end
      texts[at] = ("%.17g"):format(numbers[at])
    end
    local path = os.tmpname()
    local file = assert(io.open(path, "w"))
    file:write(table.concat(texts, "\n"))
    file:close()
    local node = io.popen(("unset LD_PRELOAD; node -e 'for (const text of require(\"fs\")"
      .. ".readFileSync(\"%s\", \"utf8\").split(\"\\n\")) console.log(JSON.stringify(+text))'")
      :format(path))
    for at = 1, #numbers do
      assert.equal(node:read("*l"), encode(numbers[at]), texts[at])
    end
    node:close()
    os.remove(path)
  end)

  it("writes random numbers so, too", function()
    local random = random_value.new(7)
    for _ = 1, 3000 do
      local whole = random.below(1e9)
      local number = random.pick { random.double(), whole / 1000, whole / 2 ^ 20 }
      assert.is_true(same_number(number, decode(encode(number))), encode(number))
    end
  end)

  it("writes 64-bit integers as integers", function()
    assert.equal("[9223372036854775807,-9223372036854775808,18446744073709551615]",
      encode { 0x7fffffffffffffffLL, -0x7fffffffffffffffLL - 1, 0xffffffffffffffffULL })
  end)

  it("names what it cannot write, and where", function()
    local users = { {}, {}, { x = print } }
    assert.equal("cannot encode a function at .users[3].x", refusal(encode, { users = users }))
    assert.equal("cannot encode NaN at [1]", refusal(encode, { 0 / 0 }))
    assert.equal("cannot encode an infinite number", refusal(encode, 1 / 0))
    assert.equal("cannot encode a string that is not UTF-8 at .a", refusal(encode, { a = "\xff" }))
    assert.equal("cannot encode a string that is not UTF-8", refusal(encode, { ["\xc0\x80"] = 1 }))
    assert.equal("cannot encode a sparse array (2 of 3 items) at .list",
      refusal(encode, { list = { [1] = 1, [3] = 3 } }))
    assert.matches("^cannot encode a table with .* keys at %.a$",
      refusal(encode, { a = { 1, x = 2 } }))
    assert.equal("cannot encode an array with string keys", refusal(encode, json.array { x = 1 }))
    local circle = {}
    circle.again = { circle }
    assert.equal("cannot encode a table that contains itself at .again[1]", refusal(encode, circle))
  end)

  it("raises at the caller's line", function()
    local ok, problem = pcall(function()
      local text = encode { print }
      return text
    end)
    assert.is_false(ok)
    assert.matches("json_spec%.lua:%d+: cannot encode a function at %[1%]", problem)
  end)

  it("stops at its limits instead of growing without end", function()
    local value = "0123456789"
    for _ = 1, 40 do
      value = { value, value }
    end
    assert.matches("cannot encode more than 67108864 bytes", refusal(encode, value))
    local deep = {}
    for _ = 1, 1000 do
      deep = { deep }
    end
    assert.matches("cannot encode more than 1000 tables", refusal(encode, deep))
  end)
end)

describe("json.decode", function()
  it("reads what JSON has", function()
    assert.same({ 1, -2.5, "é😀\n\0", true, false, { a = {} } },
      decode(' [ 1 , -2.5e0,"\\u00e9\\ud83d\\ude00\\n\\u0000",true,\tfalse\r\n, {"a":{}} ] '))
    assert.equal(json.null, decode("null"))
    assert.equal(2, decode('{"a":1,"a":2}').a)
    assert.equal(("é\n"):rep(5000), decode('"' .. ("\\u00E9\\n"):rep(5000) .. '"'))
  end)

  it("keeps arrays and objects apart, also empty ones", function()
    for _, text in ipairs { "[]", "{}", '[[],{},[{}]]', '{"a":[]}' } do
      assert.equal(text, encode(decode(text)))
    end
  end)

  it("reads numbers exactly as Lua does", function()
    for _, text in ipairs { "0", "-0", "0.5", "1e5", "1E+5", "1e-5", "12345678901234567890123",
      "0.1234567890123456789012345678901234567890", "1e22", "1e23", "9007199254740993", "5e-324",
      "1e-400", "2.2250738585072011e-308", "1.7976931348623157e308", "0.000000000000000000001",
      "100000000000000000000000e-5", "1e0000000000000000000000001" } do
      assert.is_true(same_number(tonumber(text), decode(text)), text)
    end
  end)

  it("says where it stopped understanding", function()
    local hopeless = {
      [""] = "line 1, column 1: the text ends too early",
      ["[1,"] = "line 1, column 4: the text ends too early",
      ["[1,]"] = "line 1, column 4: a value must come here",
      ["[1 2]"] = "line 1, column 4: a comma or ] must come here",
      ['{"a":1,}'] = "line 1, column 8: a name in quotes must come here",
      ["{a:1}"] = "line 1, column 2: a name in quotes must come here",
      ['{"a" 1}'] = "line 1, column 6: a colon must come here",
      ["01"] = "line 1, column 1: a number must not begin with 0",
      ["+1"] = "line 1, column 1: a value must come here",
      [".5"] = "line 1, column 1: a value must come here",
      ["1."] = "line 1, column 3: the text ends too early",
      ["1.x"] = "line 1, column 3: a digit must come here",
      ["1e"] = "line 1, column 3: the text ends too early",
      ["1e999"] = "line 1, column 1: the number is too large",
      ["NaN"] = "line 1, column 1: a value must come here",
      ["nul"] = "line 1, column 1: a value must come here",
      ["1 2"] = "line 1, column 3: something follows the value",
      ["[]\0"] = "line 1, column 3: something follows the value",
      ['"a'] = "line 1, column 3: the text ends too early",
      ['"a\\'] = "line 1, column 4: the text ends too early",
      ['"\\x"'] = "line 1, column 3: there is no such escape",
      ['"\\u12"'] = "line 1, column 3: \\u must be followed by four hex digits",
      ['"\\ud800"'] = "line 1, column 3: half of a surrogate pair is missing",
      ['"\\udc00"'] = "line 1, column 3: half of a surrogate pair is missing",
      ['"\\ud800\\u0041"'] = "line 1, column 3: half of a surrogate pair is missing",
      ['"\xc0\x80"'] = "line 1, column 2: the text is not UTF-8",
      ['"\xed\xa0\x80"'] = "line 1, column 2: the text is not UTF-8",
      ['"\xf5\x80\x80\x80"'] = "line 1, column 2: the text is not UTF-8",
      ['"a\tb"'] = "line 1, column 3: a control character must be escaped",
      ['"\0"'] = "line 1, column 2: a control character must be escaped",
      ["[\n1,\n x]"] = "line 3, column 2: a value must come here",
      ["\xef\xbb\xbf1"] = "line 1, column 1: a value must come here",
    }
    for text, problem in pairs(hopeless) do
      assert.equal("invalid JSON at " .. problem, refusal(decode, text))
    end
  end)

  it("has a limit of depth", function()
    assert.is_table(decode(("["):rep(1000) .. ("]"):rep(1000)))
    assert.matches("too many arrays", refusal(decode, ("["):rep(1001) .. ("]"):rep(1001)))
    assert.matches("too many arrays", refusal(decode, ('{"a":'):rep(1001)))
  end)

  it("gives back every value that encode wrote", function()
    local random = random_value.new(4711)
    for _ = 1, 500 do
      local value = make_value(random, 0)
      assert.same(value, decode(encode(value)))
    end
  end)

  it("survives damaged texts", function()
    local random = random_value.new(5)
    for _ = 1, 300 do
      local text = encode { make_value(random, 0) }
      for _ = 1, 10 do
        local at = random.below(#text)
        local damaged = text:sub(1, at - 1) .. random.bytes(random.below(3)) .. text:sub(at + 1)
        local ok, value = pcall(decode, damaged)
        if ok then
          assert.is_string(encode(value))
        end
      end
    end
  end)
end)

describe("json.array", function()
  it("marks a table once and for all", function()
    local list = json.array {}
    assert.equal(list, json.array(list))
    assert.is_false(getmetatable(list))
    assert.is_false((pcall(setmetatable, list, {})))
  end)

  it("refuses a table that is something else already", function()
    assert.matches("metatable", refusal(json.array, setmetatable({}, {})))
    assert.matches("table expected", refusal(json.array, 5))
  end)
end)
