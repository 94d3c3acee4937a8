-- Nothing acknowledged is ever lost. Writers store numbers as fast as they can, a watcher looks
-- on, and the whole program is killed with -9 in the middle, again and again over the same data.
-- Whatever anybody was told before must be there afterwards.
--
-- OPEN_DO_CRASHES sets how often (200), OPEN_DO_SEED repeats a run.

local Server = require "spec.support.server"
local ledger = require "spec.scenario.ledger"

local CRASHES = tonumber(os.getenv("OPEN_DO_CRASHES")) or 200
local SEED = tonumber(os.getenv("OPEN_DO_SEED")) or os.time()
local WRITERS, IN_FLIGHT = 8, 20

local Writer = {}
Writer.__index = Writer

local function new_writer(index)
  return setmetatable({ path = "/rooms/" .. index, next = 0, told = 0 }, Writer)
end

function Writer:open(server)
  self.socket = server:connect(self.path .. "?role=writer")
  self.watcher = server:connect(self.path .. "?role=watcher")
end

-- A burst in one write, as a hurried client sends it.
function Writer:send_burst()
  local burst = {}
  for _ = 1, IN_FLIGHT do
    self.next = self.next + 1
    burst[#burst + 1] = tostring(self.next)
  end
  for _, number in ipairs(burst) do
    self.socket:send(number)
  end
end

-- Takes what has come, from the writer's own socket or the watcher's. False when that has ended.
function Writer:hear(socket, seconds)
  local ok, frame = pcall(socket.read_frame, socket, seconds)
  if not ok or not frame then
    return false
  end
  self.told = math.max(self.told, tonumber(frame.payload))
  return true
end

-- After the crash: what had arrived at this machine was told, too.
function Writer:hear_all()
  for _, socket in ipairs { self.socket, self.watcher } do
    while self:hear(socket, 0.2) do end
    socket:cut()
  end
end

function Writer:check(server)
  local body = server:get(self.path).body
  local last, twin = body:match("^(%d+) (%d+)$")
  assert(last, "not a ledger: " .. body)
  last, twin = tonumber(last), tonumber(twin)
  assert.equal(last, twin, self.path .. ": half a batch is stored")
  assert.is_true(last >= self.told,
    ("%s: %d was acknowledged, %d is stored"):format(self.path, self.told, last))
  assert.is_true(last <= self.next, self.path .. ": a number is stored that nobody wrote")
  self.next = last
end

describe("kill -9 of everything under load", function()
  it(("loses nothing that was acknowledged, %d times (seed %d)"):format(CRASHES, SEED), function()
    math.randomseed(SEED)
    local server = Server.start { source = ledger, workers = 2 }
    finally(function() server:stop() end)
    local writers = {}
    for index = 1, WRITERS do
      writers[index] = new_writer(index)
    end
    local total = 0
    for _ = 1, CRASHES do
      for _, writer in ipairs(writers) do
        writer:open(server)
        writer:send_burst()
      end
      for _ = 1, math.random(0, WRITERS * IN_FLIGHT) do
        local writer = writers[math.random(WRITERS)]
        if writer.told < writer.next then
          writer:hear(writer.socket, 5)
        end
      end
      server:kill()
      for _, writer in ipairs(writers) do
        writer:hear_all()
        total = total + writer.told
      end
      server:launch()
      for _, writer in ipairs(writers) do
        writer:check(server)
      end
    end
    assert.is_true(total > 0, "nothing was ever acknowledged: the test tests nothing")
  end)
end)
