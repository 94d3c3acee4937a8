-- An operator looks into a running program: open-do objects, object, kv, call, sockets, alarm,
-- export and import. What he reads wakes nobody; what he writes is an event like any other.
local json = require "dkjson"
local base64 = require("spec.support.library").od.base64
local http = require "spec.support.http"
local process = require "spec.support.process"
local workbench = require "spec.scenario.workbench"

local SOURCE = [[
local od = require "open-do"
local Thing = { fetch = require("workbench").fetch }

function Thing:constructor()
  self.n = self.state.storage:get("n")
end

function Thing:add(a, b) return a + b, "sum" end
function Thing:n_now() return self.n end
function Thing:slow() print("it sleeps") od.sleep(20000) end
function Thing:keep(value) self.state.storage:put("n", value) end
function Thing:break_it() error(self.state.id.name .. " is broken") end
function Thing:alarm() print "rung" end
function Thing:say(info, ...)
  print("said " .. info.name, ..., select(2, ...) and select(2, ...)[1])
end

function Thing:storageChanged(keys)
  if self.refuses then error("no thanks") end
  print("changed", table.concat(keys, ","))
  self.n = self.state.storage:get("n")
end

return { namespaces = { things = Thing, silent = { fetch = Thing.fetch } } }
]]

describe("an operator", function()
  local server, start = workbench.asked(SOURCE, { workers = 1 })

  local function say(...)
    local code, text = server:asking(...)
    assert(code == 0, text)
    return text
  end

  local function ask(...)
    return json.decode(say(...), 1, json.null)
  end

  local function refused(...)
    local code, text = server:asking(...)
    assert.is_true(code ~= 0, text)
    return text, code
  end

  local function lines_of(text)
    local lines = {}
    for line in text:gmatch("[^\n]+") do
      lines[#lines + 1] = assert(json.decode(line, 1, json.null))
    end
    return lines
  end

  local function state_of(name)
    return ask("object", "things/" .. name, "--json").state
  end

  it("reads what a sleeping object has stored, and it sleeps on", function()
    start()
    workbench.ask(server, "a", "storage:put('n', 7) storage:put('list', { 1, 2 })")
    workbench.fall_asleep(server)
    assert.equal("7\n", say("kv", "get", "things/a", "n"))
    assert.same({ { key = "list", value = { 1, 2 } }, { key = "n", value = 7 } },
      ask("kv", "list", "things/a", "--json"))
    assert.equal("n  7\n", say("kv", "list", "things/a", "n"))
    assert.equal("", say("kv", "list", "things/a", "none"))
    assert.same({}, ask("sockets", "things/a", "--json"))
    assert.equal("asleep", state_of("a"))
    assert.is_nil(server:why_awake("things/a"))
  end)

  it("keeps no object awake by looking at it", function()
    start()
    workbench.ask(server, "a", "storage:put('n', 7)")
    workbench.pass(server, 5000)
    assert.equal("awake", state_of("a"))
    server:turn_clock(6000)
    assert.equal("asleep", state_of("a"))
  end)

  it("sees no value that the disk may still refuse", function()
    start { args = { "--log-level", "debug" } }
    workbench.ask(server, "a", "storage:put('n', 1)")
    server:fault("commit.hold")
    local writer = workbench.begin(server, "a", "storage:put('n', 2) print 'written' return true")
    server:wait_log("written")
    local reader = server:begin_asking("kv", "get", "things/a", "n")
    server:wait_log("things/a  kv%.get, asked for") -- It is on its way before what comes now.
    assert.same({ 1, "sum" }, ask("call", "things/b", "add", "0", "1")) -- In the same worker.
    assert.equal("", reader:output())
    server:clear_fault("commit.hold")
    assert.equal(0, (reader:wait_exit(10)))
    assert.equal("2\n", reader:output())
    workbench.outcome(writer)
  end)

  it("sees nothing of a transaction that is rolled back", function()
    start { args = { "--log-level", "debug" } }
    workbench.ask(server, "a", "storage:put('n', 1)")
    local writer = workbench.begin(server, "a", [[
      pcall(function()
        storage:transaction(function(txn)
          txn:put("n", 2) print "inside" od.sleep(9000) txn:rollback()
        end)
      end)
      return true]])
    server:wait_log("inside")
    local reader = server:begin_asking("kv", "get", "things/a", "n")
    server:wait_log("things/a  kv%.get, asked for")
    ask("call", "things/b", "add", "0", "1") -- By the same way, behind it.
    assert.equal("", reader:output())
    server:turn_clock(9000)
    assert.equal(0, (reader:wait_exit(10)))
    assert.equal("1\n", reader:output())
    workbench.outcome(writer)
  end)

  it("writes through the object, which is told, and the log says who", function()
    start()
    workbench.ask(server, "a", "storage:put('n', 1)")
    assert.equal("", say("kv", "put", "things/a", "n", "[1,{\"x\":null}]"))
    server:wait_log("things/a  kv%.put, asked for by an operator %(uid %d+, pid %d+%)")
    server:wait_log("things/a  changed\tn\n")
    assert.same({ 1, { x = json.null } }, ask("call", "things/a", "n_now"))
    assert.equal("", say("kv", "delete", "things/a", "n"))
    assert.equal("", say("call", "things/a", "n_now"))
    assert.matches("things/a has no key 'n'", refused("kv", "get", "things/a", "n"))
  end)

  it("is refused by a class that does not want it, and nothing is written", function()
    start()
    workbench.ask(server, "a", [[
      storage:put("n", 1) storage.sql:exec("CREATE TABLE t (x)")
      self.refuses = true return 1]])
    assert.matches("no thanks", refused("kv", "put", "things/a", "n", "2"))
    assert.matches("no thanks", refused("kv", "delete", "things/a", "n"))
    assert.matches("no thanks", refused("sql", "things/a", "INSERT INTO t VALUES (1)"))
    assert.equal("1\n", say("kv", "get", "things/a", "n"))
    assert.same({ { 0 } }, ask("sql", "things/a", "SELECT count(*) FROM t", "--json").rows)
  end)

  it("calls a method with JSON and gets what it returns", function()
    start { workers = 2 }
    assert.same({ 5, "sum" }, ask("call", "things/a", "add", "2", "3"))
    assert.matches("attempt to perform arithmetic", refused("call", "things/a", "add", "{}", "3"))
    assert.matches("does not implement the method \"nix\"", refused("call", "things/a", "nix"))
  end)

  it("is told what he may have meant", function()
    start()
    workbench.ask(server, "lobby", "storage:put('n', 1)")
    assert.matches("no object things/loby; did you mean things/lobby%?",
      refused("object", "things/loby"))
    for _, words in ipairs { "object thinks/lobby", "objects thinks", "objects thinks/lob",
      "export thinks" } do
      local command, what = words:match("(%S+) (%S+)")
      local text, code = refused(command, what)
      assert.equal(1, code)
      assert.matches("no such namespace; did you mean things%?", text)
    end
    local text, code = refused("kv", "put", "things/lobby", "n", "tea")
    assert.matches("the value is no JSON.*'\"tea\"'", text)
    assert.equal(2, code)
    assert.equal(2, select(2, refused("object", "lobby")))
    assert.equal(2, select(2, refused("kv", "pet", "things/lobby")))
  end)

  it("lists the objects of all workers, page by page", function()
    start { workers = 2 }
    workbench.ask(server, "many-0", [[
      for i = 1, 600 do self.env.things:getByName("many-" .. i):add(1, 1) end]])
    local objects = ask("objects", "things/many-", "--json").objects
    assert.equal(601, #objects)
    for i = 1, 20 do
      workbench.ask(server, "stored-" .. i, "storage:put('n', 1)")
    end
    objects = ask("objects", "things/stored-", "--json").objects
    assert.equal(20, #objects)
    assert.equal("stored-1", objects[1].name)
    assert.same({ objects = {} }, ask("objects", "things/nothing-", "--json"))
  end)

  it("goes on in the list where it ended, also the next day", function()
    start { workers = 2 }
    workbench.ask(server, "stored-0", [[
      for i = 1, 700 do self.env.things:getByName("stored-" .. i):keep(i) end]])
    workbench.becomes(true, function() -- Bytes are counted in the data file.
      return ask("object", "things/stored-700", "--json").bytes > 0
    end)
    local seen, pages = {}, 0
    local function note(page)
      pages = pages + 1
      for _, object in ipairs(page.objects) do
        assert.is_nil(seen[object.name])
        assert.is_true(object.bytes > 0)
        seen[object.name] = true
      end
      return page.cursor
    end
    server:restart() -- So that all is where it can be measured.
    local cursor = note(ask("objects", "things/stored-", "--json", "--limit", "100"))
    server:restart()
    while cursor do
      cursor = note(ask("objects", "things/stored-", "--json", "--limit", "100", "--cursor",
        cursor))
    end
    for i = 1, 700 do
      assert.is_true(seen["stored-" .. i])
    end
    assert.is_true(pages >= 7)
  end)

  -- What was stored is on the disk, and the data file gets it later: in the middle of the list.
  it("meets each object once, also what was stored a moment ago", function()
    start { workers = 2 }
    server:fault("follow.hold")
    for i = 1, 30 do
      workbench.ask(server, "new-" .. i, "storage:put('n', 1)")
    end
    local seen, count = {}, 0
    local function note(page)
      for _, object in ipairs(page.objects) do
        assert.is_nil(seen[object.name], object.name)
        seen[object.name] = true
        count = count + 1
      end
      return page.cursor
    end
    local function list(...)
      return ask("objects", "things/new-", "--json", "--limit", "4", ...)
    end
    local cursor = note(list("--cursor", note(list())))
    server:clear_fault("follow.hold")
    workbench.becomes(true, function() -- Bytes are counted in the data file.
      return ask("object", "things/new-30", "--json").bytes > 0
    end)
    while cursor do
      cursor = note(list("--cursor", cursor))
    end
    assert.equal(30, count)
  end)

  it("is told when a cursor means nothing any more", function()
    start { workers = 2 }
    for i = 1, 5 do
      workbench.ask(server, "stored-" .. i, "storage:put('n', 1)")
    end
    local cursor = ask("objects", "things", "--json", "--limit", "1").cursor
    assert.matches("is no cursor", (refused("objects", "--cursor", "yesterday")))
    assert.matches("no place in the list", (refused("objects", "--cursor", "2.0.BwAB")))
    assert.equal(2, select(2, refused("objects", "--order", "name", "--cursor", cursor)))
    assert.matches("'age' is no order; there are busy, bytes,",
      (refused("objects", "--order", "age")))
    server.options.workers = 1
    server:restart()
    assert.matches("a time with 2 workers, now there are 1",
      (refused("objects", "things", "--cursor", cursor)))
  end)

  it("finds the largest, the fullest and the failing ones", function()
    start()
    for i = 1, 9 do
      workbench.ask(server, "o" .. i, ("storage:put('n', ('x'):rep(%d))"):format(i * 1000))
    end
    for _ = 1, 3 do
      server:connect("/things/o4")
    end
    server:connect("/things/o5")
    assert.matches("o7", refused("call", "things/o7", "break_it"))
    workbench.fall_asleep(server)
    local function first(order, limit)
      local names = {}
      local list = ask("objects", "things", "--order", order, "--limit", limit or "2", "--json")
      for i, object in ipairs(list.objects) do
        names[i] = object.name
      end
      return names, list.objects
    end
    workbench.becomes("o9 o8", function()
      return table.concat(first "bytes", " ")
    end)
    assert.same({ "o4", "o5" }, (first "sockets"))
    assert.same({ "o1", "o2" }, (first "name"))
    local names, failing = first("errors", "1")
    assert.same({ "o7" }, names)
    assert.equal(1, failing[1].errors)
    assert.equal("o7 is broken", failing[1].lastError)
    assert.equal("script.lua:12", failing[1].lastErrorAt)
    assert.matches("o7%s+asleep", say("objects", "things", "--order", "errors"))
    assert.matches("OBJECT%s+SLOWEST.-%d+ us%s+a", say("objects", "things", "--order", "slowest"))
    assert.matches("last error%s+script.lua:12: o7 is broken, %d+ s ago",
      say("object", "things/o7"))
    assert.same({}, ask("objects", "things/o", "--awake", "--json").objects)
    ask("call", "things/o2", "add", "1", "2")
    local awake = ask("objects", "things/o", "--awake", "--json").objects
    assert.same({ 1, "o2", "add" }, { #awake, awake[1].name, awake[1].lastEvent })
    assert.is_true(math.abs(awake[1].lastEventMs / 1000 - os.time()) < 100)
  end)

  it("sees what took how long, once it watches", function()
    start()
    workbench.ask(server, "a", "storage:put('n', 1)")
    say("evict", "things/a")
    assert.matches("nothing yet", say("object", "things/a", "--events"))
    ask("call", "things/a", "add", "1", "2")
    refused("call", "things/a", "break_it")
    server:fault("commit.hold")
    local writer = workbench.begin(server, "a", "storage:put('n', 2) return true")
    local function last()
      local events = ask("object", "things/a", "--events", "--json")
      return events[#events], events
    end
    workbench.ask(server, "b", "return 1")
    local held = server:begin_asking("object", "things/a", "--events", "--json")
    server:clear_fault("commit.hold")
    workbench.outcome(writer)
    held:wait_exit(10)
    local event, all = last()
    assert.same({ "constructor", "add", "break_it", "fetch" },
      { all[1].event, all[2].event, all[3].event, all[4].event })
    assert.same({ "done", "done", "failed", "done" },
      { all[1].state, all[2].state, all[3].state, all[4].state })
    assert.is_true(event.commitUs > 0)
    assert.equal(0, all[2].commitUs)
    assert.matches("fetch%s+%d+:%d+:%d+", say("object", "things/a", "--events"))
    for _ = 1, 120 do
      workbench.ask(server, "a", "return 1")
    end
    assert.equal(100, select(2, last())[100] and #select(2, last()))
    server:turn_clock(120000)
    workbench.ask(server, "b", "return 1")
    assert.same({}, select(2, last()))
  end)

  it("asks in SQL without waking it, and writes through its inbox", function()
    start()
    workbench.ask(server, "a", [[
      storage.sql:exec("CREATE TABLE tea (id INTEGER PRIMARY KEY, name TEXT, weight REAL)")
      storage.sql:exec("INSERT INTO tea (name, weight) VALUES ('green', 1.5), (NULL, NULL)")
      storage:put("n", 1)]])
    workbench.fall_asleep(server)
    local found = ask("sql", "things/a", "SELECT id, name, weight FROM tea ORDER BY id", "--json")
    assert.same({ "id", "name", "weight" }, found.columns)
    assert.same({ { 1, "green", 1.5 }, { 2, json.null, json.null } }, found.rows)
    assert.matches("name%s+weight\ngreen%s+1.5",
      say("sql", "things/a", "SELECT name, weight FROM tea WHERE id = ?", "1"))
    assert.equal("\195\164    large             bytes\nt\195\169?  9007199254740993  x'00ff'\n",
      say("sql", "things/a", "SELECT 't\195\169' || char(155) AS \195\164, "
        .. "9007199254740993 AS large, x'00ff' AS bytes"))
    assert.equal("asleep", state_of("a"))
    assert.matches("only reading is allowed",
      refused("sql", "things/a", "--read-only", "DELETE FROM tea"))
    assert.matches("near \"SELEKT\": syntax error", refused("sql", "things/a", "SELEKT 1"))
    assert.equal("asleep", state_of("a"))
    workbench.ask(server, "plain", "storage:put('n', 1)")
    say("evict", "things/plain")
    assert.same({ { 1 } }, ask("sql", "things/plain", "SELECT 1", "--json").rows)
    assert.same({ 0, "asleep" }, { ask("object", "things/plain", "--json").database,
      state_of("plain") })
    local create = "CREATE TABLE tea (id INTEGER PRIMARY KEY, name TEXT, weight REAL)" -- As above.
    assert.matches("only reading is allowed",
      refused("sql", "things/plain", "--read-only", create))
    assert.equal(0, ask("object", "things/plain", "--json").database)
    for _, statement in ipairs { "BEGIN", "PRAGMA user_version = 7", "CREATE TEMP TABLE t (x)",
      "SELECT 1; DELETE FROM tea" } do
      refused("sql", "things/a", "--read-only", statement)
    end
    assert.matches("4 rows written",
      say("sql", "things/a", "UPDATE tea SET weight = 2; UPDATE tea SET name = ?", '"x"'))
  end)

  it("is told that a query takes too long, and nobody waits for it", function()
    start()
    workbench.ask(server, "a", "storage.sql:exec('CREATE TABLE t (x)') storage:put('n', 1)")
    assert.matches("takes longer than 500 ms", (refused("sql", "things/a", [[
      WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c) SELECT count(*) FROM c]])))
  end)

  it("sees who is connected, sends and closes", function()
    start()
    local client = server:connect("/things/a?tags=red")
    local sockets = ask("sockets", "things/a", "--json")
    assert.equal(1, #sockets)
    assert.same({ "red" }, sockets[1].tags)
    local number = ("%d"):format(sockets[1].socket)
    say("sockets", "send", "things/a", number, "hello")
    assert.equal("hello", client:receive())
    say("sockets", "close", "things/a", number, "enough")
    client:expect_close(1000, "enough")
    assert.matches("it has no socket 9999", refused("sockets", "send", "things/a", "9999", "x"))
  end)

  it("remembers and watches a bounded number of objects", function()
    start { admin = true }
    workbench.ask(server, "maker", [[
      for i = 1, 300 do pcall(function() self.env.things:getByName("f" .. i):break_it() end) end
      for i = 1, 70 do self.env.things:getByName("w" .. i):keep(i) end]])
    workbench.fall_asleep(server)
    assert.equal(256, #ask("objects", "things/f", "--order", "errors", "--json").objects)
    assert.equal("f300 is broken", ask("object", "things/f300", "--json").lastError)
    assert.matches("no object things/f1", (refused("object", "things/f1")))
    for i = 1, 64 do -- As many programs one after the other might take longer than it watches.
      local answer = http.request(server.admin.address, "GET", "/api/events?object=things/w" .. i,
        { headers = { authorization = "Bearer " .. server.admin.token,
          host = "127.0.0.1:" .. server.admin.address.port } })
      assert.equal(200, answer.status, answer.body)
    end
    assert.matches("64 objects are watched already", (refused("object", "things/w65", "--events")))
    server:turn_clock(31000)
    workbench.ask(server, "maker", "return 1")
    assert.matches("nothing yet", say("object", "things/w65", "--events"))
  end)

  it("watches messages as they come and go", function()
    start { args = { "--log-level", "debug" } }
    local client, other = server:connect("/things/a?tags=red"), server:connect("/things/a")
    local watcher = server:begin_asking("sockets", "watch", "things/a")
    server:wait_log("things/a  sockets%.watch, asked for")
    ask("call", "things/b", "add", "0", "1") -- By the same way, behind it: it is watched.
    client:send("hello")
    watcher:wait_output("<%- hello\n", 10)
    workbench.ask(server, "a", [[
      for _, ws in ipairs(state:getWebSockets("red")) do ws:send("\27[31m" .. ("x"):rep(300)) end
      state:broadcast("to all") return 1]])
    watcher:wait_output("%d+:%d+:%d+%.%d+  %d+ %-> %?%[31mx+%.%.%. 305 bytes\n", 10)
    watcher:wait_output("%-> to all\n[^\n]*%-> to all\n", 10)
    other:close(1000, "bye")
    watcher:wait_output("<%- closed 1000 bye", 10)
    watcher:signal("KILL")
    watcher:wait_exit(10)
  end)

  it("sets and deletes an alarm", function()
    start()
    say("alarm", "set", "things/a", "2h")
    local function alarms()
      return server:status().alarms.count
    end
    workbench.becomes(1, alarms)
    assert.is_true(ask("alarm", "things/a", "--json") > os.time() * 1000 + 7000000)
    say("alarm", "delete", "things/a")
    workbench.becomes(0, alarms)
    workbench.ask(server, "b", "storage:setAlarm(od.now() + 3600000)")
    say("alarm", "run", "things/b")
    server:wait_log("things/b  rung")
    assert.equal("none\n", say("alarm", "things/b"))
    assert.matches("no object things/c", (refused("alarm", "run", "things/c")))
    say("kv", "put", "silent/a", "n", "1")
    for _, how in ipairs { "set", "run" } do
      assert.equal("open-do: silent/a: its class has no alarm(), so nothing would ring\n",
        (refused("alarm", how, "silent/a", how == "set" and "10s" or nil)))
    end
    for word, wrong in pairs { ["99999999999999d"] = "further away than any date",
      ["8640000000000001"] = "further away than any date", ["0"] = "long ago in ms since 1970",
      [tostring(os.time())] = "long ago in ms since 1970", soon = "is a time like 10s, 5m" } do
      local text, code = refused("alarm", "set", "things/b", word)
      assert.equal(2, code)
      assert.matches("WHEN.*" .. wrong, text)
      assert.is_nil(text:find("setAlarm", 1, true), text)
    end
  end)

  it("hears in a stop which worker gives no list any more", function()
    start()
    local waiting = workbench.begin(server, "a", "print 'begun' od.sleep(5000) return true")
    server:wait_log("begun")
    server.process:signal("TERM")
    server:wait_log("stopping")
    assert.equal("open-do: worker 0 is not there at the moment\n", (refused("objects")))
    assert.equal("open-do: things/b: worker 0 is not there at the moment\n",
      (refused("kv", "list", "things/b")))
    server:turn_clock(5000)
    assert.is_true(workbench.outcome(waiting))
    assert.equal(0, (server.process:wait_exit(20)))
    server:launch()
  end)

  it("has the program stop in peace", function()
    start()
    local client = server:connect("/things/a")
    assert.matches("ends what runs", say("drain"))
    client:expect_close(1001)
    server:wait_log("stopping, asked for by an operator %(uid %d+, pid %d+%)")
    assert.equal(0, (server.process:wait_exit(20)))
    assert.matches("no open%-do serves", (refused("drain")))
    server:abandon()
  end)

  it("puts an object to sleep, and deletes it with all it has", function()
    start()
    local client = server:connect("/things/a")
    workbench.ask(server, "a", "storage:put('n', 1)")
    say("hibernate", "things/a")
    assert.equal("asleep", state_of("a"))
    workbench.ask(server, "a", "return 1")
    say("evict", "things/a")
    assert.equal("asleep", state_of("a"))
    assert.equal(1, #ask("sockets", "things/a", "--json"))
    say("delete", "things/a")
    assert.is_nil((client:read_frame()))
    assert.matches("there is no object things/a", refused("object", "things/a"))
  end)

  it("imports what was exported as it was", function()
    start()
    workbench.ask(server, "a", [==[
      storage:put("plain", { a = 1.5, b = "x", c = true, d = { } })
      storage:put("\255key", "\0\255")
      storage:put("odd", { 0 / 0, 1 / 0, -1 / 0, -0.0 })
      storage:put("wide", { 9223372036854775807LL, -9223372036854775807LL - 1,
        18446744073709551615ULL })
      storage:put("null", od.json.null)
      storage:put("array", od.json.array { 1, od.json.array {} })
      storage:put("empty", od.json.array {})
      storage:put("sparse", { [3] = "c", [1.5] = "x", [-1] = "m", ["\254"] = 1 })
      storage:put("dollar", { ["$int64"] = "no" })
      storage:put("", "")
      storage:setAlarm(od.now() + 7200000)
      for i = 1, 1200 do storage:put("n" .. i, i) end
    ]==])
    local exported = say("export", "things/a")
    say("delete", "things/a")
    server:save(exported, "a.jsonl")
    assert.equal("imported 1 object\n", say("import", server:path("a.jsonl")))
    assert.same(lines_of(exported), lines_of(say("export", "things/a")))
    assert.is_true(workbench.ask(server, "a", [==[
      local odd, wide, array = storage:get("odd"), storage:get("wide"), storage:get("array")
      assert(odd[1] ~= odd[1] and odd[2] == 1 / 0 and odd[3] == -1 / 0 and 1 / odd[4] == -1 / 0)
      assert(wide[1] == 9223372036854775807LL and wide[3] == 18446744073709551615ULL)
      assert(od.json.encode(array) == "[1,[]]" and od.json.encode(storage:get("plain").d) == "{}")
      assert(storage:get("\255key") == "\0\255" and storage:get("sparse")["\254"] == 1)
      assert(storage:get("dollar")["$int64"] == "no" and storage:get("null") == od.json.null)
      return true]==]))
    assert.same(lines_of(exported), lines_of(say("export", "things")))
    server:save('{"key":"a","value":1}\n', "bad.jsonl")
    assert.matches("line 1: it is neither", refused("import", server:path("bad.jsonl")))
  end)

  -- All that it has is written anew with each version, in one stretch.
  it("exports an object as it was at one moment, or says that it could not", function()
    start()
    workbench.ask(server, "a", [==[
      self.version = 0
      function self:bump()
        self.version = self.version + 1
        for i = 1, 600 do storage:put(("k%04d"):format(i), self.version) end
        storage:schedule("later", { at = 4e12 + self.version }, "say")
        storage:setAlarm(4e12 + self.version)
      end
      self:bump()
      state:waitUntil(function()
        while not self.is_over do
          self:bump()
          od.sleep(1)
        end
      end)]==])
    local function versions_of(text)
      local seen, versions = {}, 0
      for _, line in ipairs(lines_of(text:gsub("open%-do: [^\n]*\n", ""))) do
        local version = line.value or line.object and line.object.alarm - 4e12
          or line.schedule.time - 4e12
        versions = versions + (seen[version] and 0 or 1)
        seen[version] = true
      end
      return versions
    end
    for _ = 1, 3 do
      local text = say("export", "things/a")
      local _, warnings = text:gsub("open%-do: things/a writes all the time: its lines are not of "
        .. "one moment\n", "")
      assert.is_true(warnings == 1 or versions_of(text) == 1)
    end
    workbench.ask(server, "a", "self.is_over = true")
    assert.equal(1, versions_of(say("export", "things/a")))
    assert.not_matches("one moment", say("export", "things/a"))
  end)

  it("is told when what is exported cannot be written", function()
    start()
    workbench.ask(server, "a", "storage:put('k', 1)")
    for _, command in ipairs { "export things/a", "objects", "kv list things/a" } do
      assert.is_true(os.execute(("'%s' %s --data '%s' >/dev/full 2>/dev/null"):format(
        process.program, command, server:path("data"))) ~= 0, command)
    end
  end)

  it("imports schedules as they were exported, and they ring", function()
    start()
    workbench.ask(server, "a", [==[
      storage:schedule("digest", { cron = "0 9 * * MON", zone = "Europe/Berlin" }, "keep", "weekly")
      storage:schedule("\255often", { every = 600000 }, "say", nil,
        { 9007199254740993LL })
      storage:schedule("once", { at = od.now() + 1200000 }, "say")
      storage:put("key", "value")
    ]==])
    local exported = say("export", "things/a")
    say("delete", "things/a")
    assert.matches("there is no object things/a", refused("object", "things/a"))
    server:save(exported, "a.jsonl")
    assert.equal("imported 1 object\n", say("import", server:path("a.jsonl")))
    assert.same(lines_of(exported), lines_of(say("export", "things/a")))
    assert.is_true(workbench.ask(server, "a", [==[
      local digest, once, often = unpack(storage:schedules())
      assert(digest.zone == "Europe/Berlin" and digest.arguments[1] == "weekly")
      assert(once.at == once.time and #once.arguments == 0)
      return often.name == "\255often" and often.every == 600000 and
        often.arguments[2][1] == 9007199254740993LL]==]))
    server:turn_clock(600000)
    server:wait_log("said %S+often%s+nil%s+9007199254740993LL")
    server:turn_clock(600000)
    server:wait_log("said once")
    for _, wrong in ipairs { '{"name":"x"}', '{"name":"","time":1,"method":"m","arguments":[]}',
      '{"name":"x","time":1,"method":"m","every":5,"arguments":[]}',
      '{"name":"x","time":1,"method":"m","cron":"* * *","zone":"UTC","arguments":[]}' } do
      server:save('{"object":{"namespace":"things","name":"b","id":""}}\n{"schedule":' .. wrong ..
        "}\n", "bad.jsonl")
      refused("import", server:path("bad.jsonl"))
    end
    assert.matches("there is no object things/b", refused("object", "things/b"))
  end)

  -- What he reads of two objects' databases, as SQL sees them: everything.
  local function database_of(name)
    return workbench.ask(server, name, [==[
      local sql, all = storage.sql, {}
      for _, name in ipairs { "sqlite_schema", "t", "f", "f_data", "box", "sqlite_sequence" } do
        for row in sql:exec("SELECT * FROM " .. name):raw() do
          for i = 1, 9 do all[#all + 1] = name .. "=" .. tostring(row[i]) end
        end
      end
      all[#all + 1] = sql:exec("SELECT count(*) AS n FROM f WHERE f MATCH 'three'"):one().n
      all[#all + 1] = sql:exec("PRAGMA quick_check"):one().quick_check
      return od.hex.encode(od.sha256(table.concat(all, "\n"))) .. " " .. #all
    ]==])
  end

  it("says of a line that is wrong what is, and changes nothing", function()
    start()
    local object = '{"object":{"namespace":"things","name":"q"}}\n'
    local function schedule(fields)
      return object .. '{"schedule":{"name":"s","method":"say",' .. fields .. "}}"
    end
    for text, why in pairs {
      ['{"object":null}'] = "line 1: an object is ",
      ['{"object":7}'] = "line 1: an object is ",
      ['{"object":{"namespace":"things"}}'] = "line 1: it needs a name, or an id of 64",
      ['{"object":{"namespace":"things","name":"x","id":"zz"}}'] = "line 1: its id is 64 hex",
      ['{"object":{"namespace":"things","name":null,"id":"zz"}}'] = "line 1: it needs a name, or",
      ['{"object":{"namespace":"things","name":{"$base64":7}}}'] = "line 1: its name is not",
      ['{"object":{"namespace":"things","name":"x","alarm":1e300}}'] = "line 1: its alarm is whole",
      ['{"object":{"namespace":"nosuch","name":"x"}}'] = "line 1: nosuch/x: ",
      [object .. '{"schedule":7}'] = "line 2: a schedule is",
      [schedule '"time":1'] = "line 2: the arguments of a schedule are a list",
      [schedule '"arguments":[]'] = "line 2: the time of a schedule is whole ms",
      [schedule '"time":1e300,"every":2000,"arguments":[]'] = "line 2: the time of a schedule",
      [schedule '"time":1.5,"arguments":[]'] = "line 2: the time of a schedule is whole ms",
      [schedule '"time":-1,"arguments":[]'] = "line 2: the time of a schedule is whole ms",
      [schedule '"time":1,"every":1e300,"arguments":[]'] = "line 2: 'every' of a schedule",
      [schedule '"time":1,"arguments":[],"count":1e9'] = "line 2: how many arguments",
      [object .. '{"key":7,"value":1}'] = "line 2: the key is a text",
      [object .. '{"key":"k","value":{"$list":7}}'] = "line 2: the value of a pair is not written",
      [object .. '{"page":7}'] = "line 2: a page is not written",
    } do
      server:save(text .. "\n", "bad.jsonl")
      assert.matches(why, refused("import", server:path("bad.jsonl")), 1, true)
    end
    assert.same({}, ask("objects", "things", "--json").objects)
  end)

  it("imports a database as it was exported, also in place of another one", function()
    start()
    workbench.ask(server, "a", [==[
      local sql = storage.sql
      storage:put("key", "value")
      sql:exec "CREATE TABLE t (id INTEGER PRIMARY KEY AUTOINCREMENT, x, y REAL)"
      sql:exec "CREATE VIRTUAL TABLE f USING fts5 (text)"
      sql:exec "CREATE VIRTUAL TABLE box USING rtree (id, x0, x1)"
      sql:exec "INSERT INTO f VALUES ('one two'), ('three four')"
      sql:exec "INSERT INTO box VALUES (1, 0, 1)"
      sql:exec("INSERT INTO t (x, y) VALUES (?, 0.1), (NULL, -0.0), (x'00ff', 1e300)", "\255\0")
      return true]==])
    for i = 1, 5 do -- So that one answer does not hold all, and some pages are free.
      workbench.ask(server, "a", "storage.sql:exec 'INSERT INTO t SELECT NULL, randomblob(9e5), 0'")
      if i == 4 then
        workbench.ask(server, "a", "storage.sql:exec 'DELETE FROM t WHERE id IN (4, 5)'")
      end
    end
    local function export_to(file)
      assert(os.execute(("'%s' export things/a --data '%s' > '%s'"):format(process.program,
        server:path("data"), server:path(file))) == 0)
    end
    export_to "a.jsonl"
    local before = database_of("a")
    workbench.ask(server, "a", [==[
      for _, name in ipairs { "t", "f", "box" } do storage.sql:exec("DROP TABLE " .. name) end
      storage.sql:exec "CREATE TABLE another (x)"
      storage:put("key", "another")
      return true]==])
    assert.equal("imported 1 object\n", say("import", server:path("a.jsonl")))
    assert.equal(before, database_of("a"))
    assert.equal("value", workbench.ask(server, "a", "return storage:get('key')"))
    export_to "again.jsonl"
    assert(os.execute(("cmp '%s' '%s'"):format(server:path("a.jsonl"), server:path("again.jsonl")))
      == 0)
    server:restart()
    assert.equal(before, database_of("a"))
    workbench.ask(server, "a", "storage.sql:exec \"INSERT INTO f VALUES ('three')\"")
  end)

  it("exports a database whose pages one behind the other are a file of SQLite", function()
    start()
    workbench.ask(server, "a", [==[
      storage.sql:exec "CREATE TABLE t (x); INSERT INTO t VALUES ('known words')"]==])
    local pages = {}
    for _, line in ipairs(lines_of(say("export", "things/a"))) do
      pages[#pages + 1] = line.page and base64.decode(line.page)
    end
    server:save(table.concat(pages), "a.db")
    local pipe = io.popen(("sqlite3 '%s' 'PRAGMA integrity_check' 'SELECT x FROM t' 2>&1")
      :format(server:path("a.db")))
    assert.equal("ok\nknown words\n", pipe:read "*a")
    pipe:close()
  end)

  it("imports nothing of a file that is cut or wrong, and no database that is none", function()
    start()
    workbench.ask(server, "a", "storage.sql:exec 'CREATE TABLE t (x)'")
    local lines = {}
    for line in say("export", "things/a"):gmatch("[^\n]+\n") do
      lines[#lines + 1] = line
    end
    server:save(lines[1] .. lines[2], "cut.jsonl")
    assert.matches("1 of 2 pages of its database are there",
      refused("import", server:path("cut.jsonl")))
    server:save(table.concat(lines):sub(1, -20), "end.jsonl")
    assert.matches("line 3: invalid JSON", refused("import", server:path("end.jsonl")))
    workbench.ask(server, "a", "storage.sql:exec 'SELECT * FROM t'") -- Still there.
    server:save(lines[1] .. lines[3] .. lines[2], "order.jsonl")
    assert.matches("these pages are no database", refused("import", server:path("order.jsonl")))
    server:save(lines[1] .. '{"page":"AAAA"}\n{"page":"AAAA"}\n', "short.jsonl")
    assert.matches("these are no pages", refused("import", server:path("short.jsonl")))
    assert.matches("no such table: t", workbench.refusal(server, "a", [==[
      storage.sql:exec "SELECT * FROM t"]==]))
    server:save(table.concat(lines), "whole.jsonl")
    say("import", server:path("whole.jsonl"))
    workbench.ask(server, "a", "storage.sql:exec 'SELECT * FROM t'")
  end)

  it("is not kept waiting by the end of a worker", function()
    start()
    local asking = server:begin_asking("call", "things/a", "slow")
    server:wait_log("call of slow")
    server:expect_mishap("another one is started")
    process.send_signal(server.process:children()[1], "KILL")
    assert.equal(1, (asking:wait_exit(10)))
    assert.matches("open%-do: things/a: worker 0, which was asked, has ended\n", asking:output())
  end)

  it("can be a hundred, and leave", function()
    start()
    local all = {}
    for i = 1, 100 do
      all[i] = server:begin_asking("call", "things/a", "add", tostring(i), "1")
    end
    for i = 1, 100 do
      assert.equal(0, (all[i]:wait_exit(30)))
      assert.matches(tostring(i + 1), all[i]:output())
    end
    local leaver = server:begin_asking("call", "things/a", "slow")
    server:wait_log("it sleeps")
    leaver:signal("KILL")
    leaver:wait_exit(10)
    ask("call", "things/a", "add", "1", "2") -- It does: or the clock would be turned before.
    server:turn_clock(25000)
    assert.same({ 3, "sum" }, ask("call", "things/a", "add", "1", "2"))
  end)
end)
