-- A pinboard with live cursors, for `partysocket`, unmodified. PartyKit's conventions are in
-- server.lua, this is a party. Notes are stored; who is here and where they point is kept with
-- their connections.
local od = require "open-do"
local party = require "server"

local NOTES_MAX, TEXT_BYTES_MAX = 60, 280
local encode = od.json.encode

local Board = {}

local function is_place(x, y)
  return type(x) == "number" and type(y) == "number" and x >= 0 and x <= 1 and y >= 0 and y <= 1
end

-- Zero-padded, so that the order of the keys is the order of the notes.
local function note_key(number)
  return ("note:%012d"):format(number)
end

function Board:_notes()
  local notes = od.json.array {}
  for _, note in self.storage:list { prefix = "note:" } do
    notes[#notes + 1] = note
  end
  return notes
end

function Board:_pin(note)
  local notes = self:_notes()
  note.number = (notes[1] and notes[#notes].number or 0) + 1
  self.storage:put(note_key(note.number), note)
  if #notes >= NOTES_MAX then
    self.storage:delete(note_key(notes[1].number))
  end
  self:broadcast(encode { type = "note", note = note })
end

function Board:onConnect(connection, request)
  local people = od.json.array {}
  for _, other in ipairs(self:getConnections()) do
    if other.id ~= connection.id then
      people[#people + 1] = { id = other.id, state = other.state }
    end
  end
  connection:setState { name = (request.query.name or "somebody"):sub(1, 40) }
  connection:send(encode { type = "welcome", people = people, notes = self:_notes() })
  local joined = encode { type = "joined", id = connection.id, state = connection.state }
  self:broadcast(joined, { connection.id })
end

local commands = {}

function commands.point(self, sender, data)
  if is_place(data.x, data.y) then
    sender:setState { name = sender.state.name, x = data.x, y = data.y }
    local frame = encode { type = "point", id = sender.id, x = data.x, y = data.y }
    self:broadcast(frame, { sender.id })
  end
end

function commands.pin(self, sender, data)
  if is_place(data.x, data.y) and type(data.text) == "string" and #data.text <= TEXT_BYTES_MAX then
    self:_pin { text = data.text, x = data.x, y = data.y, by = sender.state.name }
  end
end

function Board:onMessage(message, sender)
  local ok, data = pcall(od.json.decode, message)
  local command = ok and type(data) == "table" and commands[data.type]
  if command then
    command(self, sender, data)
  end
end

function Board:onClose(connection)
  -- One that came back on a new socket before the old one was given up has not left.
  if #self.state:getWebSockets(connection.id) == 1 then
    self:broadcast(encode { type = "left", id = connection.id }, { connection.id })
  end
end

-- `curl -d 'Lunch?' .../parties/main/lobby` pins a note that everybody sees at once.
function Board:onRequest(request)
  if request.method == "POST" then
    local text = request:text()
    if #text == 0 or #text > TEXT_BYTES_MAX or not pcall(encode, text) then
      return od.Response("A note is a text of 1 to 280 bytes\n", { status = 400 })
    end
    local x, y = math.random(15, 85) / 100, math.random(15, 70) / 100
    self:_pin { text = text, x = x, y = y, by = "curl" }
  end
  return od.Response.json { people = #self:getConnections(), notes = self:_notes() }
end

local function fetch(request, env)
  return party.route(request, env) or od.Response("Not found\n", { status = 404 })
end

return { namespaces = { main = party.room(Board) }, fetch = fetch, assets = "public" }
