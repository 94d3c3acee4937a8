-- state:abort, and instances that never come to be: what is dropped, and what stays.
local workbench = require "spec.scenario.workbench"

local SOURCE = [[
local od = require "open-do"

local Thing = require("workbench").thing(function(self)
  local storage = self.state.storage
  if storage:get("must fail") then
    storage:put("written by constructor", true)
    if storage:get("must fail") == "loudly" then
      self.state:broadcast("from a constructor that fails")
    end
    error("must fail")
  elseif storage:get("aborts once") then
    storage:delete("aborts once")
    storage:sync()
    self.state:abort("not like this")
  elseif storage:get("greets") then
    self.state:broadcast("from the constructor")
    self.env.things:getByName("greeted"):fetch("/", { method = "POST", body = "return 1" })
  end
end)

function Thing:webSocketMessage(ws, message)
  if message == "abort" then
    self.state:abort("by message")
  end
  ws:send(message)
end

return { namespaces = { things = Thing, callers = require("workbench").Caller } }
]]

local CLOSE = 8 -- The opcode.

local server

local function ask(code)
  return workbench.ask(server, "a", code)
end

local function ask_through(code)
  return server:post("/callers/x?callee=a", code).body
end

local function begin(code)
  local connection = workbench.begin(server, "a", "print 'begun' " .. code)
  server:wait_log("begun")
  return connection
end

describe("state:abort", function()
  server = workbench.each(SOURCE, { workers = 1 })

  it("gives its reason to who asked, or the usual one", function()
    assert.equal("error: enough", ask_through("state:abort('enough')"))
    assert.equal("error: Application called abort() to reset Durable Object.",
      ask_through("od.sleep(1) state:abort()"))
  end)

  it("drops what was not committed, and keeps what was", function()
    ask("storage:put('kept', 1)")
    ask_through("storage:put('kept', 2) storage:put('lost', 1) storage:deleteAll() state:abort()")
    assert.equal("1 nil", ask("return storage:get('kept') .. ' ' .. tostring(storage:get('lost'))"))
  end)

  it("cuts all sockets without a Close, and what waits for them is gone", function()
    local ann, ben = server:connect("/things/a"), server:connect("/things/a")
    local boot = ask("return self.boot")
    ben:send("abort")
    ann:expect_close(1006)
    ben:expect_close(1006)
    assert.equal(0, ask("return #state:getWebSockets()"))
    assert.not_equal(boot, ask("return self.boot"))
  end)

  it("cuts sockets of an object that slept (61)", function()
    local ann = server:connect("/things/a")
    workbench.fall_asleep(server)
    ask_through("state:abort()")
    ann:expect_close(1006)
  end)

  it("fails all handlers that wait, and lets the queue go on", function()
    local waits = begin("od.sleep(1e6)")
    local section = begin([[state:blockConcurrencyWhile(function()
      od.sleep(5000)
      pcall(state.abort, state)
    end)]])
    local queued = workbench.begin(server, "a", "return 'served'")
    workbench.pass(server, 6000)
    assert.equal(500, section:read_answer().status)
    assert.equal(500, waits:read_answer().status)
    assert.equal("served", workbench.outcome(queued))
  end)

  it("ends timers and waitUntil at once", function()
    for _, code in ipairs {
      "od.setTimeout(function() state:abort('by timer') end)",
      "state:waitUntil(function() pcall(state.abort, state, 'by waitUntil') end)",
      "od.setTimeout(function() state:waitUntil(function() state:abort('by both') end) end)",
    } do
      local boot = ask("self.never = od.setTimeout(function() print('NEVER') end, 60000) "
        .. "return self.boot")
      server:post("/things/a", code)
      server:wait_log("things/a  reset: by %a+")
      assert.not_equal(boot, ask("return self.boot"))
    end
    workbench.pass(server, 61000)
    ask("return 1")
    assert.is_nil(server:log():find("NEVER", 1, true))
  end)

  it("in a constructor fails the event that woke the object, and the next is tried anew", function()
    ask("storage:put('aborts once', true)")
    workbench.fall_asleep(server)
    assert.equal("error: not like this", ask_through("return 1"))
    assert.equal('{"value":1}', ask_through("return 1"))
  end)

  it("takes retryAlarm as an option, and nothing else", function()
    for code, expected in pairs {
      ["state:abort(1)"] = "abort: argument 1 must be a string, got a number",
      ["state:abort('x', 1)"] = "abort: argument 2 must be a table of options, got a number",
      ["state:abort('x', { retryAlarm = 1 })"] =
        "abort: option 'retryAlarm' must be a boolean, got a number",
      ["state:abort('x', { retry = true })"] = "abort: there is no option 'retry'",
      ["state:abort('x', { 1 })"] = "abort: the options have a key that is a number",
      ["state.abort()"] = "abort",
    } do
      assert.matches(expected, workbench.refusal(server, "a", code), 1, true)
    end
    assert.equal("error: x", ask_through("state:abort('x', { retryAlarm = false })"))
    assert.equal("error: x", ask_through("state:abort('x', {})"))
  end)
end)

describe("a constructor that fails", function()
  server = workbench.each(SOURCE, { workers = 1 })

  it("leaves no write, and its sockets to the next (64)", function()
    local ann = server:connect("/things/a")
    ask("storage:put('must fail', 'quietly')")
    workbench.fall_asleep(server)
    assert.equal("error: script.lua:10: must fail", ask_through("return 1"))
    ann:send("this is lost")
    ann:expect_silence()
    server:save((SOURCE:gsub('storage:get%("must fail"%) then', "false then")))
    assert.equal(0, (server:asking("reload")))
    assert.is_true(ask("return storage:get('written by constructor') == nil"))
    ann:send("hello")
    ann:expect("hello")
  end)

  it("sends nothing, and closes those to whom it would have (62)", function()
    local ann, ben = server:connect("/things/a"), server:connect("/things/a")
    ask("storage:put('must fail', 'loudly')")
    workbench.fall_asleep(server)
    ben:close(4000)
    assert.equal(CLOSE, ben:read_frame().opcode)
    assert.equal(CLOSE, ann:read_frame().opcode)
    workbench.ask(server, "b", "return 'the server lives'")
  end)

  it("differs from one that ends well, whose messages leave", function()
    local ann = server:connect("/things/a")
    ask("storage:put('greets', true)")
    workbench.fall_asleep(server)
    ask("return 1")
    ann:expect("from the constructor")
  end)
end)

describe("a stub", function()
  it("wakes nobody by being made (65)", function()
    server = workbench.start(SOURCE, { workers = 1 })
    assert.equal("callee", ask([[
      local things = self.env.things
      local stub = things:get(things:idFromName("callee"))
      return things:getByName("callee").name
    ]]))
    assert.is_nil(server:why_awake("things/callee"))
    server:stop()
  end)
end)
