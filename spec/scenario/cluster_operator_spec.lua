-- What an operator does with a whole cluster: moves objects into it and out of it again, and has
-- nodes leave it.
local cluster_nodes = require "spec.scenario.cluster_nodes"
local http = require "spec.support.http"
local json = require "dkjson"
local Postgres = require "spec.scenario.postgres"
local shell = require "spec.support.shell"
local workbench = require "spec.scenario.workbench"

local COUNT = 8
local LATER = 4102444800000
local PATIENCE_S = 120 -- For a node that leaves, and for many writes, on a busy machine.

local eventually = cluster_nodes.eventually

describe("an operator of a cluster", function()
  local nodes = cluster_nodes.each()
  local postgres = Postgres.fresh()

  local function start(has_admin)
    return nodes:work(postgres, function(options) options.admin = has_admin end)
  end

  local function start_alone()
    local alone = workbench.start(cluster_nodes.THINGS)
    table.insert(nodes.all, alone)
    return alone
  end

  -- Exit code and words.
  local function ask(server, ...)
    local asking = server:begin_asking(...)
    return asking:wait_exit(PATIENCE_S), asking:output()
  end

  local function say(server, ...)
    local code, text = ask(server, ...)
    assert(code == 0, text)
    return text
  end

  -- What that node says of itself, or of another.
  local function status(node, id)
    local all = json.decode(say(node, "cluster", "status", "--json"))
    for _, other in ipairs(all.nodes) do
      if other.id == (id or all.self) then
        return other
      end
    end
  end

  local function id_of(node)
    return status(node).id
  end

  local function share_of(node)
    return status(node).slots
  end

  local function has_ended(node)
    assert.equal(0, (node.process:wait_exit(PATIENCE_S)), node:log())
    node.is_lost = true
  end

  local function all_have_slots(...)
    for _, node in ipairs { ... } do
      eventually("it has slots", function() return share_of(node) > 100 end)
    end
  end

  local function exported_by(server)
    return cluster_nodes.objects_of(say(server, "export", "things"))
  end

  local function fill(server)
    for i = 1, COUNT do
      workbench.ask(server, "n" .. i, ([[
        storage:put { number = %d, text = "two", list = { 1, { 2, od.json.null } },
          bytes = "\0\255\128" }
        storage.sql:exec("CREATE TABLE t (x)")
        for row = 1, 400 do
          storage.sql:exec("INSERT INTO t VALUES (?)", ("x"):rep(row))
        end
        storage:setAlarm(%.0f)
        storage:schedule("tea", { every = 1e9 }, "remind", 1, nil)
        storage:schedule("cake", { at = %.0f }, "remind", { i = 1 })]]):format(i, LATER, LATER))
    end
  end

  local function import(server, text)
    local path = server.directory .. "/exported"
    shell.write(path, text)
    assert.equal(("imported %d objects\n"):format(COUNT), say(server, "import", path))
  end

  it("moves what one machine has into it, and back, byte for byte", function()
    local before = start_alone()
    fill(before)
    local whole, text = exported_by(before)
    assert.equal(COUNT, #whole)

    local first, second = start(), start()
    all_have_slots(first, second)
    import(second, text)
    -- Slots may still move, and what moves may be missed by a list.
    for _, node in ipairs { first, second } do
      eventually("all of it is exported", function()
        return table.concat((exported_by(node))) == table.concat(whole)
      end)
    end
    assert.equal(400, workbench.ask(first, "n1",
      "return storage.sql:exec('SELECT count(*) AS n FROM t'):one().n"))

    local left = id_of(first)
    say(second, "cluster", "drain", tostring(left))
    has_ended(first)
    eventually("the other node has all, and knows that it is alone", function()
      return share_of(second) == 1024 and not status(second, left)
    end)
    local text_in_cluster = eventually("all of it is loaded, and exported", function()
      local objects, lines = exported_by(second)
      return table.concat(objects) == table.concat(whole) and lines
    end)
    local alone = start_alone()
    import(alone, text_in_cluster)
    assert.same(whole, (exported_by(alone)))
  end)

  it("has any node leave, by its id or its name, and then its own", function()
    local first, second, third = start(), start(), start()
    all_have_slots(first, second, third)
    for i = 1, 30 do
      workbench.ask(first, "n" .. i, ("storage:put('n', %d)"):format(i))
    end
    local words = say(first, "cluster", "drain", tostring(id_of(second)))
    assert.truthy(words:match("^node 2 gives its slots to the others, and stops\n.*"
      .. "node 2 has left the cluster\n$"), words)
    assert.equal("left", postgres:ask "SELECT state FROM od_node WHERE id = 2")
    has_ended(second)
    assert.truthy(second:log():find("stopping, asked for by an operator at another node", 1, true))
    say(third, "cluster", "drain", status(third, id_of(first)).name)
    has_ended(first)
    eventually("the last node has all slots", function() return share_of(third) == 1024 end)
    for i = 1, 30 do
      assert.equal(i, workbench.ask(third, "n" .. i, "return storage:get('n')"))
    end
    assert.equal("left|left|up",
      postgres:ask "SELECT string_agg(state, '|' ORDER BY id) FROM od_node")
    words = say(third, "cluster", "drain")
    assert.truthy(words:find("node 3 has left the cluster\n$"), words)
    has_ended(third)
  end)

  it("sees it, and has a node leave, over HTTP, too", function()
    local first, second = start(true), start()
    all_have_slots(first, second)
    local function api(method, path, body)
      local answer = http.request(first.admin.address, method, "/api/" .. path, { body = body,
        headers = { host = "127.0.0.1:" .. first.admin.address.port,
          authorization = "Bearer " .. first.admin.token } })
      return answer.status, json.decode(answer.body)
    end
    local _, cluster = api("GET", "cluster")
    assert.equal(2, #cluster.nodes)
    for i = 1, 30 do
      workbench.ask(first, "n" .. i, "storage:put('n', 1)")
    end
    eventually("the list has those of both nodes", function()
      local where = {}
      for _, object in ipairs(select(2, api("GET", "objects?namespace=things")).objects) do
        where[object.node] = (where[object.node] or 0) + 1
      end
      return where[id_of(first)] + where[id_of(second)] == 30
    end)
    eventually("the metrics say what it has and whom it reaches", function()
      local page = http.request(first.admin.address, "GET", "/metrics", {}).body
      local function metric(name)
        return tonumber(page:match("\nopen_do_cluster_" .. name .. " (%d+)"))
      end
      return metric("nodes") == 1 and metric("links") == 1 and metric("away") == 0
        and metric("slots") == share_of(first) and metric("slots_free") == 0
        and metric("slots_filling") == 0
    end)
    assert.equal(409, (api("POST", "cluster.drain", '{"node":77}')))
    local body = json.encode { node = id_of(second) }
    assert.equal(200, (api("POST", "cluster.drain", body)))
    has_ended(second)
  end)

  it("sees at any node which one it asks, and which one has an object", function()
    local first, second = start(), start()
    all_have_slots(first, second)
    for i = 1, COUNT do
      workbench.ask(first, "n" .. i, "storage:put('n', 1)")
    end
    eventually("the list and each of them say the same, once no slot moves any more", function()
      local where = {}
      for _, object in ipairs(json.decode(say(first, "objects", "things", "--json")).objects) do
        local page = say(second, "object", "things/" .. object.name)
        where[object.node] = page:find("\nnode +" .. object.node .. "\n")
          and (where[object.node] or 0) + 1
      end
      return where[1] and where[2] and where[1] + where[2] == COUNT
    end)
    local owner = json.decode(say(second, "object", "things/n1", "--json")).node
    assert.is_true(owner == 1 or owner == 2)
    assert.truthy(say(second, "status"):find(
      "\nnode 2, [^\n]+, one of 2 of a cluster, with %d+ slots\n"))
    local told = json.decode(say(first, "status", "--json")).node
    assert.equal("1 2", told.id .. " " .. told.nodes)
  end)

  it("finds a node that has left as good as new when it is started again", function()
    local first, second = start(), start()
    all_have_slots(first, second)
    assert.equal("node 2 gives its slots to the others, and stops\n",
      say(first, "cluster", "drain", "--no-wait", tostring(id_of(second))))
    assert.equal(0, (second.process:wait_exit(PATIENCE_S)))
    second:launch()
    all_have_slots(first, second)
    eventually("the other one sees it, and that it stays", function()
      return status(first, id_of(second)).leaving == false
    end)
  end)

  it("is told when there is no such node, and when nobody can be told", function()
    local first, second = start(), start()
    all_have_slots(first, second)
    local function refused(...)
      local code, text = ask(first, "cluster", ...)
      assert.equal(1, code)
      return text
    end
    assert.truthy(refused("drain", "77"):find("there is no such node", 1, true))
    local code, text = ask(first, "cluster", "drain", "2", "3")
    assert.equal(2, code)
    assert.truthy(text:find("'3' is one word too many", 1, true))
    assert.truthy(refused("drain", ""):find("there is no such node", 1, true))
    assert.truthy(refused("drain", ("x"):rep(3000)):find("longer than any", 1, true))
    assert.truthy(refused("drained"):find("say open-do cluster status", 1, true))
    local other = tostring(id_of(second))
    postgres:shut_down()
    eventually("it is known to be away", function()
      return say(first, "cluster", "status"):find("does not answer", 1, true)
    end)
    assert.truthy(refused("drain", other):find("PostgreSQL does not answer", 1, true))
    postgres:launch()
    all_have_slots(first, second)
  end)
end)
