-- Rooms full of people, for specs in which workers die. Each person has a tag, an attachment, a
-- protocol and a URL of their own and can be asked for all of it, so a spec sees whether a socket
-- is the one it was.
--
--   local server = survival.start { workers = 2 }
--   local crowd = survival.gather(server, { people = 300, rooms = 20, listeners = 20 })
--   survival.kill_one(server); survival.await_back(server); crowd:check()

local ffi = require "ffi"
local Server = require "spec.support.server"
local socket = require "socket"

local M = {}

local SIGKILL, SIGCONT, SIGSTOP = 9, 18, 19
local HEAR_SECONDS = 20 * (tonumber(os.getenv("OPEN_DO_TEST_PATIENCE")) or 1)

M.SOURCE = [[
local od = require "open-do"
local Room = {}

local handlers = {}

function handlers.attach(self, ws, rest)
  ws:serializeAttachment { name = rest }
  return "attached"
end

function handlers.who(self, ws)
  local attachment = ws:deserializeAttachment() or {}
  return ("%s %s %d %s %s"):format(table.concat(self.state:getTags(ws), ","),
    tostring(attachment.name), ws.readyState, ws.protocol, ws.url:match("%?.*$"))
end

-- The order of the room: newest first without a tag, oldest first with one.
function handlers.order(self)
  local names = { {}, {} }
  for i, tag in ipairs { false, "all" } do
    for _, peer in ipairs(self.state:getWebSockets(tag or nil)) do
      table.insert(names[i], self.state:getTags(peer)[1])
    end
  end
  return table.concat(names[1], ",") .. " " .. table.concat(names[2], ",")
end

function handlers.id(self)
  return tostring(self.state.id)
end

function handlers.boot(self)
  return self.boot
end

function handlers.closed(self)
  return self.state.storage:get("closed") or "none"
end

function handlers.loop()
  while true do end
end

function handlers.everyone(self, ws, rest)
  self.state:broadcast(rest)
end

-- Sends to the others, and then never ends: what it sent must not cost them anything.
function handlers.shout(self, ws)
  self.state:broadcast("shout", { except = ws })
  while true do end
end

-- A handler in the middle of something that takes long.
function handlers.wait(self, ws)
  ws:send("waiting")
  od.sleep(60000)
end

function handlers.store(self, ws, rest)
  self.state.storage:put("stored", rest)
  return "stored " .. rest
end

function handlers.stored(self)
  return self.state.storage:get("stored") or "nothing"
end

function handlers.echo(self, ws, rest)
  return rest
end

function Room:constructor()
  self.boot = od.randomUUID()
end

function Room:fetch(request)
  if request.headers:get("upgrade") then
    local client, server = od.WebSocketPair()
    self.state:acceptWebSocket(server, { request.query.tag or "someone", "all" })
    return od.Response(nil, { status = 101, webSocket = client,
      headers = { ["sec-websocket-protocol"] = request.headers:get("sec-websocket-protocol") } })
  end
  if request.query.listen then
    return self.state:acceptEventStream(request, { request.query.listen })
  end
  local what, rest = request.query.ask or "boot", request.query.rest
  if what == "autoResponse" then
    self.state:setWebSocketAutoResponse("ping", "pong")
    self.state:setHibernatableWebSocketEventTimeout(1234)
    return od.Response("set")
  elseif what == "answered" then
    local ws = self.state:getWebSockets(rest)[1]
    return od.Response(("%s %s"):format(
      tostring(self.state:getWebSocketAutoResponseTimestamp(ws) or "never"),
      tostring(self.state:getHibernatableWebSocketEventTimeout())))
  elseif what == "other" then
    local ok, why = pcall(function()
      return self.env.rooms:getByName(rest):fetch("http://x/rooms/x?ask=boot"):text()
    end)
    return od.Response((ok and "ok " or "error ") .. tostring(why))
  end
  return od.Response(handlers[what](self, nil, rest) or "")
end

function Room:webSocketMessage(ws, message)
  local what, rest = message:match("^(%w+) ?(.*)$")
  local answer = handlers[what](self, ws, rest)
  if answer then
    ws:send(answer)
  end
end

function Room:webSocketClose(ws, code, reason, wasClean)
  local storage = self.state.storage
  storage:put("closed", ("%s%s:%d:%s;"):format(storage:get("closed") or "",
    self.state:getTags(ws)[1], code, tostring(wasClean)))
end

return { namespaces = { rooms = Room } }
]]

-- Requests that end when another one says so.
M.HELD = [[
local od = require "open-do"
local Room = { ended = 0 }

function Room:fetch(request)
  local ask = request.query.ask
  if ask == "id" then
    return od.Response(tostring(self.state.id))
  elseif ask == "loop" then
    od.log.info("loops")
    while true do end
  elseif ask == "go" then
    self.may_go = true
    return od.Response(tostring(self.ended))
  elseif ask == "held" then
    od.log.info("held")
    while not self.may_go do od.sleep(1) end
    self.ended = self.ended + 1
  end
  return od.Response(request.query.pieces and function(stream) stream:write("done") end or "done")
end

return { namespaces = { rooms = Room } }
]]

function M.start(options)
  options = options or {}
  options.source = options.source or M.SOURCE
  local server = Server.start(options)
  server:expect_mishap("another one is started")
  return server
end

local Person = {}
Person.__index = Person

function M.person(server, room, name)
  local self = setmetatable({ name = name, room = room }, Person)
  self.ws = server:connect(("/rooms/%s?tag=%s"):format(room, name),
    { protocols = { "p-" .. name } })
  self:ask("attach " .. name, "attached")
  return self
end

function Person:say(message)
  self.ws:send(message)
end

function Person:ask(message, expected)
  self:say(message)
  return self:hear(expected)
end

function Person:hear(expected)
  local answer = self.ws:receive(HEAR_SECONDS)
  if expected and answer ~= expected then
    error(("%s in %s: expected %q, got %q"):format(self.name, self.room, expected, answer), 2)
  end
  return answer
end

function Person:identity()
  return ("%s,all %s 1 p-%s ?tag=%s"):format(self.name, self.name, self.name, self.name)
end

local Crowd = {}
Crowd.__index = Crowd

function M.gather(server, options)
  local self = setmetatable({ rooms = {}, people = {} }, Crowd)
  local prefix = options.prefix or "r"
  for i = 1, options.people do
    local room = prefix .. i % options.rooms
    local person = M.person(server, room, "n" .. i)
    self.rooms[room] = self.rooms[room] or {}
    table.insert(self.rooms[room], person)
    table.insert(self.people, person)
  end
  self.listeners = {}
  for i = 1, options.listeners or 0 do
    local room = prefix .. i % options.rooms
    table.insert(self.listeners, { room = room,
      reader = server:listen(("/rooms/%s?listen=l%d"):format(room, i)) })
  end
  return self
end

function Crowd:remove(person)
  for _, list in ipairs { self.people, self.rooms[person.room] } do
    for i = #list, 1, -1 do
      if list[i] == person then
        table.remove(list, i)
      end
    end
  end
end

-- Asks everybody at once, then hears all the answers.
function Crowd:say(message)
  for _, person in ipairs(self.people) do
    person:say(message)
  end
end

function Crowd:hear(expected)
  for _, person in ipairs(self.people) do
    person:hear(expected)
  end
end

-- Everybody is who they were, and each room is in its order and whole.
function Crowd:check()
  self:say("who")
  for _, person in ipairs(self.people) do
    person:hear(person:identity())
  end
  for room, people in pairs(self.rooms) do
    local oldest, newest = {}, {}
    for i, person in ipairs(people) do
      oldest[i], newest[#people + 1 - i] = person.name, person.name
    end
    if people[1] then
      people[1]:ask("order",
        table.concat(newest, ",") .. " " .. table.concat(oldest, ","))
      people[1]:say("everyone hello " .. room)
      for _, person in ipairs(people) do
        person:hear("hello " .. room)
      end
    end
  end
  for _, listener in ipairs(self.listeners) do
    listener.reader:expect("hello " .. listener.room)
  end
end

-- The number of the worker in which an object lives: its id says it (runtime/store/slot.c).
function M.worker_of_id(server, id)
  return tonumber(id:sub(1, 4), 16) % 1024 % server.options.workers
end

function M.worker_of(server, name)
  return M.worker_of_id(server, server:get("/rooms/" .. name .. "?ask=id").body)
end

-- A room in `worker` whose name begins with `prefix`.
function M.room_in(server, prefix, worker)
  for i = 1, 64 do
    if M.worker_of(server, prefix .. i) == worker then
      return prefix .. i
    end
  end
  error("no room is in worker " .. worker)
end

-- kill -9 of the worker that has lived longest.
function M.kill_one(server, signal)
  M.kill(assert(server.process:children()[1], "there is no worker"), signal)
end

function M.kill(pid, signal)
  ffi.C.kill(pid, signal or SIGKILL) -- Declared by spec/support/process.lua.
end

-- The first worker gets stuck in the turn in which answers come from the second, one of them in
-- pieces, and is killed: what its clients are answered. Of a server with two workers and M.HELD.
function M.ask_who_gets_stuck(server)
  local here, there = M.room_in(server, "here", 0), M.room_in(server, "there", 1)
  local clients, answers = {}, {}
  for i = 1, 3 do
    clients[i] = server:open()
    clients[i]:request("GET", "/rooms/" .. here) -- From here on the connection is with the first.
  end
  for i, query in ipairs { "", "&pieces=yes" } do
    clients[i]:send_request("GET", "/rooms/" .. there .. "?ask=held" .. query)
    server:wait_log("held")
  end
  local pid = server:status().workers[1].pid
  M.kill(pid, SIGSTOP)
  clients[3]:send_request("GET", "/rooms/" .. here .. "?ask=loop")
  for _ = 1, 2 do -- The second time it is a turn behind that in which they ended.
    repeat until server:get("/rooms/" .. there .. "?ask=go").body == "2"
  end
  M.kill(pid, SIGCONT)
  server:wait_log("loops")
  M.kill(pid)
  for i, client in ipairs(clients) do
    answers[i] = client:read_answer().status
  end
  return answers
end

-- Waits until a worker is back: its number, and after how many ms, how many sockets it was given,
-- and how many were closed.
function M.await_back(server)
  local worker, ms, given, closed = server:wait_log(
    "worker (%d+) is back after (%d+) ms, (%d+) sockets? given back, (%d+) closed")
  return { worker = tonumber(worker), ms = tonumber(ms), given = tonumber(given),
    closed = tonumber(closed) }
end

M.now = socket.gettime

return M
