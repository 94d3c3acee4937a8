-- A chat with rooms for `socket.io-client`, unmodified. sockets.lua speaks its protocol, this says
-- what events do. What was said is stored, and who says it is kept with the socket.
local od = require "open-do"
local sockets = require "sockets"

local HISTORY, TEXT_BYTES_MAX, NAME_BYTES_MAX = 50, 2000, 40

local on = {}

-- Zero-padded, so that the order of the keys is the order of the messages.
local function key_of(room, number)
  return ("said:%s:%012d"):format(room, number)
end

local function history(storage, room)
  local messages = od.json.array {}
  for _, message in storage:list { prefix = ("said:%s:"):format(room) } do
    messages[#messages + 1] = message
  end
  return messages
end

local function is_room(room)
  return type(room) == "string" and #room <= 64 and room:find("^[%w_-]+$") ~= nil
end

-- socket.emit("enter", "lobby", "Ann", ({ messages, people }) => ...)
function on.enter(socket, room, name)
  if not is_room(room) or type(name) ~= "string" or #name == 0 or #name > NAME_BYTES_MAX then
    return { problem = "enter(room, name): a room is made of letters, digits, _ and -" }
  end
  socket.data.name = name
  socket:join(room)
  socket:to(room, "entered", room, name)
  return { messages = history(socket.storage, room) }
end

-- socket.emit("say", "lobby", "hello", ({ number }) => ...)
function on.say(socket, room, text)
  if not socket.rooms[room] or type(text) ~= "string" or #text == 0 or #text > TEXT_BYTES_MAX then
    return { problem = "say(room, text): enter the room first" }
  end
  local messages = history(socket.storage, room)
  local number = (messages[1] and messages[#messages].number or 0) + 1
  local message = { number = number, from = socket.data.name, text = text }
  socket.storage:put(key_of(room, number), message)
  if #messages >= HISTORY then
    socket.storage:delete(key_of(room, messages[1].number))
  end
  socket.server:emit(room, "said", room, message)
  return { number = number }
end

function on.leave(socket, room)
  if is_room(room) and socket.rooms[room] then
    socket:leave(room)
    socket.server:emit(room, "left", room, socket.data.name)
  end
end

local function disconnect(socket)
  for room in pairs(socket.rooms) do
    socket:to(room, "left", room, socket.data.name)
  end
end

local function fetch(request, env)
  if request.path == "/socket.io/" then
    return env.chat:getByName("everyone"):fetch(request)
  end
  return od.Response("Not found\n", { status = 404 })
end

return {
  namespaces = { chat = sockets.server { on = on, disconnect = disconnect } },
  fetch = fetch,
}
