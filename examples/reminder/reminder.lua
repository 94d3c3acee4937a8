-- Reminders. Each object of this class is one person's list: what is posted to it comes back when
-- it is time, to every WebSocket that listens, and until then none of it needs to be in memory.
--
-- An object has one alarm, a list has many times. So reminders are stored under keys in the order
-- of time, and the alarm is always that of the first.
local od = require "open-do"

local Reminders = {}

local WAITING, MAX_SECONDS = "waiting/", 365 * 24 * 3600

-- Keys are ordered as bytes, so numbers in them have leading zeros.
local function key_of(at, number)
  return ("%s%015d/%09d"):format(WAITING, at, number)
end

local function refuse(why)
  return od.Response(why .. "\n", { status = 400 })
end

function Reminders:fetch(request)
  if request:isWebSocketUpgrade() then
    local client, server = od.WebSocketPair()
    self.state:acceptWebSocket(server)
    return od.Response(nil, { status = 101, webSocket = client })
  elseif request.method == "POST" then
    return self:_remind(request)
  end
  return self:_list()
end

function Reminders:_remind(request)
  local seconds, text = tonumber(request.query["in"]), request:text()
  if not (seconds and seconds >= 0 and seconds <= MAX_SECONDS) then
    return refuse("say when, in seconds: ?in=10")
  elseif text == "" then
    return refuse("say what, in the body: curl -d 'tea is ready' ...")
  end
  local storage, at = self.state.storage, od.now() + seconds * 1000
  local number = (storage:get("number") or 0) + 1
  storage:put { number = number, [key_of(at, number)] = { at = at, text = text } }
  self:_set_alarm()
  return od.Response(("%g s from now: %s\n"):format(seconds, text))
end

function Reminders:_list()
  local lines = {}
  for _, reminder in self.state.storage:list { prefix = WAITING } do
    local seconds = math.max(0, reminder.at - od.now()) / 1000
    lines[#lines + 1] = ("%d s from now: %s\n"):format(math.ceil(seconds), reminder.text)
  end
  return od.Response(lines[1] and table.concat(lines) or "nothing\n")
end

-- For the first that waits. The same time set again changes nothing.
function Reminders:_set_alarm()
  local storage = self.state.storage
  for _, reminder in storage:list { prefix = WAITING, limit = 1 } do
    storage:setAlarm(reminder.at)
  end
end

-- It is time, for one of them or for several. What is deleted here, what is sent, and that the
-- alarm is over become true together: if the power goes in between, all of it happens again.
function Reminders:alarm()
  local storage = self.state.storage
  for key, reminder in storage:list { prefix = WAITING, ["end"] = key_of(od.now() + 1, 0) } do
    storage:delete(key)
    self.state:broadcast(reminder.text)
    print(reminder.text)
  end
  self:_set_alarm()
end

return { namespaces = { reminders = Reminders } }
