-- WebSockets of objects to places outside: opened, kept, dialled again.
local json = require "dkjson"
local survival = require "spec.scenario.survival"
local Upstream = require "spec.support.upstream"
local websocket = require "spec.support.websocket"
local workbench = require "spec.scenario.workbench"

local SOURCE = [[
local od = require "open-do"

-- Notes what happens to its sockets, where it outlives the instance.
local Thing = require("workbench").thing()

local function note(self, text)
  local seen = self.state.storage:get("seen") or {}
  seen[#seen + 1] = text
  self.state.storage:put("seen", seen)
end

local function who(self, ws)
  local attachment = ws:deserializeAttachment()
  return ("%s/%s"):format(table.concat(self.state:getTags(ws), ","), tostring(attachment))
end

function Thing:webSocketOpen(ws, isReconnect)
  note(self, ("open %s %s"):format(who(self, ws), tostring(isReconnect)))
  ws:send("hello")
end

-- Numbers must come one after another.
function Thing:count(number)
  local last = self.state.storage:get("last") or 0
  if number ~= last + 1 then
    note(self, ("%d behind %d"):format(number, last))
  end
  self.state.storage:put("last", number)
end

function Thing:webSocketMessage(ws, message, isBinary)
  if tonumber(message) then
    return self:count(tonumber(message))
  end
  note(self, (isBinary and "bytes " or "text ") .. message)
  if message == "close me" then
    ws:close(4001, "enough")
  elseif message:sub(1, 5) == "echo " then
    ws:send(message, isBinary)
  end
end

function Thing:webSocketClose(ws, code, reason, wasClean)
  note(self, ("close %s %d %s %s"):format(who(self, ws), code, reason, tostring(wasClean)))
  if reason == "for good" then
    ws:close()
  end
end

function Thing:webSocketError(ws, why)
  note(self, "error " .. why:gsub("%d%d%d%d+", "PORT"))
end

return { namespaces = { things = Thing } }
]]

describe("a WebSocket to outside", function()
  local server, ask, refusal = workbench.each(SOURCE, { workers = 1 })
  local upstream = Upstream.each()

  -- Opens one; options as the script writes them.
  local function connect(path, options, name)
    return ask(("local ws = state:connect(%q, %s) return ws.readyState"):format(
      upstream.url .. (path or "/feed"), options or "{}"), name)
  end

  -- What the object has noted so far, once it is so much.
  local function seen(count, name)
    local list
    workbench.becomes(count, function()
      list = ask("return storage:get('seen') or {}", name)
      return #list
    end)
    return list
  end

  local function sockets(name)
    return ask([[
      local list = {}
      for i, ws in ipairs(state:getWebSockets()) do
        list[i] = ("%d %s %s %s"):format(ws.readyState, tostring(ws.outgoing),
          ws.url:match("/%w*$"), table.concat(state:getTags(ws), ","))
      end
      return list]], name)
  end

  it("is connected, sends and hears as an accepted one does", function()
    assert.equal(0, connect("/feed", [[{ tags = { "feed" }, headers = { Authorization = "me" } }]]))
    local peer = upstream:accept()
    assert.equal("/feed", peer.path)
    assert.equal("me", peer.headers.authorization)
    assert.equal("127.0.0.1:" .. upstream.port, peer.headers.host)
    peer:expect("hello")
    peer:send("news")
    peer:send("\1\2", true)
    peer:send("echo me")
    peer:expect("echo me")
    assert.same({ "open feed/nil false", "text news", "bytes \1\2", "text echo me" }, seen(4))
    assert.same({ "1 true /feed feed" }, sockets())
    ask("for _, ws in ipairs(state:getWebSockets('feed')) do ws:send('from outside an event') end")
    peer:expect("from outside an event")
    ask("return state:broadcast('to all')")
    peer:expect("to all")
  end)

  it("is dialled again after each end, with its tags and attachment, later and later", function()
    connect("/feed", "{ tags = { 'feed' }, reconnect = { min = 600000, max = 3600000 } }")
    upstream:accept():expect("hello")
    ask("state:getWebSockets('feed')[1]:serializeAttachment('kept')")
    upstream.peers[1]:close(1000, "bye")
    -- In the moment its last event is over the next one stands there.
    assert.same({ "open feed/nil false", "close feed/kept 1000 bye true" }, seen(2))
    assert.same({ "0 true /feed feed" }, sockets())
    upstream:expect_nobody()
    workbench.pass(server, 600000)
    local second = upstream:accept()
    second:expect("hello")
    assert.same("open feed/kept true", seen(3)[3])
    second:cut()
    assert.matches("close feed/kept 1006", seen(4)[4])
    workbench.pass(server, 540000) -- The pause is twice as long, and half of it is certain.
    upstream:expect_nobody()
    workbench.pass(server, 660000)
    local third = upstream:accept()
    third:expect("hello")
    -- One that has lasted counts as a new beginning.
    workbench.pass(server, 3600000)
    third:cut()
    seen(6)
    workbench.pass(server, 600000)
    upstream:accept():expect("hello")
  end)

  it("ends by close, in every state it can be in", function()
    connect("/connecting")
    local hanging = upstream:take()
    ask("state:getWebSockets()[1]:close()")
    assert.same({}, sockets())
    assert.is_nil(hanging.tcp:receive(100000)) -- The end.
    connect("/open")
    local peer = upstream:accept()
    peer:expect("hello")
    peer:send("close me")
    peer:expect_close(4001)
    assert.same({ "open /nil false", "text close me", "close /nil 4001 enough true" }, seen(3))
    assert.same({}, sockets())
    connect("/over")
    peer = upstream:accept()
    peer:expect("hello")
    peer:close(4002, "for good")
    seen(5)
    assert.same({}, sockets())
    connect("/pausing", "{ reconnect = { min = 600000 } }")
    upstream:accept():expect("hello")
    upstream.peers[4]:cut()
    seen(7)
    ask("state:getWebSockets()[1]:close()")
    workbench.pass(server, 600000)
    upstream:expect_nobody()
    server:restart()
    assert.same({}, sockets())
    upstream:expect_nobody()
  end)

  it("stands again after kill -9, with tags and attachment, before any event", function()
    connect("/feed", "{ tags = { 'feed' } }")
    upstream:accept():expect("hello")
    ask("state:setTags(state:getWebSockets()[1], { 'changed' })")
    ask("state:getWebSockets()[1]:serializeAttachment('stored')")
    ask("storage:sync()")
    server:kill()
    server:launch()
    assert.same({ "0 true /feed changed" }, sockets())
    local peer = upstream:accept()
    peer:expect("hello")
    assert.same({ "open feed/nil false", "open changed/stored true" }, seen(2))
  end)

  it("outlives the code and a worker that is replaced; what comes meanwhile is heard", function()
    connect("/feed", "{ tags = { 'feed' } }")
    local peer = upstream:accept()
    peer:expect("hello")
    seen(1)
    local boot = ask("return self.boot")
    server:save(SOURCE .. "-- Changed.")
    server.process:signal("HUP")
    peer:send("during the reload")
    server:wait_version(2)
    seen(2)
    local frame = websocket.encode { opcode = "text", payload = "half a frame", masked = false }
    peer:write(frame:sub(1, 5))
    local code, said = server:asking("restart-worker", "0")
    assert.equal(0, code)
    assert.matches(" 1 socket given back, 0 closed", said, 1, true)
    peer:write(frame:sub(6))
    peer:send("echo me")
    peer:expect("echo me")
    assert.not_equal(boot, ask("return self.boot"))
    assert.same({ "open feed/nil false", "text during the reload", "text half a frame",
      "text echo me" }, seen(4))
    assert.same({ "1 true /feed feed" }, sockets())
  end)

  it("outlives a worker that dies; one in the middle of a frame is closed, and dialled anew",
    function()
      server:expect_mishap("another one is started")
      connect("/feed", "{ tags = { 'feed' } }")
      local peer = upstream:accept()
      peer:expect("hello")
      seen(1)
      ask("state:getWebSockets('feed')[1]:serializeAttachment('kept') storage:sync()")
      survival.kill_one(server)
      peer:send("for the next one")
      survival.await_back(server)
      assert.same({ "open feed/nil false", "text for the next one" }, seen(2))
      -- A message and the first byte of another, which are read at once.
      peer:write(websocket.encode { opcode = "text", payload = "echo me", masked = false }
        .. "\129")
      peer:expect("echo me")
      survival.kill_one(server)
      peer:expect_close(1012)
      survival.await_back(server)
      assert.matches("close feed/kept 1012", seen(4)[4])
      workbench.pass(server, 500)
      upstream:accept():expect("hello")
      assert.same("open feed/kept true", seen(5)[5])
    end)

  it("loses and doubles nothing while code, workers and programs change", function()
    connect("/feed")
    local peer = upstream:accept()
    peer:expect("hello")
    local number = 0
    local function send(count)
      for _ = 1, count do
        number = number + 1
        peer:send(tostring(number))
      end
    end
    local function during(command, ...)
      send(100)
      local asking = server:begin_asking(command, ...)
      repeat -- Some come before, some during and some behind.
        send(5)
        asking:reap()
      until asking:has_ended()
      send(100)
      assert.equal(0, (asking:wait_exit(30)))
    end
    during("reload")
    during("restart-worker", "0")
    during("upgrade")
    send(100)
    workbench.fall_asleep(server)
    send(100)
    workbench.becomes(number, function() return ask("return storage:get('last')") end)
    assert.same({ "open /nil false" }, seen(1))
  end)

  it("is kept for a crowd of objects, through a dead worker and kill -9", function()
    local COUNT = 150
    server:expect_mishap("another one is started")
    for number = 1, COUNT do
      connect("/" .. number, "{ tags = { 'crowd' } }", "o" .. number)
    end
    local peers = {}
    local function gather()
      for _ = 1, COUNT do
        local peer = upstream:accept()
        assert.is_nil(peers[peer.path], "dialled twice")
        peers[peer.path] = peer
        peer:expect("hello")
      end
      upstream:expect_nobody()
    end
    gather()
    ask("return storage:sync()", "o" .. COUNT)
    survival.kill_one(server)
    for _, peer in pairs(peers) do
      peer:send("echo me")
    end
    assert.equal(0, survival.await_back(server).closed)
    for _, peer in pairs(peers) do
      peer:expect("echo me")
    end
    server:kill()
    for path, peer in pairs(peers) do
      peer:expect_close(1006)
      peers[path] = nil
    end
    server:launch()
    gather()
    assert.same({ "open crowd/nil false", "text echo me", "open crowd/nil true" },
      seen(3, "o" .. COUNT))
  end)

  it("is shown to an operator, also while it is tried in vain", function()
    local function shown(field)
      local _, said = server:asking("sockets", "things/a", "--json")
      return json.decode(said)[1][field]
    end
    connect("/feed", "{ reconnect = { min = 600000 } }")
    upstream:take():cut()
    workbench.becomes(1, function() return shown("failedAttempts") end)
    assert.equal("connecting", shown("state"))
    assert.equal(upstream.url .. "/feed", shown("url"))
    assert.equal(1, shown("outgoing"))
  end)

  it("goes on in the program that takes over", function()
    connect("/feed", "{ tags = { 'feed' } }")
    connect("/other", "{ reconnect = { min = 3600000, max = 3600000 } }")
    local peer = upstream:accept()
    peer:expect("hello")
    local other = upstream:accept()
    other:expect("hello")
    other:cut()
    seen(3)
    local code, said = server:asking("upgrade")
    assert.equal(0, code)
    assert.matches(": 1 socket kept,", said, 1, true)
    peer:send("echo me")
    peer:expect("echo me")
    assert.equal("text echo me", seen(4)[4])
    upstream:accept():expect("hello") -- What nobody could hand over is wished still.
    assert.same({ "open /nil true" }, { seen(5)[5] })
  end)

  it("lets its object sleep, and wakes it for a message only", function()
    connect("/feed")
    local peer = upstream:accept()
    peer:expect("hello")
    seen(1)
    workbench.fall_asleep(server)
    assert.is_nil(server:why_awake("things/a"))
    peer:frame { opcode = "ping", payload = "there?" }
    assert.equal("pong", (peer:read_frame()))
    assert.is_nil(server:why_awake("things/a"))
    peer:send("wake up")
    assert.same({ "open /nil false", "text wake up" }, seen(2))
  end)

  it("goes with the writes it stands among", function()
    local url = ("%q"):format(upstream.url)
    assert.matches("rolled back", refusal(("storage:transaction(function() state:connect(%s) "
      .. "error('rolled back') end)"):format(url)))
    assert.same({}, sockets())
    upstream:expect_nobody()
    connect("/feed", "{ reconnect = { min = 600000 } }")
    upstream:take():cut()
    seen(1)
    assert.matches("rolled back", refusal("storage:transaction(function() "
      .. "state:getWebSockets()[1]:close() error('rolled back') end)"))
    assert.same({ "0 true /feed " }, sockets())
    upstream:accept():expect("hello")
    ask("storage:deleteAll()")
    upstream.peers[2]:cut()
    assert.matches("^close", seen(1)[1])
    assert.same({}, sockets())
    workbench.pass(server, 600000)
    upstream:expect_nobody()
  end)

  it("is cut by state:abort, and dialled anew", function()
    connect("/feed", "{ tags = { 'feed' } }")
    local peer = upstream:accept()
    peer:expect("hello")
    pcall(ask, "state:abort('enough')")
    peer:expect_close(1006)
    assert.same({ "0 true /feed feed" }, sockets())
    workbench.pass(server, 500)
    upstream:accept():expect("hello")
  end)

  it("is dialled later and later also when its handlers abort", function()
    connect("/feed", "{ tags = { 'feed' }, reconnect = { min = 600000, max = 3600000 } }")
    local peer = upstream:accept()
    peer:expect("hello")
    ask("state:getWebSockets()[1]:serializeAttachment('stored')")
    pcall(ask, "state:getWebSockets()[1]:serializeAttachment('not stored') state:abort('enough')")
    peer:expect_close(1006)
    workbench.pass(server, 240000) -- Half of the pause is certain.
    upstream:expect_nobody()
    assert.equal("stored", ask("return state:getWebSockets('feed')[1]:deserializeAttachment()"))
    pcall(ask, "state:abort('in the pause')") -- Which goes on.
    workbench.pass(server, 360000)
    peer = upstream:accept()
    peer:expect("hello")
    pcall(ask, "state:abort('again')")
    peer:expect_close(1006)
    workbench.pass(server, 540000)
    upstream:expect_nobody()
    workbench.pass(server, 660000)
    upstream:accept():expect("hello")
  end)

  it("is gone at once with all that is stored, so that another can be asked for", function()
    local function pausing()
      connect("/feed", "{ reconnect = { min = 600000 } }")
      upstream:take():cut()
      seen(1)
    end
    pausing()
    assert.equal(0, ask("storage:deleteAll() return #state:getWebSockets()"))
    connect("/next", "{ reconnect = { min = 600000 } }")
    assert.equal("/next", upstream:accept().path)
    assert.equal(0, (server:asking("delete", "things/a")))
    assert.same({}, sockets())
    pausing()
    assert.equal(0, (server:asking("delete", "things/a")))
    assert.same({}, sockets())
  end)
end)
