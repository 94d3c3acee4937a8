-- A chat in which every room is an object. Who is here is asked of the room's sockets, what was
-- said is asked of its storage, and `self` keeps nothing: edit this file while people talk.
local od = require "open-do"

local HISTORY_MESSAGES = 100
local FRAME_BYTES_MAX = 20000
local TEXT_BYTES_MAX = 8000
local NAME_BYTES_MAX = 64
local ID_BYTES_MAX = 64

local function tell(ws, message)
  ws:send(od.json.encode(message))
end

-- The person behind a socket. "Ann" and "ann" are the same person, in as many tabs as she likes.
local function person_tag(name)
  return "name:" .. name:lower()
end

local function name_of(ws)
  return ws:deserializeAttachment().name
end

-- A name is one word, so that `/msg name text` can be read. JSON refuses what is not UTF-8.
local function is_name(name)
  return type(name) == "string" and #name >= 1 and #name <= NAME_BYTES_MAX
    and not name:find('[%c%s"\\]') and pcall(od.json.decode, '"' .. name .. '"')
end

local function people_here(state, leaving)
  local people, seen = od.json.array {}, {}
  for _, ws in ipairs(state:getWebSockets()) do
    local name = name_of(ws)
    if ws ~= leaving and not seen[person_tag(name)] then
      seen[person_tag(name)] = true
      people[#people + 1] = name
    end
  end
  table.sort(people)
  return people
end

-- Zero-padded, so that the order of the keys is the order of the messages.
local function message_key(number)
  return ("message:%012d"):format(math.max(number, 0))
end

local function last_number(storage)
  local number = 0
  for key in storage:list { prefix = "message:", reverse = true, limit = 1 } do
    number = tonumber(key:match("%d+$"), 10)
  end
  return number
end

local function remember(storage, message)
  message.n = last_number(storage) + 1
  storage:put(message_key(message.n), message)
  local first_kept = message_key(message.n - HISTORY_MESSAGES + 1)
  for key in storage:list { prefix = "message:", ["end"] = first_kept } do
    storage:delete(key)
  end
end

local function history(storage)
  local messages = od.json.array {}
  local before = message_key(last_number(storage) - HISTORY_MESSAGES)
  for _, message in storage:list { prefix = "message:", startAfter = before } do
    messages[#messages + 1] = message
  end
  return messages
end

-- `/msg name text` goes to every tab of that person and of the writer, and is not remembered.
local function send_direct(state, ws, message)
  local to, text = message.text:match("^/msg%s+(%S+)%s+(.+)$")
  local peer = to and #to <= NAME_BYTES_MAX and state:getWebSockets(person_tag(to))[1]
  if not peer then
    local problem = to and to .. " is not here" or "Write it like this: /msg name text"
    return tell(ws, { type = "error", id = message.id, text = problem })
  end

  message.type, message.text, message.to = "direct", text, name_of(peer)
  local frame = od.json.encode(message)
  local to_tag, from_tag = person_tag(message.to), person_tag(message.from)
  state:broadcast(frame, { tag = to_tag })
  if from_tag ~= to_tag then
    state:broadcast(frame, { tag = from_tag })
  end
end

-- What a client may ask for, by the `type` of its message.
local commands = {}

function commands.message(state, ws, data)
  local id = type(data.id) == "string" and #data.id <= ID_BYTES_MAX and data.id or nil
  local text = type(data.text) == "string" and #data.text <= TEXT_BYTES_MAX and data.text or ""
  text = (text:match("%S.*") or ""):match("^.*%S")
  if not text then
    local problem = ("A message is a text of 1 to %d bytes"):format(TEXT_BYTES_MAX)
    return tell(ws, { type = "error", id = id, text = problem })
  end

  local message = { type = "message", id = id, from = name_of(ws), text = text, at = od.now() }
  if text == "/msg" or text:find("^/msg%s") then
    return send_direct(state, ws, message)
  end
  remember(state.storage, message)
  state:broadcast(od.json.encode(message))
end

function commands.typing(state, ws)
  local frame = od.json.encode { type = "typing", name = name_of(ws) }
  state:broadcast(frame, { except = ws })
end

local Room = {}

function Room:constructor()
  self.state:setWebSocketAutoResponse("ping", "pong")
end

function Room:fetch(request)
  if not request:isWebSocketUpgrade() then
    return od.Response("Expected a WebSocket\n", { status = 426 })
  end
  local name = request.query.name
  if not is_name(name) then
    local problem = ("?name= must be one word of at most %d bytes\n"):format(NAME_BYTES_MAX)
    return od.Response(problem, { status = 400 })
  end

  local state = self.state
  local is_new = #state:getWebSockets(person_tag(name)) == 0
  local client, server = od.WebSocketPair()
  state:acceptWebSocket(server, { person_tag(name) })
  server:serializeAttachment { name = name }

  local people = people_here(state)
  tell(server, {
    type = "welcome", room = state.id.name, you = name,
    people = people, history = history(state.storage),
  })
  if is_new then
    local frame = od.json.encode { type = "people", people = people, joined = name }
    state:broadcast(frame, { except = server })
  end
  return od.Response(nil, { status = 101, webSocket = client })
end

function Room:webSocketMessage(ws, message, isBinary)
  local ok, data
  if not isBinary and #message <= FRAME_BYTES_MAX then
    ok, data = pcall(od.json.decode, message)
  end
  local command = ok and type(data) == "table" and commands[data.type]
  if not command then
    return tell(ws, { type = "error", text = "Not understood" })
  end
  command(self.state, ws, data)
end

function Room:webSocketClose(ws)
  local name = name_of(ws)
  -- The socket that closed is still listed. If it is the only one, the person has left.
  if #self.state:getWebSockets(person_tag(name)) == 1 then
    local people = people_here(self.state, ws)
    local frame = od.json.encode { type = "people", people = people, left = name }
    self.state:broadcast(frame, { except = ws })
  end
end

local page_headers = {
  ["content-security-policy"] = "default-src 'none'; script-src 'unsafe-inline'; "
    .. "style-src 'unsafe-inline'; img-src data:; connect-src 'self' ws: wss:; "
    .. "base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  ["referrer-policy"] = "no-referrer",
}

local function fetch(request, env)
  local room = request.path:match("^/rooms/([%l%d_-]+)/socket$")
  if room and #room <= 64 then
    return env.rooms:getByName(room):fetch(request)
  end
  if request.path == "/" or request.path:find("^/r/[^/]+$") then
    local page = env.assets:fetch("/")
    for name, value in pairs(page_headers) do
      page.headers:set(name, value)
    end
    return page
  end
  return od.Response("Not found\n", { status = 404 })
end

-- The page is asked of the script, which adds headers to it.
local assets = { directory = "public", scriptFirst = { "/", "/index", "/index.html" } }

return { namespaces = { rooms = Room }, fetch = fetch, assets = assets }
