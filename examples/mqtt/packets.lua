-- MQTT 3.1.1 packets, read and written. Reading raises when a packet breaks the protocol; then
-- there is nothing to do but to hang up.
local od = require "open-do"

local M = {}

local char, floor = string.char, math.floor

local BODY_BYTES_MAX = 256 * 1024

-- The packet at the beginning of [bytes]: its type, flags and body, and where the next one begins;
-- nil when it is not all there.
function M.first(bytes)
  local size, scale, at = 0, 1, 2
  repeat
    local digit = bytes:byte(at)
    if not digit then
      return nil
    end
    size, scale, at = size + digit % 128 * scale, scale * 128, at + 1
    assert(size <= BODY_BYTES_MAX, "a packet is too large")
  until digit < 128
  if at + size - 1 > #bytes then
    return nil
  end
  local head = bytes:byte(1)
  return floor(head / 16), head % 16, bytes:sub(at, at + size - 1), at + size
end

local function u16(bytes, at)
  local high, low = bytes:byte(at, at + 1)
  assert(low, "a packet ends too early")
  return high * 256 + low, at + 2
end

local function field(bytes, at)
  local size
  size, at = u16(bytes, at)
  assert(at + size - 1 <= #bytes, "a packet ends too early")
  return bytes:sub(at, at + size - 1), at + size
end

local function text(bytes, at)
  local value, after = field(bytes, at)
  assert(not value:find("%z") and pcall(od.json.encode, value), "a text is not UTF-8")
  return value, after
end

-- A topic that can be published to.
local function topic_name(bytes, at)
  local topic, after = text(bytes, at)
  assert(#topic > 0 and #topic <= 1000 and not topic:find("[+#]"), "a topic is not well formed")
  return topic, after
end

-- A filter: `+` stands for one level, `#` for all that follow, each alone in its level.
local function topic_filter(bytes, at)
  local filter, after = text(bytes, at)
  assert(#filter > 0 and #filter <= 1000, "a filter is not well formed")
  for level, rest in (filter .. "/"):gmatch("([^/]*)/()") do
    local is_last = rest == #filter + 2
    assert(level == "+" or level == "#" and is_last or not level:find("[+#]"),
      "a filter is not well formed")
  end
  return filter, after
end

function M.connect(body)
  local packet, at = {}, 1
  packet.protocol, at = field(body, at)
  packet.level = body:byte(at)
  local flags = assert(body:byte(at + 1), "a packet ends too early")
  assert(flags % 2 == 0, "a reserved flag is set")
  packet.clean = floor(flags / 2) % 2 == 1
  packet.keep_alive, at = u16(body, at + 2)
  packet.id, at = text(body, at)
  if floor(flags / 4) % 2 == 1 then
    local will = { qos = floor(flags / 8) % 4, retain = floor(flags / 32) % 2 == 1 }
    will.topic, at = topic_name(body, at)
    will.payload, at = field(body, at)
    packet.will = will
  end
  if flags >= 128 then
    packet.user, at = text(body, at)
  end
  if floor(flags / 64) % 2 == 1 then
    packet.password = field(body, at)
  end
  return packet
end

function M.publish(flags, body)
  local packet, at = { qos = floor(flags / 2) % 4, retain = flags % 2 == 1 }, 1
  packet.topic, at = topic_name(body, at)
  if packet.qos > 0 then
    packet.number, at = u16(body, at)
  end
  packet.payload = body:sub(at)
  return packet
end

-- The number of the packet, and the filters with the quality wished for.
function M.subscribe(body, has_qos)
  local number, at = u16(body, 1)
  local filters = {}
  while at <= #body do
    local filter
    filter, at = topic_filter(body, at)
    local qos = has_qos and assert(body:byte(at), "a packet ends too early")
    filters[#filters + 1] = { filter = filter, qos = qos }
    at = has_qos and at + 1 or at
  end
  assert(filters[1], "a packet ends too early")
  return number, filters
end

function M.number(body)
  return (u16(body, 1))
end

local function write_u16(number)
  return char(floor(number / 256), number % 256)
end

-- A packet of this [kind] with its [flags].
function M.write(kind, flags, body)
  local size, digits = #body, ""
  while size >= 128 do
    digits, size = digits .. char(size % 128 + 128), floor(size / 128)
  end
  return char(kind * 16 + flags) .. digits .. char(size) .. body
end

function M.write_publish(message, qos, is_retained, number, is_again)
  local flags = (is_again and 8 or 0) + qos * 2 + (is_retained and 1 or 0)
  return M.write(3, flags, write_u16(#message.topic) .. message.topic
    .. (qos > 0 and write_u16(number) or "") .. message.payload)
end

-- PUBACK, SUBACK and their like.
function M.write_answer(kind, number, rest)
  return M.write(kind, 0, write_u16(number) .. (rest or ""))
end

-- Whether a [topic] is what a [filter] stands for. Wildcards leave `$SYS` and its like alone.
function M.matches(filter, topic)
  if topic:byte() == 36 and filter:find("^[+#]") then
    return false
  end
  local at = 1
  for level in (filter .. "/"):gmatch("([^/]*)/") do
    if level == "#" then
      return true
    end
    local stop = topic:find("/", at, true) or #topic + 1
    if at > #topic + 1 or level ~= "+" and level ~= topic:sub(at, stop - 1) then
      return false
    end
    at = stop + 1
  end
  return at > #topic + 1
end

return M
