-- The Durable Streams protocol, for its client, unmodified: one object a stream.
--
-- Bytes or JSON messages that are only ever appended, read from any offset, and live by long poll
-- or server-sent events. A position counts the messages of a JSON stream and the bytes of any
-- other. A fork has of its own only what was appended to it, and asks its source for the rest.
local od = require "open-do"
local asked = require "asked"

local PIECE_BYTES_MAX, ANSWER_BYTES_MAX, NAME_BYTES_MAX = 2 ^ 20, 2 ^ 20, 1024
local POLL_MS, LONG_POLL_MS, CURSOR_MS = 20, 20000, 20000
local CURSOR_EPOCH_MS = 1728432000000 -- The protocol's: 2024-10-09.

local COMMON = {
  ["x-content-type-options"] = "nosniff", ["cross-origin-resource-policy"] = "cross-origin",
  ["access-control-allow-origin"] = "*", ["access-control-expose-headers"] = "*",
}

local function answer(status, body, facts, more)
  local response = od.Response(body, { status = status, headers = COMMON })
  for _, headers in ipairs { facts or {}, more or {} } do
    for name, value in pairs(headers) do
      response.headers:set(name, value)
    end
  end
  return response
end

local function refuse(status, why, more)
  return answer(status, why .. "\n", { ["cache-control"] = "no-store" }, more)
end

local function key_of(position)
  return ("data:%016d"):format(position)
end

-- Greater than the one the client knows, so that no cache on the way answers him forever.
local function cursor_after(known)
  local now = math.floor((od.now() - CURSOR_EPOCH_MS) / CURSOR_MS)
  return ("%d"):format(known and known >= now and known + math.random(180) or now)
end

local Stream = {}

function Stream:constructor()
  self.meta = self.state.storage:get("meta")
end

function Stream:save()
  self.state.storage:put("meta", self.meta)
end

function Stream:other(name)
  return self.env.streams:getByName(name)
end

function Stream:is_json()
  return asked.kind(self.meta.type) == "application/json"
end

-- Its end ----------------------------------------------------------------------------------------

function Stream:has_forks()
  return self.state.storage:list { prefix = "fork:", limit = 1 }() ~= nil
end

-- What forks still read stays, and nobody else sees it.
function Stream:remove()
  local source = self.meta.source
  for _, reader in ipairs(self.state:getEventStreams()) do
    reader:close()
  end
  if self:has_forks() then
    self.meta.gone = true
    self.state.storage:deleteAlarm()
    return self:save()
  end
  self.meta = nil
  self.state.storage:deleteAll()
  if source then
    self:other(source):release(self.state.id.name)
  end
end

function Stream:release(fork)
  self.state.storage:delete("fork:" .. fork)
  if self.meta and self.meta.gone and not self:has_forks() then
    self:remove()
  end
end

-- A reading or a writing begins: its time to live begins again.
function Stream:touch()
  if self.meta.ttl then
    self.meta.expires = od.now() + self.meta.ttl * 1000
    self:save()
  end
  if self.meta.expires then
    self.state.storage:setAlarm(self.meta.expires)
  end
end

function Stream:expire()
  local meta = self.meta
  if not meta or meta.gone or not meta.expires or od.now() < meta.expires then
    return
  elseif meta.ttl and #self.state:getEventStreams() > 0 then
    return self:touch()
  end
  self:remove()
end

Stream.alarm = Stream.expire

-- Reading ----------------------------------------------------------------------------------------

-- What lies between two positions, as much of it as one answer may have; and where that ends.
function Stream:read(from, to)
  local storage, parts, size = self.state.storage, {}, 0
  local separator = self:is_json() and "," or ""
  if from < math.min(to, self.meta.base) then
    parts[1], from = self:other(self.meta.source):read(from, math.min(to, self.meta.base))
  end
  local start = storage:list { prefix = "data:", ["end"] = key_of(from + 1), reverse = true,
    limit = 1 }() or key_of(from)
  for key, piece in storage:list { prefix = "data:", start = start } do
    local before = tonumber(key:sub(6))
    if from >= to or from < before or size >= ANSWER_BYTES_MAX then
      break
    end
    local first, last = from - before + 1, math.min(#piece, to - before)
    parts[#parts + 1] = type(piece) == "string" and piece:sub(first, last)
      or table.concat(piece, separator, first, last)
    from, size = before + last, size + #parts[#parts]
  end
  return table.concat(parts, separator), from
end

function Stream:body_of(text)
  return self:is_json() and "[" .. text .. "]" or text
end

-- What all answers say about the stream, and about the position [at] they have come to.
function Stream:facts(at)
  local is_end = at == self.meta.tail
  return {
    ["content-type"] = self.meta.type, ["stream-next-offset"] = asked.offset_of(at),
    ["stream-up-to-date"] = is_end and "true" or nil,
    ["stream-closed"] = is_end and self.meta.closed and "true" or nil,
  }
end

function Stream:catch_up(request, reading)
  local text, at = self:read(reading.from, self.meta.tail)
  local facts = self:facts(at)
  if request.query.offset == "now" then
    return answer(200, self:body_of(text), facts, { ["cache-control"] = "no-store" })
  end
  local etag = ('"%s:%d:%d%s"'):format(self.meta.id, reading.from, at,
    facts["stream-closed"] and ":c" or "")
  local headers = {
    etag = etag, ["stream-cursor"] = reading.live and cursor_after(reading.cursor),
    -- What is not the end will never change.
    ["cache-control"] = facts["stream-up-to-date"] and "no-cache"
      or "private, max-age=60, stale-while-revalidate=300",
  }
  if (request.headers:get("if-none-match") or ""):find(etag, 1, true) then
    return answer(304, nil, facts, headers)
  end
  return answer(200, self:body_of(text), facts, headers)
end

function Stream:long_poll(request, reading)
  local over_at, has_left = od.now() + (tonumber(self.env.LONG_POLL_MS) or LONG_POLL_MS), false
  request:onAbort(function() has_left = true end)
  while self.meta and self.meta.tail == reading.from and not self.meta.closed
    and not has_left and od.now() < over_at do
    od.sleep(POLL_MS)
  end
  if not self.meta or self.meta.gone then
    return refuse(404, "It is gone")
  elseif self.meta.tail > reading.from then
    return self:catch_up(request, reading)
  end
  return answer(204, nil, self:facts(self.meta.tail), {
    ["cache-control"] = "no-store", ["stream-cursor"] = cursor_after(reading.cursor),
  })
end

-- As text, which events are.
function Stream:event_of(text)
  if self:is_json() then
    return self:body_of(text)
  elseif asked.kind(self.meta.type):find("^text/") then
    return od.utf8.len(text) and text or (text:gsub("[\128-\255]", "\239\191\189"))
  end
  return od.base64.encode(text)
end

-- What follows every event with data.
function Stream:control(at, known_cursor)
  local facts = self:facts(at)
  local is_closed = facts["stream-closed"] ~= nil
  return od.json.encode {
    streamNextOffset = facts["stream-next-offset"], streamClosed = is_closed or nil,
    upToDate = facts["stream-up-to-date"] ~= nil or nil,
    streamCursor = not is_closed and cursor_after(known_cursor) or nil,
  }
end

-- Who has much to catch up on gets the beginning, and goes on from there when he comes back.
function Stream:listen(request, reading)
  local response, reader = self.state:acceptEventStream(request)
  for name, value in pairs(COMMON) do
    response.headers:set(name, value)
  end
  local kind, sent = asked.kind(self.meta.type), 0
  if kind ~= "application/json" and not kind:find("^text/") then
    response.headers:set("stream-sse-data-encoding", "base64")
  end
  local from = reading.from
  repeat
    local text, at = self:read(from, self.meta.tail)
    if at > from then
      reader:send(self:event_of(text), { event = "data" })
    end
    reader:send(self:control(at, reading.cursor), { event = "control" })
    from, sent = at, sent + #text
  until from == self.meta.tail or sent >= ANSWER_BYTES_MAX
  if from < self.meta.tail or self.meta.closed then
    reader:close()
  else
    self.state:setTags(reader, { "live" })
  end
  return response
end

-- Writing ----------------------------------------------------------------------------------------

-- Stores pieces, and tells those who listen.
function Stream:append(pieces, closes)
  local meta = self.meta
  for i, piece in ipairs(pieces) do
    self.state.storage:put(key_of(meta.tail), piece)
    meta.tail, meta.closed = meta.tail + #piece, closes and i == #pieces
    local text = type(piece) == "string" and piece or table.concat(piece, ",")
    self.state:broadcast(self:event_of(text), { tag = "live", event = "data" })
    self.state:broadcast(self:control(meta.tail), { tag = "live", event = "control" })
  end
  if closes then
    meta.closed = true
    if #pieces == 0 then
      self.state:broadcast(self:control(meta.tail), { tag = "live", event = "control" })
    end
    for _, reader in ipairs(self.state:getEventStreams("live")) do
      reader:close()
    end
  end
  self:save()
end

-- What a producer has said before, or is too early or too late to say.
function Stream:refusal_of(producer)
  local known = self.state.storage:get("producer:" .. producer.id)
  local expected = known and producer.epoch == known.epoch and known.seq + 1 or 0
  if known and producer.epoch < known.epoch then
    return refuse(403, "Another one writes in its place", { ["producer-epoch"] = known.epoch })
  elseif self.meta.closed then
    return nil
  elseif producer.seq < expected then
    return answer(204, nil, self:facts(self.meta.tail),
      { ["producer-epoch"] = producer.epoch, ["producer-seq"] = expected - 1 })
  elseif producer.seq > 0 and known and producer.epoch > known.epoch then
    return refuse(400, "An epoch begins with 0")
  elseif producer.seq > expected then
    return refuse(409, "Something is missing before", {
      ["producer-expected-seq"] = expected, ["producer-received-seq"] = producer.seq })
  end
end

-- Whether an appending of a closed stream is the one that has closed it.
function Stream:has_closed(wish)
  local producer, closer = wish.producer, self.meta.closer
  if not producer then
    return wish.body == ""
  end
  return closer and producer.id == closer.id and producer.epoch == closer.epoch
    and producer.seq == closer.seq
end

-- The answer to an appending that cannot be.
function Stream:refusal(wish)
  local meta, producer = self.meta, wish.producer
  local refusal = producer and self:refusal_of(producer)
  if refusal then
    return refusal
  elseif meta.closed and self:has_closed(wish) then
    return answer(204, nil, self:facts(meta.tail), asked.echo(producer))
  elseif meta.closed then
    return refuse(409, "It is closed", self:facts(meta.tail))
  elseif wish.body ~= "" and asked.kind(wish.type) ~= asked.kind(meta.type) then
    return refuse(409, "It holds " .. meta.type)
  elseif wish.seq and meta.seq and wish.seq <= meta.seq then
    return refuse(409, "Stream-Seq has been there")
  end
end

-- For a fork: where it begins, and what it is like.
function Stream:adopt(fork, wish)
  self:expire()
  local meta = self.meta
  if not meta then
    return { status = 404, why = "There is no such source" }
  elseif meta.gone or wish.type and asked.kind(wish.type) ~= asked.kind(meta.type) then
    return { status = 409, why = "The source is deleted, or of another type" }
  elseif (wish.base or meta.tail) > meta.tail then
    return { status = 400, why = "The source is not that long" }
  end
  self.state.storage:put("fork:" .. fork, true)
  return { base = wish.base or meta.tail, type = meta.type, ttl = meta.ttl,
    expires_at = meta.expires_at, expires = meta.expires_at and meta.expires }
end

function Stream:create(wish, source, pieces)
  local parent = (wish.ttl or wish.expires) and wish or source -- Whose time it has.
  self.meta = {
    id = od.randomUUID(), type = wish.type or source.type, source = wish.source,
    base = source.base, tail = source.base, ttl = parent.ttl,
    expires = parent.expires, expires_at = parent.expires_at,
    wanted_ttl = wish.ttl, wanted_expires = wish.expires,
  }
  self:append(pieces, wish.closed)
  self:touch()
end

function Stream:is_as(wish)
  local meta = self.meta
  return not meta.gone and meta.source == wish.source and (meta.closed or false) == wish.closed
    and (not wish.type or asked.kind(wish.type) == asked.kind(meta.type))
    and (not wish.base or wish.base == meta.base)
    and meta.wanted_ttl == wish.ttl and meta.wanted_expires == wish.expires
end

-- Requests ---------------------------------------------------------------------------------------

local routes = {}

function routes.PUT(self, request)
  local wish, why = asked.creation(request)
  if not wish then
    return refuse(400, why)
  end
  local source, name = wish, self.state.id.name
  if not self.meta and wish.source then
    source = wish.source == name and { status = 404, why = "It cannot be its own source" }
      or self:other(wish.source):adopt(name, wish)
    if source.status then
      return refuse(source.status, source.why)
    end
  end
  if self.meta then
    if source ~= wish and self.meta.source ~= wish.source then
      self:other(wish.source):release(name) -- Somebody else has made it meanwhile.
    end
    return self:is_as(wish) and answer(200, nil, self:facts(self.meta.tail))
      or refuse(409, "It is there already, and not like that")
  end
  local is_json = asked.kind(wish.type or source.type) == "application/json"
  local body, pieces = request:text(), {}
  if body ~= "" then
    pieces, why = asked.pieces(body, is_json, PIECE_BYTES_MAX)
    if not pieces then
      return refuse(400, why)
    end
  end
  self:create(wish, source, pieces)
  return answer(201, nil, self:facts(self.meta.tail), { location = request.url })
end

function routes.POST(self, request)
  local wish, why = asked.appending(request)
  local refusal = wish and self:refusal(wish) or not wish and refuse(400, why)
  if refusal then
    return refusal
  end
  local pieces = {}
  if wish.body ~= "" then
    pieces, why = asked.pieces(wish.body, self:is_json(), PIECE_BYTES_MAX)
    if not pieces or #pieces == 0 then
      return refuse(400, why or "there is nothing to append")
    end
  end
  local meta, producer = self.meta, wish.producer
  meta.seq, meta.closer = wish.seq or meta.seq, wish.closes and producer or nil
  if producer then
    self.state.storage:put("producer:" .. producer.id,
      { epoch = producer.epoch, seq = producer.seq })
  end
  self:append(pieces, wish.closes)
  self:touch()
  return answer(producer and #pieces > 0 and 200 or 204, nil, self:facts(meta.tail),
    asked.echo(producer))
end

function routes.GET(self, request)
  local reading, why = asked.reading(request)
  if not reading then
    return refuse(400, why)
  end
  self:touch()
  reading.from = math.min(reading.from == "now" and self.meta.tail or reading.from or 0,
    self.meta.tail)
  if reading.live == "sse" then
    return self:listen(request, reading)
  elseif reading.live == "long-poll" then
    return self:long_poll(request, reading)
  end
  return self:catch_up(request, reading)
end

function routes.HEAD(self)
  local meta = self.meta
  return answer(200, nil, self:facts(meta.tail), {
    ["cache-control"] = "no-store", ["stream-ttl"] = meta.ttl,
    ["stream-expires-at"] = meta.expires_at })
end

function routes.DELETE(self)
  self:remove()
  return answer(204)
end

function Stream:fetch(request)
  self:expire()
  local route = routes[request.method]
  if not route then
    return refuse(405, "PUT, POST, GET, HEAD or DELETE", { allow = "PUT, POST, GET, HEAD, DELETE" })
  elseif request.method ~= "PUT" and not self.meta then
    return refuse(404, "There is no such stream")
  elseif request.method ~= "PUT" and self.meta.gone then
    return refuse(410, "It was deleted; forks still read it")
  end
  return route(self, request)
end

local function fetch(request, env)
  if request.method == "OPTIONS" then
    return answer(204, nil, {
      ["access-control-allow-methods"] = "GET, HEAD, POST, PUT, DELETE",
      ["access-control-allow-headers"] = request.headers:get("access-control-request-headers")
        or "*" })
  elseif not request.path:find("^/v1/stream/.") or #request.path > NAME_BYTES_MAX then
    return refuse(404, "Streams are at /v1/stream/NAME")
  end
  return env.streams:getByName(request.path):fetch(request)
end

return { namespaces = { streams = Stream }, fetch = fetch }
