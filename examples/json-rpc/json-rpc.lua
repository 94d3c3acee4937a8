-- Methods of an object, called from a browser: JSON-RPC 2.0, for `rpc-websockets`, unmodified. Here
-- it is a list of things to do; `Methods` is all there is to change for another one.
local od = require "open-do"

local PARSE_ERROR, INVALID_REQUEST, METHOD_NOT_FOUND, INVALID_PARAMS, INTERNAL_ERROR =
  -32700, -32600, -32601, -32602, -32603
local BATCH_MAX, ITEMS_MAX, TEXT_BYTES_MAX = 100, 1000, 1000

-- An error with a code and a message of ours; any other in a method is "Internal error".
local function refuse(code, message)
  error({ code = code, message = message }, 0)
end

-- What clients may call: each method gets the object and the params, as written by the client.
local Methods = {}

local function key_of(number)
  return ("item:%012d"):format(number)
end

local function items(list)
  local all = od.json.array {}
  for _, item in list.storage:list { prefix = "item:" } do
    all[#all + 1] = item
  end
  return all
end

local function item_of(list, number)
  local item = type(number) == "number" and number >= 1 and number < 2 ^ 40 and number % 1 == 0
    and list.storage:get(key_of(number))
  return item or refuse(INVALID_PARAMS, "there is no such item")
end

-- add(text) -> item
function Methods.add(list, text)
  if type(text) ~= "string" or #text == 0 or #text > TEXT_BYTES_MAX then
    refuse(INVALID_PARAMS, "add(text): a text of 1 to 1000 bytes")
  end
  local all = items(list)
  if #all >= ITEMS_MAX then
    refuse(INVALID_PARAMS, "the list is full")
  end
  local item = { number = (all[1] and all[#all].number or 0) + 1, text = text, done = false }
  list.storage:put(key_of(item.number), item)
  list:_notify("added", item)
  return item
end

-- done(number) -> item
function Methods.done(list, number)
  local item = item_of(list, number)
  item.done = true
  list.storage:put(key_of(number), item)
  list:_notify("done", item)
  return item
end

-- remove(number) -> item
function Methods.remove(list, number)
  local item = item_of(list, number)
  list.storage:delete(key_of(number))
  list:_notify("removed", item)
  return item
end

-- items() -> [item, ...]
Methods.items = items

-- Subscribing, as rpc-websockets does it: client.subscribe("added"), client.on("added", item =>
-- ...)
Methods["rpc.on"] = function(_, ...)
  return { subscribe = { ... } }
end
Methods["rpc.off"] = function(_, ...)
  return { unsubscribe = { ... } }
end

local List = {}

function List:constructor(state)
  self.storage = state.storage
end

-- To all sockets that have subscribed to [event].
function List:_notify(event, ...)
  local text = od.json.encode { notification = event, params = od.json.array { ... } }
  for _, ws in ipairs(self.state:getWebSockets()) do
    if ws.readyState == 1 and ws:deserializeAttachment()[event] then
      ws:send(text)
    end
  end
end

local EVENTS = { added = true, done = true, removed = true }

local function change_subscriptions(ws, events, is_on)
  local subscriptions, result = ws:deserializeAttachment(), {}
  for _, event in ipairs(events) do
    if not EVENTS[event] then
      refuse(INVALID_PARAMS, "there is no such event")
    end
    subscriptions[event] = is_on or nil
    result[event] = "ok"
  end
  ws:serializeAttachment(subscriptions)
  return result
end

function List:_call(ws, request)
  local method = Methods[request.method] or refuse(METHOD_NOT_FOUND, "Method not found")
  local params = request.params
  if params ~= nil and type(params) ~= "table" then
    refuse(INVALID_PARAMS, "params must be an array")
  end
  local result = method(self, unpack(params or {}))
  if type(result) == "table" and (result.subscribe or result.unsubscribe) then
    local events = result.subscribe or result.unsubscribe
    return change_subscriptions(ws, events, result.subscribe ~= nil)
  end
  return result
end

local function answer(id, field, value)
  return { jsonrpc = "2.0", id = id == nil and od.json.null or id, [field] = value }
end

-- The answer to one request; nil to a notification, which has no id.
function List:_answer(ws, request)
  if type(request) ~= "table" or request.jsonrpc ~= "2.0" or type(request.method) ~= "string" then
    return answer(nil, "error", { code = INVALID_REQUEST, message = "Invalid Request" })
  end
  local ok, result = pcall(self._call, self, ws, request)
  if ok then
    result = result == nil and od.json.null or result
    return request.id ~= nil and answer(request.id, "result", result)
  elseif type(result) ~= "table" then
    od.log.error(request.method, ": ", result)
    result = { code = INTERNAL_ERROR, message = "Internal error" }
  end
  return request.id ~= nil and answer(request.id, "error", result)
end

-- One request, or an array of them, which is answered by an array.
function List:_answer_all(ws, message)
  if type(message) ~= "table" or #message == 0 or #message > BATCH_MAX then
    return self:_answer(ws, message)
  end
  local answers = od.json.array {}
  for _, request in ipairs(message) do
    answers[#answers + 1] = self:_answer(ws, request) or nil
  end
  return answers[1] and answers
end

function List:fetch(request)
  if not request:isWebSocketUpgrade() then
    return od.Response("Expected a WebSocket\n", { status = 426 })
  end
  local client, server = od.WebSocketPair()
  self.state:acceptWebSocket(server)
  server:serializeAttachment {}
  return od.Response(nil, { status = 101, webSocket = client })
end

function List:webSocketMessage(ws, text)
  local ok, message = pcall(od.json.decode, text)
  local result = ok and self:_answer_all(ws, message)
    or not ok and answer(nil, "error", { code = PARSE_ERROR, message = "Parse error" })
  if result then
    ws:send(od.json.encode(result))
  end
end

return { namespaces = { lists = List } }
