-- A whiteboard that several people draw on at once. The drawing is in storage, people and their
-- cursors are in the attachments of their sockets, `self` keeps nothing: edit this file meanwhile.
local od = require "open-do"
local lines = require "lines"

local STROKES_MAX = 1000
local FRAME_BYTES_MAX, NAME_BYTES_MAX, ID_BYTES_MAX = 12000, 60, 64
local WEEK_MS = 7 * 24 * 60 * 60 * 1000

local encode = od.json.encode

-- Zero-padded, so that the order of the keys is the order in which the strokes lie on each other.
local function stroke_key(number)
  return ("stroke:%012d"):format(math.max(number, 0))
end

local function last_number(storage)
  local number = 0
  for key in storage:list { prefix = "stroke:", reverse = true, limit = 1 } do
    number = tonumber(key:match("%d+$"), 10)
  end
  return number
end

-- What others may know of a person: all but the key, by which she is known again.
local function person_of(ws)
  local person = ws:deserializeAttachment()
  person.key = nil
  return person
end

-- What a client may ask for, by the `type` of its message. Each returns what is wrong with it, if
-- anything is.
local commands = {}

function commands.point(state, ws, data)
  local person = ws:deserializeAttachment()
  person.x, person.y, person.color = lines.point_of(data)
  if not person.x then
    return "A point has x and y on the board, and a color"
  end
  ws:serializeAttachment(person)
  state:broadcast(encode { type = "point", person = person_of(ws) }, { except = ws })
end

-- A line that grows under somebody's pen: shown to those who are here, and forgotten.
function commands.ink(state, ws, data)
  local line = lines.line_of(data)
  if not line then
    return "Ink is a line"
  end
  state:broadcast(encode { type = "ink", from = person_of(ws).id, line = line }, { except = ws })
end

function commands.stroke(state, ws, data)
  local stroke, person, storage = lines.line_of(data), ws:deserializeAttachment(), state.storage
  if not stroke or type(data.id) ~= "string" or #data.id > ID_BYTES_MAX then
    return "A stroke is a line with an id"
  end
  stroke.id, stroke.by, stroke.n = data.id, person.key, last_number(storage) + 1
  storage:put(stroke_key(stroke.n), stroke)
  local first = stroke.n - STROKES_MAX + 1
  for key in storage:list { prefix = "stroke:", ["end"] = stroke_key(first) } do
    storage:delete(key)
  end
  storage:setAlarm(od.now() + WEEK_MS)
  stroke.by = nil
  state:broadcast(encode { type = "stroke", from = person.id, stroke = stroke, first = first })
end

function commands.undo(state, ws)
  local mine = ws:deserializeAttachment().key
  for key, stroke in state.storage:list { prefix = "stroke:", reverse = true } do
    if stroke.by == mine then
      state.storage:delete(key)
      state:broadcast(encode { type = "undone", n = stroke.n })
      return nil
    end
  end
  return "Nothing here is yours to undo"
end

function commands.clear(state)
  state.storage:deleteAll()
  state:broadcast(encode { type = "cleared" })
end

local Board = {}

function Board:_welcome(ws)
  local people, strokes = od.json.array {}, od.json.array {}
  for _, other in ipairs(self.state:getWebSockets()) do
    people[#people + 1] = other ~= ws and person_of(other) or nil
  end
  for _, stroke in self.state.storage:list { prefix = "stroke:" } do
    stroke.by = nil
    strokes[#strokes + 1] = stroke
  end
  ws:send(encode { type = "welcome", people = people, strokes = strokes })
end

-- The upgrade: `?name=` is what others see, `?key=` is a secret of the page, `?color=` its pen.
function Board:fetch(request)
  local name, key = request.query.name or "", request.query.key or ""
  local has_name = #name >= 1 and #name <= NAME_BYTES_MAX and pcall(encode, name)
  if not has_name or not key:find("^[%w-]+$") or #key > ID_BYTES_MAX then
    return od.Response("A socket wants ?name= and ?key=\n", { status = 400 })
  end
  local color = lines.color_of(tonumber(request.query.color)) or 1
  local client, server = od.WebSocketPair()
  self.state:acceptWebSocket(server)
  server:serializeAttachment { id = od.randomUUID(), key = key, name = name, color = color }
  self:_welcome(server)
  self.state:broadcast(encode { type = "point", person = person_of(server) }, { except = server })
  return od.Response(nil, { status = 101, webSocket = client })
end

function Board:webSocketMessage(ws, message, isBinary)
  local ok, data
  if not isBinary and #message <= FRAME_BYTES_MAX then
    ok, data = pcall(od.json.decode, message)
  end
  local command = ok and type(data) == "table" and commands[data.type]
  local problem = not command and "Not understood" or command(self.state, ws, data)
  if problem then
    ws:send(encode { type = "error", text = problem })
  end
end

function Board:webSocketClose(ws)
  self.state:broadcast(encode { type = "left", id = person_of(ws).id }, { except = ws })
end

-- Each stroke puts the alarm off; it rings when there was none for a week.
function Board:alarm()
  commands.clear(self.state)
end

local function fetch(request, env)
  local kind, board, rest = request.path:match("^/(boards?)/([%w_-]+)(.*)$")
  if kind == "boards" and rest == "/socket" and #board <= ID_BYTES_MAX
    and request:isWebSocketUpgrade() then
    return env.boards:getByName(board):fetch(request)
  elseif kind == "board" and rest == "" then
    return env.assets:fetch("/board.html")
  elseif request.path == "/" then
    local new = "/board/" .. od.hex.encode(od.randomBytes(5))
    return od.Response("", { status = 302, headers = { location = new } })
  end
  return od.Response("Not found\n", { status = 404 })
end

return { namespaces = { boards = Board }, fetch = fetch, assets = "public" }
