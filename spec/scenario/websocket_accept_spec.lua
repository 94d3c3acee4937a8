-- The door of a WebSocket: how an object accepts an upgrade, refuses it, or fails to.
local workbench = require "spec.scenario.workbench"
local websocket = require "spec.support.websocket"

-- `?how=` says what the upgrade does; messages are echoed.
local SOURCE = [[
local od = require "open-do"
local bench = require "workbench"

local Thing = {}
local upgrades = {}

local function pair(self, tags)
  local client, socket = od.WebSocketPair()
  self.state:acceptWebSocket(socket, tags)
  return od.Response(nil, { status = 101, webSocket = client }), socket
end

function upgrades.late(self)
  od.sleep(1)
  local response, socket = pair(self)
  od.sleep(1)
  socket:send("thought about it")
  return response
end

function upgrades.greets(self)
  local response, socket = pair(self)
  socket:send("first")
  socket:send("\1\2", true)
  self.state:broadcast("third")
  return response
end

function upgrades.short(self, request)
  local response, socket = self.state:acceptWebSocket(request, { "short" })
  if socket then
    socket:send("tagged " .. self.state:getTags(socket)[1])
    response.headers:set("x-room", "7")
  end
  return response
end

function upgrades.shortest(self, request)
  return self.state:acceptWebSocket(request)
end

function upgrades.misused(self, request)
  local response = self.state:acceptWebSocket(request.headers)
  return response
end

function upgrades.refuses(self)
  return od.Response("members only", { status = 403, headers = { ["x-why"] = "no ticket" } })
end

function upgrades.throws(self)
  pair(self)
  error("on the doorstep")
end

function upgrades.regrets(self)
  pair(self)
  return od.Response("changed my mind", { status = 409 })
end

function upgrades.naked(self)
  return od.Response(nil, { status = 101 })
end

-- What od.Response is given instead of the client's end of a pair whose other end is accepted.
local mistakes = {}

function mistakes.text()
  return "client"
end

function mistakes.accepted(self)
  local _, socket = od.WebSocketPair()
  self.state:acceptWebSocket(socket)
  return socket
end

function mistakes.forgotten()
  return (od.WebSocketPair())
end

function upgrades.mistakes(self, request)
  local webSocket = mistakes[request.query.mistake](self)
  return od.Response(nil, { status = 101, webSocket = webSocket })
end

function upgrades.twice(self)
  local response = pair(self)
  self.kept = self.kept or response
  return self.kept
end

function upgrades.chooses(self, request)
  local response, socket = pair(self)
  response.headers:set("Sec-WebSocket-Protocol", request.query.protocol)
  return response
end

function Thing:fetch(request)
  local upgrade = upgrades[request.query.how]
  if upgrade then
    return upgrade(self, request)
  end
  return bench.fetch(self, request)
end

function Thing:webSocketMessage(ws, message, isBinary)
  if message == "describe yourself" then
    ws:send(ws.protocol .. " " .. ws.url:match("^%w+://[^/]+(.*)$"))
  else
    ws:send(message, isBinary)
  end
end

return { namespaces = { things = Thing } }
]]

describe("at the door a WebSocket", function()
  local server = workbench.once(SOURCE)

  local function sockets_of(name)
    return workbench.ask(server, name, "return #state:getWebSockets()")
  end

  it("is accepted, and echoes", function()
    local ann = server:connect("/things/echo")
    ann:send("hello")
    ann:expect("hello")
    assert.is_nil(ann.protocol)
  end)

  it("is accepted by a handler that took its time", function()
    local ann = server:connect("/things/late?how=late")
    ann:expect("thought about it")
    ann:send("good")
    ann:expect("good")
  end)

  it("gets what was sent before the 101 left behind it", function()
    local ann = server:connect("/things/greets?how=greets")
    assert.same({ "first", false }, { ann:receive() })
    assert.same({ "\1\2", true }, { ann:receive() })
    ann:expect("third")
  end)

  it("is accepted with the request alone", function()
    local ann = server:connect("/things/short?how=short")
    ann:expect("tagged short")
    ann:send("hello")
    ann:expect("hello")
    assert.equal("7", server:handshake("/things/short?how=short").headers["x-room"])
    local ben = server:connect("/things/short?how=shortest")
    ben:send("hello")
    ben:expect("hello")
    for _, how in ipairs { "short", "shortest" } do
      assert.equal(426, server:get("/things/nobody?how=" .. how).status)
    end
    assert.equal(0, sockets_of("nobody"))
    assert.equal(500, server:handshake("/things/nobody?how=misused").status)
    server:wait_log("acceptWebSocket: argument 1 must be a WebSocket")
    server:wait_log("self.state:acceptWebSocket%(request.headers%)")
  end)

  it("may bring its first messages along with the request", function()
    local ann = server:open()
    ann:write("GET /things/hasty HTTP/1.1\r\nHost: h\r\nConnection: keep-alive, Upgrade\r\n"
      .. "Upgrade: WebSocket\r\nSec-WebSocket-Version: 13\r\n"
      .. "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
      .. websocket.encode { opcode = "text", payload = "quick" })
    assert.equal(101, ann:read_answer().status)
    assert.equal("\129\5quick", ann.tcp:receive(7))
  end)

  it("can be refused with any status and body, on a connection that stays", function()
    local answer, connection = server:handshake("/things/refused?how=refuses")
    assert.equal(403, answer.status)
    assert.equal("members only", answer.body)
    assert.equal("no ticket", answer.headers["x-why"])
    assert.equal(200, connection:request("POST", "/things/refused", { body = "return 1" }).status)
  end)

  it("is an HTTP error when the handler throws, and nothing is listed (146)", function()
    assert.equal(500, (server:handshake("/things/throws?how=throws")).status)
    server:wait_log("on the doorstep")
    assert.equal(0, sockets_of("throws"))
  end)

  it("is not listed when the handler accepted it but answered otherwise", function()
    assert.equal(409, (server:handshake("/things/regrets?how=regrets")).status)
    assert.equal(0, sockets_of("regrets"))
  end)

  it("must be the other end of a pair", function()
    assert.equal(500, (server:handshake("/things/naked?how=naked")).status)
    server:wait_log("or 101 with a webSocket")
  end)

  it("is refused with what is wrong when it is the wrong end, or was used", function()
    for mistake, text in pairs {
      text = "the field webSocket of a Response must be a WebSocket, it is a string",
      accepted = "Can't return WebSocket in a Response after calling acceptWebSocket(); return "
        .. "the other end of the pair",
      forgotten = "the other end of the WebSocketPair was not accepted: call "
        .. "state:acceptWebSocket(server) before the client's end is returned",
    } do
      local path = "/things/" .. mistake .. "?how=mistakes&mistake=" .. mistake
      assert.equal(500, (server:handshake(path)).status)
      server:wait_log(text:gsub("%p", "%%%0"))
      assert.equal(0, sockets_of(mistake))
    end
    server:connect("/things/twice?how=twice")
    assert.equal(500, (server:handshake("/things/twice?how=twice")).status)
    server:wait_log("this WebSocket was already used in a response")
    assert.equal(1, sockets_of("twice"))
  end)

  it("is asked for by clients that did not, without harm", function()
    local answer = server:get("/things/unasked?how=greets")
    assert.same({ 426, "websocket" }, { answer.status, answer.headers.upgrade })
    assert.equal(0, sockets_of("unasked"))
  end)

  it("needs a proper handshake", function()
    local short = { headers = { ["sec-websocket-key"] = "short" } }
    assert.equal(400, (server:handshake("/things/improper", short)).status)
    local old = { headers = { ["sec-websocket-version"] = "8" } }
    local answer = server:handshake("/things/improper", old)
    assert.equal(426, answer.status)
    assert.equal("13", answer.headers["sec-websocket-version"])
  end)

  it("speaks the protocol that the handler chose", function()
    local ann = server:connect("/things/p?how=chooses&protocol=chat.v2",
      { protocols = { "chat.v1", "chat.v2" } })
    assert.equal("chat.v2", ann.protocol)
    ann:send("describe yourself")
    ann:expect("chat.v2 /things/p?how=chooses&protocol=chat.v2")
    local answer = server:handshake("/things/p?how=chooses&protocol=odd",
      { protocols = { "chat.v1" } })
    assert.equal(500, answer.status)
    server:wait_log("odd")
  end)
end)
