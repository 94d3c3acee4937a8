-- What sleep costs and gives back: the time from a message to the answer when the object has to be
-- woken for it, memory after objects were created and left, and a start over a large store.
--
--   cmake --preset release && cmake --build --preset release
--   luajit spec/bench/alive.lua [objects, 100000] [stored objects, 1000000]

local build = os.getenv("OPEN_DO_BUILD") or "build/release"
local ffi = require "ffi"
ffi.cdef "int setenv(const char *name, const char *value, int replace);"
ffi.C.setenv("OPEN_DO_BUILD", build, 0)

package.path = "./lua/?.lua;" .. package.path
local Server = require "spec.support.server"
local socket = require "socket"

local SOURCE = [[
local od = require "open-do"
local Thing = {}

function Thing:constructor()
  self.count = self.state.storage:get("count") or 0
end

function Thing:fetch(request)
  if request.headers:get("upgrade") then
    local client, server = od.WebSocketPair()
    self.state:acceptWebSocket(server)
    return od.Response(nil, { status = 101, webSocket = client })
  end
  self.count = self.count + 1
  if request.query.store then
    self.state.storage:put("count", self.count)
  end
  return od.Response("x")
end

function Thing:webSocketMessage(ws, message)
  ws:send(message)
end

return { namespaces = { things = Thing } }
]]

local function say(format, ...)
  io.write(format:format(...), "\n")
  io.flush()
end

-- Pages of no file, of main and its workers, in MiB; and all pages.
local function memory(server)
  local anonymous, resident = 0, 0
  local pids = server.process:children()
  pids[#pids + 1] = server.process.pid
  for _, pid in ipairs(pids) do
    for line in io.lines(("/proc/%d/status"):format(pid)) do
      anonymous = anonymous + (tonumber(line:match("^RssAnon:%s*(%d+)")) or 0)
      resident = resident + (tonumber(line:match("^VmRSS:%s*(%d+)")) or 0)
    end
  end
  return anonymous / 1024, resident / 1024
end

-- Requests to `count` objects, 200 under way at a time on one connection.
local function touch(server, prefix, count, query)
  local connection = server:open()
  local batch = 200
  for first = 1, count, batch do
    local requests, last = {}, math.min(first + batch - 1, count)
    for i = first, last do
      requests[#requests + 1] = ("GET /things/%s%d%s HTTP/1.1\r\nHost: a\r\n\r\n"):format(
        prefix, i, query or "")
    end
    connection:write(table.concat(requests))
    for _ = first, last do
      assert(connection:read_answer().status == 200)
    end
  end
  connection:close()
end

local function wait_until_asleep(server)
  repeat
    socket.sleep(0.2)
    local awake = 0
    for _, worker in ipairs(server:status().workers) do
      awake = awake + worker.awake
    end
  until awake == 0
  socket.sleep(1) -- The collector.
end

local function round_trips(server, name, count)
  local client, times = server:connect("/things/" .. name), {}
  for i = 1, count do
    local start = socket.gettime()
    client:send("hello")
    client:receive()
    times[i] = (socket.gettime() - start) * 1e6
    if i % 10 == 0 then
      socket.sleep(0) -- The object has had time to fall asleep.
    end
  end
  table.sort(times)
  return times[math.ceil(count / 2)], times[math.ceil(count * 0.99)]
end

local function start(options)
  options.source = SOURCE
  return Server.start(options)
end

local function measure_wake()
  for _, idle_ms in ipairs { 10000, 0 } do
    local server = start { workers = 1, args = { "--idle-ms", tostring(idle_ms) } }
    local median, p99 = round_trips(server, "a", 5000)
    say("%-34s median %4.0f us, p99 %4.0f us", idle_ms == 0 and "message to an object that sleeps"
      or "message to an object that is awake", median, p99)
    server:stop()
  end
end

local function measure_memory(count, query)
  local server = start { workers = 2, args = { "--idle-ms", "1000" } }
  touch(server, "warm", 100, query)
  wait_until_asleep(server)
  local before, before_resident = memory(server)
  local began = socket.gettime()
  touch(server, "thing", count, query)
  local peak = memory(server)
  local seconds = socket.gettime() - began
  wait_until_asleep(server)
  local after, after_resident = memory(server)
  say("%d objects created in %.1f s%s: %.1f MiB before, %.1f at most, %.1f after (%+.1f %%); with "
    .. "pages of files %.1f, %.1f (%+.1f %%)", count, seconds, query and ", a value stored in each"
    or "", before, peak, after, (after / before - 1) * 100, before_resident, after_resident,
    (after_resident / before_resident - 1) * 100)
  server:stop()
end

local function start_again(server)
  local began = socket.gettime()
  server:launch()
  local seconds = socket.gettime() - began
  server:get("/things/thing1")
  local anonymous, resident = memory(server)
  return seconds * 1000, anonymous, resident
end

local function measure_start(count)
  local server = start { workers = 2 }
  touch(server, "thing", 1, "?store=1")
  for _, stored in ipairs { 1, count } do
    if stored > 1 then
      touch(server, "thing", stored, "?store=1")
    end
    server:hang_up()
    server:shut_down()
    local ms, anonymous, resident = start_again(server)
    local file = assert(io.open(server.directory .. "/data/data.mdb"))
    say("start over %d stored objects (%.0f MiB): ready in %.0f ms, %.1f MiB (%.1f with files)",
      stored, file:seek("end") / 2^20, ms, anonymous, resident)
    file:close()
  end
  server:stop()
end

measure_wake()
measure_memory(tonumber(arg[1]) or 100000)
measure_memory(tonumber(arg[1]) or 100000, "?store=1")
measure_start(tonumber(arg[2]) or 1000000)
