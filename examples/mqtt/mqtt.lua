-- An MQTT 3.1.1 broker over WebSocket, for mqtt.js and whatever speaks MQTT. It has quality 0 and
-- 1, retained messages, last wills, wildcards, and sessions that outlive connections. Each broker
-- is one object; packets.lua knows the bytes.
local cut = require "cut"
local od = require "open-do"
local packets = require "packets"
local queue = require "queue"

local CONNECT, CONNACK, PUBLISH, PUBACK, SUBSCRIBE, SUBACK, UNSUBSCRIBE, UNSUBACK, PINGREQ,
  PINGRESP, DISCONNECT = 1, 2, 3, 4, 8, 9, 10, 11, 12, 13, 14

local SESSIONS_MAX, SUBSCRIPTIONS_MAX, WILL_BYTES_MAX = 10000, 100, 4000
local ACCEPTED, REFUSED_PROTOCOL, REFUSED_ID, REFUSED_FULL = 0, 1, 2, 3

local Broker = {}

-- A session: { id =, clean =, filters = { [filter] = quality }, ws = nil when away }. A clean one
-- is kept in the attachment of its socket, the others in storage; `self.sessions` is both of them.
function Broker:constructor(state)
  self.storage, self.sessions, self.session_count, self.routes = state.storage, {}, 0, {}
  for _, session in self.storage:list { prefix = "session:" } do
    self:_add(session)
  end
  for _, ws in ipairs(state:getWebSockets()) do
    local kept = ws:deserializeAttachment()
    if kept.clean then
      self:_add { id = kept.id, clean = true, filters = kept.filters, ws = ws }
    elseif kept.id and self.sessions[kept.id] then
      self.sessions[kept.id].ws = ws
    end
  end
end

function Broker:_add(session)
  self.session_count = self.session_count + (self.sessions[session.id] and 0 or 1)
  self.sessions[session.id], self.routes = session, {}
end

function Broker:_remove(session)
  if self.sessions[session.id] == session then
    self.sessions[session.id], self.routes = nil, {}
    self.session_count = self.session_count - 1
  end
end

local function session_key(id)
  return "session:" .. od.hex.encode(id)
end

function Broker:_save(session)
  self.routes = {}
  if session.clean then
    local kept = session.ws:deserializeAttachment()
    kept.filters = session.filters
    return session.ws:serializeAttachment(kept)
  end
  self.storage:put(session_key(session.id),
    { id = session.id, clean = false, filters = session.filters })
end

function Broker:_forget(session)
  self:_remove(session)
  self.storage:delete(session_key(session.id))
  queue.clear(self.storage, session.id)
end

-- Delivering --------------------------------------------------------------------------------------

-- Who gets what is published to [topic], with what quality: found once, until somebody subscribes.
function Broker:_route(topic)
  if not self.routes[topic] then
    local route = {}
    for _, session in pairs(self.sessions) do
      local best = -1
      for filter, qos in pairs(session.filters) do
        best = packets.matches(filter, topic) and math.max(best, qos) or best
      end
      if best >= 0 then
        route[#route + 1] = { session = session, qos = best }
      end
    end
    self.routes[topic] = route
  end
  return self.routes[topic]
end

function Broker:_deliver(session, message, qos, is_retained)
  local number
  if qos > 0 and session.clean then
    session.number = (session.number or 0) % 65535 + 1
    number = session.number
  elseif qos > 0 then
    number = queue.push(self.storage, session.id, message)
  end
  local ws = session.ws
  if ws and ws.readyState == 1 and (qos == 0 or number) then
    ws:send(packets.write_publish(message, qos, is_retained, number), true)
  end
end

function Broker:_publish(message)
  if message.retain then
    local key = "retained:" .. message.topic
    if message.payload == "" then
      self.storage:delete(key)
    else
      self.storage:put(key,
        { topic = message.topic, payload = message.payload, qos = message.qos })
    end
  end
  for _, to in ipairs(self:_route(message.topic)) do
    self:_deliver(to.session, message, math.min(to.qos, message.qos), false)
  end
end

function Broker:_send_retained(session, filter, qos)
  local prefix = "retained:" .. filter:match("^[^+#]*")
  if filter:find("/#", 1, true) then
    prefix = prefix:gsub("/$", "") -- "a/#" stands for "a" too.
  end
  for _, message in self.storage:list { prefix = prefix } do
    if packets.matches(filter, message.topic) then
      self:_deliver(session, message, math.min(qos, message.qos), true)
    end
  end
end

-- The conversation --------------------------------------------------------------------------------

local answers = {}

local function refusal(self, packet)
  if packet.protocol ~= "MQTT" or packet.level ~= 4 then
    return REFUSED_PROTOCOL
  elseif #packet.id > 128 or packet.id == "" and not packet.clean then
    return REFUSED_ID
  elseif not self.sessions[packet.id] and self.session_count >= SESSIONS_MAX then
    return REFUSED_FULL
  end
end

local function connack(code, is_present)
  return packets.write(CONNACK, 0, string.char(is_present and 1 or 0, code))
end

answers[CONNECT] = function(self, ws, _, body)
  local packet = packets.connect(body)
  local code = refusal(self, packet)
  if code then
    ws:send(connack(code, false), true)
    ws:close(1000, "refused")
    return "the end"
  end
  assert(not packet.will or packet.will.qos < 3 and #packet.will.payload <= WILL_BYTES_MAX,
    "the last will is too large")
  local id = packet.id ~= "" and packet.id or od.randomUUID()
  local old = self.sessions[id]
  if old and old.ws then
    old.ws:close(1000, "taken over by another connection")
    old.ws = nil
  end
  if old and (packet.clean or old.clean) then
    self:_forget(old)
    old = nil
  end
  local session = old or { id = id, clean = packet.clean, filters = {} }
  session.ws = ws
  ws:serializeAttachment { id = id, clean = packet.clean, filters = session.clean and {} or nil,
    will = packet.will }
  self:_add(session)
  self:_save(session)
  ws:send(connack(ACCEPTED, old ~= nil), true)
  for number, message in queue.each(self.storage, id) do
    ws:send(packets.write_publish(message, 1, false, number, true), true)
  end
end

answers[PUBLISH] = function(self, ws, flags, body)
  local message = packets.publish(flags, body)
  assert(message.qos < 2, "quality 2 is not offered here")
  self:_publish(message)
  if message.qos == 1 then -- It leaves when the message is on disk.
    ws:send(packets.write_answer(PUBACK, message.number), true)
  end
end

answers[PUBACK] = function(self, _, _, body, session)
  queue.acknowledge(self.storage, session.id, packets.number(body))
end

answers[SUBSCRIBE] = function(self, ws, _, body, session)
  local number, wishes = packets.subscribe(body, true)
  local count, codes = 0, {}
  for _ in pairs(session.filters) do
    count = count + 1
  end
  for i, wish in ipairs(wishes) do
    count = count + (session.filters[wish.filter] and 0 or 1)
    local qos = count <= SUBSCRIPTIONS_MAX and math.min(wish.qos, 1) or nil
    session.filters[wish.filter] = qos
    codes[i] = string.char(qos or 128)
  end
  self:_save(session)
  ws:send(packets.write_answer(SUBACK, number, table.concat(codes)), true)
  for _, wish in ipairs(wishes) do
    if session.filters[wish.filter] then
      self:_send_retained(session, wish.filter, session.filters[wish.filter])
    end
  end
end

answers[UNSUBSCRIBE] = function(self, ws, _, body, session)
  local number, wishes = packets.subscribe(body, false)
  for _, wish in ipairs(wishes) do
    session.filters[wish.filter] = nil
  end
  self:_save(session)
  ws:send(packets.write_answer(UNSUBACK, number), true)
end

answers[PINGREQ] = function(_, ws)
  ws:send(packets.write(PINGRESP, 0, ""), true)
end

answers[DISCONNECT] = function(_, ws)
  local kept = ws:deserializeAttachment()
  kept.will = nil -- Only who goes without a word leaves one.
  ws:serializeAttachment(kept)
  ws:close(1000)
  return "the end"
end

function Broker:_answer(ws, kind, flags, body)
  local id = ws:deserializeAttachment().id
  assert((id == nil) == (kind == CONNECT), "CONNECT comes first, and once")
  local session = id and self.sessions[id]
  local answer = assert(answers[kind], "an unknown packet")
  return answer(self, ws, flags, body, session)
end

-- Connections -------------------------------------------------------------------------------------

function Broker:fetch(request)
  if not request:isWebSocketUpgrade() then
    return od.Response("Expected a WebSocket\n", { status = 426 })
  end
  local client, server = od.WebSocketPair()
  self.state:acceptWebSocket(server)
  server:serializeAttachment {}
  local offered = request.headers:get("sec-websocket-protocol") or ""
  local headers = offered:find("mqtt", 1, true) and { ["sec-websocket-protocol"] = "mqtt" } or nil
  return od.Response(nil, { status = 101, webSocket = client, headers = headers })
end

function Broker:webSocketMessage(ws, bytes)
  bytes = cut.join(ws, self.storage, bytes)
  local ok, why = pcall(function()
    while bytes ~= "" do
      local kind, flags, body, after = packets.first(bytes)
      if not kind then
        return cut.keep(ws, self.storage, bytes)
      end
      bytes = self:_answer(ws, kind, flags, body) ~= "the end" and bytes:sub(after) or ""
    end
  end)
  if not ok and ws.readyState == 1 then
    od.log.warn("hung up: ", why)
    ws:close(1002, "a broken packet")
  end
end

function Broker:webSocketClose(ws)
  cut.join(ws, self.storage, "") -- Its end will not come any more.
  local kept = ws:deserializeAttachment()
  local session = self.sessions[kept.id]
  if session and session.ws == ws then
    session.ws = nil
    if session.clean then
      self:_remove(session)
    end
  end
  if kept.will then
    self:_publish(kept.will)
  end
end

local function fetch(request, env)
  local name = request.path == "/mqtt" and "main" or request.path:match("^/mqtt/([%w_-]+)$")
  if name then
    return env.brokers:getByName(name):fetch(request)
  end
  return od.Response("Connect MQTT clients to ws://HOST/mqtt\n", { status = 404 })
end

return { namespaces = { brokers = Broker }, fetch = fetch }
