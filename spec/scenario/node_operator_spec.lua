-- An operator asks any node of a cluster about any object: what he says reaches the node that has
-- it, as a call does, and means the same there. A list is over the objects of all nodes.
local cluster_nodes = require "spec.scenario.cluster_nodes"
local json = require "dkjson"
local Nodes = require "spec.support.nodes"
local process = require "spec.support.process"
local shell = require "spec.support.shell"

local SOURCE = [[
local od = require "open-do"

local Thing = {}

function Thing:fetch(request)
  if request.headers:get("Upgrade") then
    local client, server = od.WebSocketPair()
    self.state:acceptWebSocket(server, { "red" })
    return od.Response(nil, { status = 101, webSocket = client })
  end
  return od.Response(self.env.NODE)
end

function Thing:add(a, b) return a + b, self.env.NODE end
function Thing:break_it() error "it is broken" end
function Thing:stuck() print("it is stuck") while not self.enough do od.sleep(10) end end
function Thing:go_on() self.enough = true end
function Thing:alarm() self.state.storage:put("rang", self.env.NODE) end
function Thing:webSocketMessage(ws, text) ws:send(self.env.NODE .. " " .. text) end

return { namespaces = { things = Thing } }
]]

local PATIENCE_S = 60 -- On a busy machine.

describe("an operator at any node", function()
  local nodes = Nodes.each { count = 2, source = SOURCE }

  local function say(id, ...)
    local asking = nodes[id]:begin_asking(...)
    assert(asking:wait_exit(PATIENCE_S) == 0, asking:output())
    return asking:output()
  end

  local function ask(id, ...)
    return json.decode(say(id, ...), 1, json.null)
  end

  local function refused(id, ...)
    local asking = nodes[id]:begin_asking(...)
    assert.equal(1, (asking:wait_exit(PATIENCE_S)), asking:output())
    return asking:output()
  end

  local function there()
    return "things/" .. nodes:name_at(2)
  end

  it("calls, reads and writes an object that another node has", function()
    local thing = there()
    assert.same({ 5, "2" }, ask(1, "call", thing, "add", "2", "3"))
    say(1, "kv", "put", thing, "topic", '{"tea":[1,2]}')
    assert.same({ tea = { 1, 2 } }, ask(1, "kv", "get", thing, "topic"))
    assert.equal(say(2, "kv", "list", thing), say(1, "kv", "list", thing))
    say(1, "sql", thing, "CREATE TABLE t (x)")
    say(1, "sql", thing, "INSERT INTO t VALUES (?)", "7")
    assert.same({ { 7 } }, ask(1, "sql", thing, "SELECT x FROM t", "--read-only", "--json").rows)
    say(1, "alarm", "set", thing, "4102444800000")
    for id = 1, 2 do -- And in how many seconds that is.
      assert.truthy(say(id, "alarm", "get", thing):find("2100-01-01 00:00:00 ", 1, true))
    end
    local facts = ask(1, "object", thing, "--json")
    assert.equal(ask(2, "object", thing, "--json").id, facts.id)
    assert.equal(ask(1, "object", "things/#" .. facts.id, "--json").name, facts.name)
    say(1, "kv", "delete", thing, "topic")
    assert.same({}, ask(2, "kv", "list", thing, "--json"))
    assert.truthy(refused(1, "kv", "get", thing, "topic"):find("has no key 'topic'", 1, true))
  end)

  it("sees and cuts its sockets, runs its alarm, and does away with it", function()
    local thing = there()
    local client = nodes[2]:connect("/" .. thing)
    local sockets = ask(1, "sockets", thing, "--json")
    assert.same({ "red" }, sockets[1].tags)
    say(1, "sockets", "send", thing, tostring(sockets[1].socket), "hello")
    client:expect("hello")
    say(1, "evict", thing)
    assert.equal("asleep", ask(2, "object", thing, "--json").state)
    client:send("awake")
    client:expect("2 awake")
    say(1, "hibernate", thing)
    say(1, "sockets", "close", thing, tostring(sockets[1].socket), "enough")
    client:expect_close(1000, "enough")
    say(1, "alarm", "set", thing, "1h")
    say(1, "alarm", "run", thing)
    repeat until nodes[1]:asking("kv", "get", thing, "rang") == 0
    assert.equal("2", ask(1, "kv", "get", thing, "rang"))
    client = nodes[1]:connect("/" .. thing)
    say(1, "reset", thing)
    client:cut()
    say(1, "delete", thing)
    assert.truthy(refused(2, "object", thing):find("there is no object", 1, true))
  end)

  it("exports it, and imports it anew", function()
    local thing = there()
    say(2, "kv", "put", thing, "k", '[1,"two",null]')
    say(2, "sql", thing, "CREATE TABLE t (x)")
    say(2, "alarm", "set", thing, "4102444800000")
    local exported = say(1, "export", thing)
    assert.equal(say(2, "export", thing), exported)
    say(1, "delete", thing)
    local path = nodes[1].directory .. "/exported"
    shell.write(path, exported)
    assert.equal("imported 1 object\n", say(1, "import", path))
    assert.equal(exported, say(2, "export", thing))
  end)

  it("hears the words of its errors, and both logs say who has changed what", function()
    local thing = there()
    assert.truthy(refused(1, "call", thing, "break_it"):find("it is broken", 1, true))
    assert.truthy(refused(1, "call", "thing/a", "add"):find("did you mean things?", 1, true))
    say(1, "kv", "put", thing, "k", "1")
    nodes[1]:wait_log(thing .. "  kv%.put, asked for by an operator %(uid %d+, pid %d+%)")
    nodes[2]:wait_log(thing .. "  kv%.put, asked for by an operator at another node")
  end)

  it("waits while it is on its way, and asks where it is then", function()
    local thing = there()
    say(1, "kv", "put", thing, "k", "1")
    nodes:own { [1] = { 0, 511 } }
    repeat until ask(1, "cluster", "status", "--json").nowhere == 512
    local asking = nodes[1]:begin_asking("call", thing, "add", "1", "1")
    nodes[1]:wait_log("call of add, asked for by an operator")
    nodes:own { [1] = { 0, 1023 } }
    assert.equal(0, (asking:wait_exit(PATIENCE_S)), asking:output())
    assert.same({ 2, "1" }, json.decode(asking:output()))
  end)

  it("is told when the node that has it ends", function()
    local thing = there()
    local asking = nodes[1]:begin_asking("call", thing, "stuck")
    nodes[2]:wait_log("it is stuck")
    nodes:kill(2, { [1] = { 0, 1023 } })
    assert.equal(1, (asking:wait_exit(PATIENCE_S)))
    assert.truthy(asking:output():find("the worker of this object has ended", 1, true))
    assert.same({ 2, "1" }, ask(1, "call", thing, "add", "1", "1"))
  end)

  it("is told when the worker that asks for him ends", function()
    local thing = there()
    local asking = nodes[1]:begin_asking("call", thing, "stuck")
    nodes[2]:wait_log("it is stuck")
    nodes[1]:expect_mishap("another one is started")
    for _, worker in ipairs(nodes[1]:status().workers) do
      process.send_signal(worker.pid, "KILL")
    end
    assert.equal(1, (asking:wait_exit(PATIENCE_S)))
    assert.truthy(asking:output():find("has ended", 1, true))
    say(2, "call", thing, "go_on")
  end)

  -- By name: the node that has it.
  local function put_things(count)
    local where = {}
    for i = 1, count do
      local name = "n" .. i
      say(1, "kv", "put", "things/" .. name, "k", "1")
      where[name] = tonumber(nodes[1]:get("/things/" .. name).body)
    end
    return where
  end

  local function listed(...)
    local found = {}
    for _, object in ipairs(ask(...).objects) do
      assert.is_nil(found[object.name])
      found[object.name] = object.node
    end
    return found
  end

  it("sees the objects of all nodes in one list, in pages or in an order", function()
    local where = put_things(24)
    for id = 1, 2 do
      assert.same(where, listed(id, "objects", "things", "--json"))
      assert.same(where, listed(id, "objects", "--order", "bytes", "--json"))
    end
    local paged, cursor = {}, nil
    repeat
      local list = ask(1, "objects", "things", "--json", "--limit", "5",
        unpack(cursor and { "--cursor", cursor } or {}))
      for _, object in ipairs(list.objects) do
        assert.is_nil(paged[object.name])
        paged[object.name] = object.node
      end
      cursor = list.cursor
    until not cursor
    assert.same(where, paged)
    local text = say(2, "objects", "things/n1", "--order", "name")
    assert.matches("^OBJECT +NODE +STATE", text)
    assert.matches("\nthings/n1 +" .. where.n1 .. " +", text)
  end)

  it("sees of each node what it has, and not what it had", function()
    local where = put_things(24)
    local staying = {}
    for name, node in pairs(where) do
      staying[name] = node == 1 and node or nil
    end
    -- Without an engine nothing moves along: node 2 still has the rows, and not the slots.
    nodes:own { [1] = { 0, 1023 } }
    repeat until say(2, "cluster", "status"):find("node 2.-: 0 slots")
    assert.same(staying, listed(2, "objects", "things", "--json"))
    nodes:own { [1] = { 0, 511 }, [2] = { 512, 1023 } }
    repeat until say(2, "cluster", "status"):find("node 2.-: 512 slots")
    assert.same(where, listed(1, "objects", "things", "--json"))
  end)

  local function exported_by(id)
    return cluster_nodes.objects_of(say(id, "export", "things"))
  end

  it("exports what all nodes have of a namespace, and brings it back", function()
    put_things(24)
    local exported, text = exported_by(1)
    assert.equal(24, #exported)
    assert.same(exported, (exported_by(2)))
    for i = 1, 24 do
      say(2, "delete", "things/n" .. i)
    end
    repeat until not say(1, "objects"):find("things/", 1, true)
    local path = nodes[1].directory .. "/exported"
    shell.write(path, text)
    assert.equal("imported 24 objects\n", say(2, "import", path))
    assert.same(exported, (exported_by(1)))
  end)

  it("exports nothing while objects are on their way", function()
    put_things(4)
    nodes:own { [1] = { 0, 511 }, [2] = { 513, 1023 } }
    repeat until ask(1, "cluster", "status", "--json").nowhere == 1
      and ask(2, "cluster", "status", "--json").nowhere == 1
    assert.truthy(refused(1, "export", "things"):find("objects are on their way", 1, true))
    nodes:own { [1] = { 0, 511 }, [2] = { 512, 1023 } }
    repeat until ask(1, "cluster", "status", "--json").nowhere == 0
      and ask(2, "cluster", "status", "--json").nowhere == 0
    assert.equal(4, #exported_by(1))
  end)

  it("is told which node is missing in a list, and exports nothing that is not whole", function()
    put_things(4)
    nodes[2]:kill()
    nodes[2].has_ended = true
    repeat until say(1, "cluster", "status"):find("512 slots (not linked with this one)", 1, true)
    local why = "node 2: it is not linked with the node asked"
    local list = json.decode(refused(1, "objects", "things", "--json"))
    assert.same({ why }, list.missing)
    assert.truthy(refused(1, "objects", "things"):find("\nnot listed: " .. why, 1, true))
    assert.truthy(refused(1, "export", "things"):find(why, 1, true))
  end)
end)
