-- One of the clients of spec/soak_cluster, a program of its own, that writes down what it sees:
--
--   luajit spec/support/cluster_client.lua KIND NUMBER SECONDS ENDS PATH ADDRESSES OBJECTS
--
-- A line "began ended object kind value result" for each thing that it asked an object for, with
-- "?" where nobody knows what came of it; "# what" for what is counted, "! what" for what must not
-- be, and "~ time what" for what may only be while a node is lost. SECONDS is how long it waits for
-- anything; a patient one has to wait so long for nothing.
package.path = "./?.lua;./lua/?.lua;" .. package.path
local events = require "open-do.test.events"
local http = require "open-do.test.http"
local json = require "dkjson"
local socket = require "socket"
local websocket = require "open-do.test.websocket"

local KIND, NUMBER, SECONDS, ENDS = arg[1], tonumber(arg[2]), tonumber(arg[3]), tonumber(arg[4])
local FILE, ADDRESSES, OBJECTS = assert(io.open(arg[5], "w")), json.decode(arg[6]), tonumber(arg[7])
local PATIENT_S = 40 -- Who waits so long and hears nothing waits for ever.
local MESSAGES_MAX, AHEAD = 400, 3

local now = socket.gettime

local function note(began, object, kind, value, result)
  FILE:write(("%.6f %.6f %s %s %s %s\n"):format(began, now(), object, kind, value, result))
end

local function count(...)
  FILE:write("# " .. string.format(...) .. "\n")
end

local function problem(...)
  local what = string.format(...)
  FILE:write(("! client %d, %s, at %.3f: %s\n"):format(NUMBER, KIND, now(), what))
  FILE:flush()
end

-- It may be, while a node is lost.
local function gap(...)
  FILE:write(("~ %.3f "):format(now()) .. string.format(...) .. "\n")
end

local function somebody()
  return ADDRESSES[math.random(#ADDRESSES)]
end

local function some_object()
  return "o" .. math.random(OBJECTS)
end

local function hangs(why)
  return SECONDS >= PATIENT_S and tostring(why):find("timeout", 1, true)
end

-- --- Requests ------------------------------------------------------------------------------------

local asked = 0

local function ask()
  asked = asked + 1
  local address, object = somebody(), some_object()
  local kind = ({ "add", "add", "write", "read", "wake" })[math.random(5)]
  local value = NUMBER .. "-" .. asked
  local query = ("%s?%s=%s"):format(object, kind, value)
  if kind == "add" and math.random(2) == 1 then -- Another object calls it.
    query = ("%s?pass=%s"):format(some_object(), object)
  end
  local began = now()
  local ok, answer = pcall(http.request, address, "GET", "/things/" .. query)
  local is_answered = ok and answer.status == 200
  note(began, object, kind, value, is_answered and answer.body or "?")
  if not is_answered then
    count(ok and "answers %d" or "requests cut", ok and answer.status)
  end
  if hangs(answer) then
    problem("%s at %s:%d has no answer after %.1f s", query, address.host, address.port,
      now() - began)
  end
  socket.sleep(is_answered and 0.005 or 0.1)
end

-- --- Messages of WebSockets ----------------------------------------------------------------------

-- Increments, some on their way at a time; each answer has its number, and they come in order.
local function converse(client, object)
  local sent, heard = {}, 0
  local ok, why = pcall(function()
    while heard < MESSAGES_MAX and now() < ENDS do
      while #sent < MESSAGES_MAX and #sent - heard < AHEAD do
        client:send "add"
        sent[#sent + 1] = now()
      end
      local answer = client:receive(SECONDS)
      local number, result = answer:match("^(%d+) (.+)$")
      heard = heard + 1
      if tonumber(number) ~= heard then
        problem("a WebSocket with %s hears %s instead of answer %d", object, answer, heard)
        error "out of order"
      end
      note(sent[heard], object, "add", "message", result)
      socket.sleep(0.01)
    end
  end)
  for i = heard + 1, #sent do
    note(sent[i], object, "add", "message", "?")
  end
  return ok, why
end

local function talk()
  local address, object = somebody(), some_object()
  local ok, client = pcall(websocket.connect, address, "/things/" .. object .. "?tag=talk")
  if not ok then
    count "WebSockets refused"
    local _ = hangs(client) and problem("a WebSocket at %s:%d hangs", address.host, address.port)
    return socket.sleep(0.1)
  end
  local has_ended, why = converse(client, object)
  count(has_ended and "WebSockets with messages" or "WebSockets with messages closed with %s",
    tostring(why):match("was closed: (%d+)") or "nothing")
  if hangs(why) then
    problem("a WebSocket of %s:%d with %s has no answer", address.host, address.port, object)
  end
  client:cut()
end

-- --- Those who only listen -----------------------------------------------------------------------

local function wait_s() -- In the end nobody tells anything.
  return math.max(1, math.min(SECONDS, ENDS + 1 - now()))
end

local function open_listener(address, object)
  if NUMBER % 2 == 0 then
    local client = websocket.connect(address, "/things/" .. object .. "?tag=news")
    return client, function() return (client:receive(wait_s())) end
  end
  local reader = events.connect(address, "/things/" .. object .. "?listen=news")
  return reader, function() return reader:receive(wait_s()).data end
end

-- Each increment is told to all: the numbers have no gap.
local function listen()
  local address, object = somebody(), some_object()
  local ends = math.min(ENDS, now() + 60)
  local what = NUMBER % 2 == 0 and "WebSockets that listen" or "event streams"
  local ok, client, receive = pcall(open_listener, address, object)
  if not ok then
    count("%s refused", what)
    return socket.sleep(0.1)
  end
  local last, has_ended, why
  repeat
    has_ended, why = pcall(receive)
    local number = has_ended and tonumber(why)
    if number and last and number ~= last + 1 then
      count("gaps of %s", what)
      gap("%s of %s at %s:%d: %d comes behind %d", what, object, address.host, address.port,
        number, last)
    end
    last = number
  until not has_ended or now() > ends
  count(has_ended and "%s" or "%s closed with %s", what,
    tostring(why):match("was closed: (%d+)") or "nothing")
  if hangs(why) and now() < ENDS then
    problem("%s of %s at %s:%d hears nothing any more", what, object, address.host, address.port)
  end
  client:cut()
end

math.randomseed(NUMBER)
local be = { ask = ask, talk = talk, listen = listen }
while now() < ENDS do
  be[KIND]()
end
FILE:close()
