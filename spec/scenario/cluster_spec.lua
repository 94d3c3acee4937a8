-- Nodes of a cluster on a PostgreSQL of their own: what is stored outlives node and directory, goes
-- on at another node, and is never lost because the engine was away.
local cluster_nodes = require "spec.scenario.cluster_nodes"
local Postgres = require "spec.scenario.postgres"
local process = require "spec.support.process"
local shell = require "spec.support.shell"
local Upstream = require "spec.support.upstream"
local workbench = require "spec.scenario.workbench"

local eventually = cluster_nodes.eventually

describe("a cluster", function()
  local nodes = cluster_nodes.each()
  local postgres = Postgres.fresh()

  local function start()
    return nodes:work(postgres, function(options)
      table.insert(options.args, "--idle-ms=3600000") -- Who is awake stays so.
    end)
  end

  -- How many slots the nodes have, by the order in which they joined.
  local function shares()
    return postgres:ask [[SELECT string_agg(count::text, ' ' ORDER BY owner) FROM
      (SELECT owner, count(*) FROM od_slot GROUP BY owner) AS s]]
  end

  local function both_have_slots()
    cluster_nodes.share_slots(postgres, 2)
  end

  local function put_many(node, count)
    for i = 1, count do
      workbench.ask(node, "n" .. i, ("storage:put('n', %d)"):format(i))
    end
  end

  -- Those that are not as put_many has left them.
  local function missing(node, count)
    local wrong = {}
    for i = 1, count do
      local ok, value = pcall(workbench.ask, node, "n" .. i, "return storage:get('n')")
      if not ok or value ~= i then
        wrong[#wrong + 1] = i .. ": " .. tostring(value)
      end
    end
    return wrong
  end

  it("keeps what is stored when a node is killed and its directory is lost", function()
    local node = start()
    put_many(node, 10)
    workbench.ask(node, "mixed", [[
      storage:put("gone", 1)
      storage:put({ a = 1, b = "two", c = { 3 } })
      storage:delete("gone")
      storage.sql:exec("CREATE TABLE t (x)")
      storage.sql:exec("INSERT INTO t VALUES (1), (2), (3)")
      storage:setAlarm(4102444800000)]])
    workbench.ask(node, "emptied", "storage:put('old', 1) storage:setAlarm(4102444800000)")
    workbench.ask(node, "emptied", "storage:deleteAll() storage:put('new', 2)")
    for _, code in ipairs { "put('old', 1)", "deleteAll()", "put('new', 3)" } do -- A group each.
      workbench.ask(node, "refilled", "storage:" .. code .. " storage:sync()")
    end
    node:kill()
    shell.remove(node.directory .. "/data")
    node:launch()
    eventually("all that was stored is there again", function()
      return #missing(node, 10) == 0
    end)
    assert.same({ a = 1, b = "two", c = { 3 }, sum = 6, alarm = 4102444800000 },
      workbench.ask(node, "mixed", [[
        return { a = storage:get("a"), b = storage:get("b"), c = storage:get("c"),
          gone = storage:get("gone"), alarm = storage:getAlarm(),
          sum = storage.sql:exec("SELECT sum(x) AS s FROM t"):one().s }]]))
    assert.same({ new = 2 }, workbench.ask(node, "emptied", [[
      return { old = storage:get("old"), new = storage:get("new"), alarm = storage:getAlarm() }]]))
    assert.same({ new = 3 }, workbench.ask(node, "refilled", [[
      return { old = storage:get("old"), new = storage:get("new") }]]))
  end)

  it("serves what a node takes before all of it is loaded", function()
    local node = start()
    put_many(node, 20)
    workbench.ask(node, "n1", [[
      storage.sql:exec("CREATE TABLE t (x)")
      storage.sql:exec("INSERT INTO t VALUES (1), (2)")
      storage:setAlarm(od.now() + 1000)]])
    workbench.ask(node, "n2", "storage:deleteAll() storage:put('n', 2)")
    workbench.ask(node, "large", "for i = 1, 1000 do storage:put('k' .. i, i) end")
    node:shut_down()
    node:fault("fill.hold")
    node:launch()
    eventually("its alarm has rung", function()
      return workbench.ask(node, "n1", "return storage:get('rang')")
    end)
    assert.same({}, missing(node, 20))
    assert.equal(2, workbench.ask(node, "n1",
      "return storage.sql:exec('SELECT max(x) AS x FROM t'):one().x"))
    workbench.ask(node, "n1", "storage:put('n', 3) storage:delete('other')")
    workbench.ask(node, "n3", "storage:deleteAll()")
    assert.is_nil(workbench.ask(node, "new", "return storage:get('n')"))
    workbench.ask(node, "new", "storage:put('n', 4)")
    local _, output = node:asking("objects")
    assert.truthy(output:find("still being loaded", 1, true), output)
    node:clear_fault("fill.hold")
    local names = eventually("all is loaded", function()
      local _, all = node:asking("objects")
      return not all:find("not listed", 1, true) and all
    end)
    for i = 4, 20 do
      assert.truthy(names:find("things/n" .. i .. "%f[^%w]"), names)
    end
    assert.equal(500500, workbench.ask(node, "large", [[
      local sum = 0
      for _, value in storage:list() do
        sum = sum + value
      end
      return sum]]))
    assert.equal(3, workbench.ask(node, "n1", "return storage:get('n')"))
    assert.is_nil(workbench.ask(node, "n3", "return storage:get('n')"))
    assert.equal(4, workbench.ask(node, "new", "return storage:get('n')"))
  end)

  -- The alarms of it came when the clock was gone already, which wrote to memory that was not its.
  it("ends well while it loads what it has taken", function()
    local node = start()
    workbench.ask(node, "n1", "storage:put('n', 1)")
    node:shut_down()
    postgres:ask [[INSERT INTO od_kv SELECT (get_byte(id, 0) * 256 + get_byte(id, 1)) % 1024, id, k,
      CASE WHEN k = '\x00' THEN id || '\x06000000'::bytea || 'things' || '\x0000000000'::bytea
        ELSE '\x00405dd9bb03000000405dd9bb0300000000000001000000'::bytea END
      FROM (SELECT sha256(g::text::bytea) AS id FROM generate_series(1, 20000) AS g) AS ids,
        (VALUES ('\x00'::bytea), ('\x01'::bytea)) AS keys (k)]]
    node:launch()
    node:shut_down()
    node:launch()
    eventually("all alarms are there", function()
      return node:status().alarms.count == 20000
    end)
    assert.equal(1, workbench.ask(node, "n1", "return storage:get('n')"))
  end)

  it("goes on at another node when one is killed, alarms too", function()
    local first, second = start(), start()
    both_have_slots()
    put_many(first, 40)
    for i = 1, 40 do
      workbench.ask(first, "n" .. i, "storage:setAlarm(od.now() + 1000)")
    end
    second:kill()
    second.is_lost = true
    eventually("the other node has all slots", function() return shares() == "1024" end)
    first:wait_log("node 2, [^\n]+, is not of the cluster any more")
    eventually("the other node serves all objects", function() return #missing(first, 40) == 0 end)
    eventually("all alarms have rung", function()
      for i = 1, 40 do
        if not workbench.ask(first, "n" .. i, "return storage:get('rang')") then
          return false
        end
      end
      return true
    end)
  end)

  -- Who waited long for the engine had seen nothing in that time, and began anew.
  it("replaces a node that is killed while PostgreSQL takes its time over everything", function()
    local _, second = start(), start()
    both_have_slots()
    second:kill()
    second.is_lost = true
    for _ = 1, 50 do -- Six looks are enough, each of which waits a few times.
      postgres:ask [[BEGIN; LOCK TABLE od_node IN ACCESS EXCLUSIVE MODE; SELECT pg_sleep(2.2);
        COMMIT]]
      if shares() == "1024" then
        return
      end
    end
    error "in vain: the other node has all slots"
  end)

  it("dials again to places outside for objects of a node that is killed", function()
    local upstream = Upstream.listen()
    local first, second = start(), start()
    both_have_slots()
    for i = 1, 12 do
      workbench.ask(first, "n" .. i, ("state:connect('%s/n%d')"):format(upstream.url, i))
    end
    for _ = 1, 12 do
      upstream:accept()
    end
    local there = tonumber(postgres:ask [[SELECT count(DISTINCT object) FROM od_kv
      JOIN od_slot USING (slot) WHERE owner = 2]])
    second:kill()
    second.is_lost = true
    eventually("the other node has all slots", function() return shares() == "1024" end)
    for _ = 1, there do
      upstream:accept()
    end
    upstream:stop()
  end)

  it("refuses a node that was stopped and goes on when it is held for dead", function()
    local first, second = start(), start()
    both_have_slots()
    put_many(second, 20)
    second.process:signal("STOP")
    eventually("the other node has all slots", function() return shares() == "1024" end)
    eventually("the other node serves all objects", function() return #missing(first, 20) == 0 end)
    second.process:signal("CONT")
    assert.equal(4, (second.process:wait_exit(30)))
    assert.truthy(second:log():find("this node is not of the cluster any more", 1, true))
    second.is_lost = true
    assert.same({}, missing(first, 20))
  end)

  -- Others see its links stand, and the engine that it lives: only its main can notice.
  it("replaces its process for other nodes when that stands still", function()
    local first, second = start(), start()
    both_have_slots()
    put_many(first, 20)
    second:expect_mishap "another one is started"
    local stopped = second:processes("node")[1]
    process.send_signal(stopped, "STOP")
    second.process:wait_output("the process for other nodes has stood still",
      cluster_nodes.TAKEN_OVER_S)
    eventually("all objects are served by both", function()
      return #missing(first, 20) == 0 and #missing(second, 20) == 0
    end)
    assert.is_true(second:processes("node")[1] ~= stopped)
    assert.equal("up up", postgres:ask "SELECT string_agg(state, ' ') FROM od_node")
  end)

  -- The fence alone: the group is on its way when another claims, and nobody has told this node.
  it("stores nothing in a slot that another node has claimed meanwhile", function()
    local node = start()
    workbench.ask(node, "a", "storage:put('k', 1) storage:sync()")
    local function stored()
      return postgres:ask [[SELECT md5(string_agg(encode(v, 'hex'), ' ' ORDER BY object, k))
        FROM od_kv]]
    end
    local before = stored()
    eventually("all is loaded", function() -- What is not would wait for who is held.
      local code, page = node:asking("cluster", "status")
      return code == 0 and not page:find("being loaded", 1, true)
    end)
    node:fault("commit.hold")
    local held = workbench.begin(node, "a", "storage:put('k', 2) return true")
    for _ = 1, 2 do -- Main has the write when it answers what was asked behind it.
      workbench.ask(node, "b", "return 1")
      node:status()
    end
    postgres:ask [[INSERT INTO od_node VALUES (99, 'other', 1, '127.0.0.1:1', 1, 'up')]]
    postgres:ask [[UPDATE od_slot SET epoch = epoch + 1, owner = 99, inc = 1]]
    node:clear_fault("commit.hold")
    assert.equal(4, (node.process:wait_exit(30)))
    node.is_lost = true
    local is_answered, answer = pcall(held.read_answer, held)
    assert.is_true(not is_answered or answer.status ~= 200, "a write that was refused is confirmed")
    assert.equal(before, stored())
  end)

  -- As when a standby that did not have all has taken the place of the primary.
  it("ends when the engine has lost what it had confirmed", function()
    local node = start()
    workbench.ask(node, "a", "storage:put('k', 1) storage:sync()")
    postgres:ask "UPDATE od_slot SET seq = seq - 1 WHERE seq > 0"
    local held = workbench.begin(node, "a", "storage:put('k', 2) return true")
    assert.equal(4, (node.process:wait_exit(30)))
    node.is_lost = true
    local is_answered, answer = pcall(held.read_answer, held)
    assert.is_true(not is_answered or answer.status ~= 200, "what rests on it is confirmed")
    assert.truthy(node:log():find("PostgreSQL has lost what it had confirmed", 1, true))
  end)

  it("gives its slots away when it stops", function()
    local first, second = start(), start()
    both_have_slots()
    put_many(first, 20)
    second:shut_down()
    second.is_lost = true
    eventually("the other node has all slots", function() return shares() == "1024" end)
    eventually("the other node serves all objects", function() return #missing(first, 20) == 0 end)
    assert.equal("1|up\n2|left", postgres:ask "SELECT id, state FROM od_node ORDER BY id")
  end)

  -- Objects that were still in memory then knew where their rows had lain before, found nothing
  -- there, and stored that.
  it("finds all in a slot that goes and soon comes back", function()
    local first = start()
    for i = 1, 40 do
      workbench.ask(first, "n" .. i, [[storage.sql:exec("CREATE TABLE t (x)")
        storage.sql:exec("INSERT INTO t VALUES (1)")]])
    end
    put_many(first, 40)
    local second = start()
    both_have_slots()
    for i = 1, 40 do
      workbench.ask(first, "n" .. i, 'storage.sql:exec("INSERT INTO t VALUES (2)")')
    end
    second:shut_down()
    second.is_lost = true
    eventually("the first node has all slots", function() return shares() == "1024" end)
    eventually("the first node serves all objects", function()
      workbench.ask(first, "n40", "return 1")
      return true
    end)
    assert.same({}, missing(first, 40))
    for i = 1, 40 do
      assert.equal(3, workbench.ask(first, "n" .. i,
        'return storage.sql:exec("SELECT sum(x) AS s FROM t"):one().s'))
    end
  end)

  it("loses nothing and restarts nobody when the engine is restarted", function()
    local node = start()
    local boots = {}
    for i = 1, 4 do
      boots[i] = workbench.ask(node, "n" .. i, "return self.boot")
    end
    for round, how in ipairs { "INT", "QUIT" } do
      local running = {}
      for i = 1, 4 do
        running[i] = workbench.begin(node, "n" .. i, [[
          for _ = 1, 200 do
            storage:put("count", (storage:get("count") or 0) + 1)
            storage:sync()
          end
          return storage:get("count")]])
      end
      postgres:restart(how)
      for i = 1, 4 do
        assert.equal(200 * round, (workbench.outcome(running[i])))
        assert.equal(boots[i], workbench.ask(node, "n" .. i, "return self.boot"))
      end
    end
    node:kill()
    shell.remove(node.directory .. "/data")
    node:launch()
    for i = 1, 4 do
      assert.equal(400, eventually("it is served again", function()
        return workbench.ask(node, "n" .. i, "return storage:get('count')")
      end))
    end
  end)

  it("refuses requests with 503 while the engine is away, and then goes on", function()
    local node = start()
    local boot = workbench.ask(node, "a", "storage:put('k', 1) return self.boot")
    local client = node:connect("/things/a")
    postgres:shut_down()
    local answer = eventually("requests are refused", function()
      local answer = node:post("/things/a", "return 1")
      return answer.status == 503 and answer
    end)
    assert.equal("1", answer.headers["retry-after"])
    postgres:launch()
    eventually("requests are answered", function()
      return node:post("/things/a", "return 1").status == 200
    end)
    assert.equal(boot, workbench.ask(node, "a", "return self.boot"))
    assert.equal(1, workbench.ask(node, "a", "return #state:getWebSockets()"))
    client:close()
  end)

  -- Nodes are told in the order of their ids, and main ended when they were not.
  it("goes on when a row of the tables is of nobody's making", function()
    local node = start()
    local function beat()
      return tonumber(postgres:ask "SELECT beat FROM od_node WHERE state = 'up' AND id > 0")
    end
    postgres:ask "INSERT INTO od_node VALUES (-1, 'nobody', 1, '', 0, 'up')"
    local before = beat()
    eventually("it has looked at it", function() return beat() > before + 2 end)
    assert.equal(2, workbench.ask(node, "a", "storage:put('k', 2) return storage:get('k')"))
  end)
end)
