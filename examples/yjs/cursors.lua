-- Who is here and where they point: Yjs' "awareness". Each client says of itself { clock, state },
-- its state a JSON text, `null` when it goes. It is kept in the attachment of the socket it came
-- from and lives as long as that; this is an index of all attachments.
local od = require "open-do"
local reader = require "update.reader"
local writer = require "update.writer"

local M = {}
M.__index = M

local CLIENTS_MAX, STATE_BYTES_MAX = 8, 1024

-- The cursors of all sockets of an object's [state].
function M.of(state)
  local self = setmetatable({ clocks = {}, owners = {} }, M)
  for _, ws in ipairs(state:getWebSockets()) do
    for client, cursor in pairs(ws:deserializeAttachment() or {}) do
      self.clocks[client], self.owners[client] = cursor.clock, ws
    end
  end
  return self
end

local function read(bytes)
  local cursors = {}
  local count, at = reader.uint(bytes, 1)
  for _ = 1, count do
    local cursor = {}
    local client
    client, at = reader.uint(bytes, at)
    cursor.clock, at = reader.uint(bytes, at)
    cursor.state, at = reader.bytes(bytes, at)
    od.json.decode(cursor.state)
    cursors[client] = cursor
  end
  return cursors
end

local function write(cursors)
  local out, count = {}, 0
  for client, cursor in pairs(cursors) do
    out[#out + 1] = writer.uint(client) .. writer.uint(cursor.clock) .. writer.bytes(cursor.state)
    count = count + 1
  end
  return writer.uint(count) .. table.concat(out)
end

local function keep(ws, client, cursor)
  local kept, count = ws:deserializeAttachment() or {}, 0
  kept[client] = cursor
  for _ in pairs(kept) do
    count = count + 1
  end
  local is_short = not cursor or #cursor.state <= STATE_BYTES_MAX
  assert(count <= CLIENTS_MAX and is_short, "too much about cursors")
  ws:serializeAttachment(kept)
end

-- Takes what the socket [ws] says; returns whether there was news in it. Clients repeat what they
-- hear of others, so only what is newer than all before is news, and whose it is shows who said it
-- first.
function M:hear(ws, bytes)
  local is_news = false
  for client, cursor in pairs(read(bytes)) do
    local clock, is_gone = self.clocks[client] or -1, cursor.state == "null"
    if cursor.clock > clock or cursor.clock == clock and is_gone and self.owners[client] then
      local owner = self.owners[client] or ws
      keep(owner, client, not is_gone and cursor or nil)
      self.owners[client] = not is_gone and owner or nil
      self.clocks[client], is_news = cursor.clock, true
    end
  end
  return is_news
end

-- All there are, for a newcomer.
function M:all()
  local cursors = {}
  for client, ws in pairs(self.owners) do
    cursors[client] = ws:deserializeAttachment()[client]
  end
  return write(cursors)
end

-- Forgets those of [ws], which has closed; what to tell the others, or nil. (Who is back already on
-- another socket hears it too, and says that it is here.)
function M:leave(ws)
  local gone = {}
  for client, cursor in pairs(ws:deserializeAttachment() or {}) do
    gone[client] = { clock = cursor.clock + 1, state = "null" }
    self.clocks[client], self.owners[client] = cursor.clock + 1, nil
  end
  return next(gone) and write(gone)
end

return M
