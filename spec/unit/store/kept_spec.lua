-- What is kept of a journal is every moment of the store: replayed up to any time it is what a
-- model says, and replayed to its end it is the very rows that LMDB has. What is missing, damaged
-- or another's is refused with the place, and never makes a store that looks whole.
--
-- OPEN_DO_GROUPS sets how many groups are written (150), OPEN_DO_TIMES how many moments are looked
-- at (20), OPEN_DO_BATCHES how many batches are replayed (3,000), OPEN_DO_SEED repeats a run.
local support = require "spec.unit.store.world"
local core = require "spec.support.core"
local shell = require "spec.support.shell"
local ffi = support.ffi
local C = core.load("store/restore.h", "store/kept.h", "store/backup.h", "base/moment.h")

local GROUPS = tonumber(os.getenv("OPEN_DO_GROUPS")) or 150
local TIMES = tonumber(os.getenv("OPEN_DO_TIMES")) or 20
local SEED = tonumber(os.getenv("OPEN_DO_SEED")) or os.time()
local BATCHES = tonumber(os.getenv("OPEN_DO_BATCHES")) or 3000
local OBJECTS, KEYS = 5, 8
local KEYS_OF_ALL_LENGTHS = {}
for i = 1, 40 do
  KEYS_OF_ALL_LENGTHS[i] = "key " .. i .. ("k"):rep(({ 20, 479, 900 })[i % 10] or 0)
end
local BLOCK, PAGE_BYTES = 4096, 4080

local function copy_of(model)
  local copy = {}
  for name, pairs_of in pairs(model) do
    copy[name] = {}
    for key, value in pairs(pairs_of) do
      copy[name][key] = value
    end
  end
  return copy
end

describe("what is kept of a journal", function()
  local directory, to, folder, world, kept
  local err = ffi.new("struct od_error")

  before_each(function()
    directory, to = support.temporary_directory(), support.temporary_directory()
    folder = support.temporary_directory()
    support.disarm("none") -- There is a page from here on.
    kept = ffi.new("struct od_kept")
    world = support.open(directory)
    C.od_committer_keep(world.committer, 0)
  end)

  after_each(function()
    if world then
      world:close()
    end
    world = nil
    C.od_kept_deinit(kept)
    C.od_fault_page.clock_offset_ms, C.od_fault_page.wall_offset_ms = 0, 0
    for _, each in ipairs { directory, to, to .. "2", folder } do
      support.remove_directory(each)
    end
  end)

  local function now_ms()
    return tonumber(C.od_clock_wall_ms())
  end

  local function pass(ms)
    C.od_fault_page.clock_offset_ms = C.od_fault_page.clock_offset_ms + ms
  end

  local function make_base()
    assert(C.od_kept_make_base(kept, directory, err), ffi.string(err.text))
  end

  local function close_segment()
    local first = C.od_kept_look(kept, directory, err) and tonumber(kept.segment_count)
    C.od_committer_close_segment(world.committer)
    world:wait("a new segment", function()
      return C.od_kept_look(kept, directory, err) and tonumber(kept.segment_count) > first
    end)
  end

  -- True, or nil and why not.
  local function restore(from, until_ms, is_check, until_group)
    local restoring = ffi.new("struct od_restore", { from = from, to = not is_check and to or nil,
      until_ms = until_ms or 0, until_group = until_group or 0 })
    support.remove_directory(to)
    if C.od_restore_run(restoring, err) then
      return tonumber(restoring.last.sequence) or true
    end
    return nil, ffi.string(err.text)
  end

  local function one_group(objects, model, only_puts)
    local name = "object " .. math.random(OBJECTS)
    local object, key = objects[name], "key " .. math.random(KEYS)
    local dice = only_puts and 20 or math.random(20)
    if dice == 1 then
      object:delete_all()
      model[name] = {}
    elseif dice < 5 then
      object:delete(key)
      model[name][key] = nil
    else
      local value = ("%d "):format(math.random(1000000)):rep(math.random(1, 400))
      object:put(key, value)
      model[name][key] = value
    end
    object:seal()
    local seq = world:turn()
    if seq then
      world:wait_news("durable", 1, seq)
    end
    world:hear()
  end

  -- Random writes; a list of { from =, to =, model = }: the times in which the model was that.
  local function write(count, on_step, only_puts)
    local objects, model, moments = {}, {}, {}
    for i = 1, OBJECTS do
      objects["object " .. i], model["object " .. i] = world:object("object " .. i), {}
    end
    for i = 1, count do
      one_group(objects, model, only_puts)
      local moment = { from = now_ms(), model = copy_of(model) }
      pass(math.random(3000))
      moment.to = now_ms() - 1
      moments[i] = moment
      if on_step then
        on_step(i)
      end
    end
    return moments
  end

  local function look(where)
    local other, found = support.open(where), {}
    for i = 1, OBJECTS do
      local name = "object " .. i
      local object = other:object(name)
      found[name] = {}
      for key = 1, KEYS do
        found[name]["key " .. key] = object:get("key " .. key)
      end
    end
    other:close()
    return found
  end

  -- A segment without a group would not be closed, and a step may have written nothing.
  local function step(i)
    if math.random(40) == 1 then
      local object = world:object("beside")
      object:put("step", tostring(i))
      object:seal()
      world:settle()
      object:deinit()
      close_segment()
    end
    if i % 70 == 0 then
      make_base()
    end
  end

  it(("is the store at any of %d times (seed %d)"):format(TIMES, SEED), function()
    math.randomseed(SEED)
    make_base()
    local moments = write(GROUPS, step)
    for _ = 1, TIMES do
      local moment = moments[math.random(#moments)]
      assert(restore(directory, math.random(moment.from, moment.to)))
      assert.same(moment.model, look(to))
    end
  end)

  it("is not taken for all there is when a directory cannot be read to the end", function()
    make_base()
    write(5)
    local count = 0
    repeat
      support.arm("names.fail", 1, count)
      local ok, why = restore(directory)
      local has_failed = support.times_left("names.fail") == 0
      support.disarm("names.fail")
      if has_failed then
        count = count + 1
        assert.is_nil(ok)
        assert.matches("cannot ", why)
      end
    until not has_failed
    assert(count > 3)
    support.arm("names.fail", 1)
    assert.is_false(C.od_kept_look(kept, directory, err))
    assert.matches("cannot read ", ffi.string(err.text))
  end)

  it("is not written into a directory of which nobody knows whether it is empty", function()
    local backup = ffi.new("struct od_backup")
    assert(os.execute("mkdir -p '" .. to .. "'") == 0)
    for skip, where in pairs { [0] = to, [3] = directory .. "/journal" } do -- Behind two dots.
      support.arm("names.fail", 1, skip)
      assert.is_false(C.od_backup_make(backup, directory, to, nil, err))
      assert.equal("cannot read " .. where .. ": Input/output error", ffi.string(err.text))
    end
    assert(C.od_backup_make(backup, directory, to, nil, err), ffi.string(err.text))
  end)

  it("is the store when the clock is set back between groups", function()
    make_base()
    local moments = write(10, nil, true) -- Each has a group: a delete of nothing has none.
    C.od_fault_page.wall_offset_ms = -3600000
    local later = write(5, nil, true) -- Their time is that of the group before.
    C.od_fault_page.wall_offset_ms = 0
    pass(10000)
    local last = write(1, nil, true)
    assert(restore(directory, moments[9].to))
    assert.same(moments[9].model, look(to))
    assert(restore(directory, moments[10].to))
    for name, pairs_of in pairs(later[5].model) do
      for key, value in pairs(pairs_of) do
        assert.equal(value, look(to)[name][key])
      end
    end
    assert(restore(directory, last[1].to))
  end)

  -- Groups 5 to 8 are stamped by a clock that was an hour ahead; those behind it are not earlier.
  it("is the store at any group, also where the clock was ahead and no time is right", function()
    make_base()
    local MINUTE_MS, times = 60000, {}
    local function write_numbers(from, to_number)
      local object = world:object("numbers")
      for i = from, to_number do
        object:put("n", tostring(i))
        object:seal()
        world:wait_news("durable", 1, world:turn())
        times[i] = now_ms() - tonumber(C.od_fault_page.wall_offset_ms)
        pass(2 * MINUTE_MS)
      end
    end
    write_numbers(1, 4)
    C.od_fault_page.wall_offset_ms = 60 * MINUTE_MS
    write_numbers(5, 8)
    C.od_fault_page.wall_offset_ms = 0
    world:close()
    world = support.open(directory) -- A start knows how late it was, too.
    C.od_committer_keep(world.committer, 0)
    write_numbers(9, 12)
    world:close()
    world = nil
    local function number(group, until_ms)
      local last, why = restore(directory, until_ms, false, group)
      if not last then
        return why
      end
      local other = support.open(to)
      local n = tonumber(other:object("numbers"):get("n"))
      other:close()
      assert.equal(last, n)
      return n
    end
    for group = 1, 12 do
      assert.equal(group, number(group))
    end
    assert.matches("ends with group 12, and there were more, up to 13", number(13))
    for _, i in ipairs { 1, 3, 4 } do
      assert.equal(i, number(nil, times[i] + MINUTE_MS))
    end
    for _, i in ipairs { 9, 10, 12 } do
      assert.matches(("the clock was set back, and it was .* twice: say %%-%%-at group%%-4 for "
        .. "what was there the first time, %%-%%-at group%%-%d for the last time"):format(i),
        number(nil, times[i] + MINUTE_MS))
    end
    assert.equal(12, number(nil, times[8] + 61 * MINUTE_MS))
  end)

  -- The rows of all tables but the trash and what names the journal.
  local function rows(where)
    local all = {}
    for _, name in ipairs { "data", "directory", "alarms" } do
      local pipe = io.popen(("mdb_dump -s %s '%s'"):format(name, where))
      all[#all + 1] = pipe:read("*a"):match("HEADER=END(.*)")
      pipe:close()
    end
    return table.concat(all)
  end

  local function sweep(where)
    local other, swept = support.open(where), 0
    repeat -- It may be much.
      local now = other:wait("a part of the sweep", function()
        local stats = other:stats()
        return (stats.swept > swept or not stats.has_trash) and stats
      end)
      swept = now.swept
    until not now.has_trash
    other:close()
  end

  -- Every kind of operation, in batches of a few, which share a group with others or not.
  local function one_batch(object)
    local page = ffi.new("char[?]", PAGE_BYTES)
    for _ = 1, math.random(4) do
      local dice, key = math.random(100), KEYS_OF_ALL_LENGTHS[math.random(#KEYS_OF_ALL_LENGTHS)]
      if dice == 1 then
        object:delete_all()
      elseif dice <= 20 then
        object:delete(key)
      elseif dice <= 30 then
        object:set_alarm({ time = math.random(2 ^ 40), body = dice > 25 and "body" or nil }, false,
          dice > 25 and key:sub(1, 200) or nil)
      elseif dice <= 35 then
        object:delete_alarm(dice > 32 and key:sub(1, 200) or nil)
      elseif dice <= 40 then
        ffi.fill(page, PAGE_BYTES)
        ffi.copy(page, tostring(dice):rep(math.random(100)))
        C.od_storage_put_page(object.storage, math.random(10), page)
      elseif dice <= 42 then
        C.od_storage_delete_page(object.storage, math.random(10))
      else
        object:put(key, tostring(math.random(1e6)):rep(math.random(math.random(150))))
      end
    end
    object:seal()
  end

  local function write_batches(count)
    local objects, left = {}, count
    for i = 1, 50 do
      objects[i] = world:object("object " .. i)
    end
    while left > 0 do
      local last
      for _ = 1, math.random(3) do -- Turns, which become one group or several.
        for _ = 1, math.min(left, math.random(math.random(120))) do
          one_batch(objects[math.random(#objects)])
          left = left - 1
        end
        last = world:turn() or last
      end
      if last then
        world:wait_news("durable", 1, last)
      end
      if last and math.random(20) == 1 then
        close_segment()
      end
      world:hear()
    end
  end

  local function only_first_base()
    os.execute(("cp -r '%s/journal' '%s'; cd '%s' && ls *.base | tail -n +2 | xargs -r rm"):format(
      directory, folder, folder))
  end

  it(("replayed is the rows of the store: %d batches (seed %d)"):format(BATCHES, SEED), function()
    math.randomseed(SEED)
    make_base()
    write_batches(BATCHES)
    world:close()
    world = nil
    sweep(directory)
    only_first_base()
    assert(restore(folder))
    sweep(to)
    local expected, replayed = rows(directory), rows(to)
    assert.is_true(#expected > 1000)
    assert.is_true(expected == replayed)
    if os.getenv("OPEN_DO_BATCHES") then
      print(("%d groups, %d bytes of rows, dumped"):format(restore(folder, nil, true), #expected))
    end
  end)

  -- Three segments with four groups each, in a folder with a base before them.
  local function make_folder()
    make_base()
    local moments = {}
    for _ = 1, 3 do
      for _, moment in ipairs(write(4, nil, true)) do
        moments[#moments + 1] = moment
      end
      close_segment()
    end
    os.execute(("cp -r '%s/journal' '%s'"):format(directory, folder))
    return moments
  end

  local function refused(what)
    local is_restored, why = restore(folder)
    assert.is_nil(is_restored, what)
    local nothing = io.open(to .. "/data.mdb")
    assert.is_nil(nothing, what)
    return why
  end

  -- The moment up to which all is there.
  local function advised(why)
    local at = ffi.new("int64_t[1]")
    assert(C.od_moment_parse(why:match("%-%-at (%S+) restores"), at, err), ffi.string(err.text))
    return tonumber(at[0])
  end

  it("is refused where a segment is missing, with what can be had", function()
    local moments = make_folder()
    local names = support.segments(folder)
    assert.equal(12, restore(folder))
    os.remove(names[2])
    local why = refused()
    assert.matches("a group is missing or is not whole; what came before is whole, up to group 4",
      why)
    assert.is_nil((restore(folder, moments[4].to))) -- Who knows what was until then?
    assert.equal(4, restore(folder, advised(why)))
    assert.same(moments[4].model, look(to))
    os.remove(names[1])
    assert.matches("begins with group 9, and the base has only those up to 0", refused())
  end)

  it("is refused where a segment is another's, doubled or cut", function()
    make_folder()
    local names = support.segments(folder)
    local second = shell.read(names[2])
    shell.write(folder .. "/00000000000000000007", second)
    assert.matches("missing or is not whole", refused())
    os.remove(folder .. "/00000000000000000007")
    shell.write(names[2], second:sub(1, 16) .. ("x"):rep(16) .. second:sub(33))
    assert.matches("wrong check sum", refused())
    for cut = 0, #second - BLOCK, BLOCK do
      shell.write(names[2], second:sub(1, cut))
      assert.matches("has no head", cut == 0 and refused() or "has no head")
      refused("cut at " .. cut)
    end
    shell.write(names[2], second)
    assert.equal(12, restore(folder))

    local other = support.open(to .. "2")
    other:close()
    os.execute(("cp '%s2/journal/'*1 '%s'; rm -r '%s2'"):format(to, names[1], to))
    assert.matches("belongs to another data directory", refused())
  end)

  -- Two servers over copies of one directory: both go on behind group 4, with other groups by the
  -- same numbers, in segments by the same names.
  it("is refused where it goes on as a copy of the directory did", function()
    local copies = { directory, to .. "2" }
    make_base()
    write(4, nil, true)
    close_segment()
    world:settle()
    world:close()
    assert(os.execute(("cp -r '%s' '%s'"):format(copies[1], copies[2])) == 0)
    for _, copy in ipairs(copies) do
      directory = copy
      C.od_kept_deinit(kept)
      for _ = 1, 2 do
        world = support.open(directory)
        C.od_committer_keep(world.committer, 0)
        make_base()
        write(4, nil, true)
        close_segment()
        world:close()
      end
    end
    world, directory = nil, copies[1]
    local function mix(name)
      assert(os.execute(("rm -rf '%s'; cp -r '%s/journal' '%s'; cp '%s/journal/%s' '%s'"):format(
        folder, copies[1], folder, copies[2], name, folder)) == 0)
      return refused(name)
    end
    local where = "is damaged at byte 4096: the group does not follow the one before it: they are "
      .. "of two copies of the directory, which both went on; .* up to group 8"
    local why = mix "00000000000000000009"
    assert.matches("0009 " .. where, why)
    assert.equal(8, restore(folder, advised(why)))
    assert.matches("0009 " .. where, mix "00000000000000000008.base")
    for _, copy in ipairs(copies) do
      os.remove(copy .. "/data.mdb")
      assert.equal(12, restore(copy))
    end
  end)

  it("is refused where the last group of an archive is not whole, with what can be had", function()
    make_folder()
    local names = support.segments(folder)
    for i = #names, 4, -1 do
      os.remove(names[i]) -- Those that are still written to are in no archive.
    end
    assert.equal(12, restore(folder))
    local third = shell.read(names[3])
    local at = #third - BLOCK + 60 -- In the last group, behind its head.
    local flipped = string.char(bit.bxor(third:byte(at + 1), 1))
    for _, bytes in ipairs { third:sub(1, at), third:sub(1, at) .. flipped .. third:sub(at + 2) } do
      shell.write(names[3], bytes)
      local why = refused()
      assert.matches("the last group is not whole; what came before is whole, up to group 11", why)
      assert.is_nil((restore(folder, now_ms())))
      assert.equal(11, restore(folder, advised(why)))
    end
  end)

  it("is refused where its end is missing, of which data.mdb knows", function()
    make_folder()
    world:settle()
    world:close()
    world = nil
    assert(restore(directory))
    assert.equal(12, restore(directory, now_ms()))
    local names = support.segments(folder)
    local journal = directory .. "/journal/"
    for i = #names, 3, -1 do
      os.remove(journal .. names[i]:match("%d+$"))
    end
    local why
    for _, until_ms in ipairs { 0, now_ms() } do
      local is_restored
      is_restored, why = restore(directory, until_ms)
      assert.is_nil(is_restored)
      assert.matches("ends with group 8, and there were more, up to 12", why)
    end
    assert.equal(8, restore(directory, advised(why)))
    for i = 1, 2 do
      os.remove(journal .. names[i]:match("%d+$"))
    end
    assert.is_nil((restore(directory, now_ms())))
  end)

  it("is refused for each byte of head and tail that is another", function()
    make_folder()
    local names = support.segments(folder)
    local bytes = shell.read(names[2])
    local function try(at)
      local flipped = string.char(bit.bxor(bytes:byte(at + 1), 1))
      shell.write(names[2], bytes:sub(1, at) .. flipped .. bytes:sub(at + 2))
      assert.is_nil((restore(folder, nil, true)), "byte " .. at)
    end
    for at = 0, 39 do
      try(at)
    end
    local last = #bytes - BLOCK -- The last group; behind its bytes it is filled with zeros.
    for at = last, last + 48 + 40 do
      if at < last + 12 or at >= last + 16 then
        try(at)
      end
    end
    shell.write(names[2], bytes)
    assert.equal(12, restore(folder))
  end)

  it("has bases of which every byte counts; one that is half there is passed over", function()
    make_folder()
    local pipe = io.popen(("ls '%s'/*.base"):format(folder))
    local path = pipe:read("*l")
    pipe:close()
    local bytes = shell.read(path)
    for at = 0, #bytes - 1, 997 do
      shell.write(path, bytes:sub(1, at) .. string.char(bit.bxor(bytes:byte(at + 1), 4))
        .. bytes:sub(at + 2))
      local is_tail_zeros = at >= #bytes - BLOCK + 64
      assert.equal(is_tail_zeros, restore(folder, nil, true) ~= nil, "byte " .. at)
    end
    shell.write(path, bytes)
    shell.write(folder .. "/00000000000000000009.base", bytes:sub(1, 5000))
    assert.equal(12, restore(folder))
    os.remove(path)
    assert.matches("is not a whole base", refused())
  end)

  it("is whole only if every page of data.mdb is, also while others write", function()
    make_base()
    for _ = 1, 3 do
      write(30)
      assert(restore(directory, nil, true))
    end
    world:close()
    world = nil
    local path = directory .. "/data.mdb"
    local bytes, damaged = shell.read(path), 0
    for at = 2 * BLOCK, #bytes - BLOCK, BLOCK do -- Behind the two that LMDB checks.
      local kind = at + 11
      shell.write(path, bytes:sub(1, kind - 1) .. "\x77" .. bytes:sub(kind + 1))
      local is_whole, why = restore(directory, nil, true)
      if not is_whole then
        damaged = damaged + 1
        assert.matches("data.mdb: the file is damaged %(page " .. at / BLOCK .. "%)", why)
      end
    end
    assert.is_true(damaged > 10)
    shell.write(path, bytes)
    assert(restore(directory, nil, true))
  end)

  it("has no base that somebody put there by another name", function()
    make_base()
    write(3)
    assert(os.execute(("cd '%s/journal' && cp *.base 00000000000000000099.base"):format(directory))
      == 0)
    assert(C.od_kept_look(kept, directory, err), ffi.string(err.text))
    assert.equal(1, tonumber(kept.base_count))
  end)

  it("is made of what older programs wrote, if they kept a journal", function()
    local backup = ffi.new("struct od_backup")
    local formats = "spec/unit/store/formats/"
    for format = 4, 5 do
      assert(os.execute(("rm -rf '%s' '%s'; mkdir '%s' && tar -xzf %s%d.tar.gz -C '%s'"):format(
        folder, to .. "2", folder, formats, format, folder)) == 0)
      assert.is_true(C.od_backup_make(backup, folder, to .. "2", nil, err), ffi.string(err.text))
      assert(restore(to .. "2"))
      support.open(to):close()
      assert(restore(folder))
      support.open(to):close()
    end
    assert(os.execute(("rm -rf '%s' '%s'; mkdir '%s' && gzip -dc %s3.mdb.gz > '%s/data.mdb'")
      :format(folder, to .. "2", folder, formats, folder)) == 0)
    assert.is_false(C.od_backup_make(backup, folder, to .. "2", nil, err))
    assert.matches("kept no journal; start this one over it once", ffi.string(err.text))
    local _, why = restore(folder)
    assert.matches("kept no journal; start this one over it once", why)
  end)
end)
