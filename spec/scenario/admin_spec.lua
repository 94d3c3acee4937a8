-- The admin listener: commands over HTTP, health and metrics, and whom it answers.
local http = require "spec.support.http"
local json = require "dkjson"
local socket = require "socket"
local process = require "spec.support.process"
local websocket = require "spec.support.websocket"
local workbench = require "spec.scenario.workbench"
local Server = require "spec.support.server"

local SOURCE = [[
local od = require "open-do"
local Base = {}
function Base:inherited() end
local Thing = setmetatable({ fetch = require("workbench").fetch }, { __index = Base })
function Thing:_hidden() end
function Thing:add(a, b) return a + b end
function Thing:slow() print("it sleeps") od.sleep(20000) end
function Thing:webSocketMessage(ws, message)
  if message == "fail" then error("no ear for it") end
  ws:send(message)
end
return { namespaces = { things = Thing } }
]]

describe("the admin listener", function()
  local server, start = workbench.asked(SOURCE, { admin = true, workers = 1 })

  local function request(method, path, options)
    options = options or {}
    local headers = { host = "127.0.0.1:" .. server.admin.address.port }
    if options.token ~= false then
      headers.authorization = "Bearer " .. (options.token or server.admin.token)
    end
    for name, value in pairs(options.headers or {}) do
      headers[name] = value
    end
    return http.request(server.admin.address, method, path,
      { headers = headers, body = options.body })
  end

  local function get(path, options)
    return request("GET", path, options)
  end

  local function post(path, arguments, options)
    options = options or {}
    options.body = json.encode(arguments)
    return request("POST", path, options)
  end

  local function value_of(answer)
    assert.equal(200, answer.status, answer.body)
    return json.decode(answer.body, 1, json.null)
  end

  local function refused(status, text, answer)
    assert.equal(status, answer.status, answer.body)
    assert.matches(text, json.decode(answer.body).error, 1, true)
    assert.not_matches("open%-do%.[%w.]+:%d+:", answer.body) -- Where in our own code.
  end

  local function cookie()
    local answer = get("/?token=" .. server.admin.token, { token = false })
    assert.equal(303, answer.status)
    return answer.headers["set-cookie"]:match("^[^;]+"), answer
  end

  local function metric(name)
    return tonumber(get("/metrics", { token = false }).body:match("\n" ..
      name:gsub("[%p]", "%%%0") .. " (%S+)\n"))
  end

  describe("takes commands", function()
    it("which read what is stored, and wake nobody", function()
      start()
      workbench.ask(server, "a", "storage:put('k', { 1, 2 })")
      value_of(post("/api/evict", { object = "things/a" }))
      assert.same({ { key = "k", value = { 1, 2 } } },
        value_of(get("/api/kv.list?object=things/a")))
      assert.equal("asleep", value_of(get("/api/object?object=things/a")).state)
    end)

    it("which export an object and import it again", function()
      start()
      workbench.ask(server, "a", [==[
        storage:put("\255", { od.json.null, 0 / 0, 7LL })
        storage.sql:exec "CREATE TABLE t (x); INSERT INTO t VALUES ('kept')"
        storage:schedule("tea", { every = 1e9 }, "add", 1)]==])
      local exported = get("/api/export?object=things/a")
      assert.same({ "add", "tea" }, { value_of(exported)[2].schedule.method,
        value_of(get("/api/schedules?object=things/a"))[1].name })
      value_of(post("/api/delete", { object = "things/a" }))
      assert.equal(409, get("/api/export?object=things/a").status)
      assert.equal("1", value_of(request("POST", "/api/import",
        { body = '{"lines":' .. exported.body .. "}" })) .. "")
      assert.equal(exported.body, get("/api/export?object=things/a").body)
      assert.equal("kept", workbench.ask(server, "a",
        "return storage.sql:exec('SELECT x FROM t'):one().x"))
      refused(409, "line 1: it is neither", post("/api/import", { lines = { { key = 1 } } }))
      refused(400, "'lines' is a list", post("/api/import", { lines = "x" }))
      workbench.ask(server, "a", [==[
        for _ = 1, 13 do storage.sql:exec 'INSERT INTO t VALUES (zeroblob(2e6))' end]==])
      refused(409, "more than 32 MB", get("/api/export?object=things/a"))
    end)

    it("which read and write", function()
      start()
      workbench.ask(server, "a", "storage:put('k', { 1, 2 })")
      assert.same({ { key = "k", value = { 1, 2 } } },
        value_of(get("/api/kv.list?object=things/a")))
      value_of(post("/api/kv.put", { object = "things/a", key = "k", value = { deep = { true } } }))
      assert.same({ deep = { true } }, value_of(get("/api/kv.get?object=things/a&key=k")))
      assert.equal(true, workbench.ask(server, "a", "return storage:get('k').deep[1]"))
      assert.same({ 7 }, value_of(post("/api/call",
        { object = "things/a", method = "add", arguments = { 3, 4 } })))
      server:wait_log("things/a  kv.put, asked for by an operator %(admin listener, 127.0.0.1%)")
    end)

    it("which look inside without running the script", function()
      start()
      workbench.ask(server, "a", [[self.count = 7 self.names = { "ann", n = { 1 } }
        self.ask = function() end
        self.big = ("x"):rep(10000)
        self.trap = setmetatable({}, { __index = function() error("!") end })]])
      local inside = value_of(get("/api/inside?object=things/a"))
      assert.same({ "add", "inherited", "slow" }, inside.methods)
      table.sort(inside.fields, function(a, b) return a.field < b.field end)
      local seen = {}
      for _, one in ipairs(inside.fields) do
        seen[one.field] = one.value ~= nil and one.value or one.type
      end
      assert.equal(7, seen.count)
      assert.same({ "function", "string", "table" }, { seen.ask, seen.big, seen.trap })
      assert.is_table(seen.names)
      value_of(post("/api/evict", { object = "things/a" }))
      local asleep = value_of(get("/api/inside?object=things/a"))
      assert.same({ "add", "inherited", "slow" }, asleep.methods)
      assert.equal(0, #asleep.fields)
    end)

    it("which tell what is logged, once it is", function()
      start()
      local first = value_of(get("/api/log"))
      assert.matches("listening on", first.lines[1].message, 1, true)
      local waiting = http.open(server.admin.address)
      waiting:send_request("GET", "/api/log?after=" .. first.after, { headers = {
        authorization = "Bearer " .. server.admin.token } })
      workbench.ask(server, "a", "od.log.warn('the kettle boils', { user = 7 })")
      local line = value_of(waiting:read_answer("GET")).lines[1]
      assert.same({ "things/a", "warn", 7 }, { line.object, line.level, line.user })
      waiting:close()
    end)

    it("of SQL, which writes only when it may", function()
      start()
      workbench.ask(server, "a", "storage.sql:exec('CREATE TABLE t (n INTEGER, s TEXT)')")
      local function sql(statement, options, arguments)
        return post("/api/sql", { object = "things/a", statement = statement,
          arguments = arguments }, options)
      end
      value_of(sql("INSERT INTO t VALUES (?, ?)", nil, { 7, "seven" }))
      local rows = value_of(sql("SELECT n, s FROM t", { token = server.admin.read_token }))
      assert.same({ "n", "s" }, rows.columns)
      assert.same({ { 7, "seven" } }, rows.rows)
      for _, answer in ipairs { sql("DELETE FROM t", { token = server.admin.read_token }),
        get("/api/sql?object=things/a&statement=DELETE%20FROM%20t") } do
        assert.equal(409, answer.status, answer.body)
        assert.matches("only reading is allowed", json.decode(answer.body).error, 1, true)
      end
      assert.equal(1, workbench.ask(server, "a",
        "return storage.sql:exec('SELECT count(*) AS n FROM t'):one().n"))
    end)

    it("and answers what is wrong with them", function()
      start()
      workbench.ask(server, "lobby", "storage:put('k', 1)")
      refused(409, "there is no object things/loby; did you mean things/lobby?",
        get("/api/object?object=things/loby"))
      refused(400, "'object' is a text that is needed", get("/api/object"))
      refused(400, "name an object as", get("/api/object?object=things"))
      refused(400, "kv.list has no argument 'prefx'; it takes object, prefix?, limit?",
        get("/api/kv.list?object=things/lobby&prefx=a"))
      refused(400, "status has no argument 'object'; it takes none",
        get("/api/status?object=things/lobby"))
      refused(400, "reset has no argument '1'; it takes object",
        request("POST", "/api/reset", { body = '["things/lobby"]' }))
      refused(400, "'value' is missing", post("/api/kv.put", { object = "things/a", key = "k" }))
      refused(400, "line 1", request("POST", "/api/kv.put", { body = "{," }))
      refused(409, "that is more than a call can carry", post("/api/call",
        { object = "things/a", method = ("x"):rep(3000) }))
      refused(409, "binding 1 is neither", post("/api/sql",
        { object = "things/lobby", statement = "SELECT ?", arguments = { { a = 1 } } }))
      refused(409, "1e+300 is no count", post("/api/sockets.watch",
        { object = "things/lobby", after = 1e300 }))
      refused(400, "a cursor is a text", request("POST", "/api/objects",
        { body = '{"cursor":null}' }))
      refused(409, "line 1: an object is", request("POST", "/api/import",
        { body = '{"lines":[{"object":null}]}' }))
      refused(409, 'does not implement the method "none"',
        post("/api/call", { object = "things/a", method = "none" }))
      refused(404, "there is no command everything", get("/api/everything"))
      refused(405, "a command that writes is a POST", get("/api/delete?object=things/lobby"))
      assert.equal(1, workbench.ask(server, "lobby", "return storage:get('k')"))
    end)

    it("of which one that takes long keeps nobody waiting", function()
      start()
      local slow = http.open(server.admin.address)
      slow:send_request("POST", "/api/call", { body = '{"object":"things/a","method":"slow"}',
        headers = { authorization = "Bearer " .. server.admin.token } })
      for _ = 1, 20 do
        assert.equal(200, get("/healthz", { token = false }).status)
      end
      assert.is_false(slow:has_news())
      slow:close()
      server:wait_log("it sleeps")
      workbench.pass(server, 20000)
    end)

    it("and pushes their answers over a WebSocket, when they have changed", function()
      start()
      workbench.ask(server, "a", "storage:put('k', 1)")
      local page = websocket.connect(server.admin.address, "/live",
        { headers = { authorization = "Bearer " .. server.admin.token,
          host = "127.0.0.1:" .. server.admin.address.port } })
      page:send('{"id":7,"command":"kv.list","arguments":{"object":"things/a"},"again":true}')
      assert.same({ id = 7, ok = true, value = { { key = "k", value = 1 } } },
        json.decode(page:receive()))
      workbench.ask(server, "a", "storage:put('k', 2)")
      assert.same({ id = 7, ok = true, value = { { key = "k", value = 2 } } },
        json.decode(page:receive()))
      page:send('{"id":8,"command":"nothing"}')
      assert.equal('{"id":8,"ok":false,"error":"there is no such command"}', page:receive())
      page:send("what")
      page:expect_close(1003, "that is no question")
    end)
  end)

  describe("tells", function()
    it("whether it lives and is ready", function()
      start { workers = 2 }
      assert.equal(200, get("/healthz", { token = false }).status)
      assert.equal(200, get("/readyz", { token = false }).status)
      local stopped = server:status().workers[2].pid
      process.send_signal(stopped, "STOP")
      local answer = get("/readyz", { token = false })
      process.send_signal(stopped, "CONT")
      assert.equal(503, answer.status)
      assert.matches("worker 1 does not answer", answer.body, 1, true)
    end)

    it("numbers that only grow, also when a worker dies", function()
      start()
      server:expect_mishap("another one is started")
      local client = server:connect("/things/a")
      client:send("x")
      client:expect("x")
      client:send("fail")
      client:send("y")
      client:expect("y")
      assert.equal(3, metric('open_do_messages_total{direction="in"}'))
      assert.equal(2, metric('open_do_events_total{kind="message",result="ok"}'))
      assert.equal(1, metric('open_do_events_total{kind="message",result="failed"}'))
      assert.equal(1, metric('open_do_requests_total{status="1xx"}'))
      assert.equal(1, metric('open_do_sockets{worker="0"}'))
      process.send_signal(server:status().workers[1].pid, "KILL")
      server:wait_log("worker 0 is back")
      assert.equal(3, metric('open_do_messages_total{direction="in"}'))
      assert.equal(1, metric('open_do_worker_deaths_total{cause="killed"}'))
      client:send("z")
      client:expect("z")
      assert.equal(4, metric('open_do_messages_total{direction="in"}'))
    end)

    it("them without the name of any object", function()
      start()
      workbench.ask(server, "a-secret-room", "storage:put('k', 1)")
      assert.is_nil(get("/metrics", { token = false }).body:find("secret", 1, true))
    end)
  end)

  describe("answers", function()
    it("no one without the token", function()
      start()
      for _, path in ipairs { "/", "/api/objects", "/app.js", "/live" } do
        assert.equal(401, get(path, { token = false }).status)
        assert.equal(401, get(path, { token = server.admin.token:sub(1, 63) .. "g" }).status)
      end
      assert.equal(401, get("/?token=" .. ("0"):rep(64), { token = false }).status)
    end)

    it("who has it, which a cookie keeps", function()
      start()
      local pair, answer = cookie()
      assert.equal("/", answer.headers.location)
      assert.matches("HttpOnly; SameSite=Strict", answer.headers["set-cookie"], 1, true)
      assert.equal(200, get("/", { token = false, headers = { cookie = pair } }).status)
      assert.equal(401, get("/", { token = false, headers = {
        cookie = pair:gsub("%d+=", "1=") } }).status)
      for _, name in ipairs { "admin.token", "admin-read.token" } do
        local pipe = io.popen("stat -c %a " .. server:path("data/" .. name))
        assert.equal("600\n", pipe:read("*a"))
        pipe:close()
      end
    end)

    it("to a token that may look only what changes nothing", function()
      start()
      workbench.ask(server, "a", "storage:put('k', 1)")
      local looks = { token = server.admin.read_token }
      value_of(get("/api/kv.list?object=things/a", looks))
      assert.equal("read", value_of(get("/api/commands", looks)).role)
      assert.equal("write", value_of(get("/api/commands")).role)
      for _, command in ipairs(value_of(get("/api/commands")).commands) do
        if command.writes then
          assert.equal(403, post("/api/" .. command.name, {}, looks).status, command.name)
          assert.equal(405, get("/api/" .. command.name).status, command.name)
        end
      end
      for name, arguments in pairs { ["kv.put"] = { key = "k", value = 2 }, ["kv.delete"] =
        { key = "k" }, call = { method = "add", arguments = { 1, 2 } }, delete = {}, reset = {},
        evict = {}, hibernate = {}, ["alarm.set"] = { time = "10s" }, reload = {} } do
        arguments.object = "things/a"
        local answer = post("/api/" .. name, arguments, { token = server.admin.read_token })
        assert.equal(403, answer.status, name)
      end
      local page = websocket.connect(server.admin.address, "/live",
        { headers = { authorization = "Bearer " .. server.admin.read_token } })
      page:send('{"id":1,"command":"delete","arguments":{"object":"things/a"}}')
      assert.matches("may look and change nothing", page:receive(), 1, true)
      assert.equal(1, workbench.ask(server, "a", "return storage:get('k')"))
    end)

    it("nobody who knows it by a stranger's name", function()
      start { args = { "--admin-host", "admin.example" } }
      for _, path in ipairs { "/healthz", "/metrics", "/", "/api/objects" } do
        for _, host in ipairs { "evil.example", "evil.example:8788", "localhost.evil.example" } do
          assert.equal(421, get(path, { headers = { host = host } }).status, host)
        end
        for _, host in ipairs { "localhost:8788", "127.0.0.1", "[::1]:8788", "admin.example" } do
          assert.equal(200, get(path, { headers = { host = host } }).status, host)
        end
      end
    end)

    it("no page of another origin that would change something", function()
      start()
      workbench.ask(server, "a", "storage:put('k', 1)")
      local pair, here = cookie(), "http://127.0.0.1:" .. server.admin.address.port
      local arguments = { object = "things/a", key = "k", value = 2 }
      for _, origin in ipairs { "http://evil.example", "http://127.0.0.1:1", "null",
        here .. ".evil.example" } do
        local answer = post("/api/kv.put", arguments,
          { token = false, headers = { cookie = pair, origin = origin } })
        assert.equal(403, answer.status, origin)
        assert.equal(403, (websocket.handshake(server.admin.address, "/live", { headers = {
          cookie = pair, origin = origin, host = here:sub(8) } }).status), origin)
      end
      assert.equal(403, post("/api/kv.put", arguments,
        { token = false, headers = { cookie = pair } }).status)
      assert.equal(403, get("/api/objects", { token = false, headers = { cookie = pair,
        ["sec-fetch-site"] = "same-site" } }).status)
      assert.equal(1, workbench.ask(server, "a", "return storage:get('k')"))
      assert.equal(200, post("/api/kv.put", arguments,
        { token = false, headers = { cookie = pair, origin = here } }).status)
      assert.equal(101, (websocket.handshake(server.admin.address, "/live", { headers = {
        cookie = pair, origin = here, host = here:sub(8) } }).status))
    end)
  end)

  describe("withstands", function()
    it("10,000 wrong tokens, and says it in a line", function()
      start()
      local connection = http.open(server.admin.address)
      for i = 1, 10000 do
        connection:send_request("GET", "/api/objects", { headers = {
          authorization = ("Bearer %064x"):format(i) } })
        assert.equal(401, connection:read_answer("GET").status)
      end
      connection:close()
      assert.equal(200, get("/api/objects").status)
      local _, lines = server:log():gsub("\n", "")
      assert.is_true(lines < 30, server:log())
    end)

    it("nonsense for every command, over HTTP and the WebSocket", function()
      start()
      workbench.ask(server, "a", "storage:put('k', 1)")
      local page = websocket.connect(server.admin.address, "/live",
        { headers = { authorization = "Bearer " .. server.admin.token } })
      local values = { 7, -1, 1e300, "", "things/a", "things/#zz", "?", "nowhere/x", true, {},
        { { 1, { x = "y" } } }, ("x"):rep(3000), "\195\40", "\0" }
      local names = { "object", "key", "value", "limit", "cursor", "order", "after", "time",
        "socket", "message", "code", "arguments", "method", "statement", "namespace", "name",
        "prefix", "lines" }
      local connection = http.open(server.admin.address)
      local asked = 0
      for _, described in ipairs(value_of(get("/api/commands")).commands) do
        local command = described.name
        for i, value in ipairs(values) do
          local arguments = { object = "things/a" }
          for j, name in ipairs(names) do
            if (i + j) % 3 ~= 0 then
              arguments[name] = values[(i + j) % #values + 1]
            end
          end
          arguments.object = i % 2 == 0 and "things/a" or value
          if command ~= "reload" and command ~= "drain" and command ~= "log" then
            asked = asked + 1
            connection:send_request("POST", "/api/" .. command, { body = json.encode(arguments),
              headers = { authorization = "Bearer " .. server.admin.token } })
            local answer = connection:read_answer("POST")
            local is_known = answer.status == 200 or answer.status == 400 or answer.status == 409
            assert.is_true(is_known and not answer.body:find("open%-do%.[%w.]+:%d+:"), -- A bug.
              command .. " " .. json.encode(arguments) .. " " .. answer.body)
            local wish = json.encode { id = asked, command = command, arguments = arguments }
            if not wish:find("\195\40", 1, true) then -- No text of a WebSocket.
              page:send(wish)
              assert.equal(asked, json.decode(page:receive()).id)
            end
          end
        end
      end
      connection:close()
      assert.equal(200, get("/api/objects").status)
      assert.is_nil(server:log():find("the admin listener: ", 1, true), server:log())
    end)

    it("a crowd that says nothing, and those who read nothing", function()
      start()
      workbench.ask(server, "a", "storage:put('k', ('x'):rep(1000000))")
      local crowd = {}
      for i = 1, 300 do
        crowd[i] = http.open(server.admin.address)
        crowd[i]:write("GET /api/kv.get?object=things/a&key=k HTTP/1.1\r\nhost: localhost\r\n")
        if i % 10 == 0 then
          crowd[i]:write("authorization: Bearer " .. server.admin.token .. "\r\n\r\n")
        end
      end
      assert.equal(200, get("/healthz", { token = false }).status)
      assert.equal(200, get("/api/objects").status)
      for _, connection in ipairs(crowd) do
        connection:close()
      end
    end)

    it("more who come after each other than one address may have at once", function()
      start { args = { "--connections-per-address", "3" } }
      for _ = 1, 20 do
        assert.equal(200, get("/healthz", { token = false }).status)
      end
    end)

    it("many who follow the log", function()
      start()
      local first = value_of(get("/api/log"))
      local followers = {}
      for i = 1, 70 do
        followers[i] = http.open(server.admin.address)
        followers[i]:send_request("GET", "/api/log?after=" .. first.after, { headers = {
          authorization = "Bearer " .. server.admin.token } })
      end
      assert.equal(200, request("HEAD", "/readyz", { token = false }).status)
      assert.equal(409, followers[70]:read_answer("GET").status)
      for _, follower in ipairs(followers) do
        follower:close()
      end
    end)

    it("a way out of it: its process may do next to nothing", function()
      start()
      local file = io.open("/proc/" .. value_of(get("/api/metrics")).main.admin .. "/status")
      local status = file:read("*a")
      file:close()
      assert.matches(os.getenv("OPEN_DO_SANITIZED") and "Seccomp" or "Seccomp:%s+2", status)
    end)

    it("the end of its process, which nobody else notices", function()
      start()
      local client = server:connect("/things/a")
      local admin = value_of(get("/api/metrics")).main.admin
      local slow = http.open(server.admin.address)
      slow:send_request("POST", "/api/call", { body = '{"object":"things/a","method":"slow"}',
        headers = { authorization = "Bearer " .. server.admin.token } })
      server:wait_log("it sleeps")
      process.send_signal(admin, "KILL")
      server:wait_log("the admin process %(pid " .. admin .. "%) ended: killed by SIGKILL")
      assert.equal(200, get("/healthz", { token = false }).status)
      assert.equal(200, get("/api/objects").status)
      client:send("still here")
      client:expect("still here")
      server:turn_clock(20000)
      assert.is_true(value_of(get("/api/metrics")).main.admin ~= admin)
      server:expect_mishap("another one is started")
    end)

    it("a port that is in use, unless somebody has asked for that one", function()
      local holder = assert(socket.bind("127.0.0.1", 0))
      local _, port = holder:getsockname()
      local code, output = Server.refuse { source = workbench.PLAIN, files = {
        ["workbench.lua"] = workbench.MODULE }, args = { "--admin", "127.0.0.1:" .. port } }
      holder:close()
      assert.equal(3, code)
      assert.matches("port " .. port .. " is in use by process %d+", output)
      local usual = socket.bind("127.0.0.1", 8788) -- Or somebody else has it.
      start { command = "dev", admin = "usual" }
      assert.matches("nobody can look inside with a browser: port 8788 is in use[^\n]+--admin\n",
        server:log())
      assert.equal(1, workbench.ask(server, "a", "return 1"))
      if usual then
        usual:close()
      end
    end)
  end)
end)
