-- A server of the outside world to which objects open WebSockets. The spec is that server: it
-- accepts, says and hears what it wants, in its own time.
--
--   local upstream = Upstream.each()     in a `describe`: one for each of its tests; or listen()
--   ... an object connects to upstream.url .. "/feed?x=1" ...
--   local peer = upstream:accept()       peer.path, peer.headers
--   peer:send("hello"); peer:expect("hi"); peer:close(1000, "bye"); peer:cut()
--   upstream:take()                      a connection before its handshake: answer(), write(bytes)
--   upstream:expect_nobody(); upstream:stop()

local core = require "spec.support.core"
local kept = require "spec.support.kept"
local socket = require "socket"
local websocket = require "spec.support.websocket"

local M = {}

local SECONDS = 30 * (tonumber(os.getenv("OPEN_DO_TEST_PATIENCE")) or 1)
local NAMES = { [0] = "continuation", "text", "binary", [8] = "close", [9] = "ping", [10] = "pong" }

local C -- Loaded by the first handshake: builds without specs have no library.
local ffi = core.ffi
pcall(ffi.cdef, "int fcntl(int fd, int command, ...);")
local F_SETFD, FD_CLOEXEC = 2, 1

local Peer = { expect = websocket.Client.expect, cut = websocket.Client.cut }
Peer.__index = Peer
local Upstream = {}
Upstream.__index = Upstream

-- busted loads this module anew for each file; what is reserved is until the process ends.
local registry = debug.getregistry()
registry.open_do_reserved = registry.open_do_reserved or {}
local reserved = registry.open_do_reserved

-- Else the server under test would hold it open as well.
local function keep_from_programs(tcp)
  ffi.C.fcntl(tcp:getfd(), F_SETFD, ffi.new("int", FD_CLOEXEC))
end

-- At a port that stays its own, also while nobody listens there.
function M.listen(port)
  local tcp = assert(socket.bind("127.0.0.1", port or M.free_port(), 512))
  keep_from_programs(tcp)
  local _, own = tcp:getsockname()
  return setmetatable({ tcp = tcp, port = tonumber(own), peers = {},
    url = "ws://127.0.0.1:" .. own }, Upstream)
end

-- Called in a `describe`: one for each of its tests. A server that connects to it is named before
-- it, so that it stops first.
function M.each()
  return kept.each(getfenv(2), function() return M.listen() end)
end

-- A port for programs that cannot let the system pick. It stays bound, so that the system gives it
-- to nobody else; who listens there says SO_REUSEADDR, and as nobody listens here, may.
function M.free_port()
  local tcp = assert(socket.tcp4())
  tcp:setoption("reuseaddr", true)
  assert(tcp:bind("127.0.0.1", 0))
  keep_from_programs(tcp)
  reserved[#reserved + 1] = tcp
  return tonumber((select(2, tcp:getsockname())))
end

-- The next connection, of which nothing is read yet.
function Upstream:take(seconds)
  self.tcp:settimeout(seconds or SECONDS)
  local tcp, why = self.tcp:accept()
  if not tcp then
    error("expected a connection, but: " .. why, 2)
  end
  tcp:settimeout(SECONDS)
  tcp:setoption("tcp-nodelay", true)
  local peer = setmetatable({ tcp = tcp }, Peer)
  self.peers[#self.peers + 1] = peer
  return peer
end

-- The next WebSocket.
function Upstream:accept(options)
  local peer = self:take()
  peer:read_head()
  peer:answer(options)
  return peer
end

-- Nobody is waiting at the door.
function Upstream:expect_nobody()
  self.tcp:settimeout(0)
  assert(not self.tcp:accept(), "expected nobody, but somebody connects")
end

-- Nobody says anything; a front with TLS may have connected all the same.
function Upstream:expect_no_word()
  self.tcp:settimeout(0)
  for tcp in function() return self.tcp:accept() end do
    tcp:settimeout(SECONDS)
    local byte = tcp:receive(1)
    tcp:close()
    assert(not byte, "expected no word, but somebody speaks")
  end
end

function Upstream:stop()
  for _, peer in ipairs(self.peers) do
    peer.tcp:close()
  end
  self.tcp:close()
end

-- --- One connection ------------------------------------------------------------------------------

function Peer:read_head()
  local line = assert(self.tcp:receive("*l"))
  self.method, self.path = line:match("^(%u+) (%S+) HTTP/1%.1$")
  assert(self.method == "GET", "not a request for an upgrade: " .. line)
  self.headers = {}
  for field in function() return self.tcp:receive("*l") end do
    if field == "" then
      return self
    end
    local name, value = field:match("^([^:]+): (.*)$")
    self.headers[name:lower()] = value
  end
  error("the head of the request is not whole")
end

-- What proves that the key was read.
function Peer:proof()
  local key = self.headers["sec-websocket-key"]
  local accept = ffi.new("char[28]")
  C = C or core.load "codec/handshake.h"
  C.od_handshake_prove(core.slice(key), accept)
  return ffi.string(accept, 28)
end

-- Says 101; options.headers are lines more.
function Peer:answer(options)
  local lines = { "HTTP/1.1 101 Switching Protocols", "Upgrade: websocket", "Connection: Upgrade",
    "Sec-WebSocket-Accept: " .. self:proof() }
  for name, value in pairs(options and options.headers or {}) do
    lines[#lines + 1] = name .. ": " .. value
  end
  self:write(table.concat(lines, "\r\n") .. "\r\n\r\n" .. (options and options.behind or ""))
end

function Peer:write(bytes)
  assert(self.tcp:send(bytes))
end

function Peer:frame(frame)
  frame.masked = false
  self:write(websocket.encode(frame))
end

function Peer:send(payload, is_binary)
  self:frame { opcode = is_binary and "binary" or "text", payload = payload }
end

-- The next frame, which must be masked: kind, payload, rsv; or nil and why.
function Peer:read_frame(seconds)
  local frame, why = websocket.read_frame(self.tcp, seconds or SECONDS)
  if not frame then
    return nil, why
  end
  assert(frame.masked, "a client has not masked a frame")
  return NAMES[frame.opcode], frame.payload, frame.rsv * 16
end

-- The next message; pings of the client are answered and passed over.
function Peer:receive(seconds)
  while true do
    local kind, payload = self:read_frame(seconds)
    if kind == "ping" then
      self:frame { opcode = "pong", payload = payload }
    elseif kind == "text" or kind == "binary" then
      return payload, kind == "binary"
    elseif kind ~= "pong" then
      error(("expected a message, got %s %q"):format(tostring(kind), tostring(payload)), 2)
    end
  end
end

-- Sends Close and waits for the answer and the end.
function Peer:close(code, reason)
  self:frame { opcode = "close", payload = websocket.encode_close(code, reason) }
  self:expect_close()
end

-- The client closes: its code and reason, 1006 for an end without a word. Messages before it are
-- passed over.
function Peer:expect_close(expected)
  local code, reason = 1006, ""
  while true do
    local kind, payload = self:read_frame()
    if kind == nil then
      break
    elseif kind == "close" then
      code, reason = websocket.describe_close(payload)
      pcall(self.frame, self, { opcode = "close", payload = payload })
      break
    end
  end
  self.tcp:close()
  if expected and code ~= expected then
    error(("expected close %d, got %d %q"):format(expected, code, reason), 2)
  end
  return code, reason
end

return M
