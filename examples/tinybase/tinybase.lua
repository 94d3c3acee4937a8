-- Stores that keep themselves in step, for TinyBase's synchronizer, unmodified. The object passes
-- on what clients say to each other, and takes part itself: it keeps every cell that it hears of,
-- and tells it to who comes when nobody else is here.
local od = require "open-do"

-- A message is `WHOM\n[request, kind, body]`: to everybody when WHOM is empty, and passed on with
-- who said it in that place. Ours says so with a name that no client can have.
local SELF = "server"
local RESPONSE, GET_CONTENT_HASHES, CONTENT_HASHES, CONTENT_DIFF, GET_TABLE_DIFF, GET_VALUE_DIFF =
  0, 1, 2, 3, 4, 7
local HASH = 4294967295 -- Of no store: who asks finds that ours is another, and asks for all of it.

local ID_BYTES_MAX, MESSAGE_BYTES_MAX = 500, 1024 * 1024
local encode = od.json.encode

local Store = {}

-- Cells and values --------------------------------------------------------------------------------

-- A thing is stored with its time stamp, as [value, time]; times are texts that sort. The later
-- wins, wherever and whenever it is heard.
function Store:_keep(path, stamp)
  local value, time = stamp[1], stamp[2]
  if type(time) ~= "string" or #path > ID_BYTES_MAX then
    return
  end
  local known = self.state.storage:get(path)
  if not known or known[2] < time then
    self.state.storage:put(path, { value, time })
  end
end

local function each(object, act)
  for key, value in pairs(type(object) == "table" and object or {}) do
    act(tostring(key), value)
  end
end

local function path_of(...)
  return table.concat({ ... }, "\0")
end

-- Takes tables as they are in messages: [{ table: [{ row: [{ cell: [value, time] }, ...] }, ...]
-- }, ...].
function Store:_hear_tables(tables)
  each(tables[1], function(table_id, rows)
    each(rows[1], function(row_id, cells)
      each(cells[1], function(cell_id, stamp)
        self:_keep(path_of("cell", table_id, row_id, cell_id), stamp)
      end)
    end)
  end)
end

function Store:_hear_values(values)
  each(values[1], function(value_id, stamp)
    self:_keep(path_of("value", value_id), stamp)
  end)
end

local function branch(tree, key)
  tree[key] = tree[key] or { {} }
  return tree[key][1]
end

function Store:_tables()
  local tables = { {} }
  for path, stamp in self.state.storage:list { prefix = "cell\0" } do
    local table_id, row_id, cell_id = path:match("^cell%z(%Z*)%z(%Z*)%z(%Z*)$")
    branch(branch(tables[1], table_id), row_id)[cell_id] = stamp
  end
  return tables
end

function Store:_values()
  local values = { {} }
  for path, stamp in self.state.storage:list { prefix = "value\0" } do
    values[1][path:sub(7)] = stamp
  end
  return values
end

-- The conversation --------------------------------------------------------------------------------

local function say(ws, request, kind, body)
  ws:send(SELF .. "\n" .. encode { request, kind, body })
end

local answers = {}

-- "Who has what?"
answers[GET_CONTENT_HASHES] = function(_, ws, request)
  say(ws, request, RESPONSE, od.json.array { HASH, HASH })
end

answers[GET_TABLE_DIFF] = function(self, ws, request)
  say(ws, request, RESPONSE, od.json.array { self:_tables(), {} })
end

answers[GET_VALUE_DIFF] = function(self, ws, request)
  say(ws, request, RESPONSE, self:_values())
end

-- "I have changed." We ask for all of it, as a store that is empty does.
answers[CONTENT_HASHES] = function(_, ws)
  say(ws, "tables", GET_TABLE_DIFF, {})
  say(ws, "values", GET_VALUE_DIFF, {})
end

answers[CONTENT_DIFF] = function(self, _, _, body)
  self:_hear_tables(body[1])
  self:_hear_values(body[2])
end

answers[RESPONSE] = function(self, _, request, body)
  if request == "tables" then
    self:_hear_tables(body[1])
  elseif request == "values" then
    self:_hear_values(body)
  end
end

function Store:fetch(request)
  local key = request.headers:get("sec-websocket-key")
  if not request:isWebSocketUpgrade() or not key then
    return od.Response("Expected a WebSocket\n", { status = 426 })
  end
  local client, server = od.WebSocketPair()
  self.state:acceptWebSocket(server, { key })
  server:serializeAttachment(key)
  return od.Response(nil, { status = 101, webSocket = client })
end

function Store:_pass_on(ws, to, rest)
  local text = ws:deserializeAttachment() .. "\n" .. rest
  if to == "" then
    return self.state:broadcast(text, { except = ws })
  end
  for _, receiver in ipairs(self.state:getWebSockets(to)) do
    receiver:send(text)
  end
end

function Store:webSocketMessage(ws, text, isBinary)
  local to, rest = text:match("^([^\n]*)\n(.*)$")
  if isBinary or not to or #text > MESSAGE_BYTES_MAX then
    return ws:close(1007, "not understood")
  end
  if to == "" or to == SELF then
    local ok, why = pcall(function()
      local message = od.json.decode(rest)
      answers[message[2]](self, ws, message[1], message[3])
    end)
    if not ok then
      od.log.warn("refused a message: ", why)
      return ws:close(1007, "not understood")
    end
  end
  if to ~= SELF then
    self:_pass_on(ws, to, rest)
  end
end

return { namespaces = { stores = Store } }
