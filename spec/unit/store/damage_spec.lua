-- Files of a data directory that are cut, overwritten or exchanged, before a start and under way.
-- Before these specs a file cut to half ended main with SIGBUS and no word, one of no bytes was
-- served as an empty database, a bad page was a panic that blamed open-do, and what was written
-- after another file had got the name was acknowledged and gone.
local shell = require "spec.support.shell"
local support = require "spec.unit.store.world"
local ffi = support.ffi

local PAGE = 4096

describe("a damaged data directory", function()
  local directory

  before_each(function()
    directory = support.temporary_directory()
  end)

  after_each(function()
    support.disarm("commit.hold")
    support.remove_directory(directory)
  end)

  local function path(name)
    return directory .. "/" .. (name or "data.mdb")
  end

  local function read_all(name)
    return shell.read(path(name))
  end

  local function write_all(bytes, name)
    shell.write(path(name), bytes)
  end

  local function write_at(offset, bytes)
    local file = assert(io.open(path(), "r+b"))
    file:seek("set", offset)
    file:write(bytes)
    file:close()
  end

  -- Objects whose values lie on pages of their own.
  local function fill(world, count, size)
    for i = 1, count do
      local object = world:object("object " .. i)
      object:put("k", ("%06d"):format(i):rep((size or 3000) / 6))
      object:seal()
      world:settle()
    end
  end

  local function filled(count, size)
    local world = support.open(directory)
    fill(world, count, size)
    return world
  end

  local function refusal()
    return support.refusal(directory)
  end

  local function reads(object)
    local ok, value = pcall(object.get, object, "k")
    local err = ffi.new("struct od_error")
    if support.C.od_storage_has_failed(object.storage, err) then
      return nil, ffi.string(err.text)
    end
    return ok and value
  end

  it("that was cut is refused, wherever it was cut", function()
    filled(40):close()
    local all = read_all()
    assert.is_true(#all > 30 * PAGE)
    for _, part in ipairs { 0.1, 0.5, 0.9 } do
      write_all(all:sub(1, math.floor(#all * part / PAGE) * PAGE))
      assert.matches("data%.mdb: the file is damaged %(page %d+; it is shorter than it was%); "
        .. "restore the directory from a backup, or move it away", refusal(), "part " .. part)
    end
    write_all(all)
    support.open(directory):close()
  end)

  it("of no bytes is refused and not served as an empty one", function()
    filled(1):close()
    write_all("")
    assert.matches("the file is empty, which it never was; restore", refusal())
  end)

  it("whose data file is missing is refused", function()
    filled(1):close()
    os.remove(path())
    assert.matches("data%.mdb is missing, though lock%.mdb beside it says", refusal())
    os.remove(path("lock.mdb"))
    assert.matches("journal/0+1 belongs to another data directory", refusal())
    os.execute("rm -r '" .. path("journal") .. "'")
    support.open(directory):close()
  end)

  it("with a page of rubbish is refused", function()
    filled(40):close()
    local all = read_all()
    for page = 2, #all / PAGE - 1 do
      local bytes = all:sub(page * PAGE + 1, page * PAGE + PAGE)
      if bytes:find("object 17", 1, true) or bytes:find("000017000017", 1, true) then
        write_at(page * PAGE + 8, ("\171\205\239"):rep(1000))
      end
    end
    assert.matches("the file is damaged %(page %d+%); restore", refusal())
  end)

  it("costs those objects whose pages are gone while it runs, and no others", function()
    local world = filled(40)
    local all = read_all()
    local lost, kept = 0, 0
    write_all(all:sub(1, 30 * PAGE))
    for i = 1, 40 do
      local value, why = reads(world:object("object " .. i))
      if why then
        lost = lost + 1
        assert.matches("cannot read what is stored in .*: the file is damaged; restore", why)
      elseif value == ("%06d"):format(i):rep(500) then
        kept = kept + 1
      end
      world:turn()
    end
    assert.is_true(lost > 0)
    assert.equal(40, lost + kept)
    write_all(all)
    assert.equal(("%06d"):format(40):rep(500), (reads(world:object("object 40"))))
    world:close()
  end)

  -- The pages, by number, that say what a function wants to hear.
  local function pages_with(matches)
    local all, found = read_all(), {}
    for number = 2, #all / PAGE - 1 do
      local page = all:sub(number * PAGE + 1, number * PAGE + PAGE)
      if matches(page) then
        found[#found + 1] = number
      end
    end
    assert.is_true(#found > 0)
    return found
  end

  -- Nodes of the right number, at wrong places: LMDB moved them over the memory behind the page.
  local function spoil(numbers)
    for _, number in ipairs(numbers) do
      write_at(number * PAGE + 16, ("\171\13\239"):rep(1300))
    end
  end

  for _, what in ipairs { "put", "delete" } do
    it("fails a " .. what .. " that meets it, and stores what was sent beside it", function()
      local world = filled(40, 400)
      support.arm("commit.hold", -1)
      local hit, fine = world:object("object 17"), world:object("object 33", 2)
      hit[what](hit, "k", "new")
      hit:seal()
      fine:put("other", "stored")
      fine:seal()
      local seq = world:turn(1)
      world:turn(2)
      spoil(pages_with(function(page)
        return page:find(("000017"):rep(66), 1, true)
      end))
      support.disarm("commit.hold")
      local failed = world:wait_news("failed", 1, seq)
      assert.matches("could not be stored: the file is damaged; restore the dir", failed.why)
      world:wait_news("applied", 2, 1)
      assert.is_nil(world:find("lost", 0))
      world:hear()
      assert.equal("stored", fine:get("other"))
      world:close()
    end)
  end

  it("ends all writing where the free pages are listed, and says what to do", function()
    local world = filled(40)
    for i = 1, 40 do
      local object = world:object("object " .. i)
      object:delete("k")
      object:seal()
    end
    world:settle()
    local roots = {}
    for page = 0, 1 do -- Two descriptions of the file take turns.
      local root = ffi.new("uint64_t[1]")
      ffi.copy(root, read_all():sub(page * PAGE + 81, page * PAGE + 88), 8)
      roots[#roots + 1] = tonumber(root[0])
    end
    spoil(roots)
    local object = world:object("object 1")
    object:put("k", "lost")
    object:seal()
    world:turn()
    local why = world:wait_news("lost", 0).why
    assert.matches("damaged in pages that every write needs .*; restore the directory", why)
    world:hear()
    world:close()
  end)

  for _, name in ipairs { "data.mdb", "lock.mdb" } do
    it("in which " .. name .. " was exchanged fails each write and says why", function()
      local world = filled(2)
      local bytes = read_all(name)
      os.rename(path(name), path("before"))
      write_all(bytes, name)
      local object = world:object("object 1")
      object:put("k", "lost")
      object:seal()
      world:turn()
      local failed = world:wait_news("failed", 1)
      assert.matches("could not be stored: data%.mdb, lock%.mdb or the journal was removed or "
        .. "exchanged", failed.why)
      assert.matches("removed or exchanged", world:wait_news("lost", 0).why)
      world:hear()
      world:close()
    end)
  end

  it("in which lock.mdb was removed is noticed by a worker that starts", function()
    local world = filled(1)
    local files = ffi.new("struct od_store_files")
    support.C.od_committer_files(world.committer, files)
    local now = ffi.new("struct od_store_files")
    support.C.od_store_files_look(now, directory)
    assert.is_true(support.C.od_store_files_equal(files, now))
    os.remove(path("lock.mdb"))
    support.C.od_store_files_look(now, directory)
    assert.is_false(support.C.od_store_files_equal(files, now))
    world:close()
  end)
end)
