local support = require "spec.unit.store.world"
local ffi = support.ffi

ffi.cdef [[
struct store_spec_rlimit { unsigned long soft, hard; };
int getrlimit(int resource, struct store_spec_rlimit *limit);
int setrlimit(int resource, const struct store_spec_rlimit *limit);
void (*signal(int number, void (*handler)(int)))(int);
]]

local RLIMIT_FSIZE, RLIMIT_AS, SIGXFSZ = 1, 9, 25

-- Runs `action` with a lower limit of the system.
local function with_limit(resource, value, action)
  local limit = ffi.new("struct store_spec_rlimit")
  assert(ffi.C.getrlimit(resource, limit) == 0)
  local before = limit.soft
  limit.soft = value
  assert(ffi.C.setrlimit(resource, limit) == 0)
  local ok, why = pcall(action)
  limit.soft = before
  assert(ffi.C.setrlimit(resource, limit) == 0)
  assert(ok, why)
end

describe("a data directory", function()
  local directory

  before_each(function()
    directory = support.temporary_directory()
  end)

  after_each(function()
    support.disarm_all()
    support.remove_directory(directory)
  end)

  local function write_at(offset, bytes)
    local file = assert(io.open(directory .. "/data.mdb", "r+b"))
    file:seek("set", offset)
    file:write(bytes)
    file:close()
  end

  local function read_all()
    local file = assert(io.open(directory .. "/data.mdb", "rb"))
    local all = file:read("*a")
    file:close()
    return all
  end

  local function refusal()
    return support.refusal(directory)
  end

  it("is made when it is missing, and keeps what was stored", function()
    local world = support.open(directory)
    local object = world:object("lobby")
    object:put("k", "v")
    object:seal()
    world:settle()
    world:close()
    world = support.open(directory)
    assert.equal("v", world:object("lobby"):get("k"))
    world:close()
  end)

  it("cannot be made where there is no place", function()
    local world, why = support.try(directory .. "/a/b")
    assert.is_nil(world)
    assert.matches("cannot make the data directory .*/a/b: No such file", why)
  end)

  it("is refused to a second server, also of the same process", function()
    local world = support.open(directory)
    assert.matches("in use by the open%-do with pid %d+; stop that one", refusal())
    world:close()
    support.open(directory):close()
  end)

  it("is refused in a format of the future", function()
    support.open(directory):close()
    local offset = 0
    local all = read_all()
    while true do -- The format number stands behind its key, on each page that ever held it.
      local at, last = all:find("format\5\0\0\0", offset + 1, true)
      if not at then
        break
      end
      write_at(at - 1 + 6, "\6")
      offset = last
    end
    assert.is_true(offset > 0)
    assert.matches("written by a newer open%-do %(format 6, this program knows 5%)", refusal())
  end)

  it("with a zeroed meta page is refused with words about what to do", function()
    support.open(directory):close()
    local all = read_all()
    for page = 0, 1 do
      write_at(page * 4096, ("\0"):rep(4096))
      assert.matches("damaged.*restore the directory from a backup, or move it away", refusal())
      write_at(0, all)
    end
    write_at(0, ("\0"):rep(8192))
    assert.matches("damaged.*restore the directory from a backup", refusal())
  end)

  it("with somebody else's file is refused", function()
    os.execute("mkdir '" .. directory .. "'")
    local file = assert(io.open(directory .. "/data.mdb", "wb"))
    file:write(("hello"):rep(4000))
    file:close()
    assert.matches("damaged or is not a data file of open%-do", refusal())
  end)

  it("opens for a worker only when there is a data file", function()
    os.execute("mkdir '" .. directory .. "'")
    local store, err = ffi.new("struct od_store *[1]"), ffi.new("struct od_error")
    assert.is_false(support.C.od_store_open(store, directory, err))
    assert.matches("there is no data file", ffi.string(err.text))
    assert.is_true(store[0] == nil) -- It was closed again by whoever got it.
  end)

  -- A limit on the size of files stands in for a full disk: LMDB's write is cut short just so.
  it("that is full fails the write, keeps what it has, and works again with room", function()
    ffi.C.signal(SIGXFSZ, ffi.cast("void (*)(int)", 1)) -- Ignored: the write fails instead.
    local world = support.open(directory)
    local object, large = world:object("lobby"), ("v"):rep(2 * 1024 * 1024)
    object:put("k", "kept")
    object:seal()
    world:settle()
    with_limit(RLIMIT_FSIZE, 1024 * 1024, function()
      for attempt = 1, 3 do
        object:put("k", "lost")
        object:put("large", large)
        object:seal()
        world:turn()
        local failed = world:wait_news("failed", 1)
        assert.matches("could not be stored: the disk is full", failed.why)
        world:hear()
        assert.equal("kept", object:get("k"), "attempt " .. attempt)
      end
      object:put("small", "fits")
      object:seal()
      world:settle()
    end)
    object:put("large", large)
    object:seal()
    world:settle()
    assert.equal("k large small", object:keys())
    world:close()
  end)

  it("that has little room makes a small journal, and goes on in others like it", function()
    ffi.C.signal(SIGXFSZ, ffi.cast("void (*)(int)", 1))
    with_limit(RLIMIT_FSIZE, 1024 * 1024, function()
      local world = support.open(directory)
      local object = world:object("lobby")
      for i = 1, 100 do
        object:put("k", ("v"):rep(10000) .. i)
        object:seal()
        world:settle()
      end
      world:close()
      world = support.open(directory)
      assert.equal(("v"):rep(10000) .. 100, world:object("lobby"):get("k"))
      world:close()
    end)
  end)

  -- A function that stores pairs ([false]: deletes the key) in a transaction, or says why not.
  local function storing(world)
    local object = world:object("lobby")
    return function(pairs_of)
      for key, value in pairs(pairs_of) do
        if value then
          object:put(key, value)
        else
          object:delete(key)
        end
      end
      object:seal()
      local seq = world:turn()
      world:wait("an answer", function() -- What is before it may be applied only now.
        return world:find("failed", 1, seq) or world:find("applied", 1, seq)
      end)
      local failed = world:find("failed", 1, seq)
      world:hear()
      return failed and failed.why
    end
  end

  -- LMDB could never have taken it: the disk stays full, and nothing else gets in.
  it("that is full does not count on pages that the last transaction has freed", function()
    local world = support.open(directory)
    local store = storing(world)
    assert.is_nil(store { large = ("v"):rep(2 * 1024 * 1024) })
    assert.is_nil(store { large = false })
    world:close()
    world = support.open(directory)
    store = storing(world)
    support.arm("room.none", -1)
    assert.matches("no space left on the disk", store { other = ("w"):rep(100000) })
    support.disarm("room.none")
    assert.is_nil(store { small = "1" })
    world:close()
    world = support.open(directory)
    support.arm("room.none", -1)
    assert.is_nil(storing(world) { other = ("w"):rep(100000) })
    support.disarm("room.none")
    world:close()
  end)

  it("that is full does not count on pages here and there for a value in one piece", function()
    local world = support.open(directory)
    local store, values, every_other = storing(world), {}, {}
    for i = 1, 1000 do
      values["key " .. i] = ("v"):rep(3000) -- A page each.
    end
    for i = 2, 1000, 2 do
      every_other["key " .. i] = false
    end
    assert.is_nil(store(values))
    assert.is_nil(store(every_other))
    assert.is_nil(store { small = "1" })
    world:close()
    world = support.open(directory)
    store = storing(world)
    support.arm("room.none", -1)
    assert.matches("no space left on the disk", store { large = ("w"):rep(300000) })
    assert.is_nil(store { small = "2" })
    support.disarm("room.none")
    world:close()
  end)

  it("that is full takes what there are free pages for", function()
    local world = support.open(directory)
    local store = storing(world)
    support.arm("room.none", -1)
    assert.matches("could not be stored: no space left on the disk", store { small = "1" })
    support.disarm("room.none")
    assert.is_nil(store { large = ("v"):rep(2 * 1024 * 1024) })
    assert.is_nil(store { large = false })
    assert.is_nil(store { small = "1" }) -- The next transaction may use what that one freed.
    world:close()
    world = support.open(directory) -- It had set more aside than it needed.
    store = storing(world)
    support.arm("room.none", -1)
    assert.is_nil(store { small = "2" })
    assert.is_nil(store { other = ("w"):rep(100000) })
    assert.matches("no space left on the disk", store { large = ("v"):rep(2 * 1024 * 1024) })
    assert.equal("2", world:object("lobby"):get("small"))
    support.disarm("room.none")
    world:close()
  end)

  it("opens with a smaller map where address space is limited", function()
    if os.getenv("OPEN_DO_SANITIZED") then
      return -- A sanitizer's shadow is larger than any limit that would tell us something.
    end
    with_limit(RLIMIT_AS, 3 * 2 ^ 30, function()
      local world = support.open(directory)
      local object = world:object("lobby")
      object:put("k", "v")
      object:seal()
      world:settle()
      world:close()
    end)
    local world = support.open(directory)
    assert.equal("v", world:object("lobby"):get("k"))
    world:close()
  end)

  -- Opening must not depend on how much is stored. Time is a poor witness on a busy machine, so the
  -- margin is wide: what is caught is a scan of everything.
  it("opens as fast with many objects as with none", function()
    local count = tonumber(os.getenv("OPEN_DO_MANY_OBJECTS")) or
      os.getenv("OPEN_DO_SANITIZED") and 50000 or 200000
    local world = support.open(directory)
    local object = world:object("many")
    for i = 1, count do
      ffi.copy(object.identity.id, ffi.new("uint32_t[1]", i * 2654435761 % 2 ^ 32), 4)
      ffi.copy(object.identity.id + 4, ffi.new("uint32_t[1]", i), 4)
      object:put("k", "value")
      object:seal()
      if i % 5000 == 0 or i == count then
        world:settle()
      end
    end
    world:close()
    collectgarbage()
    local function cost(path)
      local least = math.huge
      for _ = 1, 20 do
        local started = os.clock()
        support.open(path):close()
        least = math.min(least, os.clock() - started)
      end
      return least
    end
    local empty = support.temporary_directory()
    support.open(empty):close()
    local ratio = cost(directory) / cost(empty)
    support.remove_directory(empty)
    assert(ratio < 6, ("opening took %.1f times as long as with none"):format(ratio))
  end)
end)
