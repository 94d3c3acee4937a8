-- A log that nobody reads, and a script that never stops logging. Before this spec main slept in
-- write() until the reader woke, without requests and without SIGTERM; and a loop around print()
-- wrote 200 MB a second.
local workbench = require "spec.scenario.workbench"

local BURST = [[
for i = 1, %d do
  print(("%%06d "):format(i):rep(%d))
end
return "said"
]]

describe("a log", function()
  local server = workbench.each(nil, { workers = 1, args = { "--log-requests" } })

  local function say(lines, words)
    assert.equal("said", workbench.ask(server, "a", BURST:format(lines, words)))
  end

  -- The spec reads the output only when it waits for something in it: until then nobody does.
  it("that nobody reads holds up nobody, and says later what is missing", function()
    for _ = 1, 3 do
      say(10000, 14) -- A megabyte, which is all a pipe takes.
    end
    assert.equal(1, #server:status().workers)
    server:log() -- Now it is read, and the next line has room.
    workbench.ask(server, "b", "print('the next line')")
    local all, unread, excess = server:wait_log(
      "log: (%d+) lines were dropped: (%d+) because nobody read the log, (%d+) beyond")
    assert.is_true(tonumber(all) >= 10000)
    assert.equal(all, unread)
    assert.equal("0", excess)
  end)

  it("without end is cut to a rate, and the rest is counted", function()
    repeat -- It is told with a line for which there is room.
      say(30000, 200) -- 42 MB, of which a slow machine makes no more than it may.
      server:log()
      workbench.ask(server, "a", "print('the last word')")
    until server:log():find("because nobody read the log, [1-9]%d* beyond 4 MiB a second")
  end)
end)
