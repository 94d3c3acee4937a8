-- A worker that is taken over can do no more than it does: it tries, and is refused and heard of.
local Server = require "spec.support.server"
local workbench = require "spec.scenario.workbench"

-- The sanitizers open files and start processes of their own; nothing is confined there.
local is_sanitized = os.getenv("OPEN_DO_SANITIZED") ~= nil

describe("a confined worker", function()
  local server, start = workbench.asked(nil, { workers = 1 })

  local function try(name)
    server:fault("breakout." .. name, { times = 1 })
    assert.equal(1, workbench.ask(server, "a", "return 1"))
    return server:wait_log("breakout%." .. name .. ": ([^\n]+)")
  end

  local cases = {
    write = { "Operation not permitted", "open a file for writing" },
    truncate = { "Operation not permitted", "open a file for writing" },
    exec = { "Operation not permitted", "start a program" },
    fork = { "Operation not permitted", "start a process" },
    remove = { "Operation not permitted", "remove a file" },
    kill = { "Operation not permitted", "signal another process" },
    type = { "Operation not permitted", "command a device" },
    unix = { "Address family not supported by protocol" }, -- Name look-ups try this and go on.
  }

  for name, case in pairs(cases) do
    if not is_sanitized then
      it("is refused when it would " .. name, function()
        start()
        server:expect_mishap("refused by --confine")
        assert.equal(case[1], try(name))
        if case[2] then
          server:wait_log("refused by %-%-confine: process %d+ tried to " .. case[2])
        end
        assert.equal(2, workbench.ask(server, "a", "storage:put('k', 2) return storage:get('k')"))
      end)
    end
  end

  it("can write to no file of the store, nor can any other process but the first", function()
    start { admin = true, args = { "--confine", "off" } } -- Only then can it be looked at.
    for _, pid in ipairs(server.process:children()) do
      local pipe = io.popen(([[
        for link in /proc/%d/fd/*; do
          case $(readlink $link) in
            */data.mdb | */journal/*) echo $link $(grep flags: /proc/%d/fdinfo/${link##*/}) ;;
          esac
        done]]):format(pid, pid))
      for line in pipe:lines() do
        assert.matches("flags:%s+0%d*0$", line) -- O_RDONLY
      end
      pipe:close()
    end
  end)

  it("still loads a script anew, and its replacement does", function()
    start()
    server:save("return { namespaces = { things = { fetch = function() "
      .. "return require('open-do').Response(require('extra')) end } } }")
    server:save("return 'second'", "extra.lua")
    assert.equal(0, (server:asking("reload")))
    assert.equal("second", server:get("/things/a").body)

    server:expect_mishap("another one is started")
    local worker = server.process:children()[1]
    os.execute("kill -9 " .. worker)
    server:wait_log("worker 0 is back")
    assert.equal("second", server:get("/things/a").body)
    assert.not_matches("refused by --confine", server:log(), 1, true)
  end)

  it("is free when it is told so", function()
    start { args = { "--confine", "off" } }
    assert.equal("done", try("fork"))
    assert.not_matches("refused by --confine", server:log(), 1, true)
  end)

  it("asks for on or off", function()
    local code, output = Server.refuse { source = workbench.PLAIN, args = { "--confine", "maybe" } }
    assert.equal(2, code)
    assert.matches("--confine maybe: expected on or off", output, 1, true)
  end)
end)
