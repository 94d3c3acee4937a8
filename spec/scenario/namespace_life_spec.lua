-- A namespace that the script calls otherwise from now on, or has no more.
local json = require "dkjson"
local Server = require "spec.support.server"
local workbench = require "spec.scenario.workbench"

local CLASS = [[
local od = require "open-do"
local Thing = { fetch = require("workbench").fetch }
function Thing:alarm() print("rung", self.state.id.name) end
local Other = { fetch = Thing.fetch, alarm = Thing.alarm }
]]
local BEFORE = CLASS .. "return { namespaces = { things = Thing, others = Other } }"
local RENAMED = CLASS .. [[return { namespaces = { Items = Thing, others = Other },
  renamed = { things = "Items" } }]]
local DELETED = CLASS .. [[return { namespaces = { others = Other }, deleted = { "things" } }]]
local WITHOUT = CLASS .. [[return { namespaces = { others = Other } }]]

describe("a namespace", function()
  local server, start = workbench.asked(BEFORE, { args = { "--watch" } })

  local function save(source)
    server:change(source)
  end

  local function ask(path, code)
    local answer = server:post(path, code)
    assert(answer.status == 200, ("%s: %d %s"):format(path, answer.status, answer.body))
    local outcome = json.decode(answer.body)
    return outcome.value or error(outcome.problem or "nothing")
  end

  local function say(...)
    local code, text = server:asking(...)
    return text, code
  end

  it("that is renamed keeps its objects, their ids, sockets and alarms", function()
    start()
    local id = ask("/things/a", [[
      storage:put("n", 7) storage:setAlarm(od.now() + 3600000) return tostring(state.id)]])
    local client = server:connect("/things/a")
    save(RENAMED)
    assert.equal(7, ask("/Items/a", "return storage:get('n')"))
    assert.equal(id, ask("/Items/a", "return tostring(state.id)"))
    assert.equal(id, ask("/others/x", "return tostring(self.env.Items:idFromName('a'))"))
    assert.equal(1, ask("/Items/a", "return #state:getWebSockets()"))
    assert.equal(7, ask("/things/a", "return storage:get('n')")) -- A link of former days.
    for i = 1, 20 do
      ask("/Items/new-" .. i, "storage:put('n', 1) return true")
    end
    client:send("before it ends")
    server:restart()
    assert.equal(7, ask("/Items/a", "return storage:get('n')"))
    assert.equal("7\n", (say("kv", "get", "Items/a", "n")))
    assert.equal("7\n", (say("kv", "get", "Items/#" .. id, "n")))
    assert.matches("is no id of this namespace", (say("kv", "get", "others/#" .. id, "n")))
    local list = json.decode((say("objects", "Items", "--json"))).objects
    assert.equal(21, #list)
    assert.equal("Items", list[1].namespace)
    server:turn_clock(3700000)
    server:wait_log("Items/a  rung\ta")
    save(BEFORE)
    assert.equal(7, ask("/things/a", "return storage:get('n')"))
    assert.equal(1, ask("/things/new-20", "return storage:get('n')"))
  end)

  it("that is deleted goes with all it has, and nothing else does", function()
    start()
    for i = 1, 1200 do
      if i % 100 == 1 then
        ask("/things/maker", ([[
          for i = %d, %d do
            local body = "storage:put('n', 1)"
            self.env.things:getByName("t" .. i):fetch("http://x/", { method = "POST", body = body })
          end
          return true]]):format(i, i + 99))
      end
    end
    ask("/things/a", "storage:put('n', 1) storage:setAlarm(od.now() + 3600000) return true")
    ask("/others/a", "storage:put('n', 2) return true")
    local client = server:connect("/things/a")
    local other = server:connect("/others/a")
    server:save(DELETED)
    server.version = 2 -- Not waited for: what is told of it here comes before.
    assert.is_nil((client:read_frame()))
    local deleted = 0
    for _ = 1, 2 do
      deleted = deleted + server:wait_log("worker %d has deleted (%d+) objects of namespaces that")
    end
    assert.is_true(deleted >= 1201) -- Who lives and has nothing counts, too.
    workbench.becomes(0, function()
      return server:status().alarms.count
    end)
    assert.equal(404, server:get("/things/a").status)
    assert.same({ objects = {} }, json.decode((say("objects", "things", "--json"))))
    assert.equal(2, ask("/others/a", "return storage:get('n')"))
    other:send("still there")
    save(BEFORE)
    assert.equal("none", ask("/things/a", "return storage:get('n') or 'none'"))
  end)

  it("that the script has no more is told by name and count, and kept", function()
    start()
    for i = 1, 3 do
      ask("/things/t" .. i, "storage:put('n', 1) return true")
    end
    save(WITHOUT)
    server:restart()
    server:status() -- Its workers have answered.
    assert.matches("no namespace 'things', of which 3 objects are stored; it can say renamed",
      server:log())
    for _ = 1, 2 do -- Who is looked at stays as he is.
      assert.matches("things/t1%s+without a class", (say("objects", "things")))
      for i = 1, 3 do -- Of whatever worker.
        assert.matches("state%s+without a class", (say("object", "things/t" .. i)))
      end
    end
    assert.equal(3, select(2, say("export", "things"):gsub('"key":"n","value":1', "")))
  end)

  it("whose name another one takes is told of, and kept", function()
    start({}, (BEFORE:gsub("others = Other", "others = Other, Items = Other")))
    ask("/Items/a", "storage:put('n', 1) return true")
    ask("/things/a", "storage:put('n', 2) return true")
    save(RENAMED)
    assert.equal(2, ask("/Items/a", "return storage:get('n')"))
    server:restart()
    server:status()
    assert.matches("1 object is stored as 'Items', which the script now calls what is stored as "
      .. "'things'", server:log())
    save((BEFORE:gsub("others = Other", "others = Other, Items = Other")))
    assert.equal(1, ask("/Items/a", "return storage:get('n')"))
  end)

  it("is not renamed or deleted by mistake", function()
    local function refusal(fields)
      local code, text = Server.refuse { source = "return { namespaces = { a = {}, b = {} }, "
        .. fields .. " }" }
      assert.equal(1, code)
      return text
    end
    assert.matches("`deleted` names 'a', which is still in `namespaces`",
      refusal "deleted = { 'a' }")
    assert.matches("`renamed` names 'a', which is still in `namespaces`",
      refusal "renamed = { a = 'b' }")
    assert.matches("`renamed` names 'c', which is not in `namespaces`",
      refusal "renamed = { old = 'c' }")
    assert.matches("`renamed` has two that become 'b'", refusal "renamed = { x = 'b', y = 'b' }")
    assert.matches("'x' is in `renamed` and in `deleted`",
      refusal "renamed = { x = 'b' }, deleted = { 'x' }")
    assert.matches("`deleted` is a number; it must be a table", refusal "deleted = 7")
    assert.matches("`deleted` has /, which cannot be the name", refusal "deleted = { '/' }")
  end)
end)
