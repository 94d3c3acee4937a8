-- An object as the WebSocket client of another object: both ends are sockets like any other.
local survival = require "spec.scenario.survival"
local workbench = require "spec.scenario.workbench"

local SOURCE = [[
local od = require "open-do"

-- Tells what happens to its sockets in `seen`, and answers "echo TEXT" with TEXT.
local Thing = {}

function Thing:constructor()
  self.seen = {}
end

function Thing:fetch(request)
  if request.path:match("/refuse$") then
    return od.Response("not here", { status = 403 })
  end
  if request.path:match("/slow$") then
    od.sleep(5000)
  end
  if request.headers:get("upgrade") == "websocket" and request.method == "GET" then
    local client, server = od.WebSocketPair()
    self.state:acceptWebSocket(server, { "server" })
    server:send("welcome")
    return od.Response(nil, { status = 101, webSocket = client,
      headers = { ["sec-websocket-protocol"] = request.headers:get("sec-websocket-protocol") } })
  end
  local response = require("workbench").fetch(self, request)
  return response
end

function Thing:webSocketMessage(ws, message, isBinary)
  self.seen[#self.seen + 1] = isBinary and "bytes " .. od.hex.encode(message) or message
  if message:match("^echo ") then
    ws:send(message:sub(6), isBinary)
  elseif message:match("^close ") then
    ws:close(tonumber(message:sub(7)), "asked to")
  end
end

function Thing:webSocketClose(ws, code, reason, wasClean)
  self.seen[#self.seen + 1] = ("closed %d %s %s"):format(code, reason, tostring(wasClean))
end

function Thing:webSocketError(ws, why)
  self.seen[#self.seen + 1] = "error " .. why
end

return { namespaces = { things = Thing } }
]]

describe("an object that asks another for a WebSocket", function()
  local server, start_with = workbench.asked(SOURCE, { workers = 1 })

  -- With one worker both are in it; with four, "a" and its peers are in others as well.
  local function start(workers)
    start_with { workers = workers }
  end

  local function ask(name, code)
    return workbench.ask(server, name, code)
  end

  local DIAL = [[
    local function dial(name, init)
      init = init or {}
      local headers = init.headers or {}
      headers.Upgrade = "websocket"
      local response = self.env.things:getByName(name):fetch(init.path or "/dial",
        { headers = headers })
      return response
    end
  ]]

  -- Makes `name` a client of `peer`.
  local function connect(name, peer, init)
    return ask(name, DIAL .. ([[
      local response = dial(%q, %s)
      state:acceptWebSocket(response.webSocket, { "client" })
      return response.status
    ]]):format(peer, init or "nil"))
  end

  -- Waits until `name` has seen `text`, by asking it: each question is an event behind the others.
  local function expect_seen(name, text)
    for _ = 1, 1000 do
      for _, seen in ipairs(ask(name, "od.sleep(5) return self.seen")) do
        if seen == text then
          return
        end
      end
    end
    error(("%s has not seen %q but %s"):format(name, text,
      table.concat(ask(name, "return self.seen"), "; ")), 2)
  end

  for _, workers in ipairs { 1, 4 } do
    describe(("with %d workers"):format(workers), function()
      it("sends and hears text and bytes, of any size", function()
        start(workers)
        for _, peer in ipairs { "b", "c", "d", "e" } do
          assert.equal(101, connect("a", peer))
        end
        for _ = 1, 4 do
          expect_seen("a", "welcome")
        end
        ask("a", [[
          for _, ws in ipairs(state:getWebSockets("client")) do
            ws:send("echo text")
            ws:send("echo \0\255", true)
            ws:send("echo " .. ("x"):rep(70000))
            ws:send("")
          end
        ]])
        expect_seen("a", "text")
        expect_seen("a", ("x"):rep(70000))
        assert.equal(16, ask("a", [[
          local count = 0
          for _, text in ipairs(self.seen) do
            count = count + ((text == "welcome" or text == "text" or text == "bytes 00ff"
              or #text == 70000) and 1 or 0)
          end
          return count
        ]]))
      end)
    end)
  end

  it("has sockets with tags, attachment, URL, protocol and state", function()
    start()
    connect("a", "b", '{ headers = { ["Sec-WebSocket-Protocol"] = "talk" } }')
    assert.same({ "client", "http://object/dial", "talk", 1, 7, 1 }, ask("a", [[
      local ws = state:getWebSockets("client")[1]
      ws:serializeAttachment(7)
      return { state:getTags(ws)[1], ws.url, ws.protocol, ws.readyState, ws:deserializeAttachment(),
        #state:getWebSockets() }
    ]]))
    assert.same({ "server", "http://object/dial", "talk" }, ask("b", [[
      local ws = state:getWebSockets()[1]
      return { state:getTags(ws)[1], ws.url, ws.protocol }
    ]]))
  end)

  it("is told of a close from either side", function()
    start()
    connect("a", "b")
    ask("a", "state:getWebSockets()[1]:send('close 4001')")
    expect_seen("a", "closed 4001 asked to true")
    expect_seen("b", "closed 4001  true")
    connect("a", "c")
    ask("a", "state:getWebSockets()[1]:close(4002, 'enough')")
    expect_seen("c", "closed 4002 enough true")
    expect_seen("a", "closed 4002  true")
    assert.equal(0, ask("a", "return #state:getWebSockets()"))
    assert.equal(0, ask("c", "return #state:getWebSockets()"))
  end)

  it("can broadcast to servers and to clients at once", function()
    start()
    local ann = server:connect("/things/a")
    ann:expect("welcome")
    connect("a", "b")
    connect("a", "c")
    assert.equal(3, ask("a", "return state:broadcast('news')"))
    ann:expect("news")
    expect_seen("b", "news")
    expect_seen("c", "news")
  end)

  it("may be the client of itself", function()
    start()
    connect("a", "a")
    ask("a", "state:getWebSockets('client')[1]:send('echo myself')")
    expect_seen("a", "myself")
    assert.equal(2, ask("a", "return #state:getWebSockets()"))
  end)

  it("sleeps with its sockets, and is woken by them", function()
    start()
    connect("a", "b")
    expect_seen("a", "welcome")
    ask("a", "state:getWebSockets()[1]:serializeAttachment('kept')")
    workbench.fall_asleep(server)
    assert.is_nil(server:why_awake("things/a"))
    assert.is_nil(server:why_awake("things/b"))
    ask("b", "state:getWebSockets()[1]:send('wake up')")
    expect_seen("a", "wake up")
    assert.same({ 1, "kept" }, ask("a", [[
      return { #self.seen, state:getWebSockets()[1]:deserializeAttachment() }
    ]]))
    ask("a", "state:getWebSockets()[1]:send('echo good morning')")
    expect_seen("a", "good morning")
  end)

  it("keeps them when the script changes", function()
    start()
    connect("a", "b")
    expect_seen("a", "welcome")
    server:save(SOURCE .. "\n-- changed\n")
    server.process:signal("HUP")
    server:wait_version(2)
    ask("a", "state:getWebSockets()[1]:send('echo after')")
    expect_seen("a", "after")
  end)

  it("keeps them when its worker dies", function()
    start(1)
    server:expect_mishap("another one is started")
    connect("a", "b")
    expect_seen("a", "welcome")
    ask("b", "return true")
    os.execute("kill -KILL " .. server.process:children()[1])
    server:wait_log("another one is started")
    ask("a", "state:getWebSockets()[1]:send('echo survived')")
    expect_seen("a", "survived")
  end)

  it("gets what else the other answers", function()
    start()
    assert.same({ 403, "not here", true }, ask("a", DIAL .. [[
      local response = dial("b", { path = "/refuse" })
      return { response.status, response:text(), response.webSocket == nil }
    ]]))
  end)

  it("hands one on that it has not accepted", function()
    start()
    local SWITCH = [[
      local od = require "open-do"
    ]] .. SOURCE:gsub('return { namespaces', [[
      local Switch = {}
      function Switch:fetch(request)
        return self.env.things:getByName("b"):fetch(request)
      end
      return { namespaces]]):gsub("things = Thing", "things = Thing, switches = Switch")
    server:stop()
    start_with({}, SWITCH)
    local ann = server:connect("/switches/x")
    ann:expect("welcome")
    ann:send("echo through")
    ann:expect("through")
  end)

  it("closes one that nobody takes when the handler ends", function()
    start()
    assert.equal(101, ask("a", DIAL .. "return dial('b').status"))
    expect_seen("b", "closed 1006 WebSocket disconnected without sending Close frame. false")
    assert.equal(0, ask("b", "return #state:getWebSockets()"))
  end)

  it("is told what is wrong with taking one", function()
    start()
    local function problem(code)
      return workbench.refusal(server, "a", DIAL .. "local ws = dial('b').webSocket " .. code)
    end
    assert.is_truthy(problem("ws:send('x')"):find("send: this is another object's WebSocket; take "
      .. "it with state:acceptWebSocket, or return it in a Response", 1, true))
    assert.is_truthy(problem("state:acceptWebSocket(ws) state:acceptWebSocket(ws)"):find(
      "the WebSocket was already accepted", 1, true))
    assert.is_truthy(problem("state:acceptWebSocket(ws, { 1 })"):find(
      "acceptWebSocket: tag 1 must be a string, got a number", 1, true))
    assert.is_truthy(problem("state:acceptWebSocket(ws, 'tag')"):find(
      "an array of strings", 1, true))
    ask("a", DIAL .. "self.kept = dial('b').webSocket")
    assert.is_truthy(workbench.refusal(server, "a", "state:acceptWebSocket(self.kept)"):find(
      "acceptWebSocket: this WebSocket is closed: it must be accepted or returned by the handler "
      .. "whose fetch it came from", 1, true))
  end)

  it("loses it to nobody's harm when the other is aborted, or it itself", function()
    start()
    connect("a", "b")
    expect_seen("a", "welcome")
    server:post("/things/b", "state:abort('enough')")
    expect_seen("a", "closed 1006 WebSocket disconnected without sending Close frame. false")
    connect("a", "c")
    ask("c", "return true")
    server:post("/things/a", "state:abort('enough')")
    expect_seen("c", "closed 1006 WebSocket disconnected without sending Close frame. false")
  end)

  -- After half a minute the socket went without a word, though its handler may have told everybody
  -- of who has come.
  it("dies with its worker before it has taken one, of which the other hears", function()
    start(2)
    server:expect_mishap("another one is started")
    local function worker_of(name)
      return survival.worker_of_id(server, ask(name, "return tostring(state.id)"))
    end
    local asker = 1
    while worker_of("a" .. asker) == worker_of("b") do
      asker = asker + 1
    end
    workbench.begin(server, "a" .. asker, DIAL .. "dial('b') print('dialled') od.sleep(20000)")
    server:wait_log("dialled")
    assert.equal(1, ask("b", "return #state:getWebSockets()"))
    survival.kill(server:status().workers[worker_of("a" .. asker) + 1].pid)
    server:wait_log("another one is started")
    server:turn_clock(31000)
    expect_seen("b", "closed 1006 WebSocket disconnected without sending Close frame. false")
    assert.equal(0, ask("b", "return #state:getWebSockets()"))
  end)

  -- What it had connected again, when all were told that the server goes, was closed by nobody: a
  -- stop took its ten seconds, and killed the workers.
  it("connects again when it is told of an end, and holds up no end of the server", function()
    start()
    server:stop()
    start_with({}, [[
      local od = require "open-do"
      local Thing = {}
      function Thing:fetch(request)
        if request:isWebSocketUpgrade() then
          local client, server = od.WebSocketPair()
          self.state:acceptWebSocket(server)
          return od.Response(nil, { status = 101, webSocket = client })
        end
        self:connect()
        return od.Response()
      end
      function Thing:connect()
        local init = { headers = { Upgrade = "websocket" } }
        local response = self.env.things:getByName("b"):fetch("/dial", init)
        self.state:acceptWebSocket(response.webSocket, { "client" })
      end
      function Thing:webSocketClose(ws)
        if self.state:getTags(ws)[1] == "client" then
          self:connect()
          od.log.info("connected again")
        end
      end
      return { namespaces = { things = Thing } }
    ]])
    assert.equal(200, server:post("/things/a", "").status)
    server:shut_down()
    assert.is_truthy(server.process:output():find("connected again", 1, true))
  end)
end)
