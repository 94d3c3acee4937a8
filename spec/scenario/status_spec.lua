-- `open-do status`: what a running server does, and for each object that is awake, why.
local process = require "spec.support.process"
local socket = require "socket"
local unix = require "socket.unix"
local workbench = require "spec.scenario.workbench"

local SOURCE = [[
local Thing = { fetch = require("workbench").fetch, alarm = function() end }

function Thing:constructor()
  if self.state.id.name == "slow" then
    require("open-do").sleep(5000)
  end
end

function Thing:webSocketMessage(ws, message)
  require("open-do").sleep(tonumber(message))
end

return { namespaces = { things = Thing } }
]]

describe("open-do status", function()
  local server, start = workbench.asked(SOURCE, { workers = 1 })

  -- Begins something of which the object says in the log that it has begun.
  local function begin(name, code)
    local connection = workbench.begin(server, name, "print 'begun' " .. code)
    server:wait_log("begun")
    return connection
  end

  local function why(name)
    local object = server:why_awake("things/" .. name)
    return object and table.concat(object.why, "; ")
  end

  local function states()
    local each = {}
    for i, worker in ipairs(server:status().workers) do
      each[i] = worker.state
    end
    return each
  end

  it("says how many alarms are set, and when the next is due", function()
    start { workers = 2 }
    assert.same({ count = 0 }, server:status().alarms)
    local due = {}
    for i, name in ipairs { "c", "a", "b" } do
      due[i] = workbench.ask(server, name, ([[
        local at = od.now() + %d
        storage:setAlarm(at)
        return at
      ]]):format(7200000 - 60000 * i))
    end
    local alarms
    repeat -- What is answered is in the journal; the order of alarms comes behind.
      alarms = server:status().alarms
    until alarms.count == 3
    assert.same({ count = 3, nextMs = due[3] }, alarms)
    assert.matches("\n3 alarms set, the next in 0 d 1 h 5%d", select(2, server:asking("status")))
  end)

  it("says who serves what, and counts", function()
    start { workers = 2 }
    server:connect("/things/a")
    workbench.ask(server, "b", "return 1")
    local status = server:status()
    assert.equal(server.process.pid, status.pid)
    assert.equal(server.url, status.listen)
    assert.equal(server.script, status.script)
    assert.equal(1, status.scriptVersion)
    assert.equal("number", type(status.uptimeMs))
    assert.matches("^%d+%.%d+%.%d+", status.version)
    local totals = { awake = 0, asleep = 0, sockets = 0, queued = 0 }
    for i, worker in ipairs(status.workers) do
      assert.equal(i - 1, worker.worker)
      assert.is_true(worker.pid > 0 and worker.answers)
      assert.is_true(worker.memoryBytes > 10000 and worker.memoryBytes < worker.memoryBytesMax)
      assert.same({ 0, 0 }, { worker.databases, worker.databaseBytes })
      for name, total in pairs(totals) do
        totals[name] = total + worker[name]
      end
    end
    assert.same({ awake = 2, asleep = 0, sockets = 1, queued = 0 }, totals)
  end)

  it("says how many databases are open, and what they hold", function()
    start()
    for _, name in ipairs { "a", "b" } do
      workbench.ask(server, name, [[ storage.sql:exec "CREATE TABLE t (x)" ]])
      workbench.ask(server, name, [[ storage.sql:exec "INSERT INTO t VALUES (1)" ]])
    end
    local worker = server:status().workers[1]
    assert.equal(2, worker.databases)
    assert.is_true(worker.databaseBytes > 10000 and worker.databaseBytes < 400000)
    local text = select(2, server:asking("status"))
    assert.matches("of 512 MiB, 2 open databases [%d.]+ MiB\n", text)
  end)

  it("says the same to a person, also by the script beside which the data lies", function()
    start()
    workbench.ask(server, "a", "return 1")
    local code, text = server:asking("status")
    assert.equal(0, code)
    assert.matches("^open%-do [%d.]+, pid %d+, up for [%d.]+ s, listening on http://127", text)
    assert.matches("\nworker 0, pid %d+: 1 object awake, 0 asleep; 0 sockets, 0 events queued; "
      .. "scripts take [%d.]+ of 512 MiB\n"
      .. "  things/a, awake for [%d.]+ s: idle for [%d.]+ s\n$", text)
    local beside = process.start {
      argv = { process.program, "status", server.script }, env = {} }
    assert.equal(1, (beside:wait_exit(10))) -- Nothing lies there: this server has --data.
    assert.matches("no open%-do serves the data directory .*/%.open%-do", beside:output())
  end)

  it("knows what a handler waits for", function()
    start()
    local connections = {
      begin("sleeper", "od.sleep(20000)"),
      begin("caller", "return self.env.things:getByName('callee'):fetch('/', "
        .. "{ method = 'POST', body = 'od.sleep(20000)' }):text()"),
      begin("defer", "state:waitUntil(function() od.sleep(20000) end)"),
    }
    workbench.outcome(connections[3])
    server:fault("commit.hold")
    connections[3] = begin("syncer", "storage:put('n', 1) storage:sync()")
    connections[4] = begin("teller", "storage:put('n', 1)")
    assert.matches("^handler fetch waits for od%.sleep, [%d.]+ s to go$", why("sleeper"))
    assert.equal("handler fetch waits for things/callee", why("caller"))
    assert.matches("^handler fetch waits for od%.sleep", why("callee"))
    assert.matches("^waitUntil of fetch waits for od%.sleep", why("defer"))
    assert.equal("handler fetch waits for the disk", why("syncer"))
    assert.equal("what it sent waits for the disk", why("teller"))
    server:clear_fault("commit.hold")
    server:turn_clock(20000)
    for _, connection in ipairs(connections) do
      workbench.outcome(connection)
    end
  end)

  it("knows a call to another worker by the name of its object", function()
    start { workers = 2 }
    local connections = {}
    for i = 1, 8 do
      connections[i] = begin("caller" .. i, ("self.env.things:getByName('callee%d'):fetch('/', "
        .. "{ method = 'POST', body = 'od.sleep(20000)' })"):format(i))
      assert.equal("handler fetch waits for things/callee" .. i, why("caller" .. i))
    end
    server:turn_clock(20000)
    for i = 1, 8 do
      workbench.outcome(connections[i])
    end
  end)

  it("knows constructors, queues, and messages; the longest awake come first", function()
    start()
    local slow = server:open()
    slow:send_request("POST", "/things/slow", { body = "return 1" })
    local ann = server:connect("/things/ann")
    ann:send("20000")
    ann:expect_silence()
    assert.matches("^handler webSocketMessage waits for od%.sleep", why("ann"))
    assert.matches("^constructor waits for od%.sleep, [%d.]+ s to go; queue 1$", why("slow"))
    server:turn_clock(3000)
    workbench.ask(server, "late", "return 1")
    local objects = server:status().workers[1].objects
    assert.same({ "things/slow", "things/ann", "things/late" },
      { objects[1].object, objects[2].object, objects[3].object })
    assert.is_true(objects[1].awakeMs >= 3000 and objects[3].awakeMs < 3000)
    server:turn_clock(20000)
    assert.equal(1, workbench.outcome(slow))
  end)

  it("shows an object that sleeps with sockets as asleep", function()
    start()
    local ann = server:connect("/things/a")
    workbench.fall_asleep(server)
    local worker = server:status().workers[1]
    assert.same({ 1, 1, 1 }, { worker.awake, worker.asleep, worker.sockets }) -- And the witness.
    assert.is_nil(why("a"))
    ann:send("0")
    ann:expect_silence()
    assert.matches("^idle for", why("a"))
  end)

  it("shows the longest awake of many, and counts the others", function()
    start()
    for i = 1, 120 do
      workbench.ask(server, "a" .. i, "return 1")
    end
    local worker = server:status().workers[1]
    assert.same({ 120, 100, "things/a1" },
      { worker.awake, #worker.objects, worker.objects[1].object })
    local _, text = server:asking("status")
    assert.matches("\n  and 20 more that have been awake for less long\n$", text)
  end)

  it("does not wait for a worker that is stuck", function()
    start { args = { "--event-limit-ms", "3600000" } }
    local stuck = workbench.begin(server, "a",
      "local over = od.now() + 3000000 print 'stuck' while od.now() < over do end return true")
    server:wait_log("stuck")
    local asking = server:begin_asking("status")
    local json = server:begin_asking("status", "--json")
    repeat
      server:turn_clock(100) -- It may not have asked yet.
      asking:wait(socket.gettime() + 0.01)
      json:wait(socket.gettime() + 0.01)
      asking:reap()
      json:reap()
    until asking:has_ended() and json:has_ended()
    assert.matches("\nworker 0, pid %d+: does not answer\n$", asking:output())
    assert.matches('"answers":false}]}\n$', json:output())
    server:turn_clock(3000000)
    assert.is_true(workbench.outcome(stuck))
    assert.is_true(server:status().workers[1].answers)
  end)

  it("tells a worker that has ended in a stop from one that still has something to do", function()
    start { workers = 2 }
    local waiting = workbench.begin(server, "a", "print 'begun' od.sleep(5000) return true")
    server:wait_log("begun")
    assert.same({ "ready", "ready" }, states())
    server.process:signal("TERM")
    local ended, text
    repeat
      ended = table.concat(states(), " "):gsub("ready", "stopping")
    until ended ~= "stopping stopping"
    assert.is_true(ended == "ended stopping" or ended == "stopping ended", ended)
    text = select(2, server:asking("status"))
    assert.matches("\nworker %d: has ended\n", text)
    assert.is_nil(text:find("starting", 1, true), text)
    server:turn_clock(5000)
    assert.is_true(workbench.outcome(waiting))
    assert.equal(0, (server.process:wait_exit(20)))
    server:launch()
  end)

  it("escapes what a name may hold", function()
    start()
    workbench.ask(server, "a%22%5C%1B%0A", "return 1")
    assert.equal('things/a"\\\27\n', server:status().workers[1].objects[1].object)
    local _, text = server:asking("status")
    assert.matches('things/a"\\\\x1b\n    , awake', text)
  end)

  it("fails when nothing runs there, also after a crash, and then works again", function()
    start()
    server:kill()
    local code, text = server:asking("status")
    assert.equal(1, code)
    assert.matches("^open%-do: no open%-do serves the data directory ", text)
    server:launch()
    assert.equal(0, (server:asking("status")))
    server:shut_down()
    assert.equal(1, (server:asking("status")))
    assert.equal(1, (server:asking("reload")))
    server:launch()
  end)
end)

describe("the control socket", function()
  local server = workbench.once(nil, { workers = 1 })

  local function connect()
    local client = unix()
    client:settimeout(10)
    assert(client:connect(server.directory .. "/data/control.sock"))
    return client
  end

  -- All that comes until the other side ends the conversation.
  local function hear(client)
    local text, why, partial = client:receive("*a")
    assert(why ~= "timeout", "the conversation was not ended")
    return text or partial
  end

  it("belongs to the owner of the data alone", function()
    local pipe = io.popen("stat -c %a '" .. server.directory .. "/data/control.sock'")
    assert.equal("600", pipe:read("*l"))
    pipe:close()
  end)

  it("can be used by hand", function()
    local client = connect()
    client:send("status\n")
    client:shutdown("send")
    assert.matches("^ok\nopen%-do ", hear(client))
    client = connect()
    client:send("what?\n")
    assert.equal("failed\nthis program does not know that question\n", hear(client))
  end)

  it("bears whoever says too much, nothing, or leaves", function()
    local client = connect()
    client:send(("x"):rep(5000))
    assert.equal("", hear(client))
    connect():close()
    client = connect()
    client:send("status")
    client:close()
    client = connect()
    client:send("status\n")
    client:close()
    local silent = connect()
    server:turn_clock(5000)
    assert.equal("", hear(silent))
    assert.equal(0, (server:asking("status")))
  end)

  it("has a bound on how many talk at once", function()
    local silent = {}
    for i = 1, 16 do
      silent[i] = connect()
    end
    local one_too_many = connect()
    assert.equal("", hear(one_too_many))
    for i = 1, 16 do
      silent[i]:close()
    end
    assert.equal(0, (server:asking("status")))
  end)
end)
