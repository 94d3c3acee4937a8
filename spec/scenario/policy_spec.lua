-- What the system's scheduler is told: main, which is woken for each connection, interrupts nobody
-- (SCHED_BATCH), for it would interrupt its workers where they share a core. All others are as
-- usual, and who has chosen a policy for the program has it.
local shell = require "spec.support.shell"
local Server = require "spec.support.server"

local OTHER, BATCH, IDLE = 0, 3, 5
local SOURCE = "return { namespaces = { things = {} } }"

describe("the policy by which the system schedules", function()
  local server

  after_each(function()
    server:stop()
  end)

  -- The last number but eleven of what follows the name (proc(5)); of each thread, main's first.
  local function policies_of(pid)
    local found = {}
    for task in io.popen(("ls /proc/%d/task | sort -n"):format(pid)):lines() do
      local fields = shell.read(("/proc/%d/task/%s/stat"):format(pid, task)):match("%) (.*)")
      local number = 2
      for field in fields:gmatch("%S+") do
        number = number + 1
        found[#found + 1] = number == 41 and tonumber(field) or nil
      end
    end
    return found
  end

  local function expect(first, others)
    local main = policies_of(server.process.pid)
    assert.equal(first, table.remove(main, 1))
    assert.is_true(#main >= 2) -- Who writes the journal, and who follows it with LMDB.
    for _, worker in ipairs(server:status().workers) do
      for _, policy in ipairs(policies_of(worker.pid)) do
        main[#main + 1] = policy
      end
    end
    for _, policy in ipairs(main) do
      assert.equal(others, policy)
    end
  end

  it("is a patient one for main alone, also after workers and the program were replaced", function()
    server = Server.start { source = SOURCE, workers = 2 }
    expect(BATCH, OTHER)
    assert.equal(0, (server:asking("restart-worker", "1")))
    expect(BATCH, OTHER)
    assert.equal(0, (server:asking("upgrade")))
    expect(BATCH, OTHER)
  end)

  it("is that of who starts it, if he has chosen one", function()
    server = Server.start { source = SOURCE, words = { "chrt", "--idle", "0" } }
    expect(IDLE, IDLE)
  end)
end)
