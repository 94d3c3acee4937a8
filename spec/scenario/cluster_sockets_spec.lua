-- Three nodes on a PostgreSQL: a client is served wherever it came, and outlives the owner of its
-- object.
local Postgres = require "spec.scenario.postgres"
local Server = require "spec.support.server"
local shell = require "spec.support.shell"
local socket = require "socket"

local SOURCE = [[
local od = require "open-do"

local Thing = {}
Thing.__index = Thing

function Thing.new(state, env)
  return setmetatable({ state = state, env = env }, Thing)
end

function Thing:fetch(request)
  if request.path:match("/socket$") then
    local client, server = od.WebSocketPair()
    self.state:acceptWebSocket(server, { "fresh" })
    server:serializeAttachment { count = 0 }
    return od.Response(nil, { status = 101, webSocket = client })
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

-- Longer than a node takes to be held for dead and another to take over, on a busy machine.
local TAKEN_OVER_S = 60

local function eventually(what, check)
  local ends = socket.gettime() + TAKEN_OVER_S
  repeat
    local ok, value = pcall(check)
    if ok and value then
      return value
    end
    socket.sleep(0.02)
  until socket.gettime() > ends
  error("in vain: " .. what, 2)
end

describe("a client of a cluster", function()
  local postgres, nodes, secret

  before_each(function()
    nodes, secret = {}, os.tmpname()
    shell.write(secret, "a secret that all of them know\n")
  end)

  after_each(function()
    for _, node in ipairs(nodes) do
      node:hang_up()
      if not node.is_lost then
        node:shut_down()
      end
      shell.remove(node.directory)
    end
    os.remove(secret)
  end)

  postgres = Postgres.each() -- Behind what ends the nodes, so that they stop first.

  local function start(count)
    for id = 1, count do
      nodes[id] = Server.start { source = SOURCE, env = { OPEN_DO_CLUSTER = postgres.url },
        args = { "--cluster-listen", "127.0.0.1:0", "--cluster-secret-file", secret,
          "--var", "NODE=" .. id } }
    end
    eventually("all nodes have slots", function()
      return postgres:ask [[SELECT count(*) FROM (SELECT owner FROM od_slot GROUP BY owner
        HAVING count(*) > 200) AS s]] == tostring(count)
    end)
  end

  -- A thing of node `id`, whoever is asked.
  local function thing_of(id)
    local number = 0
    return eventually("a thing is at node " .. id, function()
      number = number + 1
      for _, node in ipairs(nodes) do
        if node:get("/things/n" .. number).body ~= id .. " nothing" then
          return false
        end
      end
      return "/things/n" .. number
    end)
  end

  it("keeps its WebSocket when the owner of its object is killed", function()
    start(3)
    local there = thing_of(2)
    local client = nodes[1]:connect(there .. "/socket")
    client:send("one")
    client:expect("2 1 fresh one")
    for _, node in ipairs(nodes) do
      assert.equal("2 one", node:get(there).body)
    end
    nodes[2]:kill()
    nodes[2].is_lost = true
    eventually("another node has it", function() -- What is sent before may have been lost.
      return nodes[1]:get(there).body:match("^[13] one$")
    end)
    client:send("two")
    local answer = client:receive(TAKEN_OVER_S)
    assert.truthy(answer == "1 2 one two" or answer == "3 2 one two", answer)
    assert.truthy(nodes[3]:get(there).body:match("^[13] two$"))
  end)

  it("keeps its WebSocket when the node it came to gives its object away", function()
    start(1)
    local clients = {}
    for i = 1, 40 do
      clients[i] = nodes[1]:connect("/things/n" .. i .. "/socket")
      clients[i]:send("one")
      clients[i]:expect("1 1 fresh one")
    end
    nodes[2] = Server.start { source = SOURCE, env = { OPEN_DO_CLUSTER = postgres.url },
      args = { "--cluster-listen", "127.0.0.1:0", "--cluster-secret-file", secret,
        "--var", "NODE=2" } }
    eventually("an object has moved", function()
      for i = 1, 40 do
        if nodes[1]:get("/things/n" .. i).body:match("^2 ") then
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
