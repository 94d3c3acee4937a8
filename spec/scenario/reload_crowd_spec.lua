-- The promise in its full size: thousands of sockets, half of them talking without a pause, and a
-- listener of an event stream for each object, while the script is saved a hundred times, every
-- fifth time broken. Nobody is closed, no message is lost or answered twice, no event is missing or
-- doubled, and new code answers at once.
--
-- OPEN_DO_SOCKETS and OPEN_DO_SAVES scale it; with OPEN_DO_PAUSE_MS talkers pause between an answer
-- and the next message, or they saturate the machine; OPEN_DO_REPORT=1 prints what was measured.

local ffi = require "ffi"
local socket = require "socket"
local Server = require "spec.support.server"
local websocket = require "spec.support.websocket"

local SOCKETS = tonumber(os.getenv("OPEN_DO_SOCKETS")) or 2000
local SAVES = tonumber(os.getenv("OPEN_DO_SAVES")) or 100
local PAUSE = (tonumber(os.getenv("OPEN_DO_PAUSE_MS")) or 0) / 1000
local OBJECTS, POLLIN = 100, 1
local SECONDS = 20 * (tonumber(os.getenv("OPEN_DO_TEST_PATIENCE")) or 1)

-- Each socket counts its messages in its attachment: the answer says the socket's number, how many
-- messages of it were handled, the message and the version.
local SOURCE = [[
local od = require "open-do"
local Room = {}

function Room:fetch(request)
  if request.query.listen then
    return self.state:acceptEventStream(request)
  end
  local client, server = od.WebSocketPair()
  self.state:acceptWebSocket(server, { "n" .. request.query.number })
  server:serializeAttachment { number = request.query.number, count = 0 }
  return od.Response(nil, { status = 101, webSocket = client })
end

function Room:webSocketMessage(ws, message)
  local facts = ws:deserializeAttachment()
  facts.count = facts.count + 1
  ws:serializeAttachment(facts)
  assert(self.state:getTags(ws)[1] == "n" .. facts.number)
  ws:send(facts.number .. " " .. facts.count .. " " .. message .. " VERSION")
  for _, listener in ipairs(self.state:getEventStreams()) do
    local told = (listener:deserializeAttachment() or 0) + 1
    listener:serializeAttachment(told)
    listener:send("VERSION", { id = tostring(told) })
  end
end

return { namespaces = { rooms = Room } }
]]

local function source(version)
  return (SOURCE:gsub("VERSION", version))
end

local BROKEN = { "return {", "error 'not today'", "", (source("x"):gsub("local Ro", "locl Ro")) }

local Crowd = {}
Crowd.__index = Crowd

-- Half of the members talk: the next message follows the answer to the last.
local function gather(server)
  local self = setmetatable({ members = {}, listeners = {},
    fds = ffi.new("od_spec_pollfd[?]", SOCKETS + OBJECTS), answers = 0, seen = {}, pausing = {},
    first = 1 }, Crowd)
  for i = 1, SOCKETS do
    local client = server:connect(("/rooms/%d?number=%d"):format(i % OBJECTS, i))
    client.tcp:settimeout(0)
    self.members[i] = { client = client, number = i, sent = 0, answered = 0, rest = "",
      talks = i % 2 == 0 }
    self.fds[i - 1].fd, self.fds[i - 1].events = client.tcp:getfd(), POLLIN
  end
  for i = 1, OBJECTS do
    local reader = server:listen(("/rooms/%d?listen=yes"):format(i % OBJECTS))
    reader.tcp:settimeout(0)
    self.listeners[i] = { tcp = reader.tcp, number = i, heard = 0, version = 0, rest = "" }
    local fd = self.fds[SOCKETS + i - 1]
    fd.fd, fd.events = reader.tcp:getfd(), POLLIN
  end
  return self
end

function Crowd:listen(listener)
  local data, why, partial = listener.tcp:receive("*a")
  assert(why == "timeout", ("listener %d has been ended: %s"):format(listener.number,
    tostring(why)))
  listener.rest = (listener.rest .. (data or partial)):gsub("id: (%d+)\ndata:(%d+)\n\n",
    function(id, version)
      listener.heard, version = listener.heard + 1, tonumber(version)
      assert(tonumber(id) == listener.heard and version >= listener.version,
        ("listener %d, event %d: got %s of version %d"):format(listener.number, listener.heard, id,
        version))
      listener.version = version
      return ""
    end)
end

-- As many events as messages.
function Crowd:has_told()
  local missing = {}
  for _, member in ipairs(self.members) do
    local of = member.number % OBJECTS
    missing[of] = (missing[of] or 0) + member.answered
  end
  for _, listener in ipairs(self.listeners) do
    if missing[listener.number % OBJECTS] ~= listener.heard then
      return false
    end
  end
  return true
end

function Crowd:say(member)
  member.sent = member.sent + 1
  member.client.tcp:send(websocket.encode { opcode = "text", payload = tostring(member.sent) })
end

function Crowd:hear(member, message)
  local number, count, echo, version = message:match("^(%d+) (%d+) (%d+) (%d+)$")
  member.answered = member.answered + 1
  assert(tonumber(number) == member.number and tonumber(count) == member.answered
    and tonumber(echo) == member.answered, ("socket %d, answer %d: got %q"):format(member.number,
    member.answered, message))
  version = tonumber(version)
  assert(version >= (member.version or 0), "an answer of older code than the one before")
  if version ~= member.version then
    member.version = version
    self.seen[version] = (self.seen[version] or 0) + 1
  end
  self.answers = self.answers + 1
  if member.talks and not self.is_ending then
    self.pausing[#self.pausing + 1] = { member = member, till = socket.gettime() + PAUSE }
  end
end

-- Those whose pause is over, in the order in which they began it.
function Crowd:talk()
  local now = socket.gettime()
  local pause = self.pausing[self.first]
  while pause and pause.till <= now do
    self:say(pause.member)
    self.pausing[self.first] = false
    self.first = self.first + 1
    pause = self.pausing[self.first]
  end
end

-- Takes whole frames from the front of what has come; they are short, whole and plain.
function Crowd:read(member)
  local data, why, partial = member.client.tcp:receive("*a")
  assert(why == "timeout", ("socket %d was closed: %s"):format(member.number, tostring(why)))
  member.rest = member.rest .. (data or partial)
  while #member.rest >= 2 and #member.rest >= 2 + member.rest:byte(2) do
    assert(member.rest:byte(1) == 0x81, "a frame that is no text: a close?")
    local size = member.rest:byte(2)
    local message = member.rest:sub(3, 2 + size)
    member.rest = member.rest:sub(3 + size)
    self:hear(member, message)
  end
end

-- Talks and listens until `is_enough`.
function Crowd:go_on(is_enough, what)
  local deadline = socket.gettime() + SECONDS
  while not is_enough() do
    assert(socket.gettime() < deadline, "expected within " .. SECONDS .. " s: " .. what)
    self:talk()
    ffi.C.poll(self.fds, SOCKETS + OBJECTS, PAUSE > 0 and 1 or 10)
    for i = 1, SOCKETS do
      if self.fds[i - 1].revents ~= 0 then
        self:read(self.members[i])
      end
    end
    for i = 1, OBJECTS do
      if self.fds[SOCKETS + i - 1].revents ~= 0 then
        self:listen(self.listeners[i])
      end
    end
  end
end

function Crowd:is_answered()
  if self.pausing[self.first] then
    return false
  end
  for _, member in ipairs(self.members) do
    if member.answered < member.sent then
      return false
    end
  end
  return true
end

local function report(format, ...)
  print(format:format(...))
end

local function report_times(what, times)
  table.sort(times)
  report("%s: median %.0f ms, nine in ten within %.0f, max %.0f", what,
    times[math.ceil(#times * 0.5)], times[math.ceil(#times * 0.9)], times[#times])
end

-- What the server says each took, from the first news of a change to the switch.
local function reload_times(server)
  local times = {}
  for ms in server:log():gmatch("serves after (%d+) ms") do
    times[#times + 1] = tonumber(ms)
  end
  return times
end

local function count_failures(server)
  return select(2, server:log():gsub("reload failed", ""))
end

it("a crowd of sockets does not notice a hundred saves", function()
  local server = Server.start { source = source(0), args = { "--watch", "--ping-ms", "0" } }
  finally(function() server:stop() end)
  local crowd = gather(server)
  for _, member in ipairs(crowd.members) do
    if member.talks then
      crowd:say(member)
    end
  end
  local first, all, began, failures = {}, {}, socket.gettime(), 0
  local talkers = math.floor(SOCKETS / 2)
  for i = 1, SAVES do
    if i % 5 == 0 then
      failures = failures + 1
      server:save(BROKEN[failures % #BROKEN + 1])
      crowd:go_on(function() return count_failures(server) == failures end, "a line in the log")
    else
      server[i % 2 == 0 and "save" or "save_by_renaming"](server, source(i))
      local saved = socket.gettime()
      crowd:go_on(function() return crowd.seen[i] ~= nil end, "an answer of the new code")
      first[#first + 1] = (socket.gettime() - saved) * 1000
      crowd:go_on(function() return crowd.seen[i] == talkers end, "answers of the new code to all")
      all[#all + 1] = (socket.gettime() - saved) * 1000
    end
  end
  local seconds = socket.gettime() - began
  crowd.is_ending = true
  crowd:go_on(function() return crowd:is_answered() end, "the last answers")
  for _, member in ipairs(crowd.members) do
    crowd:say(member)
  end
  crowd:go_on(function() return crowd:is_answered() end, "an answer to each, also the silent")
  crowd:go_on(function() return crowd:has_told() end, "an event of each message")
  assert.equal(failures, count_failures(server))
  if os.getenv("OPEN_DO_REPORT") then
    report("%d sockets, %d saves (%d broken), %d answers at %d/s", SOCKETS, SAVES, failures,
      crowd.answers, crowd.answers / seconds)
    report_times("from a save to the first answer of the new code", first)
    report_times("from a save to such an answer for each talker", all)
    report_times("inside, from the first news of a change to the switch", reload_times(server))
  end
end)
