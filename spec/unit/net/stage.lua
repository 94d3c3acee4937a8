-- A net on a stage, for specs: clients are the far ends of socket pairs, and nothing happens
-- between turns. `stage:turn()` is some rounds of the loop, each with a flush; `stage:story()` is
-- what was told since it was asked last.

local core = require "spec.support.core"
local kept = require "spec.support.kept"
local ffi = core.ffi

local C = core.load("base/slice.h", "net/limits.h")

local S = core.build("spec/unit/net/stage")

ffi.cdef [[
  struct od_websocket;
  bool od_net_is_idle(const struct od_net *net);
  void od_net_drain(struct od_net *net);
  void od_websocket_send(struct od_websocket *websocket, od_slice payload, bool is_binary);
  void od_websocket_close(struct od_websocket *websocket, uint16_t code, od_slice reason);
  void od_websocket_finish_close(struct od_websocket *websocket);
  void od_websocket_abort(struct od_websocket *websocket);
  void od_websocket_vanish(struct od_websocket *websocket);
  void od_websocket_pause(struct od_websocket *websocket);
  void od_websocket_resume(struct od_websocket *websocket);
  int od_websocket_ready_state(const struct od_websocket *websocket);
  size_t od_websocket_buffered_bytes(const struct od_websocket *websocket);
  od_slice od_websocket_protocol(const struct od_websocket *websocket);
  od_slice od_websocket_url(const struct od_websocket *websocket);
  int od_websocket_duplicate_fd(const struct od_websocket *websocket);
]]
pcall(ffi.cdef, "int socketpair(int family, int type, int protocol, int fds[2]);")
pcall(ffi.cdef, "long recv(int fd, void *buffer, size_t size, int flags);")
pcall(ffi.cdef, "long send(int fd, const void *buffer, size_t size, int flags);")
pcall(ffi.cdef, "int close(int fd);")
pcall(ffi.cdef, "int shutdown(int fd, int how);")

local MSG_DONTWAIT, MSG_NOSIGNAL, SHUT_WR = 0x40, 0x4000, 1

local M = { C = C }

local Client = {}
Client.__index = Client

---Gives the kernel [bytes]; returns how many it took.
function Client:send(bytes)
  return tonumber(ffi.C.send(self.fd, bytes, #bytes, MSG_DONTWAIT + MSG_NOSIGNAL))
end

---What has arrived; nil at the end of the stream.
function Client:read()
  local parts = {}
  local buffer = ffi.new("char[65536]")
  while true do
    local size = tonumber(ffi.C.recv(self.fd, buffer, 65536, MSG_DONTWAIT))
    if size <= 0 then
      return not (size == 0 and #parts == 0) and table.concat(parts) or nil
    end
    parts[#parts + 1] = ffi.string(buffer, size)
  end
end

---Sends nothing more, but reads.
function Client:send_end()
  assert(ffi.C.shutdown(self.fd, SHUT_WR) == 0)
end

function Client:leave()
  if self.fd then
    ffi.C.close(self.fd)
    self.fd = nil
  end
end

local Stage = {}
Stage.__index = Stage

function M.new()
  return setmetatable({ at = S.stage_new(), clients = {}, clock = S.stage_clock() }, Stage)
end

-- Called in a `describe`: a stage for each of its tests.
function M.each()
  return kept.each(getfenv(2), M.new)
end

function Stage:stop()
  for _, client in ipairs(self.clients) do
    client:leave()
  end
  self:turn(3)
  for number = 1, 20 do
    if self:websocket(number) ~= nil then
      self:free_websocket(number)
    end
  end
  S.stage_free(self.at)
end

---A client whose first bytes are already on their way, or were read by the door (`read`).
function Stage:client(bytes, read)
  local fds = ffi.new("int[2]")
  assert(ffi.C.socketpair(1, 1, 0, fds) == 0)
  local client = setmetatable({ fd = fds[1] }, Client)
  self.clients[#self.clients + 1] = client
  assert(S.stage_connect(self.at, fds[0], read or "", #(read or "")))
  client:send(bytes or "")
  return client
end

function Stage:turn(count)
  for _ = 1, count or 2 do
    S.stage_turn(self.at)
  end
end

function Stage:pass_ms(ms)
  self.clock[0] = self.clock[0] + ms
  self:turn()
end

function Stage:story()
  return ffi.string(S.stage_story(self.at))
end

function Stage:answer(exchange, status, body, header, value)
  return S.stage_answer(self.at, exchange, status, body, header, value)
end

function Stage:upgrade(exchange, socket, options)
  options = options or {}
  local done = S.stage_upgrade(self.at, (options.to or self).at, exchange, socket, options.protocol)
  return done, ffi.string(S.stage_error(self.at))
end

---How much of messages that are not whole yet is inflated.
function Stage:inflating_bytes()
  return tonumber(S.stage_inflating_bytes(self.at))
end

function Stage:limits()
  return S.stage_limits(self.at)
end

function Stage:net()
  return S.stage_net(self.at)
end

function Stage:websocket(number)
  return S.stage_websocket(self.at, number)
end

---One without a connection, for now.
function Stage:new_websocket(number)
  return S.stage_websocket_new(self.at, number)
end

function Stage:free_websocket(number)
  S.stage_websocket_free(self.at, number)
end

return M
