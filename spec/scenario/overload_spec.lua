-- An object, or a worker, of which more is asked than it can keep: it refuses at once, and says so
-- in a way that tells callers not to try again.
local callers = require "spec.scenario.callers"
local workbench = require "spec.scenario.workbench"

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

  -- Six calls of 30 MB, where the limit is 128 MiB.
  both("refuses what is too large together, and takes calls again when it has room", function(name)
    workbench.ask(server, name, "self.holds, self.held = true, 0")
    workbench.ask(server, caller,
      ("self.stub, self.refused = self.env.things:getByName(%q), 0"):format(name))
    local connections = {}
    for i = 1, 6 do
      connections[i] = workbench.begin(server, caller, [[
        local ok, problem = pcall(self.stub.hold, self.stub, ("x"):rep(30e6))
        if ok then return "fine" end
        assert(problem.overloaded and not problem.retryable and not problem.remote)
        self.refused = self.refused + 1
        return problem.message
      ]])
    end
    local held = workbench.ask(server, caller, [[
      local held
      repeat
        od.sleep(2)
        local ok, count = pcall(self.stub.run, self.stub, "return self.held")
        held = ok and count or 0 -- The way there may be full as well.
      until held + self.refused == 6
      return held
    ]])
    assert.is_true(held >= 1 and held <= 4, "held: " .. held)
    workbench.ask(server, name, "self.holds = false")
    local counts = {}
    for _, connection in ipairs(connections) do
      local outcome = workbench.outcome(connection)
      counts[outcome] = (counts[outcome] or 0) + 1
    end
    assert.same({ fine = held,
      ["Durable Object is overloaded. Too much data queued."] = 6 - held }, counts)
    assert.equal("room", workbench.ask(server, caller, "return self.stub:echo 'room'"))
  end)
end)
