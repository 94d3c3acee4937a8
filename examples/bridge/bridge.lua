-- One connection to a feed somewhere, shared by everybody in a room. The room dials it for the
-- first who comes and hangs up after the last who goes; in between it sleeps, and is woken by what
-- the feed says. Breaks of the feed are the room's matter, and nobody is disconnected by them.
--
-- The feed is a WebSocket at FEED/NAME (`--var FEED=wss://feed.example`). Without that it is the
-- ticker at the end of this script, so that there is something to look at.
local od = require "open-do"

local NAME_BYTES_MAX = 64

-- The response, and the socket if the request asks for one.
local function accept(state, request, tags)
  if request.headers:get("upgrade") ~= "websocket" then
    return od.Response("Expected a WebSocket\n", { status = 426 })
  end
  local client, server = od.WebSocketPair()
  state:acceptWebSocket(server, tags)
  return od.Response(nil, { status = 101, webSocket = client }), server
end

-- --- The room ------------------------------------------------------------------------------------

local Room = {}

local function tell(status, price)
  return od.json.encode { feed = status, price = price }
end

function Room:feed()
  return self.state:getWebSockets("feed")[1]
end

-- "up" when it is connected, and what it said last, which is stored: a room that slept knows it.
function Room:status()
  local feed = self:feed()
  return feed and feed.readyState == 1 and "up" or "down"
end

function Room:fetch(request)
  local response, ws = accept(self.state, request, { "people" })
  if not ws then
    return response
  end
  ws:send(tell(self:status(), self.state.storage:get("price")))
  if not self:feed() then
    local from = self.env.FEED or request.url:match("^http(s?://[^/]+)"):gsub("^", "ws")
      .. "/ticker"
    self.state:connect(from .. "/" .. self.state.id.name, { tags = { "feed" } })
  end
  return response
end

function Room:webSocketOpen(ws)
  ws:send(od.json.encode { subscribe = self.state.id.name })
  self.state:broadcast(tell "up", { tag = "people" })
end

-- From the feed to all; from one of the people to the feed.
function Room:webSocketMessage(ws, message)
  local feed = self:feed()
  if ws.outgoing then
    local price = tonumber(message)
    if price then
      self.state.storage:put("price", price)
      self.state:broadcast(tell("up", price), { tag = "people" })
    end
  elseif feed and feed.readyState == 1 then
    feed:send(message)
  end
end

function Room:webSocketClose(ws)
  if ws.outgoing then
    self.state:broadcast(tell "down", { tag = "people" })
  elseif #self.state:getWebSockets("people") == 1 then -- Who leaves is still counted.
    local feed = self:feed()
    if feed then
      feed:close(1000, "nobody listens")
    end
  end
end

-- --- The feed, while there is no real one --------------------------------------------------------

local Ticker = {}

local TICK_MS = 1000

function Ticker:fetch(request)
  local response, ws = accept(self.state, request)
  if ws then
    self.state.storage:setAlarm(od.now() + TICK_MS)
  end
  return response
end

function Ticker:alarm()
  local price = (self.state.storage:get("price") or 100) + 1
  self.state.storage:put("price", price)
  if self.state:broadcast(tostring(price)) > 0 then
    self.state.storage:setAlarm(od.now() + TICK_MS)
  end
end

-- "set 7" is what a person in the room may say; "break" is what feeds do at the worst time.
function Ticker:webSocketMessage(ws, message)
  local price = tonumber(message:match("^set (%d+)$"))
  if price then
    self.state.storage:put("price", price)
    self.state:broadcast(tostring(price))
  elseif message == "break" then
    ws:close(1012, "back in a moment")
  end
end

-- -------------------------------------------------------------------------------------------------

local function fetch(request, env)
  local kind, name = request.path:match("^/(%l+)/([%w_-]+)$")
  local namespace = ({ rooms = env.rooms, ticker = env.tickers })[kind]
  if not namespace or #name > NAME_BYTES_MAX then
    return od.Response("Not found\n", { status = 404 })
  end
  return namespace:getByName(name):fetch(request)
end

return { namespaces = { rooms = Room, tickers = Ticker }, fetch = fetch }
