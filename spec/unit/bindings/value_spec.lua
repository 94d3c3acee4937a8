local library = require "spec.support.library"
local random_value = require "spec.support.random_value"

local od, native = library.od, library.native
local encode, decode = native.value_encode, native.value_decode

local function copy(value)
  return decode(assert(encode(value)))
end

local function refusal(value, bytes_max)
  local bytes, problem = encode(value, bytes_max)
  assert.is_nil(bytes)
  return problem
end

local function nested(depth)
  local value = {}
  for _ = 2, depth do
    value = { value }
  end
  return value
end

-- Tables, strings of any bytes, numbers of any kind; small ones mostly.
local function make_value(random, depth)
  local kind = random.below(depth > 3 and 5 or 7)
  if kind == 1 then return random.below(2) == 1 end
  if kind == 2 then return random.bytes(random.below(random.pick { 2, 80, 300 }) - 1) end
  if kind == 3 then return random.below(1000) - 500 end
  if kind == 4 then return random.double() end
  if kind == 5 then return od.json.null end
  local value = {}
  for at = 1, random.below(random.pick { 3, 8, depth == 0 and 300 or 3 }) - 1 do
    value[at] = make_value(random, depth + 1)
  end
  for _ = 1, random.below(random.pick { 3, 8 }) - 1 do
    local key = random.below(2) == 1 and random.bytes(random.below(9)) or random.double()
    value[key] = make_value(random, depth + 1)
  end
  return value
end

describe("a value as bytes", function()
  it("comes back as it was", function()
    for _, value in ipairs { true, false, 0, 1, -1, 63, 64, -64, -65, 2 ^ 53, -2 ^ 53, 1.5, "",
      ("x"):rep(63), ("x"):rep(64), ("x"):rep(100000), { 1, 2, { 3 } }, { a = { b = "c" } },
      { "mixed", key = 1, [0.5] = 2, [-3] = 3, [10] = 4 } } do
      assert.same(value, copy(value))
    end
    assert.equal(1 / 0, copy(1 / 0))
    assert.equal(-1 / 0, 1 / copy(-0.0))
    assert.is_true(copy(0 / 0) ~= copy(0 / 0))
    assert.equal(od.json.null, copy(od.json.null))
  end)

  it("keeps 64-bit integers what they are", function()
    for _, value in ipairs { 0LL, -1LL, 0x7fffffffffffffffLL } do
      assert.is_true(require("ffi").istype("int64_t", copy(value)))
      assert.is_true(copy(value) == value)
    end
    assert.is_true(require("ffi").istype("uint64_t", copy(0xffffffffffffffffULL)))
    assert.is_true(copy(0xffffffffffffffffULL) == 0xffffffffffffffffULL)
  end)

  it("keeps the mark of an array, also of an empty one", function()
    assert.equal('{"list":[]}', od.json.encode(copy { list = od.json.array {} }))
    assert.equal("[1,2]", od.json.encode(copy(od.json.array { 1, 2 })))
  end)

  it("has tables of every size", function()
    for _, count in ipairs { 0, 1, 255, 256, 257, 70000 } do
      local list, fields = {}, {}
      for at = 1, count do
        list[at] = at
        fields["key" .. at] = { at }
      end
      assert.same(list, copy(list))
      assert.same({ fields }, copy { fields })
    end
  end)

  it("is stable: what was written by earlier versions can be read", function()
    local written = "\1\8\2\3\3\2\33x\33a\3\200\1\33b\8\0\0\33c\2"
    local value = decode(written)
    assert.same({ 1, "x", a = 100, b = {}, c = true }, value)
    assert.equal("\1\3\2", encode(1))
    assert.equal("\1\4\0\0\0\0\0\0\248\63", encode(1.5))
    assert.equal("\1\36text", encode("text"))
    assert.equal("\1\5\1\0\0\0\0\0\0\0", encode(1LL))
    assert.equal("\1\10\0\0", encode(od.json.array {}))
  end)

  it("round-trips random values", function()
    local random = random_value.new(20240517)
    for _ = 1, 300 do
      local value = make_value(random, 0)
      assert.same(value, copy(value))
    end
  end)
end)

describe("what cannot be a value", function()
  it("is named with its path", function()
    local users = { {}, {}, { socket = print } }
    assert.equal("cannot store a function at users[3].socket", refusal { users = users })
    assert.equal("cannot store a function", refusal(print))
    assert.equal("cannot store a nil", refusal(nil))
    assert.equal("cannot store a userdata at f", refusal { f = io.stdout })
    assert.equal("cannot store a thread at [1]", refusal { coroutine.create(print) })
    assert.equal("cannot store a cdata other than int64 and uint64 at [1]",
      refusal { require("ffi").new("int[2]") })
    assert.equal('cannot store a function at ["a key"]["\\x00"][1.5]',
      refusal { ["a key"] = { ["\0"] = { [1.5] = print } } })
  end)

  it("is a metatable, a circle, another kind of key", function()
    assert.equal("cannot store a table with a metatable at a", refusal { a = setmetatable({}, {}) })
    local circle = { list = {} }
    circle.list[1] = circle
    assert.equal("cannot store a table that contains itself at list[1]", refusal(circle))
    assert.equal("cannot store a table with a key that is a boolean at a",
      refusal { a = { [true] = 1 } })
  end)

  it("is too deep", function()
    assert.same(nested(100), copy(nested(100)))
    assert.matches("^cannot store more than 100 tables inside each other at ", refusal(nested(101)))
    local far_in = { [("long"):rep(10)] = { [("long"):rep(9)] = nested(100) } }
    assert.matches(" at %.%.%.", refusal(far_in))
  end)

  it("is too large, whatever makes it so", function()
    for _, value in ipairs { ("x"):rep(1000), { ("x"):rep(100), ("y"):rep(99) }, { { {}, {} } },
      { 1.5, 2.5, 3.5 }, { aaaa = 1, bbbb = 2, cccc = 3 } } do
      local size = #encode(value)
      assert.equal(size, #encode(value, size))
      for bytes_max = 1, math.min(size - 1, 40) do
        assert.matches(("the value is larger than %d bytes"):format(bytes_max),
          refusal(value, bytes_max), 1, true)
      end
      assert.matches("larger than", refusal(value, size - 1))
    end
  end)

  it("may occur twice, and then is two", function()
    local shared = {}
    local value = copy { shared, shared }
    assert.is_false(value[1] == value[2])
  end)
end)

describe("bytes that are no value", function()
  it("are refused", function()
    local huge = ("\255"):rep(9)
    for _, bytes in ipairs { "", "\0", "\2\0", "\1", "\1\99\0", "\1\4\0", "\1\33",
      "\1\7" .. huge .. "\1", "\1\8\1\0", "\1\8\0\1\0\0", "\1\8\0\1\4\0\0\0\0\0\0\248\127\2",
      "\1\9" .. huge:sub(1, 4) .. "\0\0\0\0", "\1\2\2", "\1" .. ("\8\1\0"):rep(101) .. "\2",
      "\1\3" .. huge .. "\255\1" } do
      local value, problem = decode(bytes)
      assert.is_nil(value)
      assert.is_string(problem)
    end
  end)

  it("never do harm, however they are damaged", function()
    local random = random_value.new(99)
    for _ = 1, 200 do
      local bytes = encode(make_value(random, 1))
      for _ = 1, 20 do
        local at = random.below(#bytes)
        local damaged = bytes:sub(1, at - 1) .. random.bytes(random.below(4))
          .. bytes:sub(at + random.below(4))
        local value = decode(damaged)
        if value ~= nil then
          assert.is_string(encode(value, 2 ^ 30)) -- What can be read can be written.
        end
      end
    end
  end)
end)

describe("a list of values", function()
  local encode_list, decode_list = native.values_encode, native.values_decode
  local ROOM = 2 ^ 20

  local function same(...)
    local count, list = select("#", ...), { ... }
    local copies = { decode_list(assert(encode_list(ROOM, ...))) }
    assert.equal(count, copies[1])
    for i = 1, count do
      assert.same(list[i], copies[i + 1])
    end
  end

  it("comes back with nil in all places", function()
    same()
    same(nil)
    same(nil, nil, 1, nil)
    same(1, "two", { three = { 3 } }, false, nil)
    assert.equal(1000, (decode_list(encode_list(ROOM, unpack({}, 1, 1000)))))
  end)

  it("says which value is wrong, and where in it", function()
    local function refused(...)
      local bytes, problem = encode_list(ROOM, ...)
      assert.is_nil(bytes)
      return problem
    end
    assert.equal("value 1: cannot send a function", refused(print))
    assert.equal("value 3: cannot send a function at a[2].b",
      refused(1, nil, { a = { 1, { b = print } } }))
    assert.equal("there are 1001 values; there can be at most 1000", refused(unpack({}, 1, 1001)))
  end)

  it("says how large it is, up to twice of what it may be", function()
    local function size(...)
      return select(2, encode_list(ROOM, ...)):match("limited to 1MiB, .* was: (.*) bytes%.$")
    end
    assert.is_string(encode_list(ROOM, ("x"):rep(ROOM - 6)))
    assert.equal("1048577", size(("x"):rep(ROOM - 5)))
    assert.equal("2097152", size(("x"):rep(2 * ROOM - 6)))
    assert.equal("more than 2097152", size(("x"):rep(2 * ROOM - 5)))
    assert.equal("more than 2097152", size(("x"):rep(ROOM), { ("x"):rep(ROOM) }, print))
  end)

  it("is refused when it is none, and does no harm, however it is damaged", function()
    for _, bytes in ipairs { "", "\1", "\2\0", "\1\1", "\1\1\2\2", "\1\255\255\255\255\127",
      "\1" .. ("\255"):rep(10), "\1\1\8\1\0\12" } do
      assert.is_nil((decode_list(bytes)))
    end
    local random = random_value.new(7)
    for _ = 1, 100 do
      local bytes = encode_list(ROOM, make_value(random, 1), nil, make_value(random, 2))
      for _ = 1, 20 do
        local at = random.below(#bytes)
        decode_list(bytes:sub(1, at - 1) .. random.bytes(random.below(4))
          .. bytes:sub(at + random.below(4)))
      end
    end
  end)
end)
