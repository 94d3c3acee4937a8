-- The input gate, with random handlers: twenty at a time sleep, write, call others, enter sections
-- and fail in them, on a few objects. Each object keeps a trace of what it does; afterwards nobody
-- may have done anything inside the section of another, and no increment may be lost or doubled.
--
-- OPEN_DO_SEED repeats a run, OPEN_DO_MODEL_ROUNDS sets its length.
local json = require "dkjson"
local Server = require "spec.support.server"

local seed = tonumber(os.getenv("OPEN_DO_SEED")) or os.time()
local rounds = tonumber(os.getenv("OPEN_DO_MODEL_ROUNDS")) or 12
local NAMES, AT_ONCE = { "a", "b", "c" }, 20

-- An object runs the steps it is sent. The traces stand outside of instances: they outlive resets.
local SOURCE = [[
local od = require "open-do"

local traces = {}
local tasks = 0

local Thing = {}

function Thing:note(task, what)
  local trace = traces[self.state.id.name] or {}
  traces[self.state.id.name] = trace
  trace[#trace + 1] = { task = task, what = what, boot = self.boot }
end

function Thing:constructor()
  self.boot = od.randomUUID()
  self.state:blockConcurrencyWhile(function()
    self:note(0, "enter")
    od.sleep(1)
    self:note(0, "leave")
  end)
end

local steps = {}

function steps.sleep(_, _, ms)
  od.sleep(ms)
end

function steps.timer(self, task, ms)
  od.setTimeout(function() self:note(task .. "'s timer", "step") end, ms)
end

function steps.sync(self)
  self.state.storage:sync()
end

-- No pause between get and put: needs no section.
function steps.increment(self)
  local storage = self.state.storage
  storage:put("n", (storage:get("n") or 0) + 1)
end

function steps.call(self, _, name)
  self.env.things:getByName(name):fetch("/")
end

function steps.fail(self, task)
  self:note(task, "fail")
  error("on purpose")
end

local run

function steps.section(self, task, inner)
  self.state:blockConcurrencyWhile(function()
    self:note(task, "enter")
    run(self, task, inner)
    self:note(task, "leave")
  end)
end

-- With a pause: needs the section.
function steps.slow_increment(self, task)
  self.state:blockConcurrencyWhile(function()
    self:note(task, "enter")
    local n = self.state.storage:get("n") or 0
    od.sleep(1)
    self.state.storage:put("n", n + 1)
    self:note(task, "leave")
  end)
end

function run(self, task, list)
  for _, step in ipairs(list) do
    self:note(task, "step")
    steps[step[1] ](self, task, step[2])
    self:note(task, "step")
  end
end

function Thing:fetch(request)
  if request.method == "POST" then
    tasks = tasks + 1
    run(self, tasks, request:json())
  end
  local name = self.state.id.name
  return od.Response.json { n = self.state.storage:get("n") or 0,
    trace = request.query.trace and traces[name] }
end

return { namespaces = { things = Thing } }
]]

local function random_steps(depth)
  local list = {}
  for i = 1, math.random(1, 4) do
    local roll = math.random(100)
    if roll <= 25 then
      list[i] = { "sleep", math.random(0, 2) }
    elseif roll <= 35 then
      list[i] = { "timer", math.random(0, 3) }
    elseif roll <= 45 then
      list[i] = { "sync" }
    elseif roll <= 70 then
      list[i] = { math.random(2) == 1 and "increment" or "slow_increment" }
    elseif roll <= 78 then
      list[i] = { "call", "callee" }
    elseif roll <= 80 and depth > 0 then
      list[i] = { "fail" }
    elseif depth < 3 then
      list[i] = { "section", random_steps(depth + 1) }
    else
      list[i] = { "sleep", 0 }
    end
  end
  return list
end

local function count_increments(list)
  local count = 0
  for _, step in ipairs(list) do
    if step[1] == "section" then
      count = count + count_increments(step[2])
    elseif step[1]:find("increment") then
      count = count + 1
    end
  end
  return count
end

-- Nobody does anything between another's `enter` and the `leave` that belongs to it, or the end of
-- their instance.
local function check_trace(trace)
  local holder, depth, boot = nil, 0, nil
  for i, line in ipairs(trace) do
    if line.boot ~= boot then
      holder, depth, boot = nil, 0, line.boot
    end
    assert(holder == nil or line.task == holder, ("seed %d: line %d of the trace: %s of task %s "
      .. "inside the section of task %s"):format(seed, i, line.what, line.task, tostring(holder)))
    if line.what == "enter" then
      holder, depth = line.task, depth + 1
    elseif line.what == "leave" then
      depth = depth - 1
      holder = depth > 0 and holder or nil
    end
  end
end

describe("the input gate", function()
  local server

  before_each(function()
    math.randomseed(seed)
    server = Server.start { source = SOURCE, workers = 1 }
  end)

  after_each(function()
    server:stop()
  end)

  local function begin(name, steps)
    local connection = server:open()
    connection:send_request("POST", "/things/" .. name, { body = json.encode(steps) })
    return connection
  end

  it("loses none of twenty parallel increments, with and without a pause (32)", function()
    for _, kind in ipairs { "increment", "slow_increment" } do
      local connections, seen = {}, {}
      for i = 1, 20 do
        connections[i] = begin(kind, { { kind } })
      end
      for i = 1, 20 do
        seen[i] = json.decode(connections[i]:read_answer().body).n
      end
      table.sort(seen)
      for i = 1, 20 do
        assert.equal(i, seen[i])
      end
    end
  end)

  it("lets nobody into the section of another, whatever happens", function()
    local least, most = {}, {}
    for _ = 1, rounds do
      local running = {}
      for i = 1, AT_ONCE do
        local name, steps = NAMES[math.random(#NAMES)], random_steps(0)
        running[i] = { name = name, steps = steps, connection = begin(name, steps) }
      end
      for _, run in ipairs(running) do
        local answer, count = run.connection:read_answer(), count_increments(run.steps)
        least[run.name] = (least[run.name] or 0) + (answer.status == 200 and count or 0)
        most[run.name] = (most[run.name] or 0) + count
        run.connection:close()
      end
    end
    for _, name in ipairs(NAMES) do
      local answer = json.decode(server:get("/things/" .. name .. "?trace=1").body)
      check_trace(answer.trace)
      assert(answer.n >= least[name] and answer.n <= most[name],
        ("seed %d: %s counts %d, not %d to %d"):format(seed, name, answer.n, least[name],
          most[name]))
    end
  end)
end)
