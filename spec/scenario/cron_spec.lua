-- `crons` of a script's table: functions that run when a cron string says, once for the server.
local Server = require "spec.support.server"
local workbench = require "spec.scenario.workbench"

local SOURCE = [[
local od = require "open-do"

local Log = {}

function Log:add(what) self.state.storage:put(what, (self.state.storage:get(what) or 0) + 1) end

function Log:fetch()
  local parts = {}
  for what, count in self.state.storage:list() do
    parts[#parts + 1] = what .. "=" .. count
  end
  return od.Response(table.concat(parts, " "))
end

local function note(what)
  return function(info, env, ctx)
    assert(info.scheduledTime %% 60000 == 0 and info.name == nil)
    env.logs:getByName("all"):add(what .. info.cron:sub(1, 1))
    ctx.waitUntil(function() print("cron " .. what .. info.cron) end)
  end
end

return { namespaces = { logs = Log }, crons = { %s } }
]]

describe("crons of a script", function()
  local server, turned_ms

  -- To five seconds behind the next full minute: the one after that does not come by itself.
  local function next_minute()
    local now_ms = os.time() * 1000 + turned_ms
    local ms = 60000 - now_ms % 60000 + 5000
    turned_ms = turned_ms + ms
    server:turn_clock(ms)
  end

  -- A version sets its crons, and takes away those before, just after it serves.
  local function await_crons(count)
    workbench.becomes(count, function() return server:status().alarms.count end)
  end

  local function start(crons, count)
    server, turned_ms = Server.prepare { source = SOURCE:format(crons), workers = 2 }, 0
    next_minute()
    server:launch()
    await_crons(count)
  end

  local function load(crons, version, count)
    server:save(SOURCE:format(crons))
    server.process:signal("HUP")
    server:wait_version(version)
    await_crons(count)
  end

  after_each(function()
    server:stop()
  end)

  local function seen()
    return server:get("/logs/all").body
  end

  it("run with info, env and ctx, once for all workers, and outlive the server", function()
    start([=[ ["* * * * *"] = note "a", ["*/1 * * * *"] = note "b" ]=], 2)
    next_minute()
    server:wait_log("cron a%* %* %* %* %*")
    server:wait_log("cron b%*/1 %* %* %* %*")
    assert.equal("a*=1 b*=1", seen())
    server:restart()
    next_minute()
    server:wait_log("cron b")
    assert.equal("a*=2 b*=2", seen())
    assert.equal(404, server:get("/_crons/script").status)
    assert.not_matches("namespaces: [%w, ]*_crons", server:log())
  end)

  it("are those of the version that is served", function()
    start([=[ ["* * * * *"] = note "a" ]=], 1)
    next_minute()
    server:wait_log("cron a")
    load([=[ ["*/1 * * * *"] = note "b", ["*/1 * * * 0-6"] = note "b" ]=], 2, 2)
    next_minute()
    server:wait_log("cron b.-cron b")
    load([=[ ]=], 3, 0)
    assert.equal("a*=1 b*=2", seen())
    next_minute()
    next_minute()
    load([=[ ["* * * * *"] = note "c" ]=], 4, 1)
    next_minute()
    server:wait_log("cron c")
    assert.equal("a*=1 b*=2 c*=1", seen())
  end)

  it("that fail are tried again, and say where", function()
    start([=[ ["* * * * *"] = function() error "no" end ]=], 1)
    next_minute()
    server:wait_log("ERROR%s+_crons/script  schedule: %S+:%d+: no")
    server:wait_log("schedule '%* %* %* %* %*': retry 1 of 6")
  end)

end)

describe("crons that are wrong", function()
  it("keep the script from loading, with what is wrong", function()
    for crons, problem in pairs {
      ['["61 * * * *"] = print'] = 'crons: "61 * * * *": minute 61 is not between 0 and 59',
      ['["* * * *"] = print'] = "has 4 fields",
      ['["* * * * *"] = 7'] =
        'crons["* * * * *"] is a number; it must be a function (info, env, ctx)',
      ['print'] = "`crons` has a key that is a number; it must be a cron string",
    } do
      local code, said = Server.refuse { source = SOURCE:format(crons) }
      assert.equal(1, code)
      assert.is_truthy(said:find(problem, 1, true), said)
    end
  end)
end)
