-- WebSockets of an object: found by their tags, spoken to one by one and together.
local workbench = require "spec.scenario.workbench"

-- Messages beginning with "/" are orders, all others are echoed.
local SOURCE = [[
local od = require "open-do"

local Thing = { fetch = require("workbench").fetch }
local orders = {}

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
  local server = workbench.once(SOURCE)

  local function ask(name, code)
    return workbench.ask(server, name, code)
  end

  local function sockets_of(name)
    return ask(name, "return #state:getWebSockets()")
  end

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

    it("can get others later, and stands in their order as if it had come with them", function()
      for _, name in ipairs { "one", "two", "three" } do
        server:connect("/things/moves?tags=" .. name .. ",old"):send("hello")
      end
      assert.equal("one,two,three / 2 / 0 / two|new / 1", ask("moves", [[
        local one, two = state:getWebSockets("one")[1], state:getWebSockets("two")[1]
        state:setTags(state:getWebSockets("three")[1], { "three", "new" })
        state:setTags(two, { "two", "new", "two" })
        state:setTags(one, { "one", "new" })
        local names = {}
        for i, ws in ipairs(state:getWebSockets("new")) do names[i] = state:getTags(ws)[1] end
        local reached = state:broadcast("x", { tag = "new", except = one })
        local tags = table.concat(state:getTags(two), "|")
        state:setTags(one, {})
        state:setTags(two, {})
        return table.concat(names, ",") .. " / " .. reached .. " / " .. #state:getWebSockets("old")
          .. " / " .. tags .. " / " .. #state:getWebSockets("new")
      ]]))
    end)

    it("cannot get more of them, or longer ones, than when it is accepted (140)", function()
      server:connect("/things/wrong?tags=a"):send("hello")
      local function refused(code)
        return workbench.refusal(server, "wrong", "local ws = state:getWebSockets()[1] " .. code)
      end
      assert.matches("cannot have more than 10 tags",
        refused("state:setTags(ws, { '1', '2', '3', '4', '5', '6', '7', '8', '9', '10', '11' })"))
      assert.matches("longer than the max tag length",
        refused("state:setTags(ws, { ('x'):rep(257) })"))
      assert.matches("setTags: argument 2 must be an array of strings, got nothing",
        refused("state:setTags(ws)"))
      assert.matches("setTags: tag 2 must be a string, got a table",
        refused("state:setTags(ws, { 'b', {} })"))
      assert.matches("setTags: argument 1 must be a WebSocket", refused("state:setTags('ws', {})"))
      assert.matches("setTags: call acceptWebSocket%(%)",
        refused("local _, new = od.WebSocketPair() state:setTags(new, {})"))
      assert.equal("a", ask("wrong", "return state:getTags(state:getWebSockets()[1])[1]"))
    end)

    it("is the same value each time, with its fields (152)", function()
      server:connect("/things/same?tags=a")
      assert.is_true(ask("same", [[
        local ws = state:getWebSockets()[1]
        return ws == state:getWebSockets("a")[1] and ws.readyState == 1 and ws.bufferedAmount == 0
      ]]))
    end)

    it("has at most 10 of 256 bytes (140)", function()
      local accept = [[
        local function tags(count, bytes)
          local made = {}
          for i = 1, count do made[i] = i .. ("x"):rep(bytes - #tostring(i)) end
          return made
        end
        local client, ws = od.WebSocketPair()
        state:acceptWebSocket(ws, %s)
        return #state:getTags(ws)
      ]]
      assert.equal(10, ask("limits", accept:format("tags(10, 256)")))
      assert.equal(1, ask("limits", accept:format("{ 'a', 'a', 'a' }")))
      assert.equal(1, ask("limits", accept:format("{ '' }")))
      assert.equal(0, ask("limits", accept:format("nil")))
      local function refused(argument)
        return workbench.refusal(server, "limits", accept:format(argument))
      end
      assert.matches("a Hibernatable WebSocket cannot have more than 10 tags",
        refused("tags(11, 8)"), 1, true)
      assert.matches("is longer than the max tag length (256 characters).",
        refused("tags(1, 257)"), 1, true)
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
