-- Readers of bodies without an end who are slow: each takes 4 kB a second.
--
--   luajit slow.lua PORT PATH COUNT      "%d" in PATH is the number of a reader
--
-- Says "ready" when all are there, and reads until it is ended.
local socket = require "socket"

local port, path, count = tonumber(arg[1]), arg[2], tonumber(arg[3])
local BYTES = 4096

local readers = {}
for i = 1, count do
  local tcp = assert(socket.tcp4())
  assert(tcp:setoption("recv-buffer-size", BYTES))
  tcp:settimeout(20)
  assert(tcp:connect("127.0.0.1", port))
  assert(tcp:send(("GET %s HTTP/1.1\r\nHost: bench\r\n\r\n"):format(path:format(i))))
  assert(tcp:receive(100))
  readers[i] = tcp
end
print "ready"
io.stdout:flush()

local began, turn = socket.gettime(), 0
while true do
  turn = turn + 1
  local tcp = readers[turn % count + 1]
  tcp:settimeout(0)
  local _, why = tcp:receive(BYTES)
  assert(why ~= "closed", "a reader was cut")
  socket.sleep(math.max(0, began + turn / count - socket.gettime())) -- Each once a second.
end
