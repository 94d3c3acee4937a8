-- A chat: each room is an object that keeps its history and knows who is there.
--
-- Open http://127.0.0.1:8787/ in two windows. What a client sends: {"name": "Ann"} once, then
-- {"text": "hello"}. What it gets are arrays of such messages.
local od = require "open-do"
local page = require "page"

local KEPT = 100
local NAME_BYTES_MAX, TEXT_BYTES_MAX = 64, 4000

---@class Room: DurableObject
local Room = {}

function Room:fetch(request)
  local response, ws = self.state:acceptWebSocket(request)
  if ws then -- There is none for who asks for no WebSocket.
    local said = od.json.array()
    for _, message in self.state.storage:list { prefix = "message:" } do
      said[#said + 1] = message
    end
    ws:send(od.json.encode(said)) -- One message: all sends of a handler have 8 MiB together.
  end
  return response
end

function Room:keep(message)
  local storage = self.state.storage
  local number = (storage:get("last") or 0) + 1
  storage:put { last = number, [("message:%012d"):format(number)] = message }
  storage:delete(("message:%012d"):format(number - KEPT))
end

function Room:say(message)
  self:keep(message)
  self.state:broadcast(od.json.encode { message })
end

local function is_text(value, bytes_max)
  return type(value) == "string" and #value > 0 and #value <= bytes_max
end

-- What was put stays, even when the handler fails later on; so all is looked at first. (What JSON
-- was decoded from is UTF-8, and can be encoded again.)
function Room:webSocketMessage(ws, text)
  local ok, message = pcall(od.json.decode, text)
  if not ok or type(message) ~= "table" then
    return ws:close(1007, "send JSON")
  end
  local who = ws:deserializeAttachment()
  if is_text(message.name, NAME_BYTES_MAX) then
    ws:serializeAttachment(message.name)
    self:say { text = message.name .. " is here" }
  elseif who and is_text(message.text, TEXT_BYTES_MAX) then
    self:say { name = who, text = message.text }
  end
end

function Room:webSocketClose(ws)
  local who = ws:deserializeAttachment()
  if who then
    self:say { text = who .. " has left" }
  end
end

-- The entry: /rooms/NAME is a room, the rest is the page.
local function fetch(request, env)
  local name = request.path:match("^/rooms/([%w-]+)$")
  if name then
    return env.rooms:getByName(name):fetch(request)
  end
  if request.path == "/" then
    return od.Response.html(page)
  end
  return od.Response("there is nothing here\n", { status = 404 })
end

return { namespaces = { rooms = Room }, fetch = fetch }
