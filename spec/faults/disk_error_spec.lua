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

local FAULTS = { -- Of the journal: a write that waits for the disk is all it does.
  { call = "write", error = "ENOSPC", says = "no space left on the disk" },
  { call = "write", error = "EIO", says = "Input/output error" },
  { call = "dsync", error = "EIO", says = "Input/output error" },
  { call = "dsync", error = "ENOSPC", says = "no space left" },
}

local LATER = { -- Of the data file, when the write has been acknowledged.
  { call = "write", error = "ENOSPC" },
  { call = "write", error = "EIO" },
  { call = "sync", error = "EIO" },
  { call = "sync", error = "ENOSPC" },
  { call = "dsync", error = "EIO" },
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
        disk:fail(fault.call, { of = "journal", error = fault.error, times = 1 })
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

  for _, fault in ipairs(LATER) do
    it(("behind an answer, at a %s with %s, is nobody's business"):format(fault.call, fault.error),
      function()
        assert.equal("1", add("a").body)
        disk:fail(fault.call, { of = "data", error = fault.error, times = 1 })
        assert.equal("2", add("a").body)
        assert.equal("1", add("b").body)
        disk:await_failure()
        assert.equal("3", add("a").body)
        server:restart()
        assert.equal("3", server:get("/counters/a").body)
        assert.equal("1", server:get("/counters/b").body)
      end)
  end

  it("keeps what it acknowledged for the next start when the data file takes nothing", function()
    disk:fail("sync", { of = "data", times = -1 })
    assert.equal("1", add("a").body)
    server:wait_log("cannot write to .* any more")
    assert.equal(1, (server.process:wait_exit(20)))
    disk:mend()
    server:launch()
    assert.equal("1", server:get("/counters/a").body)
  end)

  it("that is full for the data file lets writes wait until there is room", function()
    disk:fail("write", { of = "data", error = "ENOSPC", times = -1 })
    assert.equal("1", add("a").body)
    server:wait_log("cannot take what its journal has: no space left on the disk; it is tried")
    disk:mend()
    assert.equal("2", add("a").body)
    server:restart()
    assert.equal("2", server:get("/counters/a").body)
  end)
end)
