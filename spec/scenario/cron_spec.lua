-- `crons` of a script's table: functions that run when a cron string says, once for the server.
local Server = require "spec.support.server"

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

  local function start(crons, options)
    options = options or {}
    options.source, options.workers = SOURCE:format(crons), 2
    server, turned_ms = Server.start(options), 0
  end

  local function load(crons, version)
    server:save(SOURCE:format(crons))
    server.process:signal("HUP")
    server:wait_version(version)
  end

  after_each(function()
    server:stop()
  end)

  local function seen()
    return server:get("/logs/all").body
  end

  -- To five seconds behind the next full minute: the one after that does not come by itself.
  local function next_minute()
    local now_ms = os.time() * 1000 + turned_ms
    local ms = 60000 - now_ms % 60000 + 5000
    turned_ms = turned_ms + ms
    server:turn_clock(ms)
  end

  -- Minutes pass until that is said: a version sets its crons just after it serves.
  local function pass_until(pattern)
    repeat
      next_minute()
      seen()
    until server:log():find(pattern)
  end

  it("run with info, env and ctx, once for all workers, and outlive the server", function()
    start [=[ ["* * * * *"] = note "a", ["*/1 * * * *"] = note "b" ]=]
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
    start [=[ ["* * * * *"] = note "a" ]=]
    pass_until("cron a")
    load([=[ ["*/1 * * * *"] = note "b" ]=], 2)
    pass_until("cron b")
    load([=[ ]=], 3)
    next_minute()
    for _ = 1, 5 do
      seen() -- What has rung before has run.
    end
    local before = seen()
    assert.matches("^a%*=%d+ b%*=%d+$", before)
    next_minute()
    next_minute()
    assert.equal(before, seen())
    load([=[ ["* * * * *"] = note "c" ]=], 4)
    pass_until("cron c")
    assert.equal(before, seen():match("^(.*) c%*=%d+$"))
  end)

  it("that fail are tried again, and say where", function()
    start [=[ ["* * * * *"] = function() error "no" end ]=]
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
