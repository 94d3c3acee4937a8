local support = require "spec.unit.store.world"

-- Keys that share long beginnings, so that LMDB's limit of 511 bytes and the chains behind it are
-- crossed at every depth; bytes 0 and 255 where successors are easy to get wrong.
local stems = { "", "a", "\255", "\0", ("p"):rep(479), ("p"):rep(480), ("p"):rep(481),
  ("\255"):rep(480), ("p"):rep(960), ("p"):rep(961), ("p"):rep(480) .. ("q"):rep(700),
  ("\255"):rep(1000), ("p"):rep(2040) }
local letters = { "\0", "\1", "a", "p", "q", "\254", "\255" }

local function random_key()
  local key = stems[math.random(#stems)]
  for _ = 1, math.random(0, 8) do
    key = key .. letters[math.random(#letters)]
  end
  if math.random(20) == 1 then
    key = key .. letters[math.random(#letters)]:rep(math.random(0, 2048))
  end
  return key:sub(1, 2048)
end

local function random_options(known)
  local function bound()
    return math.random(2) == 1 and known[math.random(#known)] or random_key()
  end
  local options = { reverse = math.random(2) == 1 }
  if math.random(3) == 1 then
    options.prefix = bound():sub(1, math.random(0, 1000))
  end
  if math.random(2) == 1 then
    options[math.random(2) == 1 and "start" or "startAfter"] = bound()
  end
  if math.random(2) == 1 then
    options["end"] = bound()
  end
  if math.random(2) == 1 then
    options.limit = math.random(1, 20)
  end
  return options
end

-- What list() should give, from a plain table.
local function expected(model, options)
  local keys = {}
  for key in pairs(model) do
    local inside = (not options.prefix or key:sub(1, #options.prefix) == options.prefix)
      and (not options.start or key >= options.start)
      and (not options.startAfter or key > options.startAfter)
      and (not options["end"] or key < options["end"])
    keys[#keys + 1] = inside and key or nil
  end
  table.sort(keys, options.reverse and function(a, b) return a > b end or nil)
  local list = {}
  for i = 1, math.min(#keys, options.limit or #keys) do
    list[i] = { keys[i], model[keys[i]] }
  end
  return list
end

-- Fails with a short text: keys are long.
local function expect_same(list, wanted, seed)
  local function short(pair)
    return pair and ("%d bytes %q..."):format(#pair[1], pair[1]:sub(-8)) or "nothing"
  end
  for i = 1, math.max(#list, #wanted) do
    local a, b = list[i], wanted[i]
    if not a or not b or a[1] ~= b[1] or a[2] ~= b[2] then
      error(("seed %d, pair %d of %d: got %s, expected %s"):format(seed, i, #wanted, short(a),
        short(b)))
    end
  end
end

describe("list", function()
  local world = support.each()
  local object

  before_each(function()
    object = world:object("list")
  end)

  it("orders keys as unsigned bytes", function()
    for _, key in ipairs({ "é", "b/2", "a", "Z", "c", "b", "b/1" }) do
      object:put(key, "")
    end
    assert.equal("Z a b b/1 b/2 c é", object:keys())
    object:seal()
    world:settle()
    assert.equal("Z a b b/1 b/2 c é", object:keys())
    assert.equal("é c b/2", object:keys({ reverse = true, limit = 3 }))
    assert.equal("b b/1 b/2", object:keys({ prefix = "b" }))
    assert.equal("b/1 b/2", object:keys({ startAfter = "b", ["end"] = "c" }))
    assert.equal("", object:keys({ start = "c", ["end"] = "b" }))
    assert.equal("é", object:keys({ startAfter = "c" }))
  end)

  it("tells keys apart that differ only behind LMDB's limit", function()
    local stem = ("x"):rep(2047)
    object:put(stem .. "a", "1")
    object:put(stem .. "b", "2")
    object:put(stem, "0")
    object:seal()
    world:settle()
    assert.equal("1", object:get(stem .. "a"))
    assert.equal("2", object:get(stem .. "b"))
    assert.equal("0", object:get(stem))
    assert.is_nil(object:get(stem:sub(1, 480)))
    assert.is_true(object:delete(stem .. "a"))
    object:seal()
    world:settle()
    assert.equal(2, #object:list())
  end)

  it("shows no other object's rows at either end", function()
    local numbers = { world:object("before"), object, world:object("after") }
    for _, each in ipairs(numbers) do -- One slot, so their ranges are neighbours.
      support.ffi.copy(each.identity.id, "\1\2", 2)
      each:put(("\255"):rep(490), each.name)
      each:put("", each.name)
      each:seal()
      world:settle()
    end
    for _, reverse in ipairs({ false, true }) do
      local list = object:list({ reverse = reverse })
      assert.equal(2, #list)
      assert.equal("list", list[1][2])
      assert.equal("list", list[2][2])
    end
  end)

  it("agrees with a sorted table for random keys, ranges and states", function()
    local seed = tonumber(os.getenv("OPEN_DO_SEED")) or os.time()
    math.randomseed(seed)
    local model, known = {}, {}
    for round = 1, 12 do
      for _ = 1, 40 do
        local key = random_key()
        if #known > 0 and math.random(4) == 1 then
          key = known[math.random(#known)]
          assert(object:delete(key) == (model[key] ~= nil), "seed " .. seed)
          model[key] = nil
        else
          model[key] = tostring(math.random(1e6))
          object:put(key, model[key])
          known[#known + 1] = key
        end
      end
      if round % 2 == 0 then -- Every second round some lies over LMDB and some in it.
        object:seal()
        world:settle()
      end
      for _ = 1, 60 do
        local options = random_options(known)
        expect_same(object:list(options), expected(model, options), seed)
      end
      for _, key in ipairs(known) do
        assert(object:get(key) == model[key], "seed " .. seed)
      end
    end
    for key in pairs(model) do
      object:delete(key)
    end
    object:seal()
    world:settle()
    assert.equal(0, #object:list())
  end)
end)
