-- WebSockets: how they are accepted, found by their tags, written to and read.
local workbench = require "spec.scenario.workbench"

-- `?how=` says what the upgrade does; messages beginning with "/" are orders, all others are echoed.
local SOURCE = [[
local od = require "open-do"
local bench = require "workbench"

local Thing = {}
local upgrades, orders = {}, {}

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

function orders.all(self, ws, word)
  return "reached " .. self.state:broadcast(word)
end

function orders.others(self, ws, word)
  return "reached " .. self.state:broadcast(word, { except = ws })
end

function orders.tagged(self, ws, tag)
  return "reached " .. self.state:broadcast("to " .. tag, { tag = tag, except = ws })
end

function orders.binary(self, ws)
  return "reached " .. self.state:broadcast("\255\0", { isBinary = true })
end

function orders.protocol(self, ws)
  return ws.protocol .. " " .. ws.url:match("^%w+://[^/]+(.*)$")
end

function orders.state(self, ws)
  return tostring(ws.readyState)
end

-- One of these runs at a time for one socket.
function orders.slow(self, ws, n)
  self.running = (self.running or 0) + 1
  local running = self.running
  for _ = 1, 3 do od.sleep(0) end
  self.running = self.running - 1
  return n .. " of " .. running
end

function orders.wait(self, ws)
  while not self.released do od.sleep(1) end
  return "released"
end

function orders.release(self)
  self.released = true
  return "releasing"
end

function Thing:webSocketMessage(ws, message, isBinary)
  local order, rest = message:match("^/(%l+) ?(.*)$")
  if order then
    ws:send(orders[order](self, ws, rest))
  else
    ws:send(message, isBinary)
  end
end

return { namespaces = { things = Thing } }
]]

describe("a WebSocket", function()
  local server

  setup(function()
    server = workbench.start(SOURCE)
  end)

  teardown(function()
    server:stop()
  end)

  local function ask(name, code)
    return workbench.ask(server, name, code)
  end

  local function sockets_of(name)
    return ask(name, "return #state:getWebSockets()")
  end

  describe("at the door", function()
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

    it("may bring its first messages along with the request", function()
      local ann = server:open()
      local websocket = require "spec.support.websocket"
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
      server:wait_log("a Response with status 101 must have a webSocket")
    end)

    it("is asked for by clients that did not, without harm", function()
      assert.equal(426, server:get("/things/unasked?how=greets").status)
      assert.equal(0, sockets_of("unasked"))
    end)

    it("needs a proper handshake", function()
      for header, value in pairs { ["sec-websocket-key"] = "short", ["sec-websocket-version"] = "8" } do
        local answer = server:handshake("/things/improper", { headers = { [header] = value } })
        assert.equal(value == "8" and 426 or 400, answer.status)
      end
      assert.equal("13", (server:handshake("/things/improper",
        { headers = { ["sec-websocket-version"] = "8" } })).headers["sec-websocket-version"])
    end)

    it("speaks the protocol that the handler chose", function()
      local ann = server:connect("/things/p?how=chooses&protocol=chat.v2", { protocols = { "chat.v1", "chat.v2" } })
      assert.equal("chat.v2", ann.protocol)
      ann:send("/protocol")
      ann:expect("chat.v2 /things/p?how=chooses&protocol=chat.v2")
      local answer = server:handshake("/things/p?how=chooses&protocol=odd", { protocols = { "chat.v1" } })
      assert.equal(500, answer.status)
      server:wait_log("odd")
    end)
  end)

  describe("with tags", function()
    it("is found by them, oldest first, and without newest first (142)", function()
      for _, tags in ipairs { "a", "a,b", "" } do
        server:connect("/things/tags?tags=" .. tags):send("hello")
      end
      local function list(argument)
        return ask("tags", ([[
          local names = {}
          for i, ws in ipairs(state:getWebSockets(%s)) do
            names[i] = "<" .. table.concat(state:getTags(ws), ",") .. ">"
          end
          return table.concat(names, " ")
        ]]):format(argument))
      end
      assert.equal("<a> <a,b>", list("'a'"))
      assert.equal("<a,b>", list("'b'"))
      assert.equal("<> <a,b> <a>", list(""))
      assert.equal("", list("'zzz'"))
      assert.equal("", list("''"))
    end)

    it("is the same value each time, with its fields (152)", function()
      server:connect("/things/same?tags=a")
      assert.is_true(ask("same", [[
        local ws = state:getWebSockets()[1]
        return ws == state:getWebSockets("a")[1] and ws.readyState == 1 and ws.bufferedAmount == 0
      ]]))
    end)

    it("has at most 10 of 256 bytes (140)", function()
      local accept = "local client, ws = od.WebSocketPair() state:acceptWebSocket(ws, %s) return #state:getTags(ws)"
      local function tags(count, bytes)
        return ("(function() local t = {} for i = 1, %d do t[i] = i .. ('x'):rep(%d - #tostring(i)) end return t end)()")
          :format(count, bytes)
      end
      assert.equal(10, ask("limits", accept:format(tags(10, 256))))
      assert.equal(1, ask("limits", accept:format("{ 'a', 'a', 'a' }")))
      assert.equal(1, ask("limits", accept:format("{ '' }")))
      assert.equal(0, ask("limits", accept:format("nil")))
      local function refused(argument)
        return workbench.refusal(server, "limits", accept:format(argument))
      end
      assert.matches("a Hibernatable WebSocket cannot have more than 10 tags", refused(tags(11, 8)), 1, true)
      assert.matches("is longer than the max tag length (256 characters).", refused(tags(1, 257)), 1, true)
      refused("{ 7 }")
      refused("'a'")
      assert.equal(0, sockets_of("limits"))
    end)

    it("can be accepted once, and only one end of a pair (143)", function()
      local again = workbench.refusal(server, "twice", [[
        local client, ws = od.WebSocketPair()
        state:acceptWebSocket(ws)
        state:acceptWebSocket(ws)
      ]])
      assert.matches("already accepted", again)
      workbench.refusal(server, "twice", [[
        local client, ws = od.WebSocketPair()
        state:acceptWebSocket(ws)
        state:acceptWebSocket(client)
      ]])
      workbench.refusal(server, "twice", "state:acceptWebSocket({})")
    end)

    it("has none, and is not listed, before it is accepted (145)", function()
      assert.matches("acceptWebSocket", workbench.refusal(server, "bare",
        "local client, ws = od.WebSocketPair() return state:getTags(ws)"))
      assert.matches("acceptWebSocket", workbench.refusal(server, "bare",
        "local client, ws = od.WebSocketPair() ws:send('early')"))
      assert.equal(0, sockets_of("bare"))
    end)
  end)

  describe("with others", function()
    it("gets its own messages only (148)", function()
      local ann, ben = server:connect("/things/own"), server:connect("/things/own")
      ann:send("for Ann")
      ann:expect("for Ann")
      ben:expect_silence()
    end)

    it("hears a broadcast, by tag and except one, and the object how many did", function()
      local ann = server:connect("/things/hall?tags=red")
      local ben = server:connect("/things/hall?tags=red,blue")
      local cleo = server:connect("/things/hall")
      ann:send("/all everyone")
      for _, person in ipairs { ann, ben, cleo } do
        person:expect("everyone")
      end
      ann:expect("reached 3")

      ann:send("/others but Ann")
      ann:expect("reached 2")
      ben:expect("but Ann")
      cleo:expect("but Ann")

      ann:send("/tagged red")
      ann:expect("reached 1")
      ben:expect("to red")
      ann:send("/tagged nobody")
      ann:expect("reached 0")
      cleo:send("/binary")
      assert.same({ "\255\0", true }, { cleo:receive() })
      cleo:expect("reached 3")
      assert.same({ "\255\0", true }, { ben:receive() })
    end)

    it("is handled strictly one message after another, while others are served (149)", function()
      local ann, ben = server:connect("/things/order"), server:connect("/things/order")
      ann:send("/wait")
      for i = 1, 10 do
        ann:send("/slow " .. i)
      end
      ben:send("served meanwhile")
      ben:expect("served meanwhile")
      ann:expect_silence()
      ben:send("/release")
      ben:expect("releasing")
      ann:expect("released")
      for i = 1, 10 do
        ann:expect(i .. " of 1")
      end
    end)

    it("may be one of hundreds", function()
      local people = {}
      for i = 1, 300 do
        people[i] = server:connect("/things/crowd?tags=everyone" .. (i % 100 == 0 and ",few" or ""))
      end
      people[1]:send("/all in")
      for _, person in ipairs(people) do
        person:expect("in")
      end
      people[1]:expect("reached 300")
      people[1]:send("/tagged few")
      people[1]:expect("reached 3")
      people[200]:expect("to few")
      people[201]:expect_silence()
      for i = 2, 300 do
        people[i]:cut()
      end
      people[1]:send("/state")
      people[1]:expect("1")
    end)
  end)
end)
