-- `open-do test`: what somebody who writes objects sees of it. Olga is an author; her folder has a
-- script and a spec/, and she runs the program in it.
local process = require "spec.support.process"
local shell = require "spec.support.shell"

local program = process.absolute_program()

local COUNTER = [[
local od = require "open-do"

local Counter = {}

function Counter:constructor()
  self.constructed = (self.constructed or 0) + 1
  self.seen = 0
end

function Counter:add(amount)
  self.seen = self.seen + 1
  local count = (self.state.storage:get("count") or 0) + amount
  self.state.storage:put("count", count)
  return count
end

function Counter:refuse()
  error({ message = "not today", code = 7 })
end

function Counter:remind(ms)
  self.state.storage:setAlarm(od.now() + ms)
end

function Counter:alarm()
  self:add(100)
end

function Counter:fetch(request)
  if request.method == "BREAK" then
    error("broken on purpose")
  end
  if request.headers:get("upgrade") ~= "websocket" then
    return od.Response(request.method .. " " .. request.path .. " " .. request:text())
  end
  local client, server = od.WebSocketPair()
  self.state:acceptWebSocket(server)
  return od.Response(nil, { status = 101, webSocket = client })
end

function Counter:webSocketMessage(ws, message, isBinary)
  ws:send(message, isBinary)
end

return { namespaces = { counters = Counter } }
]]

local SPEC = [[
local t, od = require "open-do.test", require "open-do"

describe("the counter", function()
  local app, apples

  before_each(function()
    app = t.start "counter.lua"
    apples = app.env.counters:getByName("apples")
  end)

  it("does it", function()
    %s
  end)
end)
]]

describe("open-do test", function()
  local folder

  local function write(name, text)
    os.execute(("mkdir -p '%s/%s'"):format(folder, name:match("^(.*)/") or "."))
    shell.write(folder .. "/" .. name, text)
  end

  before_each(function()
    folder = shell.make_directory()
    write("counter.lua", COUNTER)
  end)

  after_each(function()
    process.stop_all()
    shell.remove(folder)
  end)

  local function run(words, env)
    local testing = process.start {
      argv = { program, "test", unpack(words or {}) }, cwd = folder, env = env,
    }
    return testing:wait_exit(60), testing:output()
  end

  -- A spec whose one test has these lines must pass.
  local function passes(lines)
    write("spec/counter_spec.lua", SPEC:format(lines))
    local code, output = run()
    assert.equal(0, code, output)
    assert.matches("1 success / 0 failures / 0 errors", output)
    return output
  end

  -- The same test must fail; returns what is said.
  local function fails(lines)
    write("spec/counter_spec.lua", SPEC:format(lines))
    local code, output = run()
    assert.equal(1, code, output)
    return output
  end

  it("calls methods of objects, and starts each test with nothing stored", function()
    write("spec/counter_spec.lua", (SPEC:format("assert.equal(2, apples:add(2))"):gsub(
      "  it%(\"does it\"", [[
  it("starts empty", function()
    assert.same({}, t.listObjectIds(app.env.counters))
    assert.equal(3, apples:add(3))
    local ids = t.listObjectIds(app.env.counters)
    assert.equal("apples", ids[1].name)
    assert.equal(app.env.counters:idFromName("apples"), ids[1])
  end)

%0]])))
    local code, output = run()
    assert.equal(0, code, output)
    assert.matches("2 successes", output)
  end)

  it("tells the line of the spec in which a socket waited in vain", function()
    for _, wait in ipairs { "expect('b')", "receiveJson()" } do
      local output = fails("local ann = app:connect('/counters/a') ann:send('a')\nann:" .. wait)
      assert.matches("spec/counter_spec.lua:13: ", output, 1, true)
    end
  end)

  it("gives the exit code and the words of busted", function()
    local output = fails("assert.equal(3, apples:add(2))")
    assert.matches("0 successes / 1 failure", output)
    assert.matches("spec/counter_spec.lua:12: Expected objects to be equal", output, 1, true)
  end)

  it("shows what a server has logged of mistakes while a test failed, and only then", function()
    local output = fails [[
      app:fetch("/counters/a")
      assert.equal(200, app:fetch("/counters/b", { method = "BREAK" }).status)
    ]]
    assert.matches("\n%(number%) 200\n\nLog of [^\n]*counter.lua %-> the counter does it\n"
      .. "    [%d:.]+ ERROR counters/b  fetch: counter.lua:%d+: broken on purpose\n", output)
    assert.not_matches("INFO", output)
    assert.not_matches("Log of", fails "assert.equal(3, apples:add(2))")
    assert.not_matches("Log of", passes [[app:fetch("/counters/b", { method = "BREAK" })]])
  end)

  it("hands words behind -- to busted", function()
    write("spec/counter_spec.lua", SPEC:format("assert.equal(2, apples:add(2))"))
    local code, output = run { "--", "-o", "TAP" }
    assert.equal(0, code, output)
    assert.matches("ok 1 - the counter does it", output, 1, true)
  end)

  it("raises the errors of an object in the spec, with their fields", function()
    passes [[
      local ok, problem = pcall(apples.refuse, apples)
      assert.is_false(ok)
      assert.equal("not today", tostring(problem))
      assert.equal(7, problem.code)
      assert.is_true(problem.remote)
    ]]
  end)

  it("names the line of a call that fails, and the method that was meant", function()
    assert.matches('spec/counter_spec.lua:%d+: [^\n]+ method "refus"%. Did you mean "refuse"%?',
      fails "apples:refus()")
    assert.matches("spec/counter_spec.lua:%d+: the script has no namespace 'pears'",
      fails "app.env.pears:getByName('x'):add(1)")
  end)

  it("looks inside an instance", function()
    passes [[
      apples:add(1)
      local extra = { 10, by = "Olga" }
      local function add(a, b) return a + b end
      local seen, stored, by = t.runInObject(apples, function(instance, state, more)
        return add(instance.seen, extra[1]) + more, state.storage:get("count"), extra.by
      end, 100)
      assert.equal(111, seen)
      assert.equal(1, stored)
      assert.equal("Olga", by)
    ]]
  end)

  it("lets an object be what it was, under --history", function()
    passes [[
      app = t.start("counter.lua", { args = { "--history", "1h" } })
      local pears = app.env.counters:getByName("pears")
      assert.equal(1, pears:add(1))
      local bookmark = t.runInObject(pears, function(_, state)
        return state.storage:getCurrentBookmark()
      end)
      assert.equal(3, pears:add(2))
      t.runInObject(pears, function(_, state, at)
        state.storage:onNextSessionRestoreBookmark(at)
      end, bookmark)
      assert.equal(5, pears:add(2))
      app:evict(pears)
      assert.equal(11, pears:add(10))
    ]]
  end)

  it("names the line of a function that fails inside, and what cannot come along", function()
    local output = fails [[
      t.runInObject(apples, function(instance)
        return instance.nothing.here
      end)
    ]]
    assert.matches("spec/counter_spec.lua:13: attempt to index field 'nothing'", output, 1, true)
    output = fails("t.runInObject(apples, function() return app.url end)")
    assert.matches("counter_spec.lua:12: runInObject: the function uses 'app' from around it, "
      .. "which cannot be copied", output, 1, true)
  end)

  it("puts objects to sleep and evicts them", function()
    passes [[
      apples:add(1)
      local ann = apples:connect("/socket")
      app:hibernate(apples)
      assert.equal(0, t.runInObject(apples, function(instance) return instance.seen end))
      apples:add(1)
      app:evict(apples)
      assert.equal(0, t.runInObject(apples, function(instance) return instance.seen end))
      ann:send("hello")
      ann:expect("hello")
      assert.equal(3, apples:add(1))
    ]]
  end)

  -- Evicting with sockets, aborting all and deleting all are what an author writes with
  -- runInObject and listObjectIds; there is no second way in the program.
  it("evicts an object that sleeps, which is nothing new to it (70, 73)", function()
    passes [[
      apples:add(2)
      local ann = apples:connect("/socket")
      app:hibernate(apples)
      app:evict(apples)
      app:evict(apples)
      ann:send("still here")
      ann:expect("still here")
      assert.equal(2, apples:add(0))
    ]]
  end)

  it("aborts an object with its sockets; what is stored stays, a new socket works (74)", function()
    passes [[
      apples:add(2)
      local ann = apples:connect("/socket")
      local ok, why = pcall(t.runInObject, apples, function(_, state)
        state.storage:put("count", 7)
        state:abort("cleared away")
      end)
      assert.is_false(ok)
      assert.matches("cleared away", tostring(why))
      ann:expectClose(1006)
      assert.equal(2, apples:add(0))
      local ben = apples:connect("/socket")
      ben:send("hello")
      ben:expect("hello")
    ]]
  end)

  it("aborts all: whoever waits hears why, old stubs meet new instances (76)", function()
    passes [[
      local pears = app.env.counters:getByName("pears")
      apples:add(1)
      pears:add(1)
      for _, id in ipairs(t.listObjectIds(app.env.counters)) do
        local ok, why = pcall(t.runInObject, app.env.counters:get(id), function(_, state)
          state:abort("all go")
        end)
        assert.is_false(ok)
        assert.matches("all go", tostring(why))
      end
      for _, stub in ipairs { apples, pears } do
        assert.equal(0, t.runInObject(stub, function(instance) return instance.seen end))
        assert.equal(2, stub:add(1))
      end
    ]]
  end)

  it("deletes all: values are gone, and no alarm fires that was set (77)", function()
    passes [[
      apples:add(5)
      apples:remind(1000)
      for _, id in ipairs(t.listObjectIds(app.env.counters)) do
        local stub = app.env.counters:get(id)
        t.runInObject(stub, function(_, state) state.storage:deleteAll() end)
        app:evict(stub)
      end
      assert.same({}, t.listObjectIds(app.env.counters))
      app:advance(5000)
      assert.equal(0, apples:add(0))
    ]]
  end)

  it("turns the clock, and rings an alarm before its time", function()
    passes [[
      apples:remind(3600 * 1000)
      app:advance(3540 * 1000)
      assert.equal(1, apples:add(1))
      app:advance(61000)
      assert.equal(102, apples:add(1))
      assert.is_false(t.runObjectAlarm(apples))
      apples:remind(3600 * 1000)
      assert.is_true(t.runObjectAlarm(apples))
      assert.equal(203, apples:add(1))
    ]]
  end)

  it("turns the clock for schedules and for crons of the script, too", function()
    write("counter.lua", (COUNTER:gsub("return { namespaces = { counters = Counter } }", [[
      function Counter:start() self.state.storage:schedule("x", { every = 60000 }, "beat", 10) end
      function Counter:beat(info, by) self:add(by) self.missed = info.missed end
      return { namespaces = { counters = Counter }, crons = {
        ["0 * * * *"] = function(info, env) env.counters:getByName("crons"):add(1) end } }]])))
    passes [[
      apples:start()
      app:advance(60000)
      assert.equal(10, apples:add(0))
      app:advance(180000)
      assert.equal(20, apples:add(0))
      assert.equal(2, t.runInObject(apples, function(self) return self.missed end))
      local hours = app.env.counters:getByName("crons")
      local before = hours:add(0) -- An hour may have begun already.
      app:advance(3600000)
      assert.equal(before + 1, hours:add(0))
    ]]
  end)

  it("answers od.fetch in place of the world, and tells what was asked", function()
    write("counter.lua", (COUNTER:gsub("return { namespaces = { counters = Counter } }", [[
      function Counter:ask(url, init)
        local response = od.fetch(url, init)
        return response.status, response:text(), response.headers:get("x-a")
      end
      function Counter:later(url)
        self.state:waitUntil(function() self:add(#od.fetch(url):text()) end)
      end
      return { namespaces = { counters = Counter } }]])))
    passes [[
      local api = app:mockFetch("https://api.example/users", { status = 201, json = { a = 1 },
        headers = { ["x-a"] = "b" } })
      app:mockFetch("https://api.example/*", "other")
      app:mockFetch("https://api.example/down", false)
      local factor = 3
      local echo = app:mockFetch("http://echo.example/", function(request)
        if request.method == "GET" then error "only POST" end
        return od.Response(request:text():rep(factor), { headers = { ["x-a"] = request.url } })
      end)
      local function ask(...) return { apples:ask(...) } end
      assert.same({ 201, '{"a":1}', "b" }, ask("https://api.example/users", { method = "PUT",
        body = "x", headers = { Authorization = "me" }, timeout = 1000, redirect = "manual" }))
      assert.same({ 200, "other" }, ask("https://api.example/x?y=1"))
      local ok, problem = pcall(ask, "https://api.example/down")
      assert.is_false(ok)
      assert.matches("counter.lua:%d+: fetch https://api.example/down: could not connect",
        tostring(problem))
      assert.same({ 200, "hohoho", "http://echo.example/" },
        ask("http://echo.example/", { method = "POST", body = "ho" }))
      assert.is_false(pcall(ask, "http://echo.example/"))
      assert.equal(2, #echo:requests())
      local request = api:requests()[1]
      assert.same({ "PUT", "x", "me" }, { request.method, request.body,
        request.headers.authorization })
      app:mockFetch("https://api.example/users", "again")
      app:restartWorker()
      assert.same({ 200, "again" }, ask("https://api.example/users"))
      assert.equal(2, #api:requests())
      app:mockFetch("https://api.example/*", ("x"):rep(100))
      apples:later("https://api.example/slow")
      app:settle()
      assert.equal(100, apples:add(0))
      assert.has_error(function() app:mockFetch("/x", "y") end)
      assert.has_error(function() app:mockFetch("http://x/", 7) end)
      assert.is_false(pcall(ask, "http://127.0.0.1:1/"))
    ]]
  end)

  it("answers od.fetch in pieces, and takes pieces, as the world does", function()
    write("counter.lua", (COUNTER:gsub("return { namespaces = { counters = Counter } }", [[
      local function post(url, write)
        return od.fetch(url, { method = "POST", body = write }):text()
      end
      local asks = {}
      function asks.pieces(url)
        local pieces = {}
        for piece in od.fetch(url, { stream = true }):chunks() do table.insert(pieces, piece) end
        return table.concat(pieces, "|")
      end
      function asks.events(url)
        local events = {}
        for event in od.fetch(url, { stream = true }):events() do
          table.insert(events, event.event .. "=" .. event.data)
        end
        return table.concat(events, "|")
      end
      function asks.whole(url) return od.fetch(url):text() end
      function asks.writes(url)
        return post(url, function(stream)
          stream:write "a" stream:write "" od.sleep(1) stream:write(("b"):rep(300000))
        end)
      end
      function asks.writes_nothing(url) return post(url, function() end) end
      function asks.writes_nil(url) return post(url, function(stream) stream:write(nil) end) end
      function asks.fails(url)
        return post(url, function(stream) stream:write "a" error "torn" end)
      end
      function asks.writes_late(url)
        local kept
        post(url, function(stream) kept = stream stream:write "all" end)
        kept:write "more"
      end
      function asks.two_write(url)
        return post(url, function(stream)
          local function write(letter)
            return function() for _ = 1, 3 do stream:write(letter:rep(200000)) end end
          end
          od.all { write "a", write "b" }
        end)
      end
      function asks.writes_much(url)
        return post(url, function(stream) stream:write(("x"):rep(40000000)) end)
      end
      function Counter:ask(what, path) return asks[what]("http://mock/" .. path) end
      return { namespaces = { counters = Counter } }]])))
    passes [[
      local size = app:mockFetch("http://mock/size", function(request)
        return request.method .. #request:text()
      end)
      app:mockFetch("http://mock/text", "text")
      app:mockFetch("http://mock/pieces", function()
        return od.Response(function(stream)
          for i = 1, 3 do stream:write("data: " .. i .. "\n\n") od.sleep(1) end
        end)
      end)
      app:mockFetch("http://mock/none", function() return od.Response(function() end) end)
      app:mockFetch("http://mock/nil", function()
        return od.Response(function(stream) stream:write "a" stream:write(nil) end)
      end)
      app:mockFetch("http://mock/torn", function()
        return od.Response(function(stream) stream:write "a" error "torn" end)
      end)
      local function ask(...) return apples:ask(...) end
      local function refused(why, ...)
        local ok, problem = pcall(ask, ...)
        assert.is_false(ok)
        assert.matches("counter.lua:%d+: " .. why, tostring(problem))
      end
      assert.equal("text", ask("pieces", "text"))
      assert.equal("data: 1\n\ndata: 2\n\ndata: 3\n\n", (ask("pieces", "pieces"):gsub("|", "")))
      assert.equal("data: 1\n\ndata: 2\n\ndata: 3\n\n", ask("whole", "pieces"))
      assert.equal("message=1|message=2|message=3", ask("events", "pieces"))
      for _, how in ipairs { "pieces", "events", "whole" } do
        assert.equal("", ask(how, "none"))
        refused("the body has been cut", how, "nil")
        refused("the body has been cut", how, "torn")
      end
      assert.equal("POST300001", ask("writes", "size"))
      assert.equal("POST0", ask("writes_nothing", "size"))
      refused("write: argument 1 must be a string, got nil", "writes_nil", "size")
      refused("torn", "fails", "size")
      refused("write: the body has ended", "writes_late", "size")
      assert.equal("POST1200000", ask("two_write", "size"))
      assert.is_false(pcall(ask, "writes_much", "size"))
      assert.equal("a" .. ("b"):rep(300000), size:requests()[1].body)
    ]]
  end)

  it("settles when answers of the world, and of a second server, have come", function()
    write("slow.lua", [[
      local od = require "open-do"
      local Slow = {}
      function Slow:fetch() self.state.storage:put("asked", true) return od.Response("12345") end
      return { namespaces = { slow = Slow } }]])
    write("counter.lua", (COUNTER:gsub("return { namespaces = { counters = Counter } }", [[
      function Counter:later()
        self.state:waitUntil(function() self:add(#od.fetch(self.env.API .. "/slow/a"):text()) end)
      end
      return { namespaces = { counters = Counter } }]])))
    passes [[
      local other = t.start "slow.lua"
      local mine = t.start("counter.lua", { vars = { API = other.url } })
      local pears = mine.env.counters:getByName("pears")
      pears:later()
      mine:settle()
      assert.equal(5, pears:add(0))
      assert.is_true(t.runInObject(other.env.slow:getByName("a"), function(_, state)
        return state.storage:get("asked") end))
    ]]
  end)

  it("hands words on to busted, and has module open-do and cjson in specs", function()
    write("spec/counter_spec.lua", (SPEC:format [[
      local cjson, safe = require "cjson", require "cjson.safe"
      assert.equal("[1]", cjson.encode { 1 })
      assert.is_nil((safe.decode "["))
      assert.equal(5, od.utf8.len "Grüße")
      assert.is_true(od.now() > 1e12)
    ]]) .. "\ndescribe('another', function() it('fails', function() error 'no' end) end)")
    assert.equal(1, (run()))
    local code, output = run { "--", "--filter", "does it", "-o", "TAP" }
    assert.equal(0, code)
    assert.matches("^ok 1 %- the counter does it\n1%.%.1", output)
  end)

  it("with --watch runs again when a file changes", function()
    write("spec/counter_spec.lua", SPEC:format "assert.equal(2, apples:add(2))")
    local testing = process.start { argv = { program, "test", "--", "--watch" }, cwd = folder }
    testing:wait_output("1 success / 0 failures / 0 errors", 30)
    testing:wait_output("waits for a change in %.", 30)
    write("counter.lua", COUNTER .. "-- changed")
    testing:wait_output("1 success / 0 failures / 0 errors", 30)
    write("notes.txt", "no part of it")
    write("spec/counter_spec.lua", SPEC:format "assert.equal(3, apples:add(2))")
    testing:wait_output("0 successes / 1 failure / 0 errors", 30)
    testing:wait_output("waits for a change", 30)
  end)

  it("fails a commit", function()
    passes [[
      app:failCommits(1)
      assert.has_error(function() apples:add(1) end)
      assert.equal(1, apples:add(1))
    ]]
  end)

  it("fails a commit of SQL and keys together; a crash keeps both", function()
    passes [[
      local function write(n)
        return t.runInObject(apples, function(_, state, number)
          local sql = state.storage.sql
          sql:exec "CREATE TABLE IF NOT EXISTS t (n INTEGER)"
          sql:exec("INSERT INTO t VALUES (?)", number)
          state.storage:put("n", number)
        end, n)
      end
      local function stored()
        return t.runInObject(apples, function(_, state)
          local row = state.storage.sql:exec "SELECT count(*) AS count, max(n) AS max FROM t":one()
          return { row.count, row.max, state.storage:get("n") }
        end)
      end
      write(1)
      app:failCommits(1)
      assert.has_error(function() write(2) end)
      assert.same({ 1, 1, 1 }, stored())
      write(3)
      assert.same({ 2, 3, 3 }, stored())
      app:evict(apples)
      app:crash()
      assert.same({ 2, 3, 3 }, stored())
    ]]
  end)

  it("restarts workers, the server, and cuts its power", function()
    passes [[
      local ann = app:connect("/counters/apples")
      ann:send("hello")
      ann:expect("hello")
      assert.equal(1, apples:add(1))
      app:restartWorker()
      ann:send("again")
      ann:expect("again")
      app:restart()
      assert.equal(2, apples:add(1))
      app:crash()
      assert.equal(3, apples:add(1))
      assert.matches("version 2", app:reload())
    ]]
  end)

  it("fetches from an object and from the server", function()
    passes [[
      local answer = apples:fetch("/a?b", { method = "PUT", body = "c" })
      assert.equal("PUT /a c", answer:text())
      assert.equal(404, app:fetch("/nowhere").status)
      assert.equal("GET /counters/apples ", app:fetch("/counters/apples"):text())
    ]]
  end)

  it("shows the last lines of the server when a socket waits in vain", function()
    local output = fails [[
      local ann = apples:connect("/socket")
      ann:receive(10)
    ]]
    assert.matches("expected a message, but: timeout; the server's last lines", output, 1, true)
    assert.matches("listening on", output, 1, true)
  end)

  it("says where it has looked for a script that is not there", function()
    write("spec/lost_spec.lua", [[
      local t = require "open-do.test"
      it("begins", function() t.start "lost.lua" end)
    ]])
    local code, output = run()
    assert.equal(1, code)
    assert.matches("lost_spec.lua:2: t.start: there is no script lost.lua; looked for", output, 1,
      true)
    assert.matches("spec/../lost.lua", output, 1, true)
  end)

  it("shows the mistake of a script that does not load", function()
    write("broken.lua", "local x = = 1\n")
    write("spec/broken_spec.lua", [[
      local t = require "open-do.test"
      it("begins", function() t.start "broken.lua" end)
    ]])
    local code, output = run()
    assert.equal(1, code)
    assert.matches("broken.lua does not start", output, 1, true)
    assert.matches("broken.lua:1: unexpected symbol near '='", output, 1, true)
  end)

  it("says what to install when there is no busted", function()
    write("spec/counter_spec.lua", SPEC:format(""))
    local code, output = run({}, { LUA_PATH = "/nowhere/?.lua" })
    assert.equal(1, code)
    assert.matches("apt-get install lua-busted", output, 1, true)
  end)

  it("says what is missing when there are no specs", function()
    local code, output = run()
    assert.equal(1, code)
    assert.matches("there is no folder spec/ here: say open-do test PATH", output, 1, true)
    code, output = run { "nowhere" }
    assert.equal(1, code)
    assert.matches("there is no nowhere to test", output, 1, true)
    code, output = run { "counter.lua" }
    assert.equal(1, code)
    assert.matches("there is no folder ./spec with the specs of that script", output, 1, true)
  end)

  it("does in no server but its own what only a test may", function()
    local serving = process.start {
      argv = { program, "run", "counter.lua", "--listen", "127.0.0.1:0" }, cwd = folder,
    }
    local port = serving:wait_output("listening on http://127%.0%.0%.1:(%d+)", 20)
    local http = require "spec.support.http"
    local address = { host = "127.0.0.1", port = tonumber(port) }
    assert.equal(404, http.request(address, "POST", "/.open-do-test/id", { body = "" }).status)
  end)
end)
