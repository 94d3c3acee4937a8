-- PartyKit's conventions for a room, so that `partysocket` finds what it looks for: a connection
-- has an id that the client chose (`?_pk=`) and keeps when it comes back, and a state of its own.
--
--   local Room = party.room { onConnect = function(self, connection, request) ... end,
--     onMessage = function(self, message, sender) ... end,
--     onClose = function(self, connection) ... end,
--     onRequest = function(self, request) return od.Response("...") end }
--
-- `self` has broadcast(message, without), getConnections(), id and storage.
local od = require "open-do"

local M = {}

local ID_BYTES_MAX = 200

local Connection = {}
Connection.__index = Connection

local function connection_of(ws)
  local kept = ws:deserializeAttachment()
  return setmetatable({ ws = ws, id = kept.id, state = kept.state }, Connection)
end

function Connection:send(message, isBinary)
  self.ws:send(message, isBinary)
end

function Connection:close(code, reason)
  self.ws:close(code, reason)
end

-- Kept with the connection, also while the room sleeps.
function Connection:setState(state)
  self.state = state
  self.ws:serializeAttachment { id = self.id, state = state }
end

local Room = {}

function Room:constructor(state)
  self.id, self.storage = state.id.name, state.storage
end

-- To everyone but the connections whose ids are listed in [without].
function Room:broadcast(message, without)
  local except = without and without[1] and self.state:getWebSockets(without[1])
  if not except or not except[1] and not without[2] then
    return self.state:broadcast(message)
  elseif #except == 1 and not without[2] then
    return self.state:broadcast(message, { except = except[1] })
  end
  local is_out = {}
  for _, id in ipairs(without) do
    is_out[id] = true
  end
  for _, connection in ipairs(self:getConnections()) do
    if not is_out[connection.id] then
      connection:send(message)
    end
  end
end

function Room:getConnections()
  local connections = {}
  for i, ws in ipairs(self.state:getWebSockets()) do
    connections[i] = connection_of(ws)
  end
  return connections
end

-- The newest with this id; nil when it is not here.
function Room:getConnection(id)
  local sockets = self.state:getWebSockets(id)
  return sockets[1] and connection_of(sockets[#sockets])
end

function Room:fetch(request)
  if not request:isWebSocketUpgrade() then
    return self.onRequest and self:onRequest(request)
      or od.Response("Not found\n", { status = 404 })
  end
  local id = request.query._pk or od.randomUUID()
  if #id > ID_BYTES_MAX then
    return od.Response("The id is too long\n", { status = 400 })
  end
  local client, server = od.WebSocketPair()
  self.state:acceptWebSocket(server, { id })
  server:serializeAttachment { id = id }
  if self.onConnect then
    self:onConnect(connection_of(server), request)
  end
  return od.Response(nil, { status = 101, webSocket = client })
end

function Room:webSocketMessage(ws, message, isBinary)
  if self.onMessage then
    self:onMessage(message, connection_of(ws), isBinary)
  end
end

function Room:webSocketClose(ws)
  if self.onClose then
    self:onClose(connection_of(ws))
  end
end

-- A class with the [handlers] of a party and the methods above.
function M.room(handlers)
  for name, method in pairs(Room) do
    handlers[name] = handlers[name] or method
  end
  return handlers
end

-- Routes /parties/PARTY/ROOM to the object ROOM of the namespace PARTY; nil when the path is
-- another.
function M.route(request, env)
  local party, room = request.path:match("^/parties/([%w_-]+)/([^/]+)$")
  if not party or not env[party] then
    return nil
  end
  return env[party]:getByName(od.url.decode(room)):fetch(request)
end

return M
