-- An object, or a worker, of which more is asked than it can keep: it refuses at once, and says so
-- in a way that tells callers not to try again.
local callers = require "spec.scenario.callers"
local process = require "spec.support.process"
local workbench = require "spec.scenario.workbench"

local OVERLOADED = "Durable Object is overloaded. Too much data queued."

-- The process in which the object `name` is awake.
local function pid_of(server, name)
  for _, worker in ipairs(server:status().workers) do
    for _, object in ipairs(worker.objects) do
      if object.object == "things/" .. name then
        return worker.pid
      end
    end
  end
end

describe("more calls than there is room for", function()
  local server = callers.each()

  -- Lets the caller call `name` so many times at once, with `bytes` each.
  local function flood(name, times, bytes)
    workbench.ask(server, server.caller,
      ("self.stub, self.decided = self.env.things:getByName(%q), 0"):format(name))
    local connections = {}
    for i = 1, times do
      connections[i] = workbench.begin(server, server.caller, ([[
        local payload = ("x"):rep(%d)
        self.decided = self.decided + 1
        local ok, problem = pcall(self.stub.hold, self.stub, payload)
        if ok then return "fine" end
        assert(problem.overloaded and not problem.retryable and not problem.remote)
        return problem.message
      ]]):format(bytes))
    end
    workbench.ask(server, server.caller,
      ("while self.decided < %d do od.sleep(2) end"):format(times))
    return connections
  end

  local function outcomes(connections)
    local counts = {}
    for _, connection in ipairs(connections) do
      local outcome = workbench.outcome(connection)
      counts[outcome] = (counts[outcome] or 0) + 1
    end
    return counts
  end

  it("are refused by an object that holds 64 MiB, which takes calls again later", function()
    workbench.ask(server, server.same, "self.holds = true")
    local connections = flood(server.same, 6, 20e6)
    workbench.ask(server, server.same, "self.holds = false")
    assert.same({ fine = 3, [OVERLOADED] = 3 }, outcomes(connections))
    assert.equal("room", workbench.ask(server, server.caller, "return self.stub:echo 'room'"))
  end)

  it("are refused by an object in whose inbox are 10,000", function()
    local shut = workbench.begin(server, server.same,
      "state:blockConcurrencyWhile(function() print 'shut' od.sleep(9000) end)")
    server:wait_log("shut")
    local callers_of_it = { server.caller, server.other }
    for _, name in ipairs(callers_of_it) do
      workbench.ask(server, name, ([[
        self.stub, self.fine, self.refused = self.env.things:getByName(%q), 0, 0
        for i = 1, 6000 do
          od.setTimeout(function()
            local ok, problem = pcall(self.stub.count, self.stub)
            if ok then
              self.fine = self.fine + 1
            elseif problem.overloaded and problem.message:find "Too many requests queued" then
              self.refused = self.refused + 1
            end
          end, 0)
        end
      ]]):format(server.same))
    end
    local function sum(field)
      local total = 0
      for _, name in ipairs(callers_of_it) do
        total = total + workbench.ask(server, name, "return self." .. field)
      end
      return total
    end
    local deadline = os.time() + 20
    repeat
      assert(os.time() < deadline, "2,000 are to be refused, and were: " .. sum "refused")
    until sum "refused" == 2000
    assert.equal(0, sum "fine")
    server:turn_clock(9000)
    workbench.outcome(shut)
    assert.equal(0, workbench.ask(server, server.caller, "return self.stub:count()"))
    deadline = os.time() + 20
    repeat
      assert(os.time() < deadline, "10,000 are to be answered, and were: " .. sum "fine")
    until sum "fine" == 10000
  end)

  it("are refused when the worker they go to reads nothing", function()
    local pid = pid_of(server, server.other)
    process.send_signal(pid, "STOP")
    local connections = flood(server.other, 6, 17e6)
    process.send_signal(pid, "CONT")
    assert.same({ fine = 4, [OVERLOADED] = 2 }, outcomes(connections))
    assert.equal("room", workbench.ask(server, server.caller, "return self.stub:echo 'room'"))
  end)
end)
