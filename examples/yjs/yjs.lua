-- Documents that several people edit at once, for `yjs` with `y-websocket`, unmodified. An object
-- keeps what was typed in one document and passes it on; who is here and where their cursor stands
-- is with their sockets (cursors.lua).
local cursors = require "cursors"
local od = require "open-do"
local reader = require "update.reader"
local update = require "update"
local writer = require "update.writer"

-- The log is merged into the document when it has this many bytes and is a quarter of it.
local LOG_BYTES_MAX = 8 * 1024
local DOCUMENT_BYTES_MAX = 16 * 1024 * 1024
local CHUNK_BYTES = 1024 * 1024

-- y-websocket's messages: what it is about, which step of it, and a payload with its length.
local SYNC, AWARENESS, ASK_AWARENESS = 0, 1, 3
local STATE_VECTOR, MISSING, UPDATE = 0, 1, 2
local EMPTY_UPDATE = "\0\0"

local function sync_message(step, payload)
  return string.char(SYNC, step) .. writer.bytes(payload)
end

local function cursor_message(bytes)
  return string.char(AWARENESS) .. writer.bytes(bytes)
end

-- What is stored: `doc:`, one update in pieces, and `log:`, those since then ----------------------

local function key(kind, number)
  return ("%s:%012d"):format(kind, number)
end

local function stored(storage, kind)
  local values = {}
  for _, value in storage:list { prefix = kind .. ":" } do
    values[#values + 1] = value
  end
  return values
end

local Document = {}

function Document:constructor(state)
  self.cursors = cursors.of(state)
  self.log_bytes, self.log_count = 0, 0
  for name, bytes in state.storage:list { prefix = "log:" } do
    self.log_bytes, self.log_count = self.log_bytes + #bytes, tonumber(name:match("%d+"), 10)
  end
  self.document_bytes = 0
  for _, chunk in state.storage:list { prefix = "doc:" } do
    self.document_bytes = self.document_bytes + #chunk
  end
end

-- Everything typed so far, with [more] on top.
function Document:_whole(more)
  local updates = stored(self.state.storage, "log")
  local chunks = stored(self.state.storage, "doc")
  if chunks[1] then
    table.insert(updates, 1, table.concat(chunks))
  end
  table.insert(updates, more)
  return update.merge(updates)
end

-- No client is asked for the document: one that lies, or leaves half way, could cost all of it.
-- The writes are one batch, so there is never half of it.
function Document:_compact(document)
  local storage, bytes = self.state.storage, update.encode(document)
  for name in storage:list {} do
    storage:delete(name)
  end
  for at = 1, #bytes, CHUNK_BYTES do
    storage:put(key("doc", at), bytes:sub(at, at + CHUNK_BYTES - 1))
  end
  self.document_bytes, self.log_bytes, self.log_count = #bytes, 0, 0
end

function Document:_remember(bytes)
  local log_bytes = self.log_bytes + #bytes
  assert(self.document_bytes + log_bytes <= DOCUMENT_BYTES_MAX, "the document is full")
  local is_long = log_bytes >= LOG_BYTES_MAX and log_bytes >= self.document_bytes / 4
  if is_long or #bytes > CHUNK_BYTES then
    return self:_compact(self:_whole(bytes))
  end
  self.log_bytes, self.log_count = log_bytes, self.log_count + 1
  self.state.storage:put(key("log", self.log_count), bytes)
end

-- The conversation --------------------------------------------------------------------------------

local steps = {}

-- "This is what I have." It is told what it lacks, and asked for what we lack.
steps[STATE_VECTOR] = function(self, ws, vector)
  local document = self:_whole()
  ws:send(sync_message(MISSING, update.encode(document, vector)), true)
  ws:send(sync_message(STATE_VECTOR, update.vector(document)), true)
end

-- "This is what you lack": after each connecting, and nearly always it is nothing new.
steps[MISSING] = function(self, ws, bytes)
  local known = update.encode(self:_whole())
  if update.encode(update.merge { known, bytes }) ~= known then
    steps[UPDATE](self, ws, bytes)
  end
end

-- "I have typed this."
steps[UPDATE] = function(self, ws, bytes)
  if bytes ~= EMPTY_UPDATE then
    update.merge { bytes } -- It is well formed, or this raises.
    self:_remember(bytes)
    self.state:broadcast(sync_message(UPDATE, bytes), { isBinary = true, except = ws })
  end
end

local subjects = {}

subjects[SYNC] = function(self, ws, message)
  local step, at = reader.uint(message, 2)
  local answer = steps[step] or error("an unknown step", 0)
  answer(self, ws, (reader.bytes(message, at)))
end

-- It is said back to its sender too: y-websocket takes 30 s of silence for a dead connection.
subjects[AWARENESS] = function(self, ws, message)
  if self.cursors:hear(ws, (reader.bytes(message, 2))) then
    self.state:broadcast(message, { isBinary = true })
  end
end

subjects[ASK_AWARENESS] = function(self, ws)
  ws:send(cursor_message(self.cursors:all()), true)
end

function Document:fetch(request)
  if not request:isWebSocketUpgrade() then
    return od.Response.json {
      people = #self.state:getWebSockets(), documentBytes = self.document_bytes,
      logBytes = self.log_bytes, logUpdates = self.log_count,
    }
  end
  local client, server = od.WebSocketPair()
  self.state:acceptWebSocket(server)
  server:send(cursor_message(self.cursors:all()), true)
  return od.Response(nil, { status = 101, webSocket = client })
end

-- Nothing is stored or passed on of a message that is malformed: what no client can read would
-- meet all who come later.
function Document:webSocketMessage(ws, message)
  local ok, why = pcall(function()
    local subject = subjects[message:byte()] or error("an unknown subject", 0)
    subject(self, ws, message)
  end)
  if not ok then
    od.log.warn("refused a message: ", why)
    ws:close(1008, "not understood")
  end
end

function Document:webSocketClose(ws)
  local gone = self.cursors:leave(ws)
  if gone then
    self.state:broadcast(cursor_message(gone), { isBinary = true, except = ws })
  end
end

local function fetch(request, env)
  local name = request.path:match("^/docs/([%w_-]+)$")
  if name then
    return env.docs:getByName(name):fetch(request)
  end
  return od.Response("Not found\n", { status = 404 })
end

return { namespaces = { docs = Document }, fetch = fetch, assets = "public" }
