-- What waits at a worker that one of its objects keeps: its neighbours' requests, upgrades and
-- connections. It is killed, and nobody of them is left without an answer or asked twice.
--
-- The watchdog kills it where a spec says so. Else the spec does when all is sent, so no limit
-- is as short as what a busy machine takes for something else.

local survival = require "spec.scenario.survival"

local LIMIT_MS = 3000
local UPGRADE = { upgrade = "websocket", connection = "Upgrade", ["sec-websocket-version"] = "13",
  ["sec-websocket-key"] = "dGhlIHNhbXBsZSBub25jZQ==" }

local SOURCE = [[
local od = require "open-do"
local Room = {}
local large = ("x"):rep(8000000) -- No event is to be long because of it.

local function count(self)
  local storage = self.state.storage
  od.log.info("begins " .. self.state.id.name .. ".")
  storage:put("begun", (storage:get("begun") or 0) + 1)
end

function Room:constructor()
  if self.state.id.name == "never-built" then
    while true do end
  end
end

function Room:fetch(request)
  local ask = request.query.ask
  if ask == "begun" then
    return od.Response(tostring(self.state.storage:get("begun") or 0))
  elseif ask == "id" then
    return od.Response(tostring(self.state.id))
  end
  count(self)
  if request.headers:get("upgrade") then
    local client, server = od.WebSocketPair()
    self.state:acceptWebSocket(server)
    return od.Response(nil, { status = 101, webSocket = client })
  elseif ask == "loop" then
    od.log.info("loops")
    while true do end
  elseif ask == "sleep" then
    od.log.info("sleeps")
    od.sleep(60000)
  elseif ask == "large" then
    return od.Response(large)
  elseif ask == "pieces" then
    return od.Response(function(stream)
      stream:write("one ")
      od.sleep(1)
      stream:write("two")
    end)
  elseif ask == "call" then
    local stub = self.env.rooms:getByName(request.query.whom)
    local ok, result = pcall(stub[request.query.method or "hello"], stub)
    return od.Response(ok and result or (result.message .. " " .. tostring(result.retryable)))
  end
  return od.Response("hello " .. (request.body or ""))
end

function Room:hello()
  count(self)
  return "called"
end

function Room:nap()
  count(self)
  od.log.info("sleeps")
  od.sleep(60000)
end

function Room:webSocketMessage(ws, message)
  ws:send(message)
end

return { namespaces = { rooms = Room } }
]]

local function start(options)
  options = options or {}
  options.source, options.workers = options.source or SOURCE, options.workers or 1
  options.args = options.is_watched and { "--event-limit-ms", tostring(LIMIT_MS) } or nil
  return survival.start(options)
end

local function ask(server, method, path, options)
  local connection = server:open()
  connection:send_request(method, path, options)
  return connection
end

-- A connection that has been used and is kept.
local function kept(server, path)
  local connection = server:open()
  assert.equal(200, connection:request("GET", path).status)
  return connection
end

local function pid_of(server, room)
  return server:status().workers[survival.worker_of(server, room) + 1].pid
end

-- The connection of who has done it, and what ends that worker.
local function get_stuck(server)
  local pid = pid_of(server, "bad")
  local culprit = ask(server, "GET", "/rooms/bad?ask=loop")
  server:wait_log("loops")
  return culprit, function() survival.kill(pid) end
end

local function begun(server, room)
  return tonumber(server:get("/rooms/" .. room .. "?ask=begun").body)
end

describe("at a worker that is stuck", function()
  local server

  after_each(function()
    server:stop()
  end)

  it("requests that it has not begun are served by the next one, each once", function()
    server = start { is_watched = true }
    local used = { kept(server, "/rooms/k1"), kept(server, "/rooms/k2") }
    get_stuck(server)
    local waiting = {}
    for i = 1, 12 do
      waiting[i] = ask(server, i % 2 == 0 and "GET" or "POST", "/rooms/w" .. i,
        { body = i % 2 == 1 and ("b%d"):format(i) or nil })
    end
    used[1]:send_request("GET", "/rooms/k1")
    for i = 1, 12 do
      local answer = waiting[i]:read_answer()
      assert.equal(200, answer.status)
      assert.equal(i % 2 == 1 and "hello b" .. i or "hello ", answer.body)
    end
    assert.equal(200, used[1]:read_answer().status)
    assert.equal(200, used[2]:request("GET", "/rooms/k2").status)
    for i = 1, 12 do
      assert.equal(1, begun(server, "w" .. i))
      assert.equal(200, waiting[i]:request("GET", "/rooms/w" .. i).status) -- The connection stays.
    end
    assert.equal(2, begun(server, "k1"))
  end)

  it("upgrades that it has not begun are done by the next one", function()
    server = start { is_watched = true }
    get_stuck(server)
    local websockets = {}
    for i = 1, 4 do -- The connection is accepted by main, so connect() waits for the 101.
      websockets[i] = server:connect("/rooms/u" .. i)
    end
    for i = 1, 4 do
      websockets[i]:send("hello")
      websockets[i]:expect("hello")
      assert.equal(1, begun(server, "u" .. i))
    end
  end)

  it("requests that have begun are answered 503, and their connections stay", function()
    server = start()
    local sleeper = ask(server, "GET", "/rooms/s?ask=sleep")
    server:wait_log("sleeps")
    local again = kept(server, "/rooms/again")
    again:send_request("GET", "/rooms/again?ask=sleep")
    server:wait_log("sleeps")
    local culprit, kill = get_stuck(server)
    kill()
    for name, connection in pairs { s = sleeper, bad = culprit, again = again } do
      local answer = connection:read_answer()
      assert.equal(503, answer.status)
      assert.equal("1", answer.headers["retry-after"])
      assert.equal("the worker of this request has ended, try again\n", answer.body)
      assert.equal("hello ", connection:request("GET", "/rooms/other").body)
      if name ~= "bad" then -- That one is refused for a while.
        assert.equal(name == "again" and 2 or 1, begun(server, name))
      end
    end
  end)

  it("a constructor that never ends is not tried again and again", function()
    server = start { is_watched = true }
    local answer = server:get("/rooms/never-built")
    assert.equal(503, answer.status)
    assert.equal("1", answer.headers["retry-after"])
    local _, deaths = server:log():gsub("another one is started", "")
    assert.equal(1, deaths, server:log())
  end)

  it("a request behind which another was sent is answered, and the other one served", function()
    server = start()
    local connection = server:open()
    connection:write("GET /rooms/s?ask=sleep HTTP/1.1\r\nHost: x\r\n\r\n"
      .. "GET /rooms/t HTTP/1.1\r\nHost: x\r\n\r\nGET /roo")
    server:wait_log("sleeps")
    select(2, get_stuck(server))()
    assert.equal(503, connection:read_answer().status)
    assert.equal("hello ", connection:read_answer().body)
    connection:write("ms/t HTTP/1.1\r\nHost: x\r\n\r\n")
    assert.equal("hello ", connection:read_answer().body)
    assert.equal(2, begun(server, "t"))
  end)

  -- The worker reads all of it in the turn in which it gets stuck.
  it("what it has read of requests and not begun is served by the next one, each once", function()
    server = start()
    local culprit = kept(server, "/rooms/c")
    local half, whole, several, head = kept(server, "/rooms/h"), kept(server, "/rooms/w"),
      kept(server, "/rooms/v"), kept(server, "/rooms/p")
    local worker = pid_of(server, "bad")
    os.execute("kill -STOP " .. worker)
    culprit:send_request("GET", "/rooms/bad?ask=loop")
    half:write("POST /rooms/h HTTP/1.1\r\nHost: x\r\nContent-Length: 10000\r\n\r\n"
      .. ("a"):rep(6000))
    whole:send_request("POST", "/rooms/w", { body = ("b"):rep(50000) })
    several:write(("GET /rooms/v HTTP/1.1\r\nHost: x\r\n\r\n"):rep(3))
    head:write("GET /rooms/p HT")
    os.execute("kill -CONT " .. worker)
    server:wait_log("loops")
    half:write(("a"):rep(4000))
    head:write("TP/1.1\r\nHost: x\r\n\r\n")
    survival.kill(worker)
    assert.equal(503, culprit:read_answer().status)
    assert.equal("hello " .. ("a"):rep(10000), half:read_answer().body)
    assert.equal("hello " .. ("b"):rep(50000), whole:read_answer().body)
    for _ = 1, 3 do
      assert.equal("hello ", several:read_answer().body)
    end
    assert.equal("hello ", head:read_answer().body)
    for room, count in pairs { h = 2, w = 2, v = 4, p = 2 } do
      assert.equal(count, begun(server, room))
    end
  end)

  it("a HEAD, and a client that wants the connection closed, get no more than they asked for",
    function()
      server = start()
      local head = ask(server, "HEAD", "/rooms/h?ask=sleep")
      server:wait_log("sleeps")
      local close = ask(server, "GET", "/rooms/c?ask=sleep", { headers = { connection = "close" } })
      server:wait_log("sleeps")
      select(2, get_stuck(server))()
      assert.equal(503, head:read_answer("HEAD").status)
      head:read_to_end()
      assert.equal(503, close:read_answer().status)
      assert.equal("", close:read_to_end())
    end)

  it("an answer of which a part has left is cut, and the others are not", function()
    server = start()
    local slow = server:open()
    slow:send_request("GET", "/rooms/large?ask=large")
    local first = assert(slow.tcp:receive(10))
    select(2, get_stuck(server))()
    local rest = slow:read_to_end()
    assert.equal("HTTP/1.1 2", first)
    assert.is_true(#rest < 8000000)
    assert.equal("hello ", server:get("/rooms/other").body)
  end)

  -- Such a connection was cut with the worker, also while it waited for its next request.
  it("a connection whose last answer came in pieces is as any other", function()
    server = start()
    local used, behind = kept(server, "/rooms/p?ask=pieces"), server:open()
    behind:write("GET /rooms/p?ask=pieces HTTP/1.1\r\nHost: x\r\n\r\n"
      .. "GET /rooms/s?ask=sleep HTTP/1.1\r\nHost: x\r\n\r\n")
    assert.equal("one two", behind:read_answer().body)
    server:wait_log("sleeps")
    select(2, get_stuck(server))()
    assert.equal("hello ", used:request("GET", "/rooms/other").body)
    assert.equal(503, behind:read_answer().status)
    assert.equal("hello ", behind:request("GET", "/rooms/other").body)
  end)

  -- Those that began in pieces were cut, though nobody had got anything of them.
  it("answers of another worker that it has not sent become 503", function()
    server = survival.start { source = survival.HELD, workers = 2 }
    assert.same({ 503, 503, 503 }, survival.ask_who_gets_stuck(server))
  end)

  it("a client that leaves meanwhile is not waited for", function()
    server = start()
    local _, kill = get_stuck(server)
    for i = 1, 8 do
      ask(server, "GET", "/rooms/w" .. i):cut()
    end
    kill()
    survival.await_back(server)
    assert.equal("hello ", server:get("/rooms/other").body)
  end)
end)

describe("calls to objects of a worker that is stuck", function()
  -- Names of objects in the worker of the culprit, and of others in the other one.
  local function names(server, count)
    local culprits = survival.worker_of(server, "bad")
    local here, there = {}, {}
    for i = 1, count do
      here[i] = survival.room_in(server, "h" .. i .. "-", culprits)
      there[i] = survival.room_in(server, "t" .. i .. "-", 1 - culprits)
    end
    return here, there
  end

  it("are made anew if they have not begun, and else fail as retryable", function()
    local server = start { workers = 2 }
    finally(function() server:stop() end)
    local here, there = names(server, 9)
    local begun_call = ask(server, "GET", ("/rooms/%s?ask=call&method=nap&whom=%s"):format(there[1],
      here[1]))
    server:wait_log("sleeps")
    local _, kill = get_stuck(server)
    local waiting = {}
    for i = 2, 9 do
      waiting[i] = ask(server, "GET", ("/rooms/%s?ask=call&whom=%s"):format(there[i], here[i]))
    end
    kill()
    for i = 2, 9 do
      local answer = waiting[i]:read_answer()
      assert.equal("called", answer.body)
      assert.equal(1, begun(server, here[i]))
      assert.equal(1, begun(server, there[i]))
    end
    assert.equal("the worker of this object has ended true", begun_call:read_answer().body)
    assert.equal(1, begun(server, here[1]))
  end)

  -- The worker reads all of it in the turn in which it gets stuck, and has sent none of it.
  it("are made by the next one if they had not left the worker a request came to", function()
    local server = start { workers = 2 }
    finally(function() server:stop() end)
    local here, there = names(server, 6)
    local used, culprit = {}, kept(server, "/rooms/" .. here[1])
    for i = 1, 6 do
      used[i] = kept(server, "/rooms/" .. here[i])
    end
    local workers, pid = server:status().workers, pid_of(server, "bad")
    local pids = workers[1].pid .. " " .. workers[2].pid
    os.execute("kill -STOP " .. pids)
    for i = 1, 6 do
      used[i]:send_request("POST", "/rooms/" .. there[i], { body = "b" .. i })
    end
    culprit:send_request("GET", "/rooms/bad?ask=loop")
    os.execute("kill -CONT " .. pids)
    server:wait_log("loops")
    survival.kill(pid)
    for i = 1, 6 do
      local answer = used[i]:read_answer()
      assert.same({ 200, "hello b" .. i }, { answer.status, answer.body })
      assert.equal(1, begun(server, there[i]))
    end
  end)

  it("are made when the worker is back, if it was not there", function()
    local server = start { workers = 2 }
    finally(function() server:stop() end)
    local here, there = names(server, 4)
    for _ = 1, 6 do -- The pause before the next one grows.
      survival.kill_one(server)
      for i = 1, 4 do
        local one, other = server:get(("/rooms/%s?ask=call&whom=%s"):format(there[i], here[i])),
          server:get(("/rooms/%s?ask=call&whom=%s"):format(here[i], there[i]))
        assert.same({ 200, "called", 200, "called" },
          { one.status, one.body, other.status, other.body })
      end
      survival.await_back(server)
    end
  end)
end)

describe("a crowd at a worker that gets stuck", function()
  it("is served by the next one or answered 503; nobody is cut, nothing begun twice", function()
    local server = start { workers = 2 }
    finally(function() server:stop() end)
    local waiting, used = {}, {}
    for i = 1, 100 do
      used[i] = kept(server, "/rooms/used" .. i)
    end
    local pid = pid_of(server, "bad")
    for i = 1, 500 do
      if i == 40 then
        ask(server, "GET", "/rooms/bad?ask=loop")
      end
      local kind, room = i % 5, "r" .. i
      local connection
      if kind == 0 then
        connection = ask(server, "GET", "/rooms/" .. room, { headers = UPGRADE })
      elseif kind == 1 then
        connection = ask(server, "GET", ("/rooms/c%d?ask=call&whom=%s"):format(i, room))
      elseif kind == 2 then
        connection = used[(i + 3) / 5]
        connection:send_request("POST", "/rooms/" .. room, { body = ("x"):rep(i * 20) })
      else
        connection = ask(server, "GET", "/rooms/" .. room)
      end
      waiting[i] = { connection = connection, room = room, asked = kind == 1 and "c" .. i or room }
    end
    server:wait_log("loops")
    survival.kill(pid)
    local count = { [101] = 0, [200] = 0, [503] = 0 }
    for _, each in ipairs(waiting) do
      local status = each.connection:read_answer().status
      count[status] = count[status] + 1
      each.is_served = status ~= 503
    end
    print(("# %d served, %d upgraded, %d answered 503"):format(count[200], count[101], count[503]))
    survival.await_back(server)
    for i, each in ipairs(waiting) do
      local times = begun(server, each.room)
      assert.is_true(times <= 1, each.room .. " was begun " .. times .. " times")
      assert.is_true(times == 1 or not each.is_served or i % 5 == 1)
    end
    local log = server:log() -- What has left a worker that has ended may begin late.
    for _, each in ipairs(waiting) do
      assert.is_true(each.is_served or log:find("begins " .. each.asked .. ".", 1, true) ~= nil,
        each.asked .. " had not begun")
    end
  end)
end)

describe("a worker that is killed from outside", function()
  it("answers what it had begun, and its idle connections stay, again and again", function()
    local server = start { workers = 2 }
    finally(function() server:stop() end)
    local connections = {}
    for i = 1, 20 do
      connections[i] = kept(server, "/rooms/r" .. i)
    end
    for round = 1, 4 do
      survival.kill_one(server)
      survival.await_back(server)
      for i = 1, 20 do
        assert.equal("hello ", connections[i]:request("GET", "/rooms/r" .. i).body)
        assert.equal(round + 1, begun(server, "r" .. i))
      end
    end
  end)
end)
