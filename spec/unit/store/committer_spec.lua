local support = require "spec.unit.store.world"
local C, ffi = support.C, support.ffi

describe("the committer", function()
  local world = support.each()

  -- Writes one key for the object and ends the turn; returns the sequence number.
  local function write(object, key, value, source)
    object:put(key, value)
    object:seal()
    return world:turn(source)
  end

  it("reports durable, then applied, for the last submission of each source", function()
    local lobby = world:object("lobby")
    support.arm("commit.hold", -1)
    write(lobby, "a", "1")
    write(lobby, "a", "2")
    local last = write(lobby, "a", "3")
    support.disarm("commit.hold")
    world:wait_news("applied", 1, last)
    assert.equal("durable", world.news[#world.news - 1].kind)
    assert.equal("applied", world.news[#world.news].kind)
    assert.equal(last, world.news[#world.news - 1].seq)
  end)

  it("writes what waits as one group, whatever its source", function()
    local objects = {}
    for source = 1, 20 do
      objects[source] = world:object("object " .. source, source)
    end
    support.arm("commit.hold", -1)
    for source, object in ipairs(objects) do
      for i = 1, 5 do
        write(object, "key", tostring(i), source)
      end
    end
    assert.is_true(world:stats().waiting_bytes > 0)
    local before = world:stats()
    support.disarm("commit.hold")
    for source = 1, 20 do
      world:wait_news("applied", source, 5)
    end
    local after = world:stats()
    assert.equal(1, after.groups - before.groups)
    assert.equal(100, after.submissions - before.submissions)
    assert.equal(0, after.waiting_bytes)
    world:hear()
    for _, object in ipairs(objects) do
      assert.equal("5", object:get("key"))
    end
  end)

  -- Of what waits for LMDB it gets the newest of each key only.
  it("puts into LMDB what was written last, whatever was written before it", function()
    local keys = { "a", "b", "c", ("long"):rep(200), ("long"):rep(300) }
    local objects, expected = {}, {}
    local function write_something(i)
      local dice, key = math.random(40), keys[math.random(#keys)]
      if dice == 1 then
        objects[i]:delete_all()
        expected[i] = {}
      elseif dice < 12 then
        objects[i]:delete(key)
        expected[i][key] = nil
      else
        expected[i][key] = tostring(math.random(1e6))
        objects[i]:put(key, expected[i][key])
      end
      objects[i]:seal()
    end
    math.randomseed(20)
    for i = 1, 4 do
      objects[i], expected[i] = world:object("object " .. i), {}
    end
    for _ = 1, 15 do
      local last
      support.arm("apply.hold", -1)
      for _ = 1, 80 do
        write_something(math.random(#objects))
        last = math.random(4) == 1 and world:turn() or last
      end
      last = world:turn() or last
      world:wait_news("durable", 1, last)
      support.disarm("apply.hold")
      world:wait_news("applied", 1, last)
      world:hear()
      for i, object in ipairs(objects) do
        for _, key in ipairs(keys) do
          assert.equal(expected[i][key], (object:get(key)))
        end
      end
    end
  end)

  describe("while LMDB is slow", function()
    it("makes durable what comes, and puts it there later", function()
      local lobby = world:object("lobby")
      support.arm("follow.hold", -1)
      local last
      for i = 1, 50 do
        last = write(lobby, "a", tostring(i))
        world:wait_news("durable", 1, last)
      end
      assert.is_nil(world:find("applied"))
      assert.equal("50", (lobby:get("a")))
      support.disarm("follow.hold")
      world:wait_news("applied", 1, last)
      world:hear()
      assert.is_true(lobby:is_clean())
      assert.equal("50", (lobby:get("a")))
    end)

    it("does not let much gather, and goes on when there is room", function()
      local lobby, value = world:object("lobby"), ("x"):rep(500000)
      support.arm("follow.hold", -1)
      local last
      for i = 1, 40 do
        last = write(lobby, "key " .. i, value)
      end
      world:wait("as much as may wait", function()
        return world:stats().groups > 0 and world:find("durable", 1, 6)
      end)
      assert.is_nil(world:find("durable", 1, last))
      support.disarm("follow.hold")
      world:wait_news("applied", 1, last)
    end)

    it("tells of a failure only behind what came before it", function()
      local lobby = world:object("lobby")
      support.arm("follow.hold", -1)
      world:wait_news("durable", 1, write(lobby, "a", "kept"))
      support.arm("commit.fail", 1)
      write(lobby, "a", "lost")
      world:wait("the failure to be met", function()
        return support.times_left("commit.fail") == 0
      end)
      assert.is_nil(world:find("failed"))
      support.disarm("follow.hold")
      world:wait_news("failed", 1)
      local kinds = {}
      for i, item in ipairs(world.news) do
        kinds[i] = item.kind
      end
      assert.equal("durable applied failed", table.concat(kinds, " "))
      world:hear()
      assert.equal("kept", (lobby:get("a")))
    end)

    it("waits for a full disk, also when that fails once in another way", function()
      local lobby = world:object("lobby")
      support.arm("apply.full", -1)
      local last = write(lobby, "a", "1")
      world:wait_news("stalled", 0)
      support.arm("apply.fail", 1) -- It is looked at first.
      support.disarm("apply.full")
      world:wait_news("applied", 1, last)
      assert.equal(0, support.times_left("apply.fail"))
      assert.is_nil(world:find("lost", 0))
    end)

    it("waits for a full disk, also when LMDB calls it an error of the disk", function()
      local lobby = world:object("lobby")
      support.arm("follow.hold", -1)
      local last = write(lobby, "a", "1")
      world:wait_news("durable", 1, last)
      support.arm("room.none", -1)
      support.arm("apply.fail", 5)
      support.disarm("follow.hold")
      world:wait_news("applied", 1, last)
      assert.equal(0, support.times_left("apply.fail"))
      assert.is_nil(world:find("lost", 0))
    end)

    it("closes without waiting for it to be quick", function()
      local lobby = world:object("lobby")
      support.arm("follow.hold", -1)
      local last = write(lobby, "a", "1")
      world:wait_news("durable", 1, last)
      world:close_committer()
      assert.is_not_nil(world:find("applied", 1, last))
    end)
  end)

  it("commits what was submitted before it closes, and reports it", function()
    local lobby = world:object("lobby")
    local last = write(lobby, "a", "1")
    world:close_committer()
    assert.is_not_nil(world:find("applied", 1, last))
  end)

  describe("when a commit fails", function()
    it("stores nothing of the group, and tells each source its first loss", function()
      local a, b = world:object("a", 1), world:object("b", 2)
      write(a, "k", "old", 1)
      world:wait_news("applied", 1, 1)
      world:hear()
      support.arm("commit.hold", -1)
      support.arm("commit.fail", 1)
      write(a, "k", "new", 1)
      write(a, "l", "new", 1)
      write(b, "k", "new", 2)
      support.disarm("commit.hold")
      local failed = world:wait_news("failed", 1)
      assert.equal(2, failed.seq)
      assert.equal(1, failed.generation)
      assert.matches("could not be stored: the disk is full or failing", failed.why)
      assert.equal(1, world:wait_news("failed", 2).seq)
      assert.equal(2, #world.news)
      assert.equal(2, #world:hear())
      assert.is_true(a:is_clean())
      assert.equal("old", a:get("k"))
      assert.is_nil(a:get("l"))
      assert.is_nil(b:get("k"))
    end)

    it("throws away what that source sends until its generation is raised", function()
      local a, b = world:object("a", 1), world:object("b", 2)
      support.arm("commit.fail", 1)
      write(a, "k", "lost", 1)
      world:wait_news("failed", 1)
      write(a, "k", "lost too", 1) -- The worker has not heard yet.
      write(b, "k", "kept", 2)
      world:wait_news("applied", 2, 1)
      assert.equal(1, #world:hear())
      assert.is_nil(a:get("k"))
      assert.equal(0, a:pending())
      local seq = write(a, "k", "after", 1)
      world:wait_news("applied", 1, seq)
      world:hear()
      assert.equal("after", a:get("k"))
      assert.equal("kept", b:get("k"))
      assert.equal(2, world:stats().discarded)
    end)

    it("breaks every storage with writes on their way and no other", function()
      local a, b, c = world:object("a"), world:object("b"), world:object("c")
      write(c, "k", "fine")
      world:wait_news("applied", 1, 1)
      world:hear()
      support.arm("commit.fail", 1)
      write(a, "k", "1")
      world:wait_news("failed", 1)
      write(b, "k", "1")
      local broken = world:hear()
      assert.equal(2, #broken)
      assert.equal("fine", c:get("k"))
      assert.is_true(a:is_clean() and b:is_clean())
    end)

    it("ignores news about a generation that is over", function()
      local a = world:object("a")
      support.arm("commit.fail", 1)
      write(a, "k", "1")
      local failed = world:wait_news("failed", 1)
      world:hear()
      a:put("k", "2")
      a:seal()
      world.news = { failed }
      assert.equal(0, #world:hear())
      assert.equal("2", a:get("k"))
      world:settle()
    end)

    it("gives numbers back: a later commit works", function()
      local a = world:object("a")
      for _ = 1, 3 do
        support.arm("commit.fail", 1)
        write(a, "k", "lost")
        world:wait_news("failed", 1)
        world:hear()
        a:put(("k"):rep(1500), "kept")
        a:seal()
        world:settle()
        assert.equal("kept", a:get(("k"):rep(1500)))
      end
      assert.equal(3, world:stats().failed_groups)
    end)
  end)

  it("fails a malformed submission alone", function()
    local a = world:object("a", 1)
    support.arm("commit.hold", -1)
    write(a, "k", "1", 1)
    C.od_committer_submit(world.committer, 2, 1, 1, support.slice("nonsense"))
    C.od_committer_submit(world.committer, 2, 1, 2, support.slice("")) -- Well-formed, but after it.
    write(a, "k", "2", 1)
    support.disarm("commit.hold")
    world:wait_news("applied", 1, 2)
    local failed = world:wait_news("failed", 2)
    assert.matches("malformed", failed.why)
    assert.equal(1, failed.seq)
    assert.is_nil(world:find("applied", 2))
    world:hear()
    assert.equal("2", a:get("k"))
  end)

  it("says when a dead source's last submission is in, and forgets that it failed", function()
    local a = world:object("a", 1)
    support.arm("commit.hold", -1)
    write(a, "k", "1", 1)
    C.od_committer_submit(world.committer, 2, 9, 1, support.slice("nonsense"))
    C.od_committer_forget(world.committer, 1)
    C.od_committer_forget(world.committer, 2)
    support.disarm("commit.hold")
    world:wait_news("forgotten", 1)
    world:wait_news("forgotten", 2)
    local heard = {}
    for _, item in ipairs(world.news) do
      heard[item.source] = (heard[item.source] or "") .. item.kind .. " "
    end
    assert.same({ "durable applied forgotten ", "failed forgotten " }, heard)
    world.news = {}
    C.od_committer_submit(world.committer, 2, 1, 1, support.slice(""))
    world:wait_news("applied", 2, 1)
  end)

  it("sweeps the rows of deleted objects, in parts, and leaves the others alone", function()
    local a, b = world:object("a"), world:object("b")
    for i = 1, 25000 do
      a:put(("key %d"):format(i), "value")
      if i % 5000 == 0 then
        a:seal()
      end
    end
    a:put(("long"):rep(500), "value")
    b:put("k", "1")
    b:put(("long"):rep(500), "1")
    a:seal()
    b:seal()
    world:settle()
    a:delete_all()
    a:seal()
    world:settle()
    world:wait("the sweep", function() -- The long key is four links and a pair.
      return world:stats().swept >= 25000 + 5 and not world:stats().has_trash
    end)
    assert.equal(2, #b:list())
    assert.equal(0, #a:list())
    assert.equal(25000 + 5, world:stats().swept)
  end)

  it("leaves no links of long keys behind when they are deleted", function()
    local a = world:object("a")
    a:put("short", "value")
    a:put(("long"):rep(500), "value")
    a:put(("long"):rep(500) .. "er", "value")
    a:seal()
    world:settle()
    a:delete(("long"):rep(500))
    a:delete(("long"):rep(500) .. "er")
    a:seal()
    world:settle()
    a:delete_all()
    a:seal()
    world:settle()
    world:wait("the sweep", function() -- What is applied is told before it is known as trash.
      return world:stats().swept > 0 and not world:stats().has_trash
    end)
    assert.equal(1, world:stats().swept) -- The short one.
  end)

  it("goes on sweeping after a restart", function()
    local a = world:object("a")
    for i = 1, 25000 do
      a:put("key " .. i, "value")
    end
    a:seal()
    world:settle()
    world:wait("the sweep at the start", function()
      return not world:stats().has_trash
    end)
    support.arm("sweep.full", -1, 1) -- One part passes, then the disk is full.
    a:delete_all()
    a:seal()
    world:turn()
    world:wait("the first part", function()
      return world:stats().swept == 10000
    end)
    world:close()
    support.disarm("sweep.full")
    world:reopen()
    world:wait("an empty trash", function()
      return not world:stats().has_trash
    end)
    assert.equal(15000, world:stats().swept)
  end)

  it("can be opened and closed with nothing in between", function()
    world:close()
    world:reopen()
    assert.equal(0, world:stats().groups)
  end)

  it("keeps a batch whole: both keys or none, whatever fails", function()
    local a = world:object("a")
    support.arm("apply.soon", -1)
    math.randomseed(7)
    for i = 1, 60 do
      if math.random(3) == 1 then
        support.arm("commit.fail", 1)
      end
      a:put("x", tostring(i))
      a:put("y" .. ("y"):rep(1000), tostring(i))
      a:seal()
      local seq = world:turn()
      world:wait("an answer", function()
        return world:find("applied", 1, seq) or world:find("failed", 1)
      end)
      world:hear()
      assert.equal(a:get("x"), a:get("y" .. ("y"):rep(1000)))
    end
  end)

  it("has a reader slot for each store that comes and goes", function()
    for _ = 1, 300 do -- More than LMDB's default number of readers.
      local store, err = ffi.new("struct od_store *[1]"), ffi.new("struct od_error")
      assert(C.od_store_open(store, world.directory, err), ffi.string(err.text))
      C.od_store_close(store[0])
    end
  end)
end)
