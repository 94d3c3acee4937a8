-- Whoever may read the data directory may say anything to an object (runtime/link/commands.h):
-- looks and commands whose bytes are rubbish, or nearly right. The worker lives, others do not
-- notice, and what only looks changes nothing.
--
-- OPEN_DO_SEED begins elsewhere, OPEN_DO_LOOKS says how many of each command.
local core = require "spec.support.core"
local process = require "spec.support.process"
local workbench = require "spec.scenario.workbench"
local unix = require "socket.unix"

local SEED = tonumber(os.getenv("OPEN_DO_SEED")) or 1
local COUNT = tonumber(os.getenv("OPEN_DO_LOOKS")) or 30
local METHOD, COMMAND = 1, 2

local u32, u64, str = core.u32, core.u64, core.str

-- The names of a kind of command, as the header has them.
local function names_of(effect)
  local file = assert(io.open("runtime/link/commands.h"))
  local names = {}
  for name, kind in file:read("*a"):gmatch('COMMAND%(%s*"([%w.]+)",%s*(%u+)') do
    names[#names + 1] = kind == effect and name or nil
  end
  file:close()
  return names
end

-- What the commands are sent when all is well, one behind the other and in parts.
local RIGHT = {
  u32(1) .. u64(0), str("k") .. str("") .. u32(10), str("k"), u64(0),
  str("SELECT * FROM t WHERE x > ?") .. u32(1), str("SELECT 1; DROP TABLE t") .. u32(0),
  u32(1) .. str(("\0"):rep(4096)), u32(2 ^ 32 - 1) .. str("x"), u32(7),
  str("s") .. u64(1000) .. "\2" .. u64(0) .. str("* * * * *") .. str("UTC") ..
    str("say") .. str(""),
  str("s") .. u64(2 ^ 62) .. "\1" .. u64(1) .. str("") .. str("") ..
    str("say") .. str("\255"),
}

local function random_bytes(count)
  local bytes = {}
  for i = 1, count do
    local kind = math.random(4)
    bytes[i] = string.char(kind == 1 and 255 or kind == 2 and 0 or math.random(0, 255))
  end
  return table.concat(bytes)
end

local function rubbish()
  local text = RIGHT[math.random(#RIGHT)]
  local at, kind = math.random(0, #text), math.random(4)
  if kind == 1 then
    return random_bytes(math.random(0, 100))
  elseif kind == 2 then
    return text:sub(1, at)
  elseif kind == 3 then
    return text:sub(1, at) .. random_bytes(math.random(4)) .. text:sub(at + math.random(0, 4))
  end
  return text .. RIGHT[math.random(#RIGHT)]
end

local SOURCE = [[
local Thing = { fetch = require("workbench").fetch }
function Thing:say() end
function Thing:alarm() end
return { namespaces = { things = Thing } }
]]

local FILL = [[
  storage:put("k", "a value") storage:put("k2", { 1, 2 })
  storage.sql:exec "CREATE TABLE IF NOT EXISTS t (x)"
  storage.sql:exec "DELETE FROM t"
  storage.sql:exec "INSERT INTO t VALUES (1), ('two')"
  storage:schedule("tea", { every = 1e9 }, "say", 1)
  storage:setAlarm(od.now() + 1e9)
]]

describe("an operator's rubbish", function()
  local server, id

  setup(function()
    math.randomseed(SEED)
    server = workbench.start(SOURCE, { workers = 1 })
    id = workbench.ask(server, "a", FILL .. "return tostring(state.id)"):gsub("%x%x", function(byte)
      return string.char(tonumber(byte, 16))
    end)
    server:connect("/things/a?tags=ann")
  end)

  teardown(function()
    server:stop()
  end)

  -- Nobody has to understand it; it is answered, with whatever.
  local function say(kind, name, sent, whose)
    local body = (whose or id .. str("things") .. "\1" .. str("a")) .. string.char(kind) ..
      string.char(#name) .. name .. "\0" .. sent
    local client = unix()
    client:settimeout(10)
    assert(client:connect(server.directory .. "/data/control.sock"))
    client:send(("call %d\n%s"):format(#body, body))
    client:shutdown("send")
    local text, why, partial = client:receive("*a")
    client:close()
    assert(why ~= "timeout", ("no answer to %s: %q"):format(name, sent))
    return text or partial
  end

  local function each(names, check)
    local pid = server:status().workers[1].pid
    for _, name in ipairs(names) do
      for _ = 1, COUNT do
        local sent = rubbish()
        local answer = say(COMMAND, name, sent)
        assert.matches("^%l+\n", answer, ("%s: %q"):format(name, sent))
      end
      if check then
        check(name)
      end
    end
    assert.equal(pid, server:status().workers[1].pid)
    assert.equal("well", workbench.ask(server, "b", "return 'well'"))
  end

  local function exported()
    local pipe = io.popen(("'%s' export things/a --data '%s/data'"):format(process.program,
      server.directory))
    local text = pipe:read("*a")
    pipe:close()
    return text
  end

  it("that looks changes nothing", function()
    local before = exported()
    assert.matches('"schedule"', before)
    each(names_of "LOOKS", function(name)
      assert(exported() == before, name .. " changed what is stored")
    end)
  end)

  it("that acts or writes leaves an object that can be used", function()
    for _, effect in ipairs { "ACTS", "WRITES" } do
      each(names_of(effect))
      workbench.ask(server, "a", "storage:deleteAll() return true")
      assert.equal(2, workbench.ask(server, "a", FILL ..
        "return storage.sql:exec('SELECT count(*) AS n FROM t'):one().n"))
    end
  end)

  it("about nobody, and that calls, is answered", function()
    local pid = server:status().workers[1].pid
    for _ = 1, COUNT do
      say(METHOD, "say", rubbish())
      say(COMMAND, "no such command", rubbish())
      say(COMMAND, "object", "", random_bytes(math.random(0, 80)))
      say(math.random(0, 255), "object", rubbish())
    end
    assert.equal(pid, server:status().workers[1].pid)
    assert.equal("well", workbench.ask(server, "b", "return 'well'"))
  end)
end)
