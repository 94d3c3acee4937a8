-- A room that finds what was said: messages in a table, their words in a full-text index beside it.
-- The database is the room's own; what is written is on disk before anybody hears of it.
local od = require "open-do"

local TEXT_BYTES_MAX, NAME_BYTES_MAX = 4000, 64
local FOUND_MAX, LATEST_MAX = 20, 50

local Room = {}

-- Steps are run once each, in every room when it is next used; new ones are added at the end.
local steps = {
  [[CREATE TABLE message (
      id INTEGER PRIMARY KEY,
      who TEXT NOT NULL,
      text TEXT NOT NULL,
      at INTEGER NOT NULL)]],
  -- The index keeps words only and finds the text in the table; triggers keep the two in step.
  [[CREATE VIRTUAL TABLE words USING fts5 (
      text, content='message', content_rowid='id', tokenize='porter unicode61');
    CREATE TRIGGER message_said AFTER INSERT ON message BEGIN
      INSERT INTO words (rowid, text) VALUES (new.id, new.text);
    END;
    CREATE TRIGGER message_gone AFTER DELETE ON message BEGIN
      INSERT INTO words (words, rowid, text) VALUES ('delete', old.id, old.text);
    END]],
}

function Room:constructor()
  self.state.storage:migrate(steps)
  self.sql = self.state.storage.sql
end

-- What people type is no query language: each word is quoted, and the last may be half typed.
local function query_of(text)
  local words = {}
  for word in text:gmatch("%S+") do
    words[#words + 1] = '"' .. word:gsub('"', '""') .. '"'
  end
  return #words > 0 and table.concat(words, " ") .. "*" or nil
end

-- The best first; the words that were found stand between \1 and \2, for the page to mark.
function Room:find(text)
  local query = query_of(text)
  if not query then
    return od.json.array {}
  end
  return self.sql:exec([[
    SELECT message.id, who, at, highlight(words, 0, char(1), char(2)) AS text
    FROM words JOIN message ON message.id = words.rowid
    WHERE words MATCH ? ORDER BY rank LIMIT ?]], query, FOUND_MAX):toArray()
end

function Room:say(who, text)
  return self.sql:exec("INSERT INTO message (who, text, at) VALUES (?, ?, ?) RETURNING *",
    who, text, od.now()):one()
end

function Room:latest()
  return self.sql:exec([[
    SELECT * FROM (SELECT * FROM message ORDER BY id DESC LIMIT ?) ORDER BY id]],
    LATEST_MAX):toArray()
end

-- Who says how much: SQL counts.
function Room:talkers()
  return self.sql:exec([[
    SELECT who, count(*) AS messages, max(at) AS last FROM message
    GROUP BY who ORDER BY messages DESC, who LIMIT 10]]):toArray()
end

function Room:forget(id)
  return self.sql:exec("DELETE FROM message WHERE id = ?", id).rowsWritten > 0
end

-- HTTP and sockets --------------------------------------------------------------------------------

local function said(request)
  local ok, message = pcall(od.json.decode, request:text())
  if not ok or type(message) ~= "table" then
    return nil
  end
  local who, text = message.who, message.text
  if type(who) ~= "string" or #who == 0 or #who > NAME_BYTES_MAX
    or type(text) ~= "string" or #text == 0 or #text > TEXT_BYTES_MAX then
    return nil
  end
  return who, text
end

local routes = {}

routes["GET socket"] = function(self, request)
  if not request.headers:get("upgrade") then
    return od.Response("This is a WebSocket\n", { status = 426 })
  end
  local client, server = od.WebSocketPair()
  self.state:acceptWebSocket(server)
  return od.Response(nil, { status = 101, webSocket = client })
end

routes["POST messages"] = function(self, request)
  local who, text = said(request)
  if not who then
    return od.Response('POST {"who":"Ann","text":"..."}\n', { status = 400 })
  end
  local message = self:say(who, text)
  self.state:broadcast(od.json.encode(message))
  return od.Response.json(message, { status = 201 })
end

routes["GET messages"] = function(self, request)
  local query = request.query.q
  return od.Response.json(query and self:find(query) or self:latest())
end

routes["GET talkers"] = function(self)
  return od.Response.json(self:talkers())
end

routes["DELETE messages"] = function(self, request)
  local is_gone = self:forget(tonumber(request.path:match("/(%d+)$")) or 0)
  return od.Response(nil, { status = is_gone and 204 or 404 })
end

function Room:fetch(request)
  local what = request.path:match("^/rooms/[^/]+/(%a+)")
  local route = routes[request.method .. " " .. tostring(what)]
  return route and route(self, request) or od.Response("Not found\n", { status = 404 })
end

-- The way in: the page, and the rooms.
local function fetch(request, env)
  local room = request.path:match("^/rooms/([%w_-]+)/")
  if room and #room <= NAME_BYTES_MAX then
    return env.rooms:getByName(room):fetch(request)
  elseif request.path:match("^/r/[%w_-]+$") then
    return env.assets:fetch("/")
  end
  return od.Response("Not found\n", { status = 404 })
end

return { namespaces = { rooms = Room }, fetch = fetch, assets = "public" }
