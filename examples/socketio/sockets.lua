-- Socket.IO v4 over its websocket transport, for `socket.io-client` with
-- { transports: ["websocket"] }: events, acknowledgements, rooms.
--
--   sockets.server { on = { say = function(socket, text) return "acknowledged" end },
--     connect = function(socket) end, disconnect = function(socket) end }        both optional
--
-- A socket has id, data (kept by socket:save()), emit(event, ...), join(room), leave(room), rooms,
-- and to(room, event, ...), which leaves itself out; the server has emit(room, event, ...). The
-- rooms of a socket are its tags.
local od = require "open-do"

local M = {}

local ROOMS_MAX, NAME_BYTES_MAX = 10, 128
local encode = od.json.encode

-- Engine.IO's packets are a digit in front of Socket.IO's, which are another in front of JSON.
local OPEN, CLOSE, PING, PONG, MESSAGE = "0", "1", "2", "3", "4"
local CONNECT, DISCONNECT, EVENT, ACK, CONNECT_ERROR = "0", "1", "2", "3", "4"

-- The client waits so long for Engine.IO's pings, and then hangs up. They would wake every object
-- again and again; the runtime's own WebSocket pings find the dead without that, so none are sent.
local PING_INTERVAL_MS = 2 ^ 30

local function event_text(...)
  return MESSAGE .. EVENT .. encode(od.json.array { ... })
end

-- A socket, as handlers see it --------------------------------------------------------------------

local Socket = {}
Socket.__index = Socket

function Socket:emit(event, ...)
  self.ws:send(event_text(event, ...))
end

-- Keeps what handlers have changed in `data`.
function Socket:save()
  self.ws:serializeAttachment { id = self.id, data = self.data }
end

function Socket:_move(room, isMember)
  self.rooms[room] = isMember
  local rooms = {}
  for name in pairs(self.rooms) do
    rooms[#rooms + 1] = name
  end
  assert(#rooms <= ROOMS_MAX, "too many rooms")
  self:save()
  self.server.state:setTags(self.ws, rooms)
end

function Socket:join(room)
  assert(type(room) == "string" and #room <= NAME_BYTES_MAX, "no such room")
  self:_move(room, true)
end

function Socket:leave(room)
  self:_move(room, nil)
end

-- To the others in [room].
function Socket:to(room, event, ...)
  self.server:_send(room, event_text(event, ...), self.ws)
end

-- The object --------------------------------------------------------------------------------------

local Server = {}

function Server:_send(room, text, except)
  self.state:broadcast(text, { tag = room, except = except })
end

function Server:emit(room, event, ...)
  self:_send(room, event_text(event, ...))
end

-- The socket behind [ws]; nil before it has said CONNECT.
function Server:_socket(ws)
  local kept = ws:deserializeAttachment()
  if not kept then
    return nil
  end
  local rooms = {}
  for _, room in ipairs(self.state:getTags(ws)) do
    rooms[room] = true
  end
  return setmetatable({ ws = ws, server = self, storage = self.state.storage, id = kept.id,
    rooms = rooms, data = kept.data }, Socket)
end

local answers = {}

answers[CONNECT] = function(self, ws, _, text)
  if text:byte() == 47 then
    return ws:send(MESSAGE .. CONNECT_ERROR .. text:match("^[^,]*") .. ","
      .. encode { message = "Invalid namespace" })
  end
  local id = od.randomUUID()
  ws:serializeAttachment { id = id, data = {} }
  ws:send(MESSAGE .. CONNECT .. encode { sid = id })
  if self.handlers.connect then
    self.handlers.connect(self:_socket(ws))
  end
end

answers[EVENT] = function(self, ws, socket, text)
  local number, list = text:match("^(%d*)(%[.*)$")
  list = od.json.decode(assert(list, "an event is a JSON array"))
  local act = assert(self.handlers.on[list[1]], "an unknown event")
  local result = { act(socket, unpack(list, 2, table.maxn(list))) }
  if number ~= "" and ws.readyState == 1 then
    ws:send(MESSAGE .. ACK .. number .. encode(od.json.array(result)))
  end
end

answers[DISCONNECT] = function(_, ws)
  ws:close(1000)
end

answers[ACK] = function() end

function Server:fetch(request)
  local query = request.query
  if not request:isWebSocketUpgrade() then
    return od.Response.json({ code = 0, message = "Transport unknown" }, { status = 400 })
  elseif query.EIO ~= "4" or query.transport ~= "websocket" then
    local problem = { code = 5, message = "Unsupported protocol version" }
    return od.Response.json(problem, { status = 400 })
  end
  local client, server = od.WebSocketPair()
  self.state:acceptWebSocket(server)
  server:send(OPEN .. encode { sid = od.randomUUID(), upgrades = od.json.array(),
    pingInterval = PING_INTERVAL_MS, pingTimeout = 20000, maxPayload = 1000000 })
  return od.Response(nil, { status = 101, webSocket = client })
end

function Server:webSocketMessage(ws, text, isBinary)
  local engine, kind, rest = text:match("^(%d)(%d?)(.*)$")
  if engine == PING then
    return ws:send(PONG .. text:sub(2))
  elseif engine == CLOSE or engine == PONG then
    return engine == CLOSE and ws:close(1000)
  end
  local socket = self:_socket(ws)
  local answer = not isBinary and engine == MESSAGE and (socket ~= nil) == (kind ~= CONNECT)
    and answers[kind]
  local ok, why = pcall(answer or error, self, ws, socket, rest)
  if not ok then
    od.log.warn("refused ", text:sub(1, 100), ": ", why)
    ws:close(1008, "not understood")
  end
end

function Server:webSocketClose(ws)
  local socket = self:_socket(ws)
  if not socket then
    return
  end
  if self.handlers.disconnect then
    self.handlers.disconnect(socket)
  end
end

-- A class whose sockets are answered by [handlers].
function M.server(handlers)
  local class = { handlers = handlers }
  for name, method in pairs(Server) do
    class[name] = method
  end
  return class
end

return M
