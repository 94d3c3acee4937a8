-- What is in the journal and not in LMDB: the next start has it, and nothing that is damaged,
-- missing or somebody else's is taken for it.
local shell = require "spec.support.shell"
local support = require "spec.unit.store.world"
local ffi = support.ffi

local BLOCK, GROUPS = 4096, 12

describe("the journal", function()
  local directory, image, copy

  before_each(function()
    directory, copy = support.temporary_directory(), support.temporary_directory()
    image = support.temporary_directory()
  end)

  after_each(function()
    support.disarm("apply.hold")
    support.disarm("journal.small")
    support.remove_directory(directory)
    support.remove_directory(image)
    support.remove_directory(copy)
  end)

  local function duplicate(from, to)
    support.remove_directory(to)
    assert(os.execute(("cp -r '%s' '%s'"):format(from, to)) == 0)
  end

  -- The copy as it was after the crash.
  local function again()
    duplicate(image, copy)
  end

  -- What a crash leaves now: the directory of a running committer.
  local function crash()
    duplicate(directory, image)
    again()
  end

  local function segments()
    return support.segments(copy .. "/journal")
  end

  local function refusal()
    return support.refusal(copy)
  end

  -- One key a group, none of which LMDB has: "key 1" = "value 1" ...; leaves the crash in `copy`.
  local function fill(count, value_bytes)
    local world = support.open(directory)
    local object = world:object("lobby")
    object:put("first", "in LMDB")
    object:seal()
    world:settle()
    support.arm("apply.hold", -1)
    for i = 1, count do
      object:put("key " .. i, ("value " .. i):rep(value_bytes or 1))
      object:seal()
      world:wait_news("durable", 1, world:turn())
    end
    crash()
    support.disarm("apply.hold")
    world:close()
  end

  -- How many of them a start finds, from the first on; there are no others.
  local function found()
    local world = support.open(copy)
    local object, count = world:object("lobby"), 0
    assert.equal("in LMDB", object:get("first"))
    while object:get("key " .. count + 1) do
      count = count + 1
    end
    for i = count + 1, GROUPS do
      assert.is_nil(object:get("key " .. i))
    end
    world:close()
    return count
  end

  -- Where groups begin in the segment, and where the last ends.
  local function groups_of(bytes)
    local starts, at = {}, BLOCK
    while bytes:sub(at + 1, at + 4) == "!GRP" do
      starts[#starts + 1] = at
      at = at + BLOCK
    end
    return starts, at
  end

  it("has what LMDB has not, and the next start puts it there", function()
    fill(GROUPS)
    assert.equal(GROUPS, found())
    os.execute("rm -r '" .. copy .. "/journal'")
    assert.equal(GROUPS, found()) -- It was put there for good.
  end)

  it("is not opened when its directory cannot be read to the end, and nothing is lost", function()
    fill(3)
    support.arm("names.fail", 1, 1) -- The first name is read.
    assert.matches("cannot read .*journal: ", refusal())
    assert.equal(0, support.times_left("names.fail"))
    assert.equal(3, found())
  end)

  -- A last group that could not be read was taken for one that is torn.
  it("is not opened when a read of it fails, also of its last group; nothing is lost", function()
    fill(3)
    for reads = 0, 1 + 1 + 3 * 2 - 1 do -- The head, a group that LMDB has, two for each other.
      support.arm("journal.unread", 1, reads)
      assert.matches("journal/%d+ cannot be read at byte %d+: ", refusal())
      assert.equal(0, support.times_left("journal.unread"))
    end
    assert.equal(3, found())
  end)

  it("goes on behind what it has after a start", function()
    fill(3)
    local world = support.open(copy)
    local object = world:object("lobby")
    support.arm("apply.hold", -1)
    object:put("key 4", "value 4")
    object:seal()
    world:wait_news("durable", 1, world:turn())
    duplicate(copy, image)
    support.disarm("apply.hold")
    world:close()
    again()
    assert.equal(4, found())
  end)

  it("whose last group is torn anywhere forgets that one, which nobody was told of", function()
    fill(GROUPS)
    local path = segments()[1]
    local all = shell.read(path)
    local starts = groups_of(all)
    local last = starts[#starts]
    assert.equal(GROUPS + 1, #starts)
    for _, keep in ipairs { 0, 1, 7, 20, 47, 48, 60, 100 } do
      shell.write(path, all:sub(1, last + keep) .. ("\0"):rep(#all - last - keep))
      assert.equal(GROUPS - 1, found(), keep .. " bytes of it")
      again()
    end
    for _, keep in ipairs { 0, 1, 47, 100 } do -- The file ends there.
      shell.write(path, all:sub(1, last + keep))
      assert.equal(GROUPS - 1, found(), "cut after " .. keep)
      again()
    end
  end)

  local function flip(path, all, at)
    shell.write(path,
      all:sub(1, at) .. string.char((all:byte(at + 1) + 1) % 256) .. all:sub(at + 2))
  end

  it("with a byte of its last group that is another forgets that one and no more", function()
    support.arm("journal.small", -1)
    fill(GROUPS)
    local path = segments()[1]
    local all = shell.read(path)
    local starts = groups_of(all)
    local last = starts[#starts]
    local size = ffi.cast("const uint32_t *", ffi.cast("const char *", all) + last)[2]
    local function try(at)
      flip(path, all, last + at)
      assert.equal(GROUPS - 1, found(), "byte " .. at)
      again()
    end
    for at = 0, 47 do
      try(at)
    end
    for at = 48, 48 + size - 1, 5 do
      try(at)
    end
    try(48 + size - 1)
    flip(path, all, last + 48 + size) -- Only what fills the block.
    assert.equal(GROUPS, found())
  end)

  it("with a byte that is wrong before its end is refused with the place", function()
    fill(GROUPS)
    local path = segments()[1]
    local all = shell.read(path)
    local starts = groups_of(all)
    for at = 0, 39 do
      flip(path, all, at)
      assert.matches("journal/0+1 ", refusal(), "byte " .. at)
    end
    for at = 0, 80 do
      flip(path, all, starts[5] + at)
      local pattern = "journal/0+1 is damaged at byte %d: a group is not whole, "
        .. "and later ones are; restore the directory"
      assert.matches(pattern:format(starts[5]), refusal(), "byte " .. at)
    end
    shell.write(path, all)
    assert.equal(GROUPS, found())
  end)

  describe("of several segments", function()
    before_each(function()
      support.arm("journal.small", -1)
      fill(GROUPS, 9000) -- 63,000 bytes each: the small ones have room for three.
    end)

    it("is played over all of them", function()
      assert.is_true(#segments() >= 4)
      assert.equal(GROUPS, found())
    end)

    it("is refused when one is missing", function()
      local all = segments()
      os.remove(all[2])
      assert.matches("a group is missing or is not whole", refusal())
      again()
      os.remove(all[1])
      assert.matches("journal begins with group %d+, and data.mdb has only those up to 1: segments "
        .. "are missing, or data.mdb is an older one; restore", refusal())
    end)

    it("is refused when one has the name of another", function()
      local all = segments()
      shell.write(all[3], shell.read(all[2]))
      assert.matches("it has the name of another segment", refusal())
    end)

    it("is refused when one was written by a newer program", function()
      local all = segments()
      local bytes = shell.read(all[2])
      shell.write(all[2], bytes:sub(1, 8) .. "\2" .. bytes:sub(10))
      assert.matches("written by a newer open%-do %(version 2, this program knows 1%)", refusal())
    end)

    it("is refused when it is another server's", function()
      support.remove_directory(directory)
      support.open(directory):close()
      local own = directory .. "/data.mdb"
      shell.write(copy .. "/data.mdb", shell.read(own))
      assert.matches("belongs to another data directory than the data%.mdb beside it", refusal())
    end)

    it("is refused when data.mdb went on without it, as a copy of both", function()
      os.execute("rm -r '" .. copy .. "/journal'")
      local world = support.open(copy)
      local object = world:object("lobby")
      for i = 1, 4 do
        object:put("key " .. i, "another")
        object:seal()
        world:settle()
      end
      world:close()
      os.execute(("rm -r '%s/journal'; cp -r '%s/journal' '%s'"):format(copy, image, copy))
      assert.matches("the group does not follow the one before it: they are of two copies of the "
        .. "directory, which both went on; restore", refusal())
    end)

    it("forgets a torn last group that is long", function()
      local all = segments()
      local bytes = shell.read(all[#all])
      local whole = found()
      again()
      local at = BLOCK -- The last group of the last segment.
      while true do
        local head = ffi.cast("const char *", bytes) + at
        local size = ffi.cast("const uint32_t *", head)[2]
        local next_at = at + math.ceil((size + 48) / BLOCK) * BLOCK
        if bytes:sub(next_at + 1, next_at + 4) ~= "!GRP" then
          break
        end
        at = next_at
      end
      for _, keep in ipairs { 512, 4096, 5000, 40960 } do
        shell.write(all[#all], bytes:sub(1, at + keep) .. ("\0"):rep(#bytes - at - keep))
        assert.equal(whole - 1, found(), keep .. " bytes of it")
        again()
      end
    end)
  end)

  it("keeps for the next start what a full disk did not take when it was closed", function()
    local world = support.open(directory)
    local object = world:object("lobby")
    support.arm("apply.full", 3) -- So often it is tried; then there is room again.
    object:put("one", "1")
    object:seal()
    world:wait_news("durable", 1, world:turn())
    world:wait("the first try", function()
      return support.times_left("apply.full") < 3
    end)
    object:put("two", "2") -- It comes while that is tried, and is applied after it was given up.
    object:seal()
    world:turn()
    world:close()
    assert.equal(0, support.times_left("apply.full"))
    world = support.open(directory)
    assert.equal("one two", world:object("lobby"):keys())
    world:close()
  end)

  for name, command in pairs {
    ["moved away"] = "mv '%s/journal' '%s/elsewhere'",
    removed = "rm -r '%s/journal'",
    exchanged = "mv '%s/journal' '%s/elsewhere' && cp -r '%s/elsewhere' '%s/journal'",
  } do
    it("that is " .. name .. " under the running server acknowledges nothing more", function()
      local world = support.open(directory)
      local object = world:object("lobby")
      object:put("k", "before")
      object:seal()
      world:settle()
      assert(os.execute((command:gsub("%%s", directory))) == 0)
      object:put("k", "lost")
      object:seal()
      local seq = world:turn()
      local failed = world:wait_news("failed", 1)
      assert.equal(seq, failed.seq)
      assert.matches("removed or exchanged while open%-do had it open", failed.why)
      world:wait_news("lost", 0)
      assert.is_nil(world:find("durable", 1, seq))
      world:close()
    end)
  end

  it("uses segments again that LMDB has", function()
    support.arm("journal.small", -1)
    local world = support.open(directory)
    local object = world:object("lobby")
    for i = 1, 60 do
      object:put("key", ("v" .. i):rep(9000))
      object:seal()
      world:settle()
    end
    crash()
    assert.is_true(#segments() <= 3, #segments() .. " segments")
    local after = support.open(copy)
    assert.equal(("v60"):rep(9000), after:object("lobby"):get("key"))
    after:close()
    world:close()
  end)

  it("played is the store: random batches, and a crash after each few", function()
    local world, expected = support.open(directory), {}
    local seed = tonumber(os.getenv("OPEN_DO_SEED")) or os.time()
    math.randomseed(seed)
    for round = 1, 12 do
      local object = world:object("lobby")
      support.arm("apply.hold", math.random(2) == 1 and -1 or 0)
      for _ = 1, math.random(20) do
        for _ = 1, math.random(5) do
          local key = "key " .. math.random(12) .. ("k"):rep(math.random(2) == 1 and 700 or 0)
          if math.random(3) == 1 then
            object:delete(key)
            expected[key] = nil
          elseif math.random(20) == 1 then
            object:delete_all()
            expected = {}
          else
            expected[key] = tostring(math.random(1e6)):rep(math.random(600))
            object:put(key, expected[key])
          end
        end
        object:seal()
        local last = world:turn()
        if last then
          world:wait_news("durable", 1, last)
        end
        world:hear()
      end
      crash()
      support.disarm("apply.hold")
      world:close()
      duplicate(copy, directory)
      world = support.open(directory)
      local stored = {}
      for _, pair in ipairs(world:object("lobby"):list()) do
        stored[pair.key or pair[1]] = pair.value or pair[2]
      end
      assert.same(expected, stored, ("round %d, seed %d"):format(round, seed))
    end
    world:close()
  end)
end)
