-- Three nodes under load, of which each leaves in turn: nobody at the others notices.
local cluster_nodes = require "spec.scenario.cluster_nodes"
local http = require "spec.support.http"
local Postgres = require "spec.scenario.postgres"
local Server = require "spec.support.server"

local SOURCE = [[
local od = require "open-do"

local Thing = {}
Thing.__index = Thing

function Thing.new(state, env)
  return setmetatable({ state = state, env = env }, Thing)
end

function Thing:count(what)
  local count = (self.state.storage:get(what) or 0) + 1
  self.state.storage:put(what, count)
  return count
end

function Thing:fetch(request)
  if request.headers:get("upgrade") then
    local client, server = od.WebSocketPair()
    self.state:acceptWebSocket(server)
    return od.Response(nil, { status = 101, webSocket = client })
  elseif request.path:match("/count$") then
    return od.Response(tostring(self:count("asked")))
  elseif request.path:match("/call$") then
    return od.Response(tostring(self.env.things:getByName(request.query.callee):count("called")))
  elseif request.path:match("/slow$") then
    od.log.info("it has begun")
    self:count("slow")
    od.sleep(300)
    return od.Response("done")
  end
  return od.Response(self.env.NODE)
end

function Thing:webSocketMessage(ws, message)
  ws:send(message .. " " .. self:count("heard"))
end

return { namespaces = { things = Thing } }
]]

local THINGS, SOCKETS, AHEAD = 24, 24, 3 -- Messages of one socket that are on their way at a time.

local eventually, TAKEN_OVER_S = cluster_nodes.eventually, cluster_nodes.TAKEN_OVER_S

-- Users of the nodes `stay`: each round is a request and a call for each thing, and messages on each
-- socket, from all nodes at once.
local Load = {}
Load.__index = Load

local function begin_load(stay, name)
  local self = setmetatable({ name = name, connections = {}, sockets = {}, rounds = 0,
    wrong = {} }, Load)
  for i = 1, 2 * THINGS do
    self.connections[i] = http.open(stay[i % #stay + 1].address)
  end
  for i = 1, SOCKETS do
    self.sockets[i] = stay[i % #stay + 1]:connect(("/things/%s%d"):format(name, i))
  end
  return self
end

function Load:note(what, ok, got, wanted)
  if not ok or got ~= wanted then
    self.wrong[#self.wrong + 1] = ("%s, round %d: expected %s, got %s"):format(what, self.rounds,
      wanted, tostring(got))
  end
end

function Load:say(socket)
  socket.said = (socket.said or 0) + 1
  socket:send(tostring(socket.said))
end

function Load:hear(i, socket)
  local ok, answer = pcall(socket.receive, socket, TAKEN_OVER_S)
  socket.heard = (socket.heard or 0) + 1
  self:note("socket " .. i, ok, answer, ("%d %d"):format(socket.heard, socket.heard))
end

function Load:round()
  self.rounds = self.rounds + 1
  for i = 1, THINGS do
    self.connections[i]:send_request("GET", ("/things/%s%d/count"):format(self.name, i))
    self.connections[THINGS + i]:send_request("GET", ("/things/%s%d/call?callee=%s%d"):format(
      self.name, i, self.name, (i + 7) % THINGS + 1))
  end
  for _, socket in ipairs(self.sockets) do
    self:say(socket)
  end
  for i, socket in ipairs(self.sockets) do
    if self.rounds > AHEAD then
      self:hear(i, socket)
    end
  end
  for i, connection in ipairs(self.connections) do
    local ok, answer = pcall(connection.read_answer, connection)
    self:note("request " .. i, ok, ok and answer.status .. " " .. answer.body or answer,
      "200 " .. self.rounds)
  end
end

function Load:stop()
  for i, socket in ipairs(self.sockets) do
    while socket.heard < socket.said do
      self:hear(i, socket)
    end
    socket:close(1000)
    socket:expect_close(1000)
  end
  for _, connection in ipairs(self.connections) do
    connection:close()
  end
end

describe("a node that leaves", function()
  local nodes = cluster_nodes.each()
  local postgres = Postgres.each()

  local function begin()
    return nodes:start(postgres, function(options)
      options.source = SOURCE
      table.insert(options.args, "--var=NODE=" .. #nodes.all + 1)
      return Server.start(options)
    end)
  end

  local function all_have_slots(count)
    eventually("all nodes have slots", function()
      return postgres:ask [[SELECT count(*) FROM (SELECT owner FROM od_slot GROUP BY owner
        HAVING count(*) > 200) AS s]] == tostring(count)
    end)
    for _, node in ipairs(nodes.all) do
      eventually("each sees all slots at all nodes", function()
        local code, page = node:asking("cluster", "status")
        local _, seen = page:gsub("node %d", "")
        return code == 0 and seen == count and not page:find("on their way", 1, true)
          and not page:find(": 0 slots", 1, true)
      end)
    end
  end

  it("fails no request and closes no socket at the others, each in turn under load", function()
    for _ = 1, 3 do
      begin()
    end
    all_have_slots(3)
    for turn, leaving in ipairs(nodes.all) do
      local stay = {}
      for _, node in ipairs(nodes.all) do
        stay[#stay + 1] = node ~= leaving and node or nil
      end
      local load = begin_load(stay, "n" .. turn .. "x")
      for _ = 1, AHEAD + 2 do
        load:round()
      end
      leaving.process:signal("TERM")
      repeat
        load:round()
        leaving.process:reap()
      until leaving.process:has_ended()
      for _ = 1, 5 do
        load:round()
      end
      load:stop()
      assert.same({}, load.wrong)
      assert.equal(0, leaving.process.code)
      leaving:launch()
      all_have_slots(3)
    end
  end)
end)
