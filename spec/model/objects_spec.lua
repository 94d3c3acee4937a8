-- Random requests to the objects of a running server, against a plain Lua table each: values,
-- alarms, transactions that are kept, rolled back or fail, waits in between; and now and then
-- kill -9, a reload, a commit that fails, a restart, an alarm that rings.
--
-- Whoever got an answer must find what it says. Whoever got none may find any of the states in
-- which the object let go, but nothing in between.
--
-- OPEN_DO_SEED repeats a run, OPEN_DO_MODEL_OPS sets its length.
local json = require "dkjson"
local Server = require "spec.support.server"

local seed = tonumber(os.getenv("OPEN_DO_SEED")) or os.time()
local operations = tonumber(os.getenv("OPEN_DO_MODEL_OPS")) or 500
local FAR = 4102444800000 -- In the year 2100.

local SOURCE = [[
local od = require "open-do"

local Thing = {}

local run

local steps = {
  put = function(storage, step) storage:put(step.key, step.value) end,
  put_many = function(storage, step) storage:put(step.pairs) end,
  delete = function(storage, step) return storage:delete(step.key) end,
  get = function(storage, step) return storage:get(step.key) end,
  set_alarm = function(storage, step) storage:setAlarm(step.at) end,
  delete_alarm = function(storage) storage:deleteAlarm() end,
  get_alarm = function(storage) return storage:getAlarm() end,
  delete_all = function(storage) storage:deleteAll() end,
  wait = function() od.sleep(0) end,
  sync = function(storage) storage:sync() end,
}

function steps.transaction(storage, step)
  local results
  local ok, err = pcall(storage.transaction, storage, function(txn)
    results = run(storage, step.steps)
    if step.outcome == "error" then error("as wanted") end
    if step.outcome == "rollback" then txn:rollback() end
  end)
  assert(ok or step.outcome == "error", err)
  return results
end

function run(storage, list)
  local results = {}
  for i, step in ipairs(list) do
    local result = steps[step.name](storage, step)
    results[i] = result == nil and "nil" or result
  end
  return results
end

local function look(storage)
  local all = {}
  for key, value in storage:list() do all[#all + 1] = { key, value } end
  return { all = all, alarm = storage:getAlarm() }
end

function Thing:fetch(request)
  local body = request:json()
  local results = run(self.state.storage, body.steps)
  return od.Response.json { results = results, state = look(self.state.storage) }
end

function Thing:alarm(info)
  self.state.storage:put("rang", info.scheduledTime)
end

return { namespaces = { things = Thing } }
]]

-- --- The model -----------------------------------------------------------------------------------

local ALARM = {} -- The key of the alarm in a table.

local function copy(from)
  local to = {}
  for key, value in pairs(from) do
    to[key] = value
  end
  return to
end

local keys = { "a", "b", "c", "d/1", "d/2", ("long"):rep(200) }

local function random_key()
  return keys[math.random(#keys)]
end

local make = {}

function make.put()
  return { name = "put", key = random_key(), value = math.random(1e6) }
end

function make.put_many()
  local pairs_made = {}
  for _ = 1, math.random(4) do
    pairs_made[random_key()] = math.random(1e6)
  end
  return { name = "put_many", pairs = pairs_made }
end

function make.delete()
  return { name = "delete", key = random_key() }
end

function make.get()
  return { name = "get", key = random_key() }
end

function make.set_alarm()
  return { name = "set_alarm", at = FAR + math.random(1e6) }
end

for _, name in ipairs { "delete_alarm", "get_alarm", "delete_all", "wait", "sync" } do
  make[name] = function() return { name = name } end
end

local flat = { "put", "put", "put_many", "delete", "get", "set_alarm", "delete_alarm", "get_alarm",
  "wait", "sync" }

local function random_steps(depth)
  local steps = {}
  for i = 1, math.random(5) do
    local chance = math.random(12)
    if chance == 1 and depth < 3 then
      steps[i] = { name = "transaction", steps = random_steps(depth + 1),
        outcome = ({ "keep", "keep", "rollback", "error" })[math.random(4)] }
    elseif chance == 2 and depth == 0 then
      steps[i] = make.delete_all()
    else
      steps[i] = make[flat[math.random(#flat)]]()
    end
  end
  return steps
end

local perform

local model_steps = {
  put = function(view, step) view[step.key] = step.value end,
  get = function(view, step) return view[step.key] end,
  set_alarm = function(view, step) view[ALARM] = step.at end,
  delete_alarm = function(view) view[ALARM] = nil end,
  get_alarm = function(view) return view[ALARM] end,
  wait = function() end,
  sync = function() end,
}

function model_steps.put_many(view, step)
  for key, value in pairs(step.pairs) do
    view[key] = value
  end
end

function model_steps.delete(view, step)
  local existed = view[step.key] ~= nil
  view[step.key] = nil
  return existed
end

function model_steps.delete_all(view)
  for key in pairs(view) do
    view[key] = nil
  end
end

function model_steps.transaction(view, step)
  local before = copy(view)
  local results = perform(view, step.steps)
  if step.outcome ~= "keep" then
    model_steps.delete_all(view)
    for key, value in pairs(before) do
      view[key] = value
    end
  end
  return results
end

-- Where the object waits, and where a transaction begins, what it wrote so far is a batch; in
-- `states` are then those it can be found in if all ends there.
local ends_batch = { wait = true, sync = true, transaction = true }

function perform(view, steps, states)
  local results = {}
  for i, step in ipairs(steps) do
    if states and ends_batch[step.name] then
      states[#states + 1] = copy(view)
    end
    local result = model_steps[step.name](view, step)
    results[i] = result == nil and "nil" or result
  end
  if states then
    states[#states + 1] = copy(view)
  end
  return results
end

local function equal(a, b)
  if type(a) ~= "table" or type(b) ~= "table" then
    return a == b
  end
  for key, value in pairs(a) do
    if not equal(value, b[key]) then
      return false
    end
  end
  for key in pairs(b) do
    if a[key] == nil then
      return false
    end
  end
  return true
end

local function view_of(state)
  local view = { [ALARM] = state.alarm }
  for _, pair in ipairs(state.all) do
    view[pair[1]] = pair[2]
  end
  return view
end

-- --- What happens --------------------------------------------------------------------------------

local server, views

local names = { "one", "two", "three", "four", "five" }

local function ask(name, steps)
  local ok, answer = pcall(server.post, server, "/things/" .. name,
    json.encode { steps = setmetatable(steps, { __jsontype = "array" }) })
  if ok and answer.status == 200 then
    return json.decode(answer.body)
  end
  return nil
end

local function expect_state(name, answer, what)
  if not equal(view_of(answer.state), views[name]) then
    error(("%s: %s is %s, expected %s with the alarm at %s"):format(what, name,
      json.encode(answer.state), json.encode(views[name]), tostring(views[name][ALARM])), 0)
  end
end

local function request(name, steps)
  local answer = ask(name, steps)
  assert(answer, "a request failed though nothing was in its way")
  local results = perform(views[name], steps)
  if not equal(answer.results, results) then
    error(("%s answers %s, expected %s"):format(json.encode(steps), json.encode(answer.results),
      json.encode(results)), 0)
  end
  expect_state(name, answer, "after a request")
end

-- Looks at all that there is; tries again while a worker is being replaced.
local function look_at_all(what)
  for _, name in ipairs(names) do
    local answer
    repeat
      answer = ask(name, {})
    until answer
    expect_state(name, answer, what)
  end
end

-- What is found afterwards must be one of the states the steps went through.
local function adopt(name, steps)
  local states = { copy(views[name]) }
  perform(views[name], steps, states)
  local answer
  repeat
    answer = ask(name, {})
  until answer
  local found = view_of(answer.state)
  for _, state in ipairs(states) do
    if equal(state, found) then
      views[name] = found
      return
    end
  end
  error(("after %s %s is %s"):format(json.encode(steps), name, json.encode(answer.state)), 0)
end

local mishaps = {}

local function begin(name, steps)
  local connection = server:open()
  connection:send_request("POST", "/things/" .. name, { body =
    json.encode { steps = setmetatable(steps, { __jsontype = "array" }) } })
  return connection
end

function mishaps.kill()
  local name, steps = names[math.random(#names)], random_steps(0)
  begin(name, steps)
  server:hang_up()
  server:kill()
  server:launch()
  adopt(name, steps)
end

function mishaps.kill_before_commit()
  server:fault("commit.hold")
  local name, steps = names[math.random(#names)], random_steps(0)
  begin(name, steps)
  server:kill()
  server:hang_up()
  server:clear_fault("commit.hold")
  server:launch()
  adopt(name, steps)
end

function mishaps.commit_fails()
  server:fault("commit.fail", { times = 1 })
  local name, steps = names[math.random(#names)], random_steps(0)
  ask(name, steps)
  server:clear_fault("commit.fail")
  adopt(name, steps)
end

function mishaps.restart()
  server:restart()
end

function mishaps.reload()
  server.version = (server.version or 1) + 1
  server:save(SOURCE .. ("-- version %d"):format(server.version))
  server.process:signal("HUP")
end

function mishaps.alarm()
  local name = names[math.random(#names)]
  local at = FAR - 1000 - math.random(1000)
  request(name, { { name = "set_alarm", at = at } })
  ask(name, { { name = "set_alarm", at = 1 } }) -- At once.
  repeat
    local answer = ask(name, {})
    local found = answer and view_of(answer.state)
    local has_rung = found and found[ALARM] == nil
    if has_rung then
      assert(type(found.rang) == "number" and found.rang < FAR - 2000, "it did not ring")
      views[name][ALARM], views[name].rang = nil, found.rang
      expect_state(name, answer, "after an alarm")
    end
  until has_rung
end

local mishap_names = {}
for name in pairs(mishaps) do
  mishap_names[#mishap_names + 1] = name
end
table.sort(mishap_names)

describe("objects", function()
  it("behave like tables, whatever happens in between", function()
    math.randomseed(seed)
    views = {}
    for _, name in ipairs(names) do
      views[name] = {}
    end
    server = Server.start { source = SOURCE, workers = 2 }
    local step, what = 0, ""
    local ok, why = xpcall(function()
      for i = 1, operations do
        step = i
        if math.random(100) == 1 then
          what = mishap_names[math.random(#mishap_names)]
          mishaps[what]()
          look_at_all("after " .. what)
        else
          request(names[math.random(#names)], random_steps(0))
        end
      end
    end, debug.traceback)
    if not ok then
      print(server:log())
    end
    server:stop()
    assert(ok, ("OPEN_DO_SEED=%d, operation %d, last mishap %s: %s"):format(seed, step, what,
      tostring(why)))
  end)
end)
