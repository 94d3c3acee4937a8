-- Random operations on storages, their stores and the committer, against a plain Lua table each. A
-- table is what an object sees (its alarms are in it, under keys no script can have); `states` are
-- copies of it at each seal that is not yet in LMDB. Transactions are held stretches with marks,
-- and last over turns; a crash is a world in which nothing more is said by anybody.
--
-- OPEN_DO_SEED repeats a run, OPEN_DO_MODEL_OPS sets its length.
local support = require "spec.unit.store.world"
local Walk = require "spec.model.walk"
local C = support.C

local seed = tonumber(os.getenv("OPEN_DO_SEED")) or os.time()
local operations = tonumber(os.getenv("OPEN_DO_MODEL_OPS")) or 20000

local stems = { "", "k", "\255", ("p"):rep(479), ("p"):rep(480), ("p"):rep(481), ("p"):rep(961) }

local function random_key()
  local suffix = string.char(({ 0, 97, 98, 254, 255 })[math.random(5)])
  return stems[math.random(#stems)] .. suffix:rep(math.random(0, 3))
end

-- Keys of alarms in a table, by the names of these.
local ALARMS = { [""] = {}, a = {}, ab = {}, [("n"):rep(256)] = {} }
local ALARM_NAMES = { "", "a", "ab", ("n"):rep(256) }

local function copy(from)
  local to = {}
  for key, value in pairs(from) do
    to[key] = value
  end
  return to
end

-- --- The model of one object ---------------------------------------------------------------------

local Model = {}
Model.__index = Model

local function new_model(name, source)
  return setmetatable({ name = name, source = source, view = {}, marks = {}, applied = {},
    states = {}, is_open = false, is_confirmed = false, confirmed_seq = 0, is_held = false }, Model)
end

function Model:last_state()
  local last = self.states[#self.states]
  return last and last.view or self.applied
end

function Model:discard()
  self.view, self.is_open, self.is_confirmed, self.marks = copy(self:last_state()), false, false, {}
  self.is_held = false
end

function Model:write(is_confirmed)
  self.is_open = true
  self.is_confirmed = self.is_confirmed or is_confirmed
end

function Model:seal(seq)
  if self.is_open then
    self.states[#self.states + 1] = { seq = seq, view = copy(self.view) }
    self.confirmed_seq = self.is_confirmed and seq or self.confirmed_seq
    self:discard()
  end
end

function Model:apply(seq)
  while self.states[1] and self.states[1].seq <= seq do
    self.applied = table.remove(self.states, 1).view
  end
end

-- Returns whether something was lost.
function Model:fail(first_seq)
  local lost = false
  while #self.states > 0 and self.states[#self.states].seq >= first_seq do
    table.remove(self.states)
    lost = true
  end
  if lost then
    self.confirmed_seq = 0
    self:discard()
  end
  return lost
end

function Model:list(options)
  local keys = {}
  for key in pairs(self.view) do
    local inside = type(key) == "string" and key:sub(1, #options.prefix) == options.prefix
      and (not options.start or key >= options.start)
      and (not options["end"] or key < options["end"])
    keys[#keys + 1] = inside and key or nil
  end
  table.sort(keys, options.reverse and function(a, b) return a > b end or nil)
  local list = {}
  for i = 1, math.min(#keys, options.limit or #keys) do
    list[i] = { keys[i], self.view[keys[i]] }
  end
  return list
end

-- --- What can happen -----------------------------------------------------------------------------

local run -- { world, models, objects, durable = { [source] = seq } }

local actions = {}

local function expect(condition, what)
  if not condition then
    error(what, 0)
  end
end

function actions.put(model, object)
  local key, value = random_key(), tostring(math.random(1e9)):rep(math.random(0, 3))
  local unconfirmed = math.random(4) == 1
  object:put(key, value, unconfirmed)
  model.view[key] = value
  model:write(not unconfirmed)
end

function actions.delete(model, object)
  local key = random_key()
  local existed = model.view[key] ~= nil
  expect(object:delete(key) == existed, "delete says the wrong thing")
  if existed then
    model.view[key] = nil
    model:write(true)
  end
end

function actions.delete_all(model, object)
  if model.is_held then -- Refused by what scripts can call.
    return
  end
  local before = C.od_storage_mark(object.storage)
  object:delete_all()
  model.view = {}
  if C.od_storage_mark(object.storage) ~= before then -- Nothing is written when there is nothing.
    model:write(true)
  end
end

local function random_alarm()
  return ALARM_NAMES[math.random(#ALARM_NAMES)]
end

function actions.set_alarm(model, object)
  local alarm = { time = math.random(1e9), due = math.random(1e9), retries = math.random(0, 6),
    serial = math.random(1e9) }
  local unconfirmed, name = math.random(4) == 1, random_alarm()
  alarm.body = name ~= "" and ("b"):rep(math.random(5000)) or nil
  object:set_alarm(alarm, unconfirmed, name)
  model.view[ALARMS[name]] = alarm
  model:write(not unconfirmed)
end

function actions.delete_alarm(model, object)
  local name = random_alarm()
  object:delete_alarm(name)
  if model.view[ALARMS[name]] then
    model.view[ALARMS[name]] = nil
    model:write(true)
  end
end

local function same_alarm(a, b)
  return a == b or a and b and a.time == b.time and a.due == b.due and a.retries == b.retries
    and a.serial == b.serial and a.body == b.body
end

-- Each by its name, and all of them.
local function expect_alarms(model, object)
  local all = object:alarms()
  for _, name in ipairs(ALARM_NAMES) do
    local alarm = model.view[ALARMS[name]]
    expect(same_alarm(object:alarm(name), alarm), "the alarm is another one")
    expect(same_alarm(all[name], alarm), "the alarm is another one in the list")
  end
end

function actions.alarm(model, object)
  expect_alarms(model, object)
end

-- A transaction begins: what was written before is sealed, what follows is held.
function actions.hold(model, object)
  if not model.is_held then
    model:seal(object:seal())
    C.od_storage_hold(object.storage)
    model.is_held = true
    model.marks = { { at = 0, view = copy(model.view), is_confirmed = false } }
  end
end

function actions.let_go(model, object)
  if model.is_held then
    C.od_storage_let_go(object.storage)
    model.is_held = false
  end
end

function actions.get(model, object)
  local key = random_key()
  expect(object:get(key) == model.view[key], "get gives the wrong value")
end

function actions.list(model, object)
  local options = { prefix = math.random(2) == 1 and stems[math.random(#stems)] or "",
    reverse = math.random(2) == 1 }
  options.start = math.random(2) == 1 and random_key() or nil
  options["end"] = math.random(2) == 1 and random_key() or nil
  options.limit = math.random(2) == 1 and math.random(5) or nil
  local list, wanted = object:list(options), model:list(options)
  expect(#list == #wanted, ("list gives %d pairs instead of %d"):format(#list, #wanted))
  for i, pair in ipairs(wanted) do
    expect(list[i][1] == pair[1] and list[i][2] == pair[2], "list differs at pair " .. i)
  end
end

function actions.mark(model, object)
  if model.is_open or model.is_held then
    model.marks[#model.marks + 1] = { at = C.od_storage_mark(object.storage),
      view = copy(model.view), is_confirmed = model.is_confirmed }
  end
end

function actions.rollback(model, object)
  local mark = model.marks[#model.marks]
  if mark then
    C.od_storage_rollback(object.storage, mark.at)
    model.view, model.is_confirmed = copy(mark.view), mark.is_confirmed
    model.is_open = mark.at > 0
  end
end

function actions.seal(model, object)
  local seq = object:seal()
  if model.is_held then
    expect(seq == 0, "a held stretch was sealed")
  else
    model:seal(seq)
  end
end

function actions.discard(model, object)
  C.od_storage_discard(object.storage)
  model:discard()
end

function actions.pending(model, object)
  local promised = model.confirmed_seq > run.durable[model.source] and model.confirmed_seq or 0
  if model.is_open and model.is_confirmed then
    promised = model.is_held and 2 ^ 64 or tonumber(run.world:store(model.source).seq)
  end
  expect(object:pending() == promised, "effects would wait for the wrong submission")
end

-- Of all, also those that are held, when [is_last].
local function end_stretches(is_last)
  for i, model in ipairs(run.models) do
    if is_last then
      actions.let_go(model, run.objects[i])
    end
    local is_discarded = not model.is_held and math.random(5) == 1
    actions[is_discarded and "discard" or "seal"](model, run.objects[i])
  end
end

-- Other processes find the objects as they were left.
local function look_around()
  local order, alarms = {}, 0
  for _, entry in ipairs(run.world:order()) do
    order[entry.id .. (entry.name or "")] = entry.due
  end
  for i, model in ipairs(run.models) do
    local list, object = run.objects[i]:list(), run.objects[i]
    expect(#list == #model:list({ prefix = "" }), "another number of keys after a restart")
    for _, pair in ipairs(list) do
      expect(model.view[pair[1]] == pair[2], "another value after a restart")
    end
    expect_alarms(model, object)
    for _, name in ipairs(ALARM_NAMES) do
      local alarm = model.view[ALARMS[name]]
      expect(order[support.id_of(model.name) .. name] == (alarm and alarm.due),
        "not so in the order")
      alarms = alarms + (alarm and 1 or 0)
    end
  end
  expect(#run.world:order() == alarms, "the order has more than there is")
end

-- How often each happens.
local weights = { put = 30, delete = 12, delete_all = 1, get = 15, list = 8, mark = 3, rollback = 2,
  seal = 8, discard = 2, pending = 6, set_alarm = 6, delete_alarm = 3, alarm = 4, hold = 3,
  let_go = 4 }

local function crashed(model)
  model.states, model.confirmed_seq = {}, 0
  model:discard()
end

describe("storage", function()
  it("behaves like a table, whatever happens in between", function()
    math.randomseed(seed)
    run = Walk { models = {}, actions = actions, weights = weights, end_stretches = end_stretches,
      look_around = look_around, crashed = crashed }
    for i = 1, 4 do
      run.models[i] = new_model("object " .. i, math.ceil(i / 2))
    end
    run:open()
    run:go(operations, seed)
  end)
end)
