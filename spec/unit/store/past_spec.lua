-- The past of one object, out of bases and segments: at any moment it is what a model says, with
-- all kinds of rows, whatever others have written; and bookmarks, which name these moments.
--
-- OPEN_DO_GROUPS sets how many groups are written (200), OPEN_DO_TIMES how many moments are looked
-- at (30), OPEN_DO_SEED repeats a run.
local support = require "spec.unit.store.world"
local core = require "spec.support.core"
local ffi = support.ffi
local C = core.load("store/past.h", "store/bookmark.h", "store/kept.h")

local GROUPS = tonumber(os.getenv("OPEN_DO_GROUPS")) or 200
local TIMES = tonumber(os.getenv("OPEN_DO_TIMES")) or 30
local SEED = tonumber(os.getenv("OPEN_DO_SEED")) or os.time()
local NAMES = { "one", "two", "three" }
local PAGE_BYTES = 4080
local NO_NAME = support.slice("\0no such alarm")

describe("the past of an object", function()
  local world, kept, past, text
  local err = ffi.new("struct od_error")

  before_each(function()
    world = support.open(support.temporary_directory())
    kept, past = ffi.new("struct od_kept"), ffi.new("struct od_past")
    text = ffi.new("char[39]")
    C.od_committer_keep(world.committer, 0)
  end)

  after_each(function()
    C.od_kept_deinit(kept)
    C.od_past_deinit(past)
    world:stop()
    C.od_fault_page.clock_offset_ms = 0
  end)

  local function make_base()
    assert(C.od_kept_make_base(kept, world.directory, err), ffi.string(err.text))
  end

  local function now()
    local mark = ffi.new("struct od_journal_mark")
    assert(C.od_store_now(world:store(1), mark, err), ffi.string(err.text))
    C.od_store_end_turn(world:store(1))
    return mark
  end

  local function is_kept(mark)
    if C.od_past_is_kept(world.directory, mark, err) then
      return true
    end
    return false, ffi.string(err.text)
  end

  -- Through all kinds of rows, some of them twice in one stretch.
  local steps = {
    function(object, model, value)
      local key = ("k"):rep(math.random(3) * 400) .. math.random(3)
      object:put(key, value)
      model["key " .. key] = value
    end,
    function(object, model)
      local key = ("k"):rep(math.random(3) * 400) .. math.random(3)
      object:delete(key)
      model["key " .. key] = nil
    end,
    function(object, model, value)
      local page, bytes = math.random(4), value:sub(1, 100) .. ("\0"):rep(PAGE_BYTES)
      C.od_storage_put_page(object.storage, page, bytes)
      model["page " .. page] = value:sub(1, 100)
    end,
    function(object, model)
      local page = math.random(4)
      C.od_storage_delete_page(object.storage, page)
      model["page " .. page] = nil
    end,
    function(object, model, value)
      local name = math.random(3) == 1 and "" or "alarm " .. math.random(2)
      local body = name ~= "" and value or nil
      object:set_alarm({ time = #value, body = body }, false, name)
      model["alarm " .. name] = { time = #value, body = body }
    end,
    function(object, model)
      local name = math.random(3) == 1 and "" or "alarm " .. math.random(2)
      object:delete_alarm(name)
      model["alarm " .. name] = nil
    end,
  }

  local function write_one(object, model)
    if math.random(30) == 1 then
      object:delete_all()
      for name in pairs(model) do
        model[name] = nil
      end
    end
    for _ = 1, math.random(4) do
      local value = ("%d "):format(math.random(1e6)):rep(math.random(40))
      steps[math.random(#steps)](object, model, value)
    end
    object:seal()
  end

  -- Writes groups of all objects; what each of them was at some moments.
  local function write()
    local objects, models, moments = {}, {}, {}
    for _, name in ipairs(NAMES) do
      objects[name], models[name] = world:object(name), {}
    end
    for i = 1, GROUPS do
      for _, name in ipairs(NAMES) do
        write_one(objects[name], models[name])
      end
      world:settle()
      local moment = { mark = now(), models = {} }
      for name, model in pairs(models) do
        moment.models[name] = {}
        for row, value in pairs(model) do
          moment.models[name][row] = value
        end
      end
      moments[i] = moment
      if math.random(3) == 1 then -- Others share their millisecond.
        C.od_fault_page.clock_offset_ms = C.od_fault_page.clock_offset_ms + math.random(2000)
      end
      if i % 60 == 0 then
        make_base()
        C.od_committer_close_segment(world.committer)
      end
    end
    return objects, moments
  end

  -- All that the object has.
  local function look(object)
    local found = {}
    for _, length in ipairs { 400, 800, 1200 } do
      for i = 1, 3 do
        local key = ("k"):rep(length) .. i
        found["key " .. key] = object:get(key)
      end
    end
    local bytes = ffi.new("char[?]", PAGE_BYTES)
    for page = 1, 4 do
      if C.od_storage_has_page(object.storage, page) then
        assert(C.od_storage_get_page(object.storage, page, bytes))
        found["page " .. page] = ffi.string(bytes)
      end
    end
    for _, name in ipairs { "", "alarm 1", "alarm 2" } do
      local alarm = object:alarm(name)
      found["alarm " .. name] = alarm and { time = alarm.time, body = alarm.body }
    end
    return found
  end

  it(("is what a model says, at any of %d moments (seed %d)"):format(TIMES, SEED), function()
    math.randomseed(SEED)
    support.disarm("none") -- There is a page from here on.
    make_base()
    local objects, moments = write()
    for _ = 1, TIMES do
      local name, moment = NAMES[math.random(#NAMES)], moments[math.random(#moments)]
      local object = objects[name]
      assert(C.od_past_read(past, world.directory, object.identity.id, moment.mark, err),
        ffi.string(err.text))
      assert(C.od_past_put(past, object.storage, NO_NAME, err), ffi.string(err.text))
      assert.same(moment.models[name], look(object))
      C.od_storage_discard(object.storage)
      C.od_past_deinit(past)
      C.od_store_end_turn(world:store(1))
    end
  end)

  it("is not kept before the first base, nor where segments behind it are gone", function()
    local object = world:object("one")
    local function put(value)
      object:put("key", value)
      object:seal()
      world:settle()
      return now()
    end
    local before = put("before")
    local kept_before, why = is_kept(before)
    assert.is_false(kept_before)
    assert.matches("first base is not there yet", why)
    support.disarm("none")
    C.od_fault_page.clock_offset_ms = 1000
    local first = put("first")
    make_base()
    assert.is_true(is_kept(first))
    assert.matches("does not go back so far: it begins with 20", select(2, is_kept(before)))
    local second = put("second")
    assert.is_true(is_kept(second))
    for _, path in ipairs(support.segments(world.directory .. "/journal")) do
      os.rename(path, path:gsub("%d$", "9")) -- What is left begins later.
    end
    assert.is_true(is_kept(first)) -- The base alone is that.
    assert.is_false((is_kept(second)))
  end)

  it("is named by bookmarks in the order of time, each of one object", function()
    local object = world:object("one")
    local mark, before = now(), nil
    local read = ffi.new("struct od_journal_mark", mark)
    for _, moment in ipairs { { 0, 0 }, { 1, 7 }, { 2, 7 }, { -1ULL, 7 }, { 3, 8 },
      { 0x123456789, 1796000000000 } } do
      mark.moment = moment
      C.od_bookmark_put(text, mark, object.identity.id)
      local bookmark = ffi.string(text)
      assert.equal(38, #bookmark)
      assert.is_true(before == nil or before < bookmark)
      before = bookmark
      assert.is_true(C.od_bookmark_read(read, object.identity.id, support.slice(bookmark)))
      assert.equal(mark.moment.sequence, read.moment.sequence)
      assert.equal(mark.moment.time_ms, read.moment.time_ms)
      for at = 1, #bookmark do
        local other = bookmark:sub(1, at - 1) .. (bookmark:sub(at, at) == "0" and "1" or "0")
          .. bookmark:sub(at + 1)
        assert.is_false(C.od_bookmark_read(read, object.identity.id, support.slice(other)))
      end
      assert.is_false(C.od_bookmark_read(read, world:object("two").identity.id,
        support.slice(bookmark)))
    end
  end)
end)
