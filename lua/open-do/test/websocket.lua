-- A WebSocket client for specs: an ordinary one, and frame by frame for what no decent client
-- sends. Each wait has a deadline and says what came instead.
--
--   local ann = websocket.connect(address, "/rooms/lobby")
--   ann:send("hello"); ann:receive() --> "hello", false
--   ann:close(1000, "bye"); ann:expect_close(1000)

local bit = require "bit"
local http = require "open-do.test.http"

local M = {}

local SECONDS = 10 * (tonumber(os.getenv("OPEN_DO_TEST_PATIENCE")) or 1) -- As in process.lua.
local OPCODES = { continuation = 0, text = 1, binary = 2, close = 8, ping = 9, pong = 10 }
local KEY = "dGhlIHNhbXBsZSBub25jZQ=="
local ACCEPT = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="

local Client = {}
Client.__index = Client
M.Client = Client

local function uint(number, bytes)
  local out = {}
  for i = bytes, 1, -1 do
    out[i] = string.char(number % 256)
    number = math.floor(number / 256)
  end
  return table.concat(out)
end

-- The number whose bytes these are, the highest first.
function M.number_of(text)
  local number = 0
  for i = 1, #text do
    number = number * 256 + text:byte(i)
  end
  return number
end

-- The payload under the mask, or out of it.
function M.mask(payload, mask)
  if mask == "\0\0\0\0" then
    return payload
  end
  local out = {}
  for i = 1, #payload do
    out[i] = string.char(bit.bxor(payload:byte(i), mask:byte((i - 1) % 4 + 1)))
  end
  return table.concat(out)
end

-- Bytes of one frame; `frame` = { opcode =, payload =, fin = true, rsv = 0, masked = true }.
function M.encode(frame)
  local payload = frame.payload or ""
  local opcode = OPCODES[frame.opcode] or frame.opcode
  local head = string.char((frame.fin == false and 0 or 128) + (frame.rsv or 0) * 16 + opcode)
  local masked = frame.masked == false and 0 or 128
  if #payload < 126 then
    head = head .. string.char(masked + #payload)
  elseif #payload < 65536 then
    head = head .. string.char(masked + 126) .. uint(#payload, 2)
  else
    head = head .. string.char(masked + 127) .. uint(#payload, 8)
  end
  if masked == 0 then
    return head .. payload
  end
  -- A mask of zeros is as good as any, and long payloads need not be touched.
  local mask = #payload > 4096 and "\0\0\0\0" or "\1\2\3\4"
  return head .. mask .. M.mask(payload, mask)
end

-- Asks for an upgrade; returns the answer and the connection.
function M.handshake(address, path, options)
  options = options or {}
  local connection = http.open(address)
  local headers = {
    connection = "Upgrade",
    upgrade = "websocket",
    ["sec-websocket-version"] = "13",
    ["sec-websocket-key"] = KEY,
    ["sec-websocket-protocol"] = options.protocols and table.concat(options.protocols, ", "),
    ["sec-websocket-extensions"] = options.extensions,
  }
  for name, value in pairs(options.headers or {}) do
    headers[name:lower()] = value
  end
  return connection:request("GET", path, { headers = headers }), connection
end

-- Opens a WebSocket; `options` = { protocols =, extensions =, headers = }.
function M.connect(address, path, options)
  local answer, connection = M.handshake(address, path, options)
  assert(answer.status == 101, ("expected 101, got %d: %s"):format(answer.status,
    (answer.body:gsub("%s+$", ""))))
  assert(answer.headers["sec-websocket-accept"] == ACCEPT, "a wrong Sec-WebSocket-Accept")
  return setmetatable({
    connection = connection,
    tcp = connection.tcp,
    protocol = answer.headers["sec-websocket-protocol"],
    answer = answer,
  }, Client)
end

function Client:write(bytes)
  self.connection:write(bytes)
end

function Client:send_frame(frame)
  self:write(M.encode(frame))
end

function Client:send(payload, is_binary)
  self:send_frame { opcode = is_binary and "binary" or "text", payload = payload }
end

function Client:ping(payload)
  self:send_frame { opcode = "ping", payload = payload }
end

local function read_exactly(tcp, count)
  if count == 0 then
    return ""
  end
  return tcp:receive(count)
end

-- The next frame { opcode =, fin =, rsv =, payload =, masked = }, or nil and why ("closed",
-- "timeout").
function M.read_frame(tcp, seconds)
  tcp:settimeout(seconds)
  local head, why = tcp:receive(2)
  if not head then
    return nil, why
  end
  local first, second = head:byte(1, 2)
  local is_masked, size = second >= 128, second % 128
  if size >= 126 then
    size = M.number_of(assert(tcp:receive(size == 126 and 2 or 8)))
  end
  local mask = is_masked and assert(tcp:receive(4))
  local payload = assert(read_exactly(tcp, size))
  return { fin = first >= 128, rsv = math.floor(first / 16) % 8, opcode = first % 16,
    payload = mask and M.mask(payload, mask) or payload, masked = is_masked }
end

-- The same from a server, which never masks.
function Client:read_frame(seconds)
  local frame, why = M.read_frame(self.tcp, seconds or SECONDS)
  assert(not frame or not frame.masked, "the server masked a frame")
  return frame, why
end

-- The payload of a Close frame, which is empty without a code; and what such a one says.
function M.encode_close(code, reason)
  return code and uint(code, 2) .. (reason or "") or ""
end

function M.describe_close(payload)
  if #payload == 0 then
    return 1005, ""
  end
  return M.number_of(payload:sub(1, 2)), payload:sub(3)
end

-- The next message: payload, is_binary. Pings are answered and passed over; anything else is an
-- error.
function Client:receive(seconds)
  while true do
    local frame, why = self:read_frame(seconds)
    assert(frame, "expected a message, but: " .. tostring(why))
    if frame.opcode == OPCODES.ping then
      self:send_frame { opcode = "pong", payload = frame.payload }
    elseif frame.opcode == OPCODES.close then
      error(("expected a message, but was closed: %d %q"):format(M.describe_close(frame.payload)),
        2)
    elseif frame.opcode ~= OPCODES.pong then
      assert(frame.fin and frame.rsv == 0, "expected a whole, plain message")
      return frame.payload, frame.opcode == OPCODES.binary
    end
  end
end

-- The next message must be `expected`.
function Client:expect(expected)
  local message = self:receive()
  if message ~= expected then
    error(("expected %q, got %q"):format(expected, message), 2)
  end
end

-- Nothing has come: a ping of ours is answered before anything else is.
function Client:expect_silence()
  self:ping("silence?")
  local frame, why = self:read_frame()
  assert(frame, "expected silence, but: " .. tostring(why))
  if frame.opcode ~= OPCODES.pong then
    error(("expected silence, got %q"):format(frame.payload), 2)
  end
end

-- Starts the closing handshake; without a code the Close frame is empty.
function Client:close(code, reason)
  self.has_closed = true
  self:send_frame { opcode = "close", payload = M.encode_close(code, reason) }
end

-- Waits for the server's Close (answered, as clients do) and the end of the connection. Messages
-- before it are passed over. 1006 stands for an end without Close. Returns code and reason.
function Client:expect_close(expected_code, expected_reason)
  local code, reason = 1006, ""
  while true do
    local frame, why = self:read_frame()
    if not frame then
      assert(why == "closed", "expected a close, but: " .. tostring(why))
      break
    end
    if frame.opcode == OPCODES.close then
      code, reason = M.describe_close(frame.payload)
      if not self.has_closed then
        self:close(code ~= 1005 and code or nil)
      end
      self.connection:read_to_end()
      break
    end
  end
  self.tcp:close()
  if expected_code and code ~= expected_code then
    error(("expected close %d, got %d %q"):format(expected_code, code, reason), 2)
  end
  if expected_reason and reason ~= expected_reason then
    error(("expected close reason %q, got %q"):format(expected_reason, reason), 2)
  end
  return code, reason
end

-- Cuts the connection without a word.
function Client:cut()
  self.tcp:close()
end

return M
