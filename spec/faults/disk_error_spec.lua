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
    server = Server.prepare { source = SOURCE, workers = 2, env = disk.environment }
  end)

  after_each(function()
    server:stop()
    disk:remove()
  end)

  local function add(name)
    return server:post("/counters/" .. name)
  end

  -- The first segment is made at the start or, when that fails, by the first write.
  for _, fault in ipairs {
    { call = "grow", error = "ENOSPC", times = 2 }, -- Of the usual size, then of a small one.
    { call = "write", error = "ENOSPC", times = 2 },
    { call = "dsync", error = "ENOSPC", times = 2 },
    { call = "write", error = "EIO", times = 1 },
    { call = "dsync", error = "EIO", times = 1 },
  } do
    it(("at a %s with %s while a segment is made makes it later"):format(fault.call, fault.error),
      function()
        disk:fail(fault.call, { of = "journal", error = fault.error, times = fault.times })
        server:launch()
        assert.equal(fault.times, disk:failures())
        assert.equal("1", add("a").body)
        server:restart()
        assert.equal("1", server:get("/counters/a").body)
      end)
  end

  it("that is full where the next segment would be refuses writes until there is room", function()
    server:fault("journal.small")
    server:launch()
    disk:fail("grow", { of = "journal", error = "ENOSPC", times = -1 })
    local count, answer = 0, add("a")
    while answer.status == 200 do
      count = count + 1
      assert.equal(tostring(count), answer.body)
      assert(count < 200, "a segment never ends")
      answer = add("a")
    end
    assert.is_true(count > 10)
    assert.equal(500, answer.status)
    server:wait_log("could not be stored: [^\n]*no space left on the disk")
    assert.equal(500, add("b").status)
    assert.equal(tostring(count), server:get("/counters/a").body)
    disk:mend()
    assert.equal(tostring(count + 1), add("a").body)
    assert.equal("1", add("b").body)
    server:restart()
    assert.equal(tostring(count + 1), server:get("/counters/a").body)
  end)

  for _, fault in ipairs(FAULTS) do
    it(("at a %s with %s acknowledges nothing, and recovers"):format(fault.call, fault.error),
      function()
        server:launch()
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
        server:launch()
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
    server:launch()
    disk:fail("sync", { of = "data", times = -1 })
    assert.equal("1", add("a").body)
    server:wait_log("cannot write to .* any more")
    assert.equal(1, (server.process:wait_exit(20)))
    disk:mend()
    server:launch()
    assert.equal("1", server:get("/counters/a").body)
  end)

  it("that is full for the data file lets writes wait until there is room", function()
    server:launch()
    disk:fail("write", { of = "data", error = "ENOSPC", times = -1 })
    assert.equal("1", add("a").body)
    server:wait_log("cannot take what its journal has: no space left on the disk; it is tried")
    disk:mend()
    assert.equal("2", add("a").body)
    server:restart()
    assert.equal("2", server:get("/counters/a").body)
  end)
end)
