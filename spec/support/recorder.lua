-- Between two who speak over TCP: passes on what both say, and writes it to a file before. Prints
-- where it listens.
--
--   luajit spec/support/recorder.lua HOST PORT FILE   -- To HOST:PORT, at the same HOST.
local socket = require "socket"

local host, port, path = arg[1], tonumber(arg[2]), arg[3]
local file = assert(io.open(path, "wb"))
file:setvbuf("no")
local server = assert(socket.bind(host, 0))
print("recorder at " .. select(2, server:getsockname()))
io.stdout:flush()

local far_of = {} -- Each connection, and where it leads.

local function pass_on(from)
  from:settimeout(0)
  local bytes, why, part = from:receive(65536)
  bytes = bytes or part
  local to = far_of[from]
  file:write(bytes)
  to:settimeout(nil)
  to:send(bytes)
  if why == "closed" then
    from:close()
    to:close()
    far_of[from], far_of[to] = nil, nil
  end
end

while true do
  local all = { server }
  for connection in pairs(far_of) do
    all[#all + 1] = connection
  end
  for _, ready in ipairs((socket.select(all))) do
    if ready == server then
      local near, far = server:accept(), socket.connect(host, port)
      if near and far then
        far_of[near], far_of[far] = far, near
      elseif near then
        near:close()
      end
    elseif far_of[ready] then
      pass_on(ready)
    end
  end
end
