local core = require "spec.support.core"
local C = core.load("codec/deflate.h")
local ffi = core.ffi

local LIMIT = 10 * 1024 * 1024
local OUTCOMES = { "more", "too big", "corrupt" }

describe("compressed messages", function()
  local deflate

  before_each(function()
    deflate = C.od_deflate_new()
  end)

  after_each(function()
    C.od_deflate_free(deflate)
  end)

  local function compress(text)
    local out = ffi.new("struct od_bytes")
    C.od_deflate_message(deflate, core.slice(text), out)
    local compressed = core.string(out)
    C.od_bytes_deinit(out)
    return compressed
  end

  -- The text, or "too big" or "corrupt" and nothing of it.
  local function inflate(payload, limit)
    local out = ffi.new("struct od_bytes")
    C.od_bytes_put_slice(out, core.slice("before|"))
    local outcome = C.od_inflate_message(deflate, core.slice(payload), limit or LIMIT, out)
    local text = core.string(out):match("^before|(.*)$")
    C.od_bytes_deinit(out)
    if outcome == C.OD_INFLATE_DONE then
      return text
    end
    assert.equal("", text)
    return nil, OUTCOMES[tonumber(outcome)]
  end

  local function random_bytes(size, seed)
    math.randomseed(seed)
    local bytes = {}
    for i = 1, size do
      bytes[i] = string.char(math.random(0, 255))
    end
    return table.concat(bytes)
  end

  it("come back as they were, of any kind and size", function()
    for _, size in ipairs({ 0, 1, 5, 1024, 16383, 16384, 16385, 100000, 1000000 }) do
      local text = ("Hello, Lua! "):rep(size / 12 + 1):sub(1, size)
      assert.is_true(text == inflate(compress(text)))
      local noise = random_bytes(math.min(size, 100000), size)
      assert.is_true(noise == inflate(compress(noise)))
    end
  end)

  it("are smaller where something repeats", function()
    assert.is_true(#compress(("Hello, Lua! "):rep(1000)) < 200)
  end)

  it("stand alone: the same text gives the same bytes, whatever came before", function()
    local first = compress("a message, and a message again")
    compress(random_bytes(5000, 1))
    assert.equal(first, compress("a message, and a message again"))
    assert.equal("a message, and a message again", inflate(first))
  end)

  it("do not end with the tail of a flush, and an empty one is one zero byte", function()
    assert.equal("\0", compress(""))
    assert.is_true(compress("Hello"):sub(-4) ~= "\0\0\255\255")
  end)

  it("of others are read: the examples of RFC 7692, section 7.2.3", function()
    assert.equal("Hello", inflate("\242\72\205\201\201\7\0"))
    assert.equal("Hello", inflate("\0\5\0\250\255\72\101\108\108\111\0")) -- A block that is stored.
    assert.equal("Hello", inflate("\243\72\205\201\201\7\0\0")) -- The last block says that it is.
    assert.equal("Hello", inflate("\242\72\5\0\0\0\255\255\202\201\201\7\0")) -- Two blocks.
    assert.equal("", inflate("\0"))
    assert.equal("", inflate(""))
  end)

  it("may be closed for good and go on, and may lack the zero byte behind that", function()
    assert.equal("HelloHello", inflate("\243\72\205\201\201\7\0\242\72\205\201\201\7\0"))
    assert.equal("Hello", inflate("\243\72\205\201\201\7\0"))
  end)

  it("may be as large as the limit and not a byte larger", function()
    local payload = compress(("x"):rep(100000))
    assert.equal(100000, #inflate(payload, 100000))
    assert.same({ nil, "too big" }, { inflate(payload, 99999) })
    assert.same({ nil, "too big" }, { inflate(payload, 0) })
    assert.equal("", inflate("\0", 0))
  end)

  it("that would be enormous cost no more than the limit", function()
    local bomb = compress(("\0"):rep(LIMIT))
    assert.is_true(#bomb < 60000)
    local out = ffi.new("struct od_bytes")
    assert.equal(tonumber(C.OD_INFLATE_TOO_BIG),
      tonumber(C.od_inflate_message(deflate, core.slice(bomb), 100000, out)))
    assert.is_true(out.capacity < 400000)
    C.od_bytes_deinit(out)
  end)

  -- What came of it, and in how many pieces.
  local function inflate_in_pieces(payload, piece_bytes, limit)
    local out = ffi.new("struct od_bytes")
    local inflater = C.od_inflater_new(core.slice(payload), limit or LIMIT)
    local pieces, size = 0, 0
    local outcome
    repeat
      outcome = C.od_inflater_go_on(inflater, piece_bytes, out)
      pieces = pieces + 1
      assert.is_true(tonumber(out.size) - size <= piece_bytes + 16384)
      size = tonumber(out.size)
    until outcome ~= C.OD_INFLATE_MORE
    C.od_inflater_free(inflater)
    local text = core.string(out)
    C.od_bytes_deinit(out)
    return outcome == C.OD_INFLATE_DONE and text or OUTCOMES[tonumber(outcome)], pieces
  end

  it("are the same in pieces, whatever their size", function()
    local payloads = { "\242\72\205\201\201\7\0", "\0\5\0\250\255\72\101\108\108\111\0",
      "\243\72\205\201\201\7\0\242\72\205\201\201\7\0", "\243\72\205\201\201\7\0", "\0", "",
      "\242\72\205\201", "\3\0\6", compress(random_bytes(30000, 5):rep(3)) }
    for _, payload in ipairs(payloads) do
      local text, why = inflate(payload)
      for _, piece_bytes in ipairs({ 1, 7, 20000, 1000000 }) do
        assert.is_true((text or why) == inflate_in_pieces(payload, piece_bytes))
      end
    end
  end)

  it("end in pieces, too, at the limit", function()
    local payload = compress(("x"):rep(300000))
    assert.equal(300000, #inflate_in_pieces(payload, 65536, 300000))
    local text, pieces = inflate_in_pieces(payload, 65536, 299999)
    assert.equal("too big", text)
    assert.is_true(pieces >= 4 and pieces <= 6, pieces .. " pieces")
  end)

  it("that are long and say nothing are pieces as well", function()
    local text, pieces = inflate_in_pieces(("\0\0\0\255\255"):rep(60000) .. "\0", 65536)
    assert.equal("", text)
    assert.is_true(pieces >= 4, pieces .. " pieces")
  end)

  it("that are cut off or damaged are corrupt, and do no harm to the next", function()
    local text = random_bytes(50, 3):rep(20)
    local payload = compress(text)
    assert.same({ nil, "corrupt" }, { inflate(payload:sub(1, #payload / 2)) })
    assert.same({ nil, "corrupt" }, { inflate("\255\255\255") })
    assert.same({ nil, "corrupt" }, { inflate("\242\72\205\201") })
    assert.same({ nil, "corrupt" }, { inflate("\3\0\6") }) -- A good end, then nonsense.
    assert.is_true(text == inflate(payload))
  end)

  it("cannot refer to the message before", function()
    -- What zlib makes of this text when it said the same before, and remembers it.
    assert.equal("a message, which is said twice",
      inflate(compress("a message, which is said twice")))
    assert.same({ nil, "corrupt" }, { inflate("\74\196\43\11\0") })
  end)

  it("of any bytes at all end in one of three ways", function()
    for seed = 1, 500 do
      local payload = random_bytes(seed % 60, seed)
      local text, why = inflate(payload, 1000)
      assert.is_true((text ~= nil and #text <= 1000) or why == "too big" or why == "corrupt")
    end
    local good = compress(("What is said once, is said again. "):rep(50))
    for i = 1, #good do
      inflate(good:sub(1, i - 1) .. string.char((good:byte(i) + 77) % 256) .. good:sub(i + 1), 5000)
    end
  end)

  it("are worth it when they are long, and when the client's window holds them", function()
    assert.is_false(C.od_deflate_is_worth_it(1023, 15))
    assert.is_true(C.od_deflate_is_worth_it(1024, 15))
    assert.is_true(C.od_deflate_is_worth_it(1048576, 15))
    assert.is_false(C.od_deflate_is_worth_it(1048577, 15)) -- Others would wait for it.
    assert.is_false(C.od_deflate_is_worth_it(5000, 0))
    assert.is_true(C.od_deflate_is_worth_it(1024, 10))
    assert.is_false(C.od_deflate_is_worth_it(1025, 10))
    assert.is_false(C.od_deflate_is_worth_it(1024, 9))
  end)
end)
