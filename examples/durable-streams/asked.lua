-- What a request of the Durable Streams protocol asks for: its headers and parameters as values.
-- Each function returns nil and why when they are wrong.
local od = require "open-do"

local M = {}

local NUMBER_MAX = 2 ^ 53 - 1 -- Those of JavaScript.
local KEY_BYTES_MAX = 1024

-- [text] as a number; nil and no more when it is not plain decimal digits.
local function whole_number(text)
  local number = text and (text == "0" or text:find("^[1-9]%d*$")) and tonumber(text)
  return number and number <= NUMBER_MAX and number or nil
end

-- Days since 1970. The year begins with March here, so that the leap day is its last.
local function days_of(year, month, day)
  if month <= 2 then
    year, month = year - 1, month + 12
  end
  return 365 * year + math.floor(year / 4) - math.floor(year / 100) + math.floor(year / 400)
    + math.floor((153 * (month - 3) + 2) / 5) + day - 719469
end

-- An RFC 3339 time in ms since 1970.
local function time_of(text)
  local year, month, day, hour, minute, second, zone =
    text:match("^(%d%d%d%d)%-(%d%d)%-(%d%d)[Tt ](%d%d):(%d%d):(%d%d%.?%d*)([Zz+-].*)$")
  local sign, zone_hour, zone_minute = (zone or ""):match("^([+-])(%d%d):(%d%d)$")
  if not year or not (sign or zone:find("^[Zz]$")) then
    return nil
  end
  local minutes = days_of(tonumber(year), tonumber(month), tonumber(day)) * 1440
    + hour * 60 + minute
  if sign then
    minutes = minutes - tonumber(sign .. "1") * (zone_hour * 60 + zone_minute)
  end
  return (minutes * 60 + second) * 1000
end

-- Types are compared without case and parameters.
function M.kind(content_type)
  return content_type:match("^%s*([^;%s]*)"):lower()
end

function M.offset_of(position)
  return ("%016d_%016d"):format(0, position)
end

-- The position that an offset of ours names; only we have given it away.
function M.position(offset)
  local major, minor = offset:match("^(%d+)_(%d+)$")
  if not major or #offset ~= 33 then
    return nil, "no offset of ours"
  end
  return major + 0 == 0 and tonumber(minor) or math.huge
end

-- Where to read: {from = a position, "now", or nil for the beginning; live; cursor}.
function M.reading(request)
  local offsets, live = request:queryAll("offset"), request.query.live
  if #offsets > 1 or offsets[1] == "" then
    return nil, "one offset, or none"
  elseif live and live ~= "sse" and live ~= "long-poll" then
    return nil, "live is sse or long-poll"
  elseif live and not offsets[1] then
    return nil, "live needs an offset"
  end
  local reading = { live = live, from = offsets[1], cursor = whole_number(request.query.cursor) }
  if reading.from == "-1" then
    reading.from = nil
  elseif reading.from and reading.from ~= "now" then
    local why
    reading.from, why = M.position(reading.from)
    if not reading.from then
      return nil, why
    end
  end
  return reading
end

function M.closes(request)
  return (request.headers:get("stream-closed") or ""):lower() == "true"
end

-- Which stream is to be made.
function M.creation(request)
  local headers = request.headers
  local wish = {
    type = headers:get("content-type"), closed = M.closes(request),
    ttl = headers:get("stream-ttl"), expires_at = headers:get("stream-expires-at"),
    source = headers:get("stream-forked-from"), offset = headers:get("stream-fork-offset"),
    skip = headers:get("stream-fork-sub-offset"),
  }
  if wish.ttl and (wish.expires_at or not whole_number(wish.ttl)) then
    return nil, "Stream-TTL is a number of seconds, without Stream-Expires-At"
  elseif wish.expires_at and not time_of(wish.expires_at) then
    return nil, "Stream-Expires-At is no time of RFC 3339"
  elseif (wish.offset or wish.skip) and not wish.source then
    return nil, "a fork needs Stream-Forked-From"
  elseif wish.skip and not whole_number(wish.skip)
    or (wish.skip or "0") ~= "0" and not wish.offset then
    return nil, "Stream-Fork-Sub-Offset is a number, behind Stream-Fork-Offset"
  elseif wish.offset and not M.position(wish.offset) then
    return nil, "Stream-Fork-Offset is no offset of ours"
  end
  wish.base = wish.offset and M.position(wish.offset) + (wish.skip or 0)
  wish.ttl = whole_number(wish.ttl)
  wish.expires = wish.expires_at and time_of(wish.expires_at)
  if not wish.source then
    wish.type, wish.base = wish.type or "application/octet-stream", 0
  end
  return wish
end

-- Who appends, as the headers of an idempotent producer say; false when they are not there.
local function producer_of(headers)
  local id = headers:get("producer-id")
  local epoch, seq = headers:get("producer-epoch"), headers:get("producer-seq")
  if not id and not epoch and not seq then
    return false
  end
  local producer = { id = id, epoch = whole_number(epoch), seq = whole_number(seq) }
  if not id or id == "" or #id > KEY_BYTES_MAX or not producer.epoch or not producer.seq then
    return nil, "a producer has an id, an epoch and a seq"
  end
  return producer
end

-- The headers with which a producer is told how far it has come.
function M.echo(producer)
  return producer and { ["producer-epoch"] = producer.epoch, ["producer-seq"] = producer.seq }
end

-- What is to be appended.
function M.appending(request)
  local producer, why = producer_of(request.headers)
  if producer == nil then
    return nil, why
  end
  local wish = {
    body = request:text(), closes = M.closes(request), producer = producer,
    type = request.headers:get("content-type"), seq = request.headers:get("stream-seq"),
  }
  if wish.body == "" and not wish.closes then
    return nil, "there is nothing to append"
  elseif wish.body ~= "" and not wish.type then
    return nil, "Content-Type is missing"
  end
  return wish
end

-- A body as pieces to be stored, of at most [bytes_max]. A piece has as many positions as its
-- length: a string one for each byte, a list one for each of the messages of a JSON stream.
function M.pieces(body, is_json, bytes_max)
  local pieces = {}
  if not is_json then
    for first = 1, #body, bytes_max do
      pieces[#pieces + 1] = body:sub(first, first + bytes_max - 1)
    end
    return pieces
  end
  local ok, messages = pcall(od.json.decode, body)
  if not ok then
    return nil, messages
  elseif not body:find("^%s*%[") then
    messages = { messages }
  end
  local room = 0
  for _, message in ipairs(messages) do
    local text = od.json.encode(message)
    if #text > bytes_max then
      return nil, "a message is too large"
    elseif #text > room then
      pieces[#pieces + 1], room = {}, bytes_max
    end
    table.insert(pieces[#pieces], text)
    room = room - #text - 8 -- What it takes to store one more.
  end
  return pieces
end

return M
