-- Phoenix channels (protocol 2.0.0), so that the `phoenix` client finds what it looks for: many
-- topics over one socket, replies to what is pushed, and presence.
--
--   local Room = { pattern = "^room:%w+$", commands = {} }
--   function Room.join(channel, payload) return true, reply | false, reason end
--   function Room.joined(channel) channel:track("Ann", { mood = "fine" }) end         optional
--   function Room.commands.shout(channel, payload) channel:broadcast("shout", payload) end
--   return { namespaces = { socket = channels.endpoint { Room } } }
--
-- The topics a socket has joined are its tags; what it is in each of them is in its attachment.
local od = require "open-do"

local M = {}

local TOPICS_MAX, TOPIC_BYTES_MAX = 10, 200
local encode, null = od.json.encode, od.json.null

local function frame(join_ref, ref, topic, event, payload)
  return encode { join_ref or null, ref or null, topic, event, payload }
end

local function is_empty(payload)
  return payload == nil or payload == null
end

-- A channel: one socket in one topic --------------------------------------------------------------

local Channel = {}
Channel.__index = Channel

-- { ref = the client's number of this joining, key =, meta = of its presence, or nil }
function Channel:_membership()
  return self.ws:deserializeAttachment()[self.topic]
end

function Channel:_change(membership)
  local memberships = self.ws:deserializeAttachment()
  memberships[self.topic] = membership
  self.ws:serializeAttachment(memberships)
end

function Channel:push(event, payload)
  self.ws:send(frame(self:_membership().ref, nil, self.topic, event, payload))
end

-- To everyone in the topic.
function Channel:broadcast(event, payload)
  self.endpoint:_broadcast(self.topic, event, payload)
end

function Channel:broadcastFrom(event, payload)
  self.endpoint:_broadcast(self.topic, event, payload, self.ws)
end

-- Shows in the topic that [key] is here, as long as this channel is; the others are told.
function Channel:track(key, meta)
  meta.phx_ref = od.randomUUID()
  local membership = self:_membership()
  membership.key, membership.meta = key, meta
  self:_change(membership)
  self:push("presence_state", self.endpoint:_presence(self.topic))
  local joins = { [key] = { metas = { meta } } }
  self:broadcastFrom("presence_diff", { joins = joins, leaves = {} })
end

-- The object behind all sockets of one endpoint ---------------------------------------------------

local Endpoint = {}

function Endpoint:constructor(state)
  self.storage = state.storage
end

function Endpoint:_join(topic, ws)
  local topics = self.state:getTags(ws)
  topics[#topics + 1] = topic
  self.state:setTags(ws, topics)
end

function Endpoint:_broadcast(topic, event, payload, except)
  self.state:broadcast(frame(nil, nil, topic, event, payload), { tag = topic, except = except })
end

-- { [key] = { metas = { one for each tab } } }
function Endpoint:_presence(topic)
  local present = {}
  for _, ws in ipairs(self.state:getWebSockets(topic)) do
    local member = ws:deserializeAttachment()[topic]
    if member.key then
      present[member.key] = present[member.key] or { metas = {} }
      table.insert(present[member.key].metas, member.meta)
    end
  end
  return present
end

function Endpoint:_channel(ws, topic)
  for _, kind in ipairs(self.channels) do
    if topic:find(kind.pattern) then
      return setmetatable({ ws = ws, topic = topic, endpoint = self, kind = kind,
        storage = self.storage }, Channel)
    end
  end
end

function Endpoint:_leave(channel)
  local membership = channel:_membership()
  if not membership then
    return
  end
  channel:_change(nil)
  local topics = {}
  for _, topic in ipairs(self.state:getTags(channel.ws)) do
    topics[#topics + 1] = topic ~= channel.topic and topic or nil
  end
  self.state:setTags(channel.ws, topics)
  if membership.key then
    local leaves = { [membership.key] = { metas = { membership.meta } } }
    self:_broadcast(channel.topic, "presence_diff", { joins = {}, leaves = leaves }, channel.ws)
  end
end

local function reply(message, status, response)
  local payload = { status = status, response = is_empty(response) and {} or response }
  message.ws:send(frame(message.join_ref, message.ref, message.topic, "phx_reply", payload))
end

local events = {}

function events.phx_join(self, message, channel)
  if not channel or #self.state:getTags(message.ws) >= TOPICS_MAX then
    return reply(message, "error", { reason = channel and "too many topics" or "unmatched topic" })
  end
  self:_leave(channel) -- It joins again: as in Phoenix, the newer takes the place of the older.
  local ok, answer = channel.kind.join(channel, message.payload)
  if not ok then
    return reply(message, "error", { reason = answer })
  end
  channel:_change { ref = message.join_ref }
  self:_join(message.topic, message.ws)
  reply(message, "ok", answer)
  if channel.kind.joined then
    channel.kind.joined(channel, message.payload)
  end
end

function events.phx_leave(self, message, channel)
  if channel then
    self:_leave(channel)
  end
  reply(message, "ok")
  message.ws:send(frame(message.join_ref, message.ref, message.topic, "phx_close", {}))
end

function events.heartbeat(_, message)
  reply(message, "ok")
end

-- What the channel's own commands do with all other events; what they return is the reply.
local function command(_, message, channel)
  if not channel or not channel:_membership() then
    return reply(message, "error", { reason = "unmatched topic" })
  end
  local act = channel.kind.commands[message.event]
  if not act then
    return reply(message, "error", { reason = "unknown event" })
  end
  local answer, problem = act(channel, message.payload)
  if problem then
    return reply(message, "error", { reason = problem })
  end
  reply(message, "ok", answer)
end

function Endpoint:fetch(request)
  if not request:isWebSocketUpgrade() then
    return od.Response("Expected a WebSocket\n", { status = 426 })
  elseif request.query.vsn ~= "2.0.0" then
    return od.Response("Only vsn=2.0.0 is spoken here\n", { status = 403 })
  end
  local client, server = od.WebSocketPair()
  self.state:acceptWebSocket(server)
  server:serializeAttachment {}
  return od.Response(nil, { status = 101, webSocket = client })
end

local function read(text)
  local ok, list = pcall(od.json.decode, text)
  if not ok or type(list) ~= "table" or type(list[3]) ~= "string" or type(list[4]) ~= "string"
    or #list[3] > TOPIC_BYTES_MAX then
    return nil
  end
  local payload = type(list[5]) == "table" and list[5] or {}
  return { join_ref = list[1], ref = list[2], topic = list[3], event = list[4], payload = payload }
end

function Endpoint:webSocketMessage(ws, text, isBinary)
  local message = not isBinary and read(text)
  if not message then
    return ws:close(1003, "expected [join_ref, ref, topic, event, payload]")
  end
  message.ws = ws
  local handle = events[message.event] or command
  handle(self, message, self:_channel(ws, message.topic))
end

function Endpoint:webSocketClose(ws)
  for topic in pairs(ws:deserializeAttachment()) do
    self:_leave(self:_channel(ws, topic))
  end
end

-- A class whose sockets can join these [channels].
function M.endpoint(channels)
  local class = { channels = channels }
  for name, method in pairs(Endpoint) do
    class[name] = method
  end
  return class
end

return M
