-- Alarms in the store: an object's own, the order of all, and that both are always the same.
local support = require "spec.unit.store.world"
local C, ffi = support.C, support.ffi

ffi.cdef [[
typedef struct store_spec_mdb_val { size_t size; const void *data; } store_spec_mdb_val;
int mdb_env_create(void **env);
int mdb_env_set_maxdbs(void *env, unsigned count);
int mdb_env_open(void *env, const char *path, unsigned flags, unsigned mode);
void mdb_env_close(void *env);
int mdb_txn_begin(void *env, void *parent, unsigned flags, void **txn);
int mdb_txn_commit(void *txn);
int mdb_dbi_open(void *txn, const char *name, unsigned flags, unsigned *dbi);
int mdb_drop(void *txn, unsigned dbi, int del);
int mdb_put(void *txn, unsigned dbi, store_spec_mdb_val *key, store_spec_mdb_val *value,
            unsigned flags);
]]

describe("the alarm of an object", function()
  local world = support.each()
  local lobby

  before_each(function()
    lobby = world:object("lobby")
  end)

  local function settle(object)
    object:seal()
    world:settle()
  end

  local function due_times()
    local times = {}
    for i, entry in ipairs(world:order()) do
      times[i] = entry.due
    end
    return times
  end

  it("is seen at once, and after it is stored", function()
    assert.is_nil(lobby:alarm())
    lobby:set_alarm { time = 100, due = 200, retries = 3, serial = 4 }
    local expected = { time = 100, due = 200, retries = 3, serial = 4 }
    assert.same(expected, lobby:alarm())
    settle(lobby)
    assert.is_true(lobby:is_clean())
    assert.same(expected, lobby:alarm())
    assert.same({ { due = 200, id = support.id_of("lobby") } }, world:order())
  end)

  it("stores the name of an object that has written nothing else", function()
    lobby:set_alarm { time = 100 }
    settle(lobby)
    local identity = ffi.new("struct od_identity")
    assert.is_true(C.od_store_identity_of(world:store(), lobby.identity.id, identity))
    assert.equal("lobby", support.string(identity.name))
    assert.equal("", lobby:keys())
  end)

  it("is one: the last that was set", function()
    lobby:set_alarm { time = 300 }
    lobby:set_alarm { time = 100 }
    settle(lobby)
    lobby:set_alarm { time = 200 }
    settle(lobby)
    assert.equal(200, lobby:alarm().time)
    assert.same({ 200 }, due_times())
    lobby:delete_alarm()
    assert.is_nil(lobby:alarm())
    settle(lobby)
    assert.is_nil(lobby:alarm())
    assert.same({}, due_times())
  end)

  it("stands in the order of time, however far away", function()
    local times = { 5, 1, 8640000000000000, 256, 255, 65536, 4294967296, 2 }
    for i, time in ipairs(times) do
      local object = world:object("object " .. i)
      object:set_alarm { time = time }
      object:seal()
    end
    world:settle()
    table.sort(times)
    assert.same(times, due_times())
  end)

  it("is told to whoever waits for the next, with the earliest of a group", function()
    support.arm("commit.hold", -1)
    for i, time in ipairs { 300, 100, 200 } do
      local object = world:object("object " .. i)
      object:set_alarm { time = time }
      object:seal()
      world:turn()
    end
    support.disarm("commit.hold")
    assert.equal(100, world:wait_news("alarm", 0).due)
    world:hear()
    lobby:put("k", "v")
    lobby:delete_alarm()
    settle(lobby)
    assert.is_nil(world:find("alarm", 0))
  end)

  it("comes back when it is taken back, also over one that is stored", function()
    lobby:put("k", "v")
    lobby:set_alarm { time = 100 }
    settle(lobby)
    local mark = C.od_storage_mark(lobby.storage)
    lobby:set_alarm { time = 200 }
    lobby:delete_alarm()
    assert.is_nil(lobby:alarm())
    C.od_storage_rollback(lobby.storage, mark)
    assert.equal(100, lobby:alarm().time)
    assert.is_true(lobby:is_clean())
    lobby:set_alarm { time = 300 }
    lobby:put("k", "w")
    C.od_storage_discard(lobby.storage)
    assert.equal(100, lobby:alarm().time)
    assert.equal("v", lobby:get("k"))
  end)

  it("goes with deleteAll, and one set after it stays", function()
    lobby:put("k", "v")
    lobby:set_alarm { time = 100 }
    settle(lobby)
    lobby:set_alarm { time = 150 }
    lobby:delete_all()
    assert.is_nil(lobby:alarm())
    lobby:set_alarm { time = 200 }
    assert.equal(200, lobby:alarm().time)
    settle(lobby)
    assert.equal(200, lobby:alarm().time)
    assert.same({ 200 }, due_times())
    lobby:delete_all()
    settle(lobby)
    assert.is_nil(lobby:alarm())
    assert.same({}, due_times())
    lobby:set_alarm { time = 300 }
    lobby:delete_all() -- It has written nothing else.
    settle(lobby)
    assert.same({}, due_times())
  end)

  it("is as it was when the commit fails", function()
    lobby:set_alarm { time = 100 }
    settle(lobby)
    support.arm("commit.fail", 1)
    lobby:set_alarm { time = 200 }
    lobby:seal()
    world:turn()
    world:wait_news("failed", 1)
    world:hear()
    assert.equal(100, lobby:alarm().time)
    assert.same({ 100 }, due_times())
  end)

  -- What a directory of format 1 looks like: no table of alarms.
  local function make_old(directory)
    local env, txn, dbi = ffi.new("void *[1]"), ffi.new("void *[1]"), ffi.new("unsigned[1]")
    assert(C.mdb_env_create(env) == 0 and C.mdb_env_set_maxdbs(env[0], 16) == 0)
    assert(C.mdb_env_open(env[0], directory, 0, 384) == 0)
    assert(C.mdb_txn_begin(env[0], nil, 0, txn) == 0)
    assert(C.mdb_dbi_open(txn[0], "alarms", 0, dbi) == 0)
    assert(C.mdb_drop(txn[0], dbi[0], 1) == 0)
    assert(C.mdb_dbi_open(txn[0], "meta", 0, dbi) == 0)
    local key, value = ffi.new("store_spec_mdb_val", 6, ffi.cast("const char *", "format")),
      ffi.new("store_spec_mdb_val", 4, ffi.cast("const char *", "\1\0\0\0"))
    assert(C.mdb_put(txn[0], dbi[0], key, value, 0) == 0)
    assert(C.mdb_txn_commit(txn[0]) == 0)
    C.mdb_env_close(env[0])
  end

  it("can be set in a directory that an older program wrote", function()
    lobby:put("k", "v")
    settle(lobby)
    world:close()
    make_old(world.directory)
    for _ = 1, 2 do
      world:reopen()
      lobby = world:object("lobby")
      assert.equal("v", lobby:get("k"))
      lobby:set_alarm { time = 100 }
      settle(lobby)
      assert.same({ 100 }, due_times())
      world:close()
    end
    world:reopen()
  end)
end)

describe("a held stretch", function()
  local world = support.each()
  local lobby

  before_each(function()
    lobby = world:object("lobby")
  end)

  local UNKNOWN = 2 ^ 64 -- UINT64_MAX, as a number of Lua.

  -- A turn passes, whose writes are stored before it is over.
  local function turn_passes()
    world:settle()
  end

  it("keeps its writes together over turns, and to itself", function()
    C.od_storage_hold(lobby.storage)
    lobby:put("a", "1")
    assert.equal(0, lobby:seal())
    turn_passes()
    lobby:put("b", "2")
    lobby:set_alarm { time = 100 }
    assert.equal(0, lobby:seal())
    turn_passes()
    local other = world:object("lobby")
    assert.is_nil(other:get("a"))
    assert.equal("a b", lobby:keys())
    C.od_storage_let_go(lobby.storage)
    assert.is_true(lobby:seal() > 0)
    world:settle()
    assert.is_true(lobby:is_clean())
    assert.equal("a b", lobby:keys())
    assert.equal(100, lobby:alarm().time)
  end)

  it("lets what was written before it go its way", function()
    support.arm("commit.hold", -1)
    lobby:put("a", "1")
    lobby:put("b", "1")
    lobby:set_alarm { time = 100 }
    local seq = lobby:seal()
    world:turn()
    C.od_storage_hold(lobby.storage)
    assert.equal(seq, lobby:pending())
    lobby:put("a", "2")
    lobby:set_alarm { time = 200 }
    assert.equal(UNKNOWN, lobby:pending())
    assert.equal(seq, tonumber(C.od_storage_sync_seq(lobby.storage)))
    support.disarm("commit.hold")
    world:wait_news("applied", 1, seq)
    world:hear()
    assert.equal(0, tonumber(C.od_storage_sync_seq(lobby.storage)))
    assert.equal("2", lobby:get("a"))
    assert.equal("1", lobby:get("b"))
    C.od_storage_rollback(lobby.storage, 0)
    assert.equal("1", lobby:get("a"))
    assert.equal(100, lobby:alarm().time)
    assert.is_true(lobby:is_clean())
    C.od_storage_let_go(lobby.storage)
    assert.equal(0, lobby:seal())
  end)

  it("that replaced what is stored meanwhile is stored in its turn", function()
    support.arm("commit.hold", -1)
    lobby:put("a", "1")
    lobby:delete("a")
    lobby:put("b", "1")
    local seq = lobby:seal()
    world:turn()
    C.od_storage_hold(lobby.storage)
    lobby:delete("b")
    lobby:put("a", "2")
    support.disarm("commit.hold")
    world:wait_news("applied", 1, seq)
    world:hear()
    C.od_storage_let_go(lobby.storage)
    lobby:seal()
    world:settle()
    assert.is_true(lobby:is_clean())
    assert.equal("a", lobby:keys())
    assert.equal("2", lobby:get("a"))
  end)

  it("is gone when what it rests on is lost", function()
    support.arm("commit.fail", 1)
    support.arm("commit.hold", -1)
    lobby:put("a", "1")
    lobby:seal()
    world:turn()
    C.od_storage_hold(lobby.storage)
    lobby:put("a", "2")
    support.disarm("commit.hold")
    world:wait_news("failed", 1)
    assert.equal(1, #world:hear())
    assert.is_nil(lobby:get("a"))
    assert.is_true(lobby:is_clean())
    lobby:put("a", "3")
    assert.is_true(lobby:seal() > 0)
    world:settle()
  end)

  it("ends when it is discarded", function()
    C.od_storage_hold(lobby.storage)
    lobby:put("a", "1")
    turn_passes()
    C.od_storage_discard(lobby.storage)
    assert.is_true(lobby:is_clean())
    lobby:put("a", "2")
    assert.is_true(lobby:seal() > 0)
    world:settle()
    assert.equal("2", lobby:get("a"))
  end)
end)
