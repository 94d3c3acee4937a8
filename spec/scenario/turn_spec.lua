-- Who costs a worker much time does not keep the others from theirs: between two messages that are
-- large when inflated, or two events that take long, everybody else has a go.
local workbench = require "spec.scenario.workbench"
local zlib = require "spec.support.zlib"

-- Watches ask an object beside them again and again. The question is handled in one turn of the
-- worker and the answer in the next: in both they look how much was handled since anybody's last
-- look. They are several, since one that the system stops for a while owes the worker that time
-- itself; and they say that they look before it begins, since who connects goes through main and
-- what is to be compared with it does not.
local SOURCE = [[
local od = require "open-do"
local handled = 0
local Thing = { fetch = require("workbench").fetch }

local function work(ms)
  local ends = os.clock() + ms / 1000
  repeat until os.clock() > ends
end

function Thing:webSocketMessage(ws, message)
  work(#message < 10 and tonumber(message) or 0)
  handled = handled + 1
  ws:send(tostring(handled))
end

local seen, most
local Watch = { fetch = Thing.fetch }

function Watch:look()
  most = math.max(most, handled - seen)
  seen = handled
end

function Watch:webSocketMessage(ws, total)
  local other = self.env.watches:getByName(self.state.id.name .. ", the other")
  handled, seen, most = 0, 0, 0
  other:look()
  ws:send "looking"
  local turns = 0
  while handled < tonumber(total) do
    other:look()
    self:look()
    turns = handled == 0 and 0 or turns + 2 -- From the first that is handled on.
  end
  ws:send(most .. " " .. turns)
end

return { namespaces = { things = Thing, watches = Watch } }
]]

local WATCHES = 3
local SIZE = 2 * 1024 * 1024

describe("a turn", function()
  local server = workbench.once(SOURCE, { workers = 1 })

  -- Asks the watches to look until [total] are handled, then does [act].
  local function watch(total, act)
    local watches, most, turns = {}, 0, 0
    for i = 1, WATCHES do
      watches[i] = server:connect("/watches/" .. i)
      watches[i]:send(tostring(total))
      assert.equal("looking", watches[i]:receive())
    end
    act()
    for i = 1, WATCHES do
      local told = watches[i]:receive()
      most = math.max(most, tonumber(told:match("^%d+")))
      turns = math.max(turns, tonumber(told:match("%d+$")))
    end
    return most, turns
  end

  it("inflates one large message and then leaves some turns to others", function()
    local bomb = zlib.deflate(("\0"):rep(SIZE))
    local clients = {}
    for i = 1, 4 do
      clients[i] = server:connect("/things/" .. i, { extensions = "permessage-deflate" })
    end
    local most, turns = watch(24, function()
      for _, client in ipairs(clients) do
        for _ = 1, 6 do -- All of them in one piece of what is read.
          client:send_frame { opcode = "binary", rsv = 4, payload = bomb }
        end
      end
    end)
    -- A turn inflates two pieces, so at most two messages end in it; and a look may come first in
    -- one turn and last in the next.
    assert.is_true(most <= 4, most .. " between two looks")
    assert.is_true(turns > 24 * 3, turns .. " looks")
  end)

  it("leaves an object that takes long for the others", function()
    local busy = server:connect("/things/busy")
    local most, turns = watch(20, function()
      for _ = 1, 20 do
        busy:send("5")
      end
    end)
    assert.is_true(most <= 2, most .. " between two looks") -- One a turn.
    assert.is_true(turns > 20 * 2, turns .. " looks")
  end)

  it("lets others begin beside a handler that wakes again whenever it may", function()
    local restless = workbench.begin(server, "restless", [[
      while not self.is_told do
        od.sleep(0)
        local ends = os.clock() + 0.005
        repeat until os.clock() > ends
      end
      return "told"
    ]])
    assert.is_true(workbench.ask(server, "restless", "self.is_told = true return true"))
    assert.equal("told", workbench.outcome(restless))
  end)
end)

-- A crowd of instances, and two who ask each other all the time. From the last look before there is
-- new code on, one of them notes how much processor time its worker has used between two looks.
local CROWD = [[
local od = require "open-do"
local VERSION = 1
local Crowd, Host, Watch = {}, {}, { fetch = require("workbench").fetch }

function Crowd:constructor()
  self.much = {}
  for i = 1, 400 do
    self.much[i] = { i }
  end
end

function Crowd:touch() end

function Host:fetch(request)
  for i = tonumber(request.query.from), tonumber(request.query.to) do
    self.env.crowd:getByName("c" .. i):touch()
  end
  return od.Response("awake")
end

function Watch:version()
  return VERSION
end

-- On the code before: until there is new code, which then finds how much time was used by then.
local function wait(other, ws)
  ws:send "looking"
  while other:version() == VERSION do
    ws:serializeAttachment(os.clock())
  end
end

function Watch:webSocketMessage(ws, seconds)
  local other = self.env.watches:getByName "other"
  if VERSION == 1 then
    return wait(other, ws)
  end
  local before, passed, sum = ws:deserializeAttachment(), {}, 0
  local ends = os.clock() + tonumber(seconds)
  repeat
    local now = os.clock()
    passed[#passed + 1] = now - before
    sum = sum + now - before
    before = now
    other:version()
  until now > ends
  table.sort(passed)
  local median = passed[math.ceil(#passed / 2)]
  ws:send(("%g %g"):format(passed[#passed] - median, sum - #passed * median))
end

return { namespaces = { crowd = Crowd, hosts = Host, watches = Watch } }
]]

local AWAKE, PART, SETTLES_S = 5000, 1000, "0.3"

describe("new code for many that are awake", function()
  -- What share of the time for all of it the longest piece was.
  local function longest_share()
    local server = workbench.start(CROWD, { workers = 1, args = { "--idle-ms", "3600000" } })
    for from = 1, AWAKE, PART do
      local path = ("/hosts/a?from=%d&to=%d"):format(from, from + PART - 1)
      assert.equal("awake", server:get(path).body)
    end
    local watch = server:connect("/watches/one")
    watch:send(SETTLES_S)
    watch:send(SETTLES_S) -- The next message meets the new code.
    assert.equal("looking", watch:receive())
    server:save((CROWD:gsub("VERSION = 1", "VERSION = 2")))
    assert.equal(0, (server:asking("reload")))
    local longest, all = watch:receive():match("^(%S+) (%S+)$")
    server:stop()
    return tonumber(longest) / tonumber(all)
  end

  -- Where somebody else's machine below this one takes the processor away, that is in the time of
  -- whoever runs. It meets a piece now and then; what is one piece is one each time.
  it("is no long turn", function()
    local least = 1
    for _ = 1, 5 do
      least = math.min(least, longest_share())
    end
    assert.is_true(least < 1 / 3, ("%d %% of it in one piece"):format(100 * least))
  end)
end)

-- More than a turn sends, and more than may be late (OD_NET_LATE_MAX).
local CROWDED, ROUNDS = 1200, 3

local ROOM = [[
local od = require "open-do"
local Room = { fetch = require("workbench").fetch }

function Room:webSocketMessage(_, message)
  self.state:broadcast("a" .. message)
  for _, ws in ipairs(self.state:getWebSockets()) do
    ws:send("b" .. message)
  end
  self.state:broadcast("c" .. message)
end

return { namespaces = { things = Room } }
]]

describe("messages to many sockets", function()
  it("come in the order in which they were sent, to each", function()
    local server = workbench.start(ROOM, { workers = 1 })
    finally(function() server:stop() end)
    local clients = {}
    for i = 1, CROWDED do
      clients[i] = server:connect("/things/room")
    end
    for round = 1, ROUNDS do
      clients[round]:send(tostring(round))
    end
    for _, client in ipairs(clients) do
      local heard = {}
      for i = 1, 3 * ROUNDS do
        heard[i] = client:receive()
      end
      -- Different senders: whose message came first is not promised, but the same for all.
      local of = table.concat(heard, " "):gsub("[abc]", "")
      assert.equal(("abc"):rep(ROUNDS), (table.concat(heard):gsub("%d", "")))
      assert.is_truthy(of:match("^(%d) %1 %1 (%d) %2 %2 (%d) %3 %3$"), of)
    end
  end)
end)

-- An object with a large list; one that ticks in every turn it gets; and one that calls the first
-- again and again.
local LISTER = [[
local od = require "open-do"
local Thing = { fetch = require("workbench").fetch }
local ticks, calls, is_over, options = 0, 0, false, {}

function Thing:tick()
  repeat
    od.sleep(0)
    ticks = ticks + 1
    options.prefix, options["end"] = nil, ("x"):rep(1e5)
  until is_over
end

function Thing:call()
  repeat
    calls = calls + 1
    self.env.things:getByName("large"):come()
  until is_over
end

function Thing.give_away(_, given)
  options = given
end

function Thing:come()
  self.has_come = true
end

function Thing:stop()
  is_over = true
end

-- How often others had a go while [fn] ran, and whether somebody has come in.
function Thing:watch(fn)
  local ticked, called = ticks, calls
  while ticks == ticked or calls == called do
    od.sleep(0)
  end
  ticked, self.has_come = ticks, false
  fn()
  return ticks - ticked, self.has_come
end

-- Whether others ever had one: the ticker is left out for a while when the system has stopped it.
function Thing:watch_often(fn)
  for _ = 1, 100 do
    local ticked, has_come = self:watch(fn)
    if ticked > 0 or has_come then
      return has_come and "somebody came in" or "others had a go"
    end
  end
  return "nobody had a go"
end

function Thing.count(storage, options)
  local count, last = 0, ""
  for key, value in storage:list(options) do
    assert(key > last and key == value:sub(1, #key))
    count, last = count + 1, key
  end
  return count
end

return { namespaces = { things = Thing } }
]]

describe("a large list", function()
  local LARGE, SMALL = 12, 20000
  local server

  local function ask(code)
    return workbench.ask(server, "large", code)
  end

  setup(function()
    server = workbench.start(LISTER, { workers = 1 })
    for i = 1, LARGE do
      ask(('storage:put("large/%02d", "large/%02d" .. ("x"):rep(2^20))'):format(i, i))
    end
    for from = 1, SMALL, 1000 do
      ask(([[
        for i = %d, %d do
          local key = ("small/%%05d"):format(i)
          storage:put(key, key)
        end
      ]]):format(from, from + 999))
    end
    workbench.ask(server, "ticker", "state:waitUntil(function() self:tick() end)")
    workbench.ask(server, "caller", "state:waitUntil(function() self:call() end)")
  end)

  teardown(function()
    ask "self:stop()"
    server:stop()
  end)

  for prefix, count in pairs { large = LARGE, small = SMALL } do
    it("of " .. prefix .. " values lets other objects have a go, and nobody in", function()
      assert.equal("others had a go", ask(([[
        return self:watch_often(function()
          assert(self.count(storage, { prefix = "%s/" }) == %d)
        end)
      ]]):format(prefix, count)))
    end)
  end

  it("lets others have a go while it is gone through", function()
    assert.is_true(ask [[
      for _ = 1, 100 do
        local next_pair = storage:list { prefix = "small/" }
        if self:watch(function() for _ in next_pair do end end) > 0 then
          return true
        end
      end
      return false
    ]])
  end)

  it("does so in a transaction, which is stored as a whole", function()
    assert.equal("others had a go", ask(([[
      return self:watch_often(function()
        storage:transaction(function(txn)
          txn:put("small/00000", "small/00000")
          assert(self.count(txn, { prefix = "small/" }) == %d + 1)
          txn:rollback()
        end)
        assert(storage:get "small/00000" == nil)
      end)
    ]]):format(SMALL)))
  end)

  it("does not where a wait would end what belongs together, or is not possible", function()
    local function watch(code)
      return ask(([[
        local count = 0
        local ticks, has_come = self:watch(function() %s end)
        return ticks .. " " .. tostring(has_come) .. " " .. count
      ]]):format(code))
    end
    assert.equal("0 false " .. SMALL, watch [[
      storage:put("written", 1)
      count = self.count(storage, { prefix = "small/" })
    ]])
    assert.equal("0 false " .. SMALL, watch [[
      local list = coroutine.wrap(function() count = self.count(storage, { prefix = "small/" }) end)
      list()
    ]])
    assert.equal("0 false " .. SMALL, watch [[
      table.sort({ 1, 2 }, function(a, b)
        count = self.count(storage, { prefix = "small/" })
        return a < b
      end)
    ]])
  end)

  it("is of what it was asked for, whatever becomes of that meanwhile", function()
    assert.equal(SMALL - 1, ask [[
      local options, count = { prefix = "sm" .. "all/", ["end"] = "small/" .. 20000 }, 0
      self:give_away(options)
      for _ in storage:list(options) do
        count = count + 1
      end
      return count
    ]])
  end)
end)
