-- A walk over random actions on objects of one world, each beside its model: what the models of
-- storage and of SQL share.
--
-- A walk has `models` (name, source, apply(seq), fail(seq)), `actions` with their `weights`, and
-- end_stretches(is_last), look_around() (other processes find the objects as they were left),
-- crashed(model) (what was not stored is gone). `objects` and `world` are made here.
local support = require "spec.unit.store.world"
local C = support.C

local Walk = {}
Walk.__index = Walk

local SOURCES = 2

local function expect(condition, what)
  if not condition then
    error(what, 0)
  end
end

function Walk:open(directory)
  self.world = support.open(directory)
  self.durable, self.objects = { 0, 0 }, {}
  for i, model in ipairs(self.models) do
    self.objects[i] = self.world:object(model.name, model.source)
  end
end

-- --- News ----------------------------------------------------------------------------------------

-- How many storages are broken may be fewer than were lost, where models count those, too, of which
-- only a reset was left (`may_break_fewer`).
function Walk:hear_one()
  local item, lost = self.world.news[1], 0
  local broken = self.world:hear(1)
  if item.kind == "durable" then
    self.durable[item.source] = item.seq
  end
  for _, model in ipairs(self.models) do
    if model.source == item.source and item.kind == "applied" then
      model:apply(item.seq)
    elseif model.source == item.source and item.kind == "failed" and model:fail(item.seq) then
      lost = lost + 1
    end
  end
  if self.heard then
    self.heard(item)
  end
  expect(#broken == lost or (self.may_break_fewer and #broken < lost),
    ("%d storages broken instead of %d"):format(#broken, lost))
end

function Walk:hear_some(count)
  for _ = 1, math.min(count, #self.world.news) do
    self:hear_one()
  end
end

-- --- What happens to all -------------------------------------------------------------------------

function Walk:turn()
  self.end_stretches()
  if math.random(15) == 1 then
    support.arm("commit.fail", 1)
  end
  if math.random(10) == 1 then -- For a while the journal alone has what is durable.
    support.arm("apply.hold", math.random(2) == 1 and -1 or 0)
  end
  self.world:turn(math.random(SOURCES))
  self.world:pump(math.random(3) == 1 and 2 or 0)
  self:hear_some(math.random(0, 4))
end

local function disarm()
  support.disarm("commit.fail")
  support.disarm("apply.hold")
end

-- Nothing more is said by anybody: what was submitted is stored, unless its commit fails, and all
-- else is gone. What the journal alone has is there again after the start.
function Walk:crash()
  local directory = self.world.directory
  for source = 1, SOURCES do
    C.od_reader_reset(self.world:store(source).reader) -- A process that is gone reads nothing.
  end
  self.world:close_committer()
  for _, item in ipairs(self.world.news) do
    if item.kind == "durable" then
      self.durable[item.source] = item.seq
    end
  end
  for _, model in ipairs(self.models) do
    model:apply(self.durable[model.source])
    self.crashed(model)
  end
  self.world:close()
  disarm()
  self:open(directory)
  self.look_around()
end

-- Everything goes to disk.
function Walk:reopen()
  self.end_stretches(true)
  disarm()
  for source = 1, SOURCES do
    self.world:turn(source)
  end
  self.world:close_committer()
  self:hear_some(math.huge)
  for i, model in ipairs(self.models) do
    expect(self.objects[i]:is_clean(), "a storage is not clean though all is applied")
    model.confirmed_seq = 0
  end
  local directory = self.world.directory
  self.world:close()
  self:open(directory)
  self.look_around()
end

-- --- The walk ------------------------------------------------------------------------------------

local function weighted(weights)
  local names = {}
  for name, weight in pairs(weights) do
    for _ = 1, weight do
      names[#names + 1] = name
    end
  end
  table.sort(names) -- One order, so that a seed means one run.
  return names
end

-- So many operations; fails with the seed and the number of the one that was wrong.
function Walk:go(operations, seed)
  local names, step = weighted(self.weights), 0
  local ok, why = xpcall(function()
    for i = 1, operations do
      step = i
      local chance = math.random(600)
      if chance == 1 then
        self:reopen()
      elseif chance == 2 then
        self:crash()
      elseif chance < 60 then
        self:turn()
      else
        local at = math.random(#self.models)
        self.actions[names[math.random(#names)]](self.models[at], self.objects[at])
      end
    end
    self:reopen()
  end, debug.traceback)
  disarm()
  self.world:stop()
  assert(ok, ("OPEN_DO_SEED=%d, operation %d: %s"):format(seed, step, tostring(why)))
end

return function(walk)
  return setmetatable(walk, Walk)
end
