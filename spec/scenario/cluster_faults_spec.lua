-- What is wrong with the engine, or with another node, while a node serves: a database that is
-- full, rights that are taken away, a name that two have, clocks that differ.
local cluster_nodes = require "spec.scenario.cluster_nodes"
local Postgres = require "spec.scenario.postgres"
local shell = require "spec.support.shell"
local workbench = require "spec.scenario.workbench"

local HOUR_MS = 3600000

local eventually = cluster_nodes.eventually

describe("a node of a cluster", function()
  local nodes = cluster_nodes.each()
  local postgres = Postgres.fresh()

  local function start(change)
    return nodes:work(postgres, change)
  end

  local function both_have_slots()
    cluster_nodes.share_slots(postgres, 2)
  end

  it("confirms nothing that a full database does not take, and goes on when it has room", function()
    local node = start()
    workbench.ask(node, "a", "storage:put('k', 1) storage:put('other', 1)")
    postgres:ask [[CREATE FUNCTION be_full() RETURNS trigger LANGUAGE plpgsql AS
      'BEGIN RAISE EXCEPTION ''could not extend file'' USING ERRCODE = ''53100''; END']]
    postgres:ask [[CREATE TRIGGER full_kv BEFORE INSERT OR UPDATE ON od_kv
      FOR EACH STATEMENT EXECUTE FUNCTION be_full()]]
    for _, name in ipairs { "a", "b" } do
      local answer = node:post("/things/" .. name, "storage:put('k', 2) return 'written'")
      assert.is_true(answer.status >= 500, answer.status .. " " .. answer.body)
    end
    assert.equal(1, workbench.ask(node, "a", "return storage:get('k')"))
    assert.is_nil(workbench.ask(node, "b", "return storage:get('k')"))
    postgres:ask "DROP TRIGGER full_kv ON od_kv"
    for _, name in ipairs { "a", "b" } do
      workbench.ask(node, name, "storage:put('k', 3)")
      assert.equal(3, workbench.ask(node, name, "return storage:get('k')"))
    end
    assert.truthy(node:log():find("could not extend file", 1, true))
    postgres:ask "DROP FUNCTION be_full"
  end)

  it("refuses requests while it may not beat any more, and goes on when it may", function()
    postgres:ask "CREATE USER keeper"
    postgres:ask "GRANT CREATE ON SCHEMA public TO keeper"
    local keeper = { url = postgres.url:gsub("tester", "keeper") }
    local node = nodes:work(keeper)
    local boot = workbench.ask(node, "a", "storage:put('k', 1) return self.boot")
    postgres:ask "REVOKE UPDATE ON od_node FROM keeper"
    local answer = eventually("requests are refused", function()
      local answer = node:post("/things/a", "return 1")
      return answer.status ~= 200 and answer
    end)
    assert.equal("503 1", answer.status .. " " .. tostring(answer.headers["retry-after"]))
    assert.truthy(node:log():find("permission denied", 1, true))
    postgres:ask "GRANT UPDATE ON od_node TO keeper"
    eventually("requests are answered", function()
      return node:post("/things/a", "return 1").status == 200
    end)
    assert.equal(boot, workbench.ask(node, "a", "return self.boot"))
    postgres:ask "REVOKE UPDATE ON od_kv FROM keeper"
    answer = node:post("/things/a", "storage:put('k', 2)")
    assert.is_true(answer.status >= 500, answer.status .. " " .. answer.body)
    postgres:ask "GRANT UPDATE ON od_kv TO keeper"
    assert.equal(1, workbench.ask(node, "a", "return storage:get('k')"))
    workbench.ask(node, "a", "storage:put('k', 3)")
  end)

  it("ends when another program has its name, which has all then", function()
    local first = start()
    workbench.ask(first, "a", "storage:put('k', 1)")
    local second = start(function(options)
      options.files = { ["data/cluster"] = shell.read(first.directory .. "/data/cluster") }
    end)
    assert.equal(4, (first.process:wait_exit(cluster_nodes.TAKEN_OVER_S)))
    first.is_lost = true
    assert.truthy(first:log():find("or another program has its name", 1, true))
    assert.equal(1, eventually("it serves what the other has stored", function()
      return workbench.ask(second, "a", "return storage:get('k')")
    end))
    assert.equal("1|2|up", postgres:ask "SELECT id, inc, state FROM od_node")
  end)

  it("serves what it has beside one with another secret, and says that it is not linked", function()
    local secret = os.tmpname()
    shell.write(secret, "a secret that nobody else knows\n")
    local first = start()
    local second = start(function(options)
      options.args[#options.args + 1] = "--cluster-secret-file"
      options.args[#options.args + 1] = secret
    end)
    both_have_slots()
    local asked = {}
    for i = 1, 20 do
      asked[i] = first:open()
      asked[i]:send_request("GET", "/things/n" .. i)
    end
    local function take_answers(status)
      for i = #asked, 1, -1 do
        local answer = asked[i]:has_news() and asked[i]:read_answer("GET")
        if answer then
          table.remove(asked, i)
        end
        if answer and answer.status == status then
          return answer
        end
      end
    end
    eventually("one of its own is served", function() return take_answers(200) end)
    local refused = eventually("what it cannot reach is refused", function()
      first:turn_clock(11000) -- It waits for it, for some seconds.
      first:status()
      return take_answers(503)
    end)
    assert.equal("1", refused.headers["retry-after"])
    local _, page = first:asking("cluster", "status")
    assert.truthy(page:find("not linked", 1, true), page)
    assert.truthy((first:log() .. second:log()):find("does not know the secret", 1, true))
    os.remove(secret)
  end)

  it("lives with others whose clocks are an hour ahead, and an hour behind", function()
    local all = { start(), start() }
    both_have_slots()
    all[1]:set_wall_clock(HOUR_MS)
    all[2]:set_wall_clock(-HOUR_MS)
    local beats = tonumber(postgres:ask "SELECT min(beat) FROM od_node")
    for i = 1, 20 do
      workbench.ask(all[i % 2 + 1], "n" .. i,
        "storage:put('n', 1) storage:setAlarm(od.now() + 100)")
    end
    for i = 1, 20 do
      eventually("alarm " .. i .. " has rung", function()
        return workbench.ask(all[i % 2 + 1], "n" .. i, "return storage:get('rang')")
      end)
    end
    eventually("they have beaten for longer than it takes to be dead", function()
      return tonumber(postgres:ask "SELECT min(beat) FROM od_node") > beats + 7
    end)
    assert.equal("1|1|up\n2|1|up", postgres:ask "SELECT id, inc, state FROM od_node ORDER BY id")
    both_have_slots()
    all[2]:kill()
    all[2].is_lost = true
    for i = 1, 20 do
      eventually("the other node has n" .. i, function()
        return workbench.ask(all[1], "n" .. i, "return storage:get('n')") == 1
      end)
    end
  end)
end)
