-- A chat for the `phoenix` JavaScript client, unmodified. channels.lua speaks its protocol, this
-- says what happens in a room. All rooms share one socket of the client, and one object.
local od = require "open-do"
local channels = require "channels"

local HISTORY, TEXT_BYTES_MAX, NAME_BYTES_MAX = 50, 2000, 40

local Room = { pattern = "^room:[%w_-]+$", commands = {} }

local function message_key(channel, number)
  return ("%s:%012d"):format(channel.topic, number)
end

local function newest_number(channel)
  local newest = 0
  for key in channel.storage:list { prefix = channel.topic .. ":", reverse = true, limit = 1 } do
    newest = tonumber(key:match("%d+$"), 10)
  end
  return newest
end

local function history(channel)
  local messages = od.json.array {}
  local before = message_key(channel, math.max(newest_number(channel) - HISTORY, 0))
  for _, message in channel.storage:list { prefix = channel.topic .. ":", startAfter = before } do
    messages[#messages + 1] = message
  end
  return messages
end

function Room.join(channel, payload)
  local name = payload.name
  if type(name) ~= "string" or #name == 0 or #name > NAME_BYTES_MAX then
    return false, "a name is a text of 1 to 40 bytes"
  end
  return true, { messages = history(channel) }
end

-- Presence also remembers the name: it lives as long as the channel does.
function Room.joined(channel, payload)
  channel:track(payload.name, { online_at = od.now() })
end

function Room.commands.new_msg(channel, payload)
  local text = payload.text
  if type(text) ~= "string" or #text == 0 or #text > TEXT_BYTES_MAX then
    return nil, "a message is a text of 1 to 2000 bytes"
  end
  local number = newest_number(channel) + 1
  local message = { number = number, from = channel:_membership().key, text = text, at = od.now() }
  channel.storage:put(message_key(channel, number), message)
  channel.storage:delete(message_key(channel, math.max(number - HISTORY, 0)))
  channel:broadcast("new_msg", message)
  return { number = number }
end

function Room.commands.typing(channel)
  channel:broadcastFrom("typing", { from = channel:_membership().key })
end

-- `new Socket("/socket")` connects to /socket/websocket; `new Socket("/socket/acme")` would give
-- acme an object, and so rooms, of its own.
local function fetch(request, env)
  local tenant = request.path:match("^/socket/([%w_-]+)/websocket$")
  if tenant or request.path == "/socket/websocket" then
    return env.socket:getByName(tenant or "everyone"):fetch(request)
  end
  return od.Response("Not found\n", { status = 404 })
end

return { namespaces = { socket = channels.endpoint { Room } }, fetch = fetch }
