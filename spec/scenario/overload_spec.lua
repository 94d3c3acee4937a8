-- An object, or a worker, that more is asked of than it can handle: it refuses, and says so in a way
-- that tells callers not to try again; it does not grow.
local callers = require "spec.scenario.callers"
local workbench = require "spec.scenario.workbench"

-- In the caller: calls `method` of `name` from as many tasks as there are, and keeps what came.
local FLOOD = [[
  local stub = self.env.things:getByName(%q)
  local ok, problem = pcall(stub[%q], stub, %s)
  if ok then return "fine" end
  assert(problem.overloaded and not problem.retryable and not problem.remote)
  return problem.message
]]

describe("an object of which too much is asked", function()
  local server, caller, same, other

  before_each(function()
    server = callers.start()
    caller, same, other = callers.neighbours(server)
  end)

  after_each(function()
    server:stop()
  end)

  local function both(what, check)
    it(what .. ", in the same worker", function() check(same) end)
    it(what .. ", in another worker", function() check(other) end)
  end

  local function flood(name, method, argument, times)
    local connections, counts = {}, {}
    for i = 1, times do
      connections[i] = workbench.begin(server, caller, FLOOD:format(name, method, argument))
    end
    return function()
      for _, connection in ipairs(connections) do
        local outcome = workbench.outcome(connection)
        counts[outcome] = (counts[outcome] or 0) + 1
      end
      return counts
    end
  end

  -- Six calls of 30 MB, and 128 MiB is the limit: four are kept, the others refused at once.
  both("refuses by bytes, and takes calls again when it has room", function(name)
    workbench.ask(server, name, "self.holds = true")
    local outcome = flood(name, "hold", "('x'):rep(30e6)", 6)
    server:wait_log("overloaded: held 4")
    workbench.ask(server, name, "self.holds = false")
    assert.same({ fine = 4, ["Durable Object is overloaded. Too much data queued."] = 2 }, outcome())
    assert.equal("fine", workbench.ask(server, caller, FLOOD:format(name, "echo", "1")))
  end)
end)
