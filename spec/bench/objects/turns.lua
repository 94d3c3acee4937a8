-- The objects of spec/bench/turns: what makes a worker do much at once.

local od = require "open-do"

local PARTS = 1000 -- Of what is done in a loop, before others have a go.

-- One of many that are awake.
local Crowd = {}

function Crowd:touch()
  return self.state.storage:get(self.state.id.name)
end

function Crowd:keep()
  self.state.storage:put("kept", true)
end

-- Touches so many of the crowd, or has them store something, many at once.
local Host = {}

function Host:fetch(request)
  local query = request.query
  local calls = {}
  for i = tonumber(query.from), tonumber(query.to) do
    local one = self.env.crowd:getByName("c" .. i)
    if query.act ~= "keep" then
      one:touch()
    else
      calls[#calls + 1] = function() one:keep() end
    end
    if #calls == PARTS then
      od.all(calls)
      calls = {}
    end
  end
  od.all(calls)
  return od.Response("done")
end

-- A room with many sockets; and one beside it that answers, and leaves garbage behind.
local Room = {}

function Room:fetch(request)
  if not request.headers:get("upgrade") then
    if request.query.act == "count" then
      return od.Response(tostring(#self.state:getWebSockets()))
    end
    self.state:broadcast("news")
    return od.Response("done")
  end
  local client, server = od.WebSocketPair()
  self.state:acceptWebSocket(server)
  return od.Response(nil, { status = 101, webSocket = client })
end

function Room:webSocketMessage(ws)
  local litter = {}
  for i = 1, PARTS do
    litter[i] = { i }
  end
  ws:send(tostring(#litter))
end

-- Much in one object's storage.
local Store = {}

function Store:fetch(request)
  local storage, query = self.state.storage, request.query
  local size, from, to = tonumber(query.size), tonumber(query.from), tonumber(query.to)
  if query.act == "fill" then
    for i = from, to do
      storage:put(("k%07d"):format(i), ("v"):rep(size))
    end
  elseif query.act == "delete" then
    storage:deleteAll()
  elseif query.act == "list" then
    local count = 0
    for _ in storage:list() do
      count = count + 1
    end
    return od.Response(tostring(count))
  elseif query.act == "many" then
    local keys, count = {}, 0
    for i = from, to do
      keys[#keys + 1] = ("k%07d"):format(i)
    end
    for _ in pairs(storage:get(keys)) do
      count = count + 1
    end
    return od.Response(tostring(count))
  elseif query.act == "size" then
    return od.Response(tostring(#request:text()))
  elseif query.act == "say" then
    return od.Response(("x"):rep(size))
  end
  return od.Response("done")
end

return { namespaces = { crowd = Crowd, hosts = Host, rooms = Room, stores = Store } }
