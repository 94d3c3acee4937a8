-- Calls through one stub arrive in the order in which they were made, whatever they carry.
local callers = require "spec.scenario.callers"
local workbench = require "spec.scenario.workbench"

describe("calls through one stub", function()
  local server = callers.once()

  -- Each handler takes the next number and makes its call in the same breath.
  local function call_from_many(name, how)
    workbench.ask(server, server.caller,
      ("self.stub, self.made = self.env.things:getByName(%q), 0"):format(name))
    local connections = {}
    for i = 1, 24 do
      connections[i] = workbench.begin(server, server.caller, [[
        self.made = self.made + 1
        local n = self.made
        local size = ({ 1, 4e6, 100, 70000, 1e6, 0 })[n % 6 + 1]
      ]] .. how)
    end
    for _, connection in ipairs(connections) do
      workbench.outcome(connection)
    end
    local expected = {}
    for i = 1, #connections do
      expected[i] = i
    end
    assert.equal(table.concat(expected, ","), workbench.ask(server, name, [[
      local notes = self:notes()
      self.seen = {}
      return notes
    ]]))
  end

  local function both(what, how)
    it(what .. ", in the same worker", function() call_from_many(server.same, how) end)
    it(what .. ", in another worker", function() call_from_many(server.other, how) end)
  end

  both("arrive in order, also with arguments of very different sizes (23)",
    "self.stub:note(n, ('x'):rep(size))")

  both("arrive in order when some wait for the disk",
    "if n % 3 == 0 then storage:put('n', n) end self.stub:note(n, ('x'):rep(size))")

  both("arrive in order when requests are among them", [[
    if n % 2 == 0 then
      self.stub:fetch("/", { method = "POST", body = "self:note(" .. n .. ") --" ..
        ('x'):rep(size) })
    else
      self.stub:note(n, ('x'):rep(size))
    end
  ]])

  both("arrive in order from coroutines of one handler", [[
    local stub = self.stub
    coroutine.wrap(function() coroutine.wrap(function() stub:note(n, ("x"):rep(size)) end)() end)()
  ]])
end)
