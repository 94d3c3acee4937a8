-- Objects that call each other, for specs of calls: each runs the code a spec posts to it (see
-- workbench.lua) and has the methods below. `neighbours` finds two that live in the same worker and
-- a third that lives in the other one.
local kept = require "spec.support.kept"
local workbench = require "spec.scenario.workbench"

local M = {}

M.SOURCE = [[
local od = require "open-do"

local worker = od.randomUUID() -- Made once a process.

local Base = {}

function Base:inherited() return "from above" end

local Thing = setmetatable({}, { __index = Base })

function Thing:fetch(request)
  if request.headers:get("x-raise") then
    return self:run(request:text())
  end
  return require("workbench").fetch(self, request)
end

function Thing:constructor()
  self.boot = od.randomUUID()
  self.seen = {}
  self.count = 0
  local code = self.state.storage:get "constructor" -- What else is to happen there.
  if code then
    self:run(code)
  end
end

function Thing:worker() return worker end
function Thing:who() return self.boot end
function Thing:add(n) self.count = self.count + n return self.count end
function Thing:echo(...) return ... end
function Thing:note(value) self.seen[#self.seen + 1] = value end
function Thing:notes() return table.concat(self.seen, ",") end
function Thing:write(n) self.state.storage:put("n", n) return n end
function Thing:fail(value) error(value, 0) end
function Thing:slip() local t = nil return t.x end
function Thing:abort(why) self.state:abort(why) end
function Thing:_private() return "secret" end
function Thing:returnFunction() return 1, { deep = { f = print } } end
function Thing:nap(ms) od.sleep(ms) return "rested" end
function Thing:count(...) return select("#", ...) end
function Thing:hold()
  self.held = (self.held or 0) + 1
  while self.holds do
    od.sleep(2)
  end
end
-- Runs code in this object, for what no method above does.
function Thing:run(code, ...)
  return assert(load("local self, od = ... " .. code, "@code"))(self, od, ...)
end
Thing.number = 7

return { namespaces = { things = Thing, others = Thing } }
]]

-- From its next event on the object `name` runs `code` in its constructor, too.
function M.set_constructor(server, name, code)
  workbench.ask(server, name, ("storage:put('constructor', %q) storage:sync()"):format(code))
  server:post("/things/" .. name, "state:abort()")
end

function M.start(options)
  return workbench.start(M.SOURCE, options)
end

-- The names of an object, of one in the same worker and of one in the other.
function M.neighbours(server)
  local first, same, other
  for i = 1, 64 do
    local name = "n" .. i
    local worker = workbench.ask(server, name, "return self:worker()")
    if not first then
      first = { name = name, worker = worker }
    elseif worker == first.worker then
      same = same or name
    else
      other = other or name
    end
  end
  return first.name, same, other
end

local function start_with_neighbours()
  local server = M.start()
  server.caller, server.same, server.other = M.neighbours(server)
  return server
end

-- The words of a spec in which the caller asks something of `stub`, the object `name`, which lives
-- in the same worker or in another one: that should make no difference.
local function kept_with_words(server, it)
  local function with_stub(name, code)
    return ("local stub = self.env.things:getByName(%q) "):format(name) .. code
  end
  local function ask(name, code)
    return workbench.ask(server, server.caller, with_stub(name, code))
  end
  local function refusal(name, code)
    return workbench.refusal(server, server.caller, with_stub(name, code))
  end
  local function both(what, check)
    it(what .. ", in the same worker", function() check(server.same) end)
    it(what .. ", in another worker", function() check(server.other) end)
  end
  return server, ask, refusal, both
end

-- Called in a `describe`: a server for each of its tests, with the names `server.caller`, `.same`
-- and `.other`. Returns it, `ask(name, code)` and `refusal(name, code)`, and `both(what, check)`,
-- which are two tests, with check(name).
function M.each()
  local suite = getfenv(2)
  return kept_with_words(kept.each(suite, start_with_neighbours), suite.it)
end

-- The same with one server for all of its tests.
function M.once()
  local suite = getfenv(2)
  return kept_with_words(kept.once(suite, start_with_neighbours), suite.it)
end

return M
