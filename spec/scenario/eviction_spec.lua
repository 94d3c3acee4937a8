-- Objects that lose their instance the moment they are idle: nothing they did before is lost, and
-- nobody who knows them notices.
local workbench = require "spec.scenario.workbench"

local SOURCE = [[
local od = require "open-do"

local Thing = { fetch = require("workbench").fetch }

function Thing:constructor()
  local storage = self.state.storage
  self.wakes = (storage:get("wakes") or 0) + 1
  storage:put("wakes", self.wakes)
  self.memory = 0
end

function Thing:visit()
  self.memory = self.memory + 1
  local stored = (self.state.storage:get("visits") or 0) + 1
  self.state.storage:put("visits", stored)
  return ("memory %d, stored %d"):format(self.memory, stored)
end

function Thing:webSocketMessage(ws, message)
  if message == "close" then
    ws:send("last words")
    ws:close(4001, "enough")
  elseif message == "watch" then
    local stub = self.env.things:getByName("visited")
    for _ = 1, 2 do
      ws:send(stub:visit())
      od.sleep(20)
    end
  else
    ws:send(("%s, wake %d"):format(message, self.wakes))
  end
end

return { namespaces = { things = Thing } }
]]

describe("an object that is put to sleep at once", function()
  local server = workbench.each(SOURCE, { workers = 1, args = { "--idle-ms", "0" } })

  it("keeps its sockets; each message meets a new instance (73) (184)", function()
    local ann = server:connect("/things/a")
    for i = 1, 3 do
      ann:send("hello")
      ann:expect(("hello, wake %d"):format(i + 1)) -- The first was for the handshake.
    end
    assert.equal(1, workbench.ask(server, "a", "return #state:getWebSockets()"))
    workbench.ask(server, "a", "state:getWebSockets()[1]:send('from here') return true")
    ann:expect("from here")
  end)

  it("keeps what it stored, not what it remembered; the same stub reaches it (67)", function()
    local ann = server:connect("/things/a")
    ann:send("watch") -- One handler, one stub; the visited sleeps in between.
    ann:expect("memory 1, stored 1")
    ann:expect("memory 1, stored 2")
  end)

  it("has sent what it sent last (181)", function()
    local ann, ben = server:connect("/things/a"), server:connect("/things/a")
    workbench.ask(server, "a", "return state:broadcast('good night')")
    ann:expect("good night")
    ben:expect("good night")
  end)

  it("has closed what it closed last (182)", function()
    local ann = server:connect("/things/a")
    ann:send("close")
    ann:expect("last words")
    ann:expect_close(4001, "enough")
  end)
end)
