-- What happens when very many alarms are due in the same second: whether each fires exactly once,
-- how long that takes, and how the rest of the service feels meanwhile: an echo beside it.
--
--   cmake --preset release && cmake --build --preset release
--   luajit spec/bench/alarms.lua [alarms, 100000] [workers, 2]

local build = os.getenv("OPEN_DO_BUILD") or "build/release"
local ffi = require "ffi"
ffi.cdef "int setenv(const char *name, const char *value, int replace);"
ffi.C.setenv("OPEN_DO_BUILD", build, 0)

package.path = "./lua/?.lua;" .. package.path
local Server = require "spec.support.server"
local socket = require "socket"

local SOURCE = [[
local od = require "open-do"

local worker, fired = od.randomUUID(), 0 -- Of the Lua state, so of all objects of a worker.

local Thing = {}

function Thing:fetch(request)
  local storage, query = self.state.storage, request.query
  if request.headers:get("upgrade") then
    local client, server = od.WebSocketPair()
    self.state:acceptWebSocket(server)
    return od.Response(nil, { status = 101, webSocket = client })
  elseif query.at then
    storage:setAlarm(tonumber(query.at), { allowUnconfirmed = true }) -- Sooner done.
    return od.Response("set")
  elseif query.fired then
    return od.Response(worker .. " " .. fired)
  end
  return od.Response(tostring(storage:get("fired") or 0))
end

function Thing:webSocketMessage(ws, message)
  ws:send(message)
end

function Thing:alarm()
  local storage = self.state.storage
  storage:put("fired", (storage:get("fired") or 0) + 1)
  fired = fired + 1
end

return { namespaces = { things = Thing } }
]]

local function say(format, ...)
  io.write(format:format(...), "\n")
  io.flush()
end

-- Requests to all things, 200 under way at a time on one connection; `each` gets every answer.
local function ask_all(server, count, query, each)
  local connection = server:open()
  local batch = 200
  for first = 1, count, batch do
    local requests, last = {}, math.min(first + batch - 1, count)
    for i = first, last do
      requests[#requests + 1] = ("GET /things/thing%d%s HTTP/1.1\r\nHost: a\r\n\r\n"):format(i,
        query)
    end
    connection:write(table.concat(requests))
    for _ = first, last do
      each(connection:read_answer().body)
    end
  end
  connection:close()
end

-- One thing of each worker, by which to ask how many alarms have fired there.
local function find_witnesses(server, workers)
  local witnesses, seen, found = {}, {}, 0
  for i = 1, 1000 do
    local worker = server:get("/things/witness" .. i .. "?fired=1").body:match("^%S+")
    if not seen[worker] then
      seen[worker], found = true, found + 1
      witnesses[found] = "/things/witness" .. i .. "?fired=1"
    end
    if found == workers then
      return witnesses
    end
  end
  error("not every worker was found")
end

local function count_fired(server, witnesses)
  local sum = 0
  for _, path in ipairs(witnesses) do
    sum = sum + tonumber(server:get(path).body:match("%d+$"))
  end
  return sum
end

-- Echoes until `is_over`, asked ten times a second, says so; the times in milliseconds.
local function echo(client, is_over)
  local times, asked = {}, socket.gettime()
  while true do
    local start = socket.gettime()
    client:send("hello")
    client:receive()
    times[#times + 1] = (socket.gettime() - start) * 1000
    if socket.gettime() - asked > 0.1 then
      asked = socket.gettime()
      if is_over() then
        return times
      end
    end
  end
end

local function describe(times)
  table.sort(times)
  local function at(share)
    return times[math.max(1, math.ceil(#times * share))]
  end
  return ("%d echoes, median %.2f ms, p99 %.2f ms, longest %.2f ms"):format(#times, at(0.5),
    at(0.99), times[#times])
end

local function measure(count, workers)
  local server = Server.start { source = SOURCE, workers = workers, args = { "--idle-ms", "1000" } }
  local witnesses = find_witnesses(server, workers)
  local client = server:connect("/things/echo")
  local ahead_s = math.max(5, count / 2500)
  local due = socket.gettime() + ahead_s
  ask_all(server, count, ("?at=%d"):format(due * 1000), function(body)
    assert(body == "set")
  end)
  local left = due - socket.gettime()
  assert(left > 1, ("%.1f s were not enough to set %d alarms"):format(ahead_s, count))
  say("%d alarms set for the same second, %d workers", count, workers)
  local before = echo(client, function() return socket.gettime() > due - 0.5 end)
  assert(count_fired(server, witnesses) == 0, "an alarm was early")
  say("  before: %s", describe(before))
  socket.sleep(math.max(0, due - socket.gettime()))
  local fired, limit = 0, due + 120
  local during = echo(client, function()
    fired = count_fired(server, witnesses)
    return fired >= count or socket.gettime() > limit
  end)
  local seconds = socket.gettime() - due
  say("  during: %s", describe(during))
  say("  %d fired in %.2f s, %.0f a second", fired, seconds, fired / seconds)
  local counts = {}
  ask_all(server, count, "", function(body)
    counts[body] = (counts[body] or 0) + 1
  end)
  for times, objects in pairs(counts) do
    say("  %d objects: fired %s times", objects, times)
  end
  server:stop()
end

measure(tonumber(arg[1]) or 100000, tonumber(arg[2]) or 2)
