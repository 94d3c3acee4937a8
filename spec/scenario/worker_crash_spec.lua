-- Nothing acknowledged is lost when single workers die. As in crash_spec.lua, writers store numbers
-- as fast as they can and watchers look on; but only one worker at a time is killed with -9, at any
-- moment, and the connections go on: what a client sent before or after either comes back as an
-- acknowledgement, or its socket is closed. None may hang, and no number may be told that is not
-- stored.
--
-- OPEN_DO_WORKER_CRASHES sets how often (40), OPEN_DO_SEED repeats a run.

local ledger = require "spec.scenario.ledger"
local survival = require "spec.scenario.survival"

local CRASHES = tonumber(os.getenv("OPEN_DO_WORKER_CRASHES")) or 40
local SEED = tonumber(os.getenv("OPEN_DO_SEED")) or os.time()
local WRITERS, BURST, CALM_MS = 8, 100, 11000

-- Who listens to a ledger hears its numbers one by one, or his stream is ended; none is doubled,
-- and none left out but what the writer was not told of either.
local Listener = {}
Listener.__index = Listener

local function new_listener(server, writer)
  local self = setmetatable({ server = server, writer = writer, since = 0 }, Listener)
  self:open()
  return self
end

function Listener:open()
  self.reader = self.server:listen(self.writer.path .. "?listen=yes")
  self.heard = nil
end

-- Up to what the writer was told: who has missed something of it has been ended.
function Listener:check()
  while (self.heard or 0) < self.writer.told and self.writer.told > self.since do
    local event = self.reader.next()
    if not event then
      self.since = self.writer.told
      return self:open()
    end
    local number = tonumber(event.data)
    local expected = self.heard and self.heard + 1 or number
    while self.writer.untold[expected] and expected < number do
      expected = expected + 1
    end
    assert.is_true(number == expected,
      ("%s: %d came behind %s"):format(self.writer.path, number, tostring(self.heard)))
    self.heard = number
  end
end

local Writer = {}
Writer.__index = Writer

local function new_writer(server, index)
  local self = setmetatable({ path = "/rooms/" .. index, next = 0, told = 0, untold = {} }, Writer)
  self.server = server
  self:open()
  return self
end

function Writer:open()
  self.socket = self.server:connect(self.path .. "?role=writer")
  for number = self.told + 1, self.next do
    self.untold[number] = true
  end
  self.acknowledged = self.next
end

function Writer:send_burst()
  for _ = 1, BURST do
    self.next = self.next + 1
    self.socket:send(tostring(self.next))
  end
end

-- The next acknowledgement; false when the socket is closed instead. In order and without a gap: a
-- socket that was given back may have missed nothing.
function Writer:hear()
  local frame, why = self.socket:read_frame(20)
  assert(frame or why ~= "timeout", self.path .. ": nothing comes, and no end")
  if not frame or frame.opcode == 8 then
    self.socket:cut()
    return false
  end
  local number = tonumber(frame.payload)
  assert.equal(self.acknowledged + 1, number, self.path .. ": a message is missing or double")
  self.acknowledged, self.told = number, number
  return true
end

function Writer:hear_all()
  while self.acknowledged < self.next do
    if not self:hear() then
      return false
    end
  end
  return true
end

function Writer:check()
  local last, twin = self.server:get(self.path).body:match("^(%d+) (%d+)$")
  last, twin = tonumber(last), tonumber(twin)
  assert.equal(last, twin, self.path .. ": half a batch is stored")
  assert.is_true(last >= self.told,
    ("%s: %d was acknowledged, %d is stored"):format(self.path, self.told, last))
  assert.is_true(last <= self.next, self.path .. ": a number is stored that nobody wrote")
end

describe("kill -9 of single workers under load", function()
  it(("loses nothing, %d times (seed %d)"):format(CRASHES, SEED), function()
    math.randomseed(SEED)
    local server = survival.start { source = ledger, workers = 2 }
    finally(function() server:stop() end)
    local writers, idle, listeners = {}, {}, {}
    for index = 1, WRITERS do
      writers[index] = new_writer(server, index)
      idle[index] = server:connect("/rooms/" .. index .. "?role=idle")
      listeners[index] = new_listener(server, writers[index])
    end
    local lost, kept = 0, 0
    for _ = 1, CRASHES do
      for _, writer in ipairs(writers) do
        writer:send_burst()
      end
      for _ = 1, math.random(0, WRITERS * BURST / 8) do
        local writer = writers[math.random(WRITERS)]
        if writer.acknowledged < writer.next then
          assert.is_true(writer:hear())
        end
      end
      survival.kill_one(server)
      for _, writer in ipairs(writers) do
        if writer:hear_all() then
          kept = kept + 1
        else
          lost = lost + 1
          writer:open()
        end
      end
      survival.await_back(server)
      server:turn_clock(CALM_MS)
      for index, writer in ipairs(writers) do
        writer:check()
        idle[index]:expect_silence()
        listeners[index]:check()
      end
    end
    print(("# %d sockets went on, %d were closed"):format(kept, lost))
    assert.is_true(kept > 0 and lost + kept == CRASHES * WRITERS)
  end)
end)
