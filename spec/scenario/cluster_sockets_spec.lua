-- Three nodes on a PostgreSQL: a client is served wherever it came, and outlives the owner of its
-- object.
local cluster_nodes = require "spec.scenario.cluster_nodes"
local Postgres = require "spec.scenario.postgres"
local Server = require "spec.support.server"

local SOURCE = [[
local od = require "open-do"

local Thing = {}

function Thing:fetch(request)
  if request.path:match("/socket$") then
    local client, server = od.WebSocketPair()
    self.state:acceptWebSocket(server, { "fresh" })
    server:serializeAttachment { count = 0 }
    return od.Response(nil, { status = 101, webSocket = client })
  elseif request.path:match("/tell$") then
    self.state:broadcast("settled")
  end
  return od.Response(self.env.NODE .. " " .. (self.state.storage:get("said") or "nothing"))
end

function Thing:webSocketMessage(ws, message)
  local kept = ws:deserializeAttachment()
  kept.count = kept.count + 1
  ws:serializeAttachment(kept)
  self.state.storage:put("said", message)
  ws:send(("%s %d %s %s"):format(self.env.NODE, kept.count, self.state:getTags(ws)[1], message))
  self.state:setTags(ws, { message })
end

return { namespaces = { things = Thing } }
]]

local eventually, TAKEN_OVER_S = cluster_nodes.eventually, cluster_nodes.TAKEN_OVER_S

describe("a client of a cluster", function()
  local nodes = cluster_nodes.each()
  local postgres = Postgres.each()

  local function begin()
    return nodes:start(postgres, function(options)
      options.source = SOURCE
      table.insert(options.args, "--var=NODE=" .. #nodes.all + 1)
      return Server.start(options)
    end)
  end

  local function start(count)
    for _ = 1, count do
      begin()
    end
    cluster_nodes.share_slots(postgres, count)
    return nodes.all
  end

  -- A thing of node `id`, whoever is asked.
  local function thing_of(id)
    local number = 0
    return eventually("a thing is at node " .. id, function()
      number = number + 1
      for _, node in ipairs(nodes.all) do
        if node:get("/things/n" .. number).body ~= id .. " nothing" then
          return false
        end
      end
      return "/things/n" .. number
    end)
  end

  it("keeps its WebSocket when the owner of its object is killed", function()
    local all = start(3)
    local there = thing_of(2)
    local client = all[1]:connect(there .. "/socket")
    client:send("one")
    client:expect("2 1 fresh one")
    -- Node 1 knows then that it is handled, and behind an answer has tags and attachment.
    all[1]:get(there .. "/tell")
    client:expect("settled")
    for _, node in ipairs(all) do
      assert.equal("2 one", node:get(there).body)
    end
    all[2]:kill()
    all[2].is_lost = true
    eventually("another node has it", function() -- What is sent before may have been lost.
      return all[1]:get(there).body:match("^[13] one$")
    end)
    client:send("two")
    local answer = client:receive(TAKEN_OVER_S)
    assert.truthy(answer == "1 2 one two" or answer == "3 2 one two", answer)
    assert.truthy(all[3]:get(there).body:match("^[13] two$"))
  end)

  it("keeps its WebSocket when the node it came to gives its object away", function()
    local first = start(1)[1]
    local clients = {}
    for i = 1, 40 do
      clients[i] = first:connect("/things/n" .. i .. "/socket")
      clients[i]:send("one")
      clients[i]:expect("1 1 fresh one")
    end
    begin()
    eventually("an object has moved", function()
      for i = 1, 40 do
        if first:get("/things/n" .. i).body:match("^2 ") then
          return true
        end
      end
    end)
    for i = 1, 40 do
      clients[i]:send("two")
      assert.truthy(clients[i]:receive(TAKEN_OVER_S):match("^[12] 2 one two$"))
    end
  end)
end)
