-- The objects that spec/bench measures: one namespace a test, each as a user would write it.
-- workerd/worker.js has the same classes; what an object answers is the same byte for byte.

local od = require "open-do"

local function accept(state)
  local client, server = od.WebSocketPair()
  state:acceptWebSocket(server)
  return od.Response(nil, { status = 101, webSocket = client })
end

-- What a message costs.
local Echo = {}

function Echo:fetch()
  return accept(self.state)
end

function Echo:webSocketMessage(ws, message, isBinary)
  ws:send(message, isBinary)
end

-- What a message to a room costs.
local Broadcast = {}

function Broadcast:fetch(request)
  if not request:isWebSocketUpgrade() then
    return self.state:acceptEventStream(request)
  end
  return accept(self.state)
end

function Broadcast:webSocketMessage(_, message, isBinary)
  self.state:broadcast(message, { isBinary = isBinary })
end

-- What a stored message costs: the output gate holds the answer until the write is on disk.
local Put = {}

function Put:fetch()
  return accept(self.state)
end

function Put:webSocketMessage(ws, message)
  self.state.storage:put("message", message)
  ws:send("stored")
end

-- The same where 10,000 keys are stored already: a request without a WebSocket stores them.
local KEYS = 10000
local Keys = {}

function Keys:fetch(request)
  if request:isWebSocketUpgrade() then
    return accept(self.state)
  end
  for i = 0, KEYS - 1 do
    self.state.storage:put(("key %d"):format(i), ("v"):rep(64))
  end
  return od.Response("stored")
end

function Keys:webSocketMessage(ws, message)
  self.next = ((self.next or 0) + 7919) % KEYS -- A prime: each of them has a turn.
  self.state.storage:put(("key %d"):format(self.next), message)
  ws:send("stored")
end

-- A message for which a script computes for a while: with many workers it is they who work.
local Work = {}

function Work:fetch()
  return accept(self.state)
end

function Work:webSocketMessage(ws, message)
  local sum = message
  for _ = 1, 200 do -- 0.1 ms where the processor knows SHA-256.
    sum = od.sha256(sum)
  end
  ws:send(message)
end

-- What the first touch of an object costs, with its first stored value.
local Counter = {}

function Counter:fetch()
  local storage = self.state.storage
  local count = (storage:get("count") or 0) + 1
  storage:put("count", count)
  return od.Response(tostring(count))
end

-- A message becomes a row of the object's own database.
local Sql = {}

function Sql:constructor()
  self.state.storage.sql:exec "CREATE TABLE IF NOT EXISTS message (id INTEGER PRIMARY KEY, text)"
end

function Sql:fetch()
  return accept(self.state)
end

function Sql:webSocketMessage(ws, message)
  self.state.storage.sql:exec("INSERT INTO message (text) VALUES (?)", message)
  ws:send("stored")
end

-- The first touch of an object with its first table and its first row.
local SqlCounter = {}

function SqlCounter:fetch()
  local sql = self.state.storage.sql
  sql:exec "CREATE TABLE IF NOT EXISTS visit (id INTEGER PRIMARY KEY)"
  local row = sql:exec("INSERT INTO visit DEFAULT VALUES RETURNING id"):one()
  return od.Response(tostring(row.id))
end

-- The same without storage: an instance is made, and nothing else.
local Touch = {}

function Touch:fetch()
  return od.Response("ok")
end

-- A body without an end, for readers who are slow.
local Tap = {}

function Tap:fetch()
  local piece = ("x"):rep(16384)
  return od.Response(function(stream)
    while true do
      stream:write(piece)
    end
  end)
end

return {
  namespaces = { echo = Echo, broadcast = Broadcast, put = Put, counter = Counter, touch = Touch,
    sql = Sql, sqlcounter = SqlCounter, taps = Tap, keys = Keys, work = Work },
}
