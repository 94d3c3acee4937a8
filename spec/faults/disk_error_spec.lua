-- A disk that fails: the caller hears of it, nothing is acknowledged that is not stored, what was
-- stored stays, and the next write works again as soon as the disk does.

local Disk = require "spec.faults.disk"
local Server = require "spec.support.server"

local SOURCE = [[
local od = require "open-do"
local Counter = {}

function Counter:fetch(request)
  local count = self.state.storage:get("count") or 0
  if request.method == "POST" then
    count = count + 1
    self.state.storage:put("count", count)
  end
  return od.Response(tostring(count))
end

return { namespaces = { counters = Counter } }
]]

local FAULTS = {
  { call = "write", error = "ENOSPC", says = "no space left on the disk" },
  { call = "write", error = "EIO", says = "Input/output error" },
  { call = "sync", error = "EIO", says = "Input/output error" },
  { call = "sync", error = "ENOSPC", says = "no space left" },
  { call = "dsync", error = "EIO", says = "Input/output error" },
}

describe("a disk that fails", function()
  local disk, server

  before_each(function()
    disk = Disk.new()
    server = Server.start { source = SOURCE, workers = 2, env = disk.environment }
  end)

  after_each(function()
    server:stop()
    disk:remove()
  end)

  local function add(name)
    return server:post("/counters/" .. name)
  end

  for _, fault in ipairs(FAULTS) do
    it(("at a %s with %s acknowledges nothing, and recovers"):format(fault.call, fault.error),
      function()
        assert.equal("1", add("a").body)
        disk:fail(fault.call, { error = fault.error, times = 1 })
        local answer = add("a")
        assert.equal(500, answer.status)
        server:wait_log("could not be stored: [^\n]*" .. fault.says)
        assert.equal("1", server:get("/counters/a").body)
        assert.equal("2", add("a").body)
        assert.equal("1", add("b").body)
        server:restart()
        assert.equal("2", server:get("/counters/a").body)
      end)
  end
end)
