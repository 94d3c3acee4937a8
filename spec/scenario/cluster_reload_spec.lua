-- A reload in a cluster takes over on all nodes or on none, whoever dies, stands still or is away
-- meanwhile. What a reload is for the objects of one machine, reload_spec says.
local cluster_nodes = require "spec.scenario.cluster_nodes"
local Postgres = require "spec.scenario.postgres"
local Server = require "spec.support.server"
local workbench = require "spec.scenario.workbench"

local SOURCE = [[
local workbench = require "workbench"
local part = require "part"
local Thing = { fetch = workbench.fetch }
function Thing:constructor() self.version = "VERSION_NAME " .. part end
return { namespaces = { things = Thing } }
]]

local function source(version)
  return (SOURCE:gsub("VERSION_NAME", version))
end

local eventually = cluster_nodes.eventually

describe("a reload in a cluster", function()
  local nodes = cluster_nodes.each()
  local postgres = Postgres.fresh()

  -- What is proposed fails after 30 s, which a busy machine may need: not where it is about others.
  local function begin(how)
    local node = nodes:start(postgres, how)
    node:fault("proposal.wait")
    return node
  end

  -- A node with a disk of its own, on which version `name` is.
  local function start(name, how)
    return begin(function(options)
      options.files = { ["part.lua"] = "return 'one'" }
      options.workers = 1
      for _, argument in ipairs(how or {}) do
        table.insert(options.args, argument)
      end
      return workbench.start(source(name or "a"), options)
    end)
  end

  local function say(statement)
    return postgres:ask(statement)
  end

  -- What objects of each node are made of: there are enough for all.
  local function answers(expected, ...)
    for _, node in ipairs { ... } do
      for i = 1, 8 do
        assert.equal(expected, workbench.ask(node, "n" .. i, "return self.version"))
      end
    end
  end

  local function answer_soon(...)
    local wanted = { ... }
    eventually("all serve " .. wanted[1], function() return pcall(answers, unpack(wanted)) end)
  end

  -- Both know of each other, and both have loaded what serves.
  local function both_serve()
    eventually("both nodes serve", function()
      return say [[SELECT count(*) FROM od_node WHERE state = 'up' AND loaded > 0]] == "2"
    end)
  end

  -- What its log has, or will have.
  local function has_said(node, pattern)
    return eventually("the log has " .. pattern, function() return node:log():find(pattern) end)
  end

  -- Exit code and what it said.
  local function reload(node)
    local asked = node:begin_asking("reload")
    return asked:wait_exit(cluster_nodes.TAKEN_OVER_S), asked:output()
  end

  it("takes over on both nodes, with the files of the one where it was asked for", function()
    local first, second = start(), start()
    both_serve()
    first:save(source "b")
    first:save("return 'two'", "part.lua")
    local code, output = reload(first)
    assert.equal(0, code, output)
    assert.matches("version 2 of script.lua serves after %d+ ms", output)
    has_said(second, "version 2 of script.lua serves after %d+ ms, 0 WebSockets kept, "
      .. "as node 1 has proposed")
    answers("b two", first, second)
    assert.equal(2, first:status().scriptVersion)
    assert.equal(2, second:status().scriptVersion)
  end)

  it("takes over on none when one cannot load it, and both say why", function()
    local first, second = start(), start()
    both_serve()
    second:fault("load.fail", { times = 1 })
    first:save(source "b")
    local why = "reload failed, version 1 still serves: node 2: worker 0: a fault point"
    local code, output = reload(first)
    assert.equal(1, code)
    assert.truthy(output:find(why, 1, true), output)
    has_said(first, why)
    has_said(second, why)
    answers("a one", first, second)
    assert.equal(0, (reload(first)))
    has_said(second, "version 3 of script.lua serves")
    answers("b one", first, second)
  end)

  -- A node that lives as long as another one does, serves version 1, and says nothing of others.
  local function add_silent_node()
    say [[CREATE OR REPLACE FUNCTION beat() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
      UPDATE od_node SET beat = beat + 1 WHERE id = 99; RETURN NULL; END $$]]
    say [[CREATE TRIGGER beat AFTER UPDATE ON od_node FOR EACH ROW WHEN (NEW.id <> 99)
      EXECUTE FUNCTION beat()]]
    say "INSERT INTO od_node VALUES (99, 'silent', 1, '', 0, 'up', 1)"
  end

  local function let_silent_node_load(version)
    say(("UPDATE od_node SET loaded = %d WHERE id = 99"):format(version))
  end

  local function have_loaded(version, ...)
    for _, id in ipairs { ... } do
      eventually(("node %d has loaded version %d"):format(id, version), function()
        return say("SELECT loaded FROM od_node WHERE id = " .. id) == tostring(version)
      end)
    end
  end

  -- Nodes, two or `count`, which have loaded version 2, that the first has proposed, and wait for a
  -- silent one.
  local function propose_beside_silent_node(count)
    local all = {}
    for id = 1, count or 2 do
      all[id] = start()
    end
    for id in ipairs(all) do
      have_loaded(1, id)
    end
    add_silent_node()
    all[1]:save(source "b")
    all[1].process:signal("HUP")
    for id in ipairs(all) do
      have_loaded(2, id)
    end
    return unpack(all)
  end

  local function cluster_status(node)
    return select(2, node:asking("cluster", "status"))
  end

  it("waits for a node that lives and has not answered, and says for whom", function()
    local first, second = propose_beside_silent_node()
    for _, node in ipairs { first, second } do
      local told = eventually("the proposal is told", function()
        local text = cluster_status(node)
        return text:find("node 1 proposes version 2", 1, true) and text
      end)
      assert.truthy(told:find("version 1 of the script serves", 1, true), told)
      assert.truthy(told:find("node 99 has not loaded it yet", 1, true), told)
      assert.equal(1, node:status().scriptVersion)
    end
    let_silent_node_load(2)
    has_said(first, "version 2 of script.lua serves")
    has_said(second, "version 2 of script.lua serves")
    assert.truthy(cluster_status(first):find("version 2 of the script serves", 1, true))
  end)

  it("does not wait for a node that leaves", function()
    local first, second = propose_beside_silent_node()
    say "UPDATE od_node SET state = 'leaving' WHERE id = 99"
    has_said(first, "version 2 of script.lua serves")
    has_said(second, "version 2 of script.lua serves")
  end)

  it("fails when a node that lives says nothing for 30 s", function()
    local first = propose_beside_silent_node(1)
    first:clear_fault("proposal.wait")
    first:turn_clock(31000)
    has_said(first, "reload failed, version 1 still serves: node 99 has not said within 30 s "
      .. "whether it can load it")
    assert.matches("version 2 failed: node 99 has not said", cluster_status(first), 1, true)
  end)

  it("fails when the node that has proposed it ends before all have loaded it", function()
    local first, second = propose_beside_silent_node()
    first:kill()
    first.is_lost = true
    has_said(second, "reload failed, version 1 still serves: node 1 has proposed it, and has ended")
    assert.equal(1, second:status().scriptVersion)
  end)

  it("does not wait for a node that is held for dead, which comes back to what serves", function()
    local first, second = start(), start()
    both_serve()
    second.process:signal("STOP")
    first:save(source "b")
    first.process:signal("HUP")
    has_said(first, "version 2 of script.lua serves")
    second.process:signal("CONT")
    assert.equal(4, (second.process:wait_exit(cluster_nodes.TAKEN_OVER_S)))
    second:launch()
    has_said(second, "script.lua is not what the other nodes serve: that is served here too, "
      .. "as version 2")
    answer_soon("b one", first, second)
  end)

  it("is taken by a node that starts meanwhile, and by a worker that does", function()
    local first = propose_beside_silent_node(1)
    local second = start()
    have_loaded(2, 2)
    assert.equal(1, second:status().scriptVersion)
    second:expect_mishap("another one is started")
    local worker = second:status().workers[1].pid
    assert(os.execute("kill -9 " .. worker) == 0)
    has_said(second, "worker 0 is back")
    let_silent_node_load(2)
    has_said(first, "version 2 of script.lua serves")
    has_said(second, "version 2 of script.lua serves")
    say "DROP TRIGGER beat ON od_node"
    answer_soon("b one", first, second)
  end)

  -- A node with a script of its own, whose part this is; it is not waited for.
  local function spawn(name, part)
    return begin(function(options)
      options.source = source(name)
      options.files = { ["part.lua"] = part, ["workbench.lua"] = workbench.MODULE }
      options.workers = 1
      local server = Server.prepare(options)
      server:spawn()
      return server
    end)
  end

  -- One that knows its own script late.
  local function spawn_slow()
    return spawn("a", "local t = os.clock() repeat until os.clock() - t > 1 return 'late'")
  end

  -- It took the proposal for what it had to wait for, and its workers, which got no script, were
  -- killed after 30 s.
  it("is not waited for by a node that starts, however late it knows its own script", function()
    local first = propose_beside_silent_node(1)
    local second = spawn_slow()
    second:wait_listening()
    assert.equal(1, second:status().scriptVersion)
    have_loaded(2, 2)
    let_silent_node_load(2)
    has_said(first, "version 2 of script.lua serves")
    has_said(second, "version 2 of script.lua serves")
  end)

  -- It proposed its own then, to all.
  it("that fails while a node starts leaves that one with what serves", function()
    propose_beside_silent_node(1)
    local second = spawn_slow()
    second:wait_log("linked with node 1")
    say "UPDATE od_script SET state = 'failed', why = 'no', files = '' WHERE version = 2"
    second:wait_listening()
    assert.equal(1, second:status().scriptVersion)
    assert.equal("2", say "SELECT max(version) FROM od_script")
  end)

  it("that is asked for while the engine is away is decided when it is back", function()
    local first, second = start(), start()
    both_serve()
    postgres:shut_down()
    first:save(source "b")
    local code, output = reload(first)
    assert.equal(1, code)
    assert.truthy(output:find("PostgreSQL does not answer: what becomes of the new version", 1,
      true), output)
    assert.equal(1, first:status().scriptVersion)
    postgres:launch()
    has_said(first, "version 2 of script.lua serves")
    has_said(second, "version 2 of script.lua serves")
    answer_soon("b one", first, second)
  end)

  it("asked for at two nodes at once comes twice, to both", function()
    local first, second = start(), start()
    both_serve()
    first:save(source "b")
    second:save(source "c")
    first.process:signal("HUP")
    second.process:signal("HUP")
    for _, node in ipairs { first, second } do
      has_said(node, "version 3 of script.lua serves")
    end
    local last = workbench.ask(first, "n1", "return self.version")
    assert.truthy(last == "b one" or last == "c one", last)
    answers(last, first, second)
  end)

  it("comes once when two nodes watch the same file", function()
    local first = start("a", { "--watch" })
    have_loaded(1, 1)
    local second = begin(function(options)
      options.script = first.script
      options.workers = 1
      table.insert(options.args, "--watch")
      return Server.start(options)
    end)
    both_serve()
    for version, name in ipairs { "a", "b", "c" } do
      if version > 1 then
        first:save(source(name))
        for _, node in ipairs { first, second } do
          has_said(node, ("version %d of script.lua serves"):format(version))
        end
      end
    end
    answers("c one", first, second)
    assert.equal("3", say "SELECT max(version) FROM od_script")
  end)

  it("is not needed by a node that starts: it begins with what the others serve", function()
    local first, second = start("a"), start("b")
    has_said(second, "script.lua is not what the other nodes serve: that is served here too, "
      .. "as version 1")
    both_serve()
    answers("a one", first, second)
    assert.equal(0, (reload(second)))
    has_said(first, "version 2 of script.lua serves after %d+ ms, 0 WebSockets kept, "
      .. "as node 2 has proposed")
    answers("b one", first, second)
  end)

  it("is not needed by a node that starts behind many that have failed", function()
    local first, second = start(), start()
    both_serve()
    second:fault("load.fail", { times = 9 })
    for i = 1, 9 do
      first:save(source("b" .. i))
      assert.equal(1, (reload(first)))
    end
    local third = start "c"
    has_said(third, "is not what the other nodes serve: that is served here too, as version 1 ")
    answers("a one", first, second, third)
  end)

  it("is not needed when all have stopped: the first one begins with its own", function()
    local first, second = start("a"), start("a")
    both_serve()
    first:shut_down()
    second:shut_down()
    second:save(source "b")
    second:launch()
    have_loaded(2, 2)
    answers("b one", second)
    first:launch()
    has_said(first, "as version 2")
    answers("b one", first, second)
  end)

  it("is not needed by two that start at once with a script each: they serve the same", function()
    local all = {}
    for i, name in ipairs { "a", "b" } do
      all[i] = spawn(name, "return 'one'")
    end
    for _, node in ipairs(all) do
      node:wait_listening()
    end
    both_serve()
    -- The second one of them may have begun when nobody had loaded the first one's yet.
    eventually("both serve the only one that is left", function()
      return say [[SELECT (SELECT string_agg(state, '') FROM od_script),
        min(loaded) = max(loaded), min(loaded) = (SELECT max(version) FROM od_script)
        FROM od_node WHERE state = 'up']] == "serves|t|t"
    end)
    local version = say "SELECT version FROM od_script"
    for _, node in ipairs(all) do
      eventually("it serves that", function()
        return tostring(node:status().scriptVersion) == version
      end)
    end
    answers(workbench.ask(all[1], "n1", "return self.version"), unpack(all))
  end)

  it("is not needed by a node whose own script is broken, but by one of another name", function()
    local first = start()
    have_loaded(1, 1)
    local broken = begin(function(options)
      options.workers = 1
      return workbench.start("oops", options)
    end)
    both_serve()
    answers("a one", broken)
    assert(os.rename(first:path(), first:path("other.lua")))
    local other = begin(function(options)
      options.script = first:path("other.lua")
      local server = Server.prepare(options)
      server:spawn()
      return server
    end)
    other.is_lost = true
    assert.equal(1, (other.process:wait_exit(cluster_nodes.TAKEN_OVER_S)))
    has_said(other, "version 1 of the script, which the other nodes serve, cannot be loaded here: "
      .. "the script is called other.lua here, and otherwise at node 1")
  end)
end)
