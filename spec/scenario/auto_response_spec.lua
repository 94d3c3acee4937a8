-- Answers that are given for an object without waking it.
local workbench = require "spec.scenario.workbench"

local SOURCE = [[
local od = require "open-do"

local Thing = require("workbench").thing(function(self)
  self.handled = 0
end)

function Thing:webSocketMessage(ws, message, isBinary)
  self.handled = self.handled + 1
  if message == "write" then
    self.state.storage:put("n", 1)
    ws:send("written")
  elseif message == "two" then
    ws:send("one")
    ws:send("two")
  elseif message == "close" then
    ws:close(4000, "enough")
  else
    ws:send("handled " .. message, isBinary)
  end
end

return { namespaces = { things = Thing } }
]]

describe("an auto response", function()
  local server, ann

  before_each(function()
    server = workbench.start(SOURCE, { workers = 1 })
    workbench.ask(server, "a", "state:setWebSocketAutoResponse('ping', 'pong')")
    ann = server:connect("/things/a?tags=ann")
  end)

  after_each(function()
    server:stop()
  end)

  local function ask(code)
    return workbench.ask(server, "a", code)
  end

  it("is given to every socket, without the handler, and leaves its time (170)", function()
    local ben = server:connect("/things/a?tags=ben")
    ann:send("ping")
    ann:expect("pong")
    ben:expect_silence()
    ben:send("ping")
    ben:expect("pong")
    assert.equal(0, ask("return self.handled"))
    assert.is_true(ask([[
      local at = state:getWebSocketAutoResponseTimestamp(state:getWebSockets("ann")[1])
      return at <= od.now() and at > od.now() - 60000
    ]]))
    server:connect("/things/a?tags=cleo")
    assert.is_true(ask([[
      local cleo = state:getWebSockets("cleo")[1]
      return state:getWebSocketAutoResponseTimestamp(cleo) == nil
    ]]))
  end)

  it("is given to the exact text only (172)", function()
    for _, message in ipairs { "ping ", " ping", "Ping", "pin", "pingping", "" } do
      ann:send(message)
      ann:expect("handled " .. message)
    end
    ann:send("ping", true)
    assert.same({ "handled ping", true }, { ann:receive() })
    ann:send_frame { opcode = "text", payload = "pi", fin = false }
    ann:send_frame { opcode = "continuation", payload = "ng" }
    ann:expect("pong")
    assert.equal(7, ask("return self.handled"))
  end)

  it("and its time can be read after waking, and it wakes nobody (173)", function()
    ann:send("ping")
    ann:expect("pong")
    local read = [[
      local request, response = state:getWebSocketAutoResponse()
      local at = state:getWebSocketAutoResponseTimestamp(state:getWebSockets()[1])
      return ("%s %s %.0f"):format(request, response, at)
    ]]
    local before, boot = ask(read), ask("return self.boot")
    workbench.fall_asleep(server)
    assert.equal(before, ask(read))
    assert.not_equal(boot, ask("return self.boot"))
    boot = ask("return self.boot")
    workbench.fall_asleep(server)
    ann:send("ping")
    ann:expect("pong")
    assert.not_equal(boot, ask("return self.boot"))
  end)

  it("does not overtake what was sent before on the same socket (175)", function()
    for _ = 1, 20 do
      ann:send("two")
      ann:send("ping")
    end
    local heard = {}
    for i = 1, 60 do
      heard[i] = ann:receive()
    end
    local twos, pongs = 0, 0
    for i, message in ipairs(heard) do
      if message == "one" then
        assert.is_true(heard[i + 1] ~= "one", "the two were torn apart")
      end
      twos = twos + (message == "two" and 1 or 0)
      pongs = pongs + (message == "pong" and 1 or 0)
    end
    assert.equal(20, twos)
    assert.equal(20, pongs)
  end)

  it("is not held back by a write, except behind a held message of its own socket (176)", function()
    local ben = server:connect("/things/a")
    server:fault("commit.hold")
    ben:send("write")
    ben:expect_silence()
    ann:send("ping")
    ann:expect("pong")
    ben:send("ping")
    ben:expect_silence()
    server:clear_fault("commit.hold")
    ben:expect("written")
    ben:expect("pong")
  end)

  it("has at most 2,048 bytes each way (178)", function()
    local long = "('x'):rep(%d)"
    ask(("state:setWebSocketAutoResponse(%s, %s)"):format(long:format(2048), long:format(2048)))
    ann:send(("x"):rep(2048))
    ann:expect(("x"):rep(2048))
    local function refused(request, response)
      return workbench.refusal(server, "a",
        ("state:setWebSocketAutoResponse(%s, %s)"):format(request, response))
    end
    local provided = "%s cannot be larger than 2048 bytes. A %s of size 2049 was provided."
    local too_long = long:format(2049)
    assert.matches(provided:format("Request", "request"), refused(too_long, "'x'"), 1, true)
    assert.matches(provided:format("Response", "response"), refused("'x'", too_long), 1, true)
    ann:send(("x"):rep(2048))
    ann:expect(("x"):rep(2048))
  end)

  it("is not given any more after the object has closed (179)", function()
    ann:send("close")
    assert.equal(8, ann:read_frame().opcode)
    ann:send("ping")
    ann:send("ping")
    ann:close(4000)
    assert.equal("", ann.connection:read_to_end())
  end)

  it("can be replaced and unset", function()
    ask("state:setWebSocketAutoResponse('knock', 'who?')")
    ann:send("knock")
    ann:expect("who?")
    ann:send("ping")
    ann:expect("handled ping")
    ask("state:setWebSocketAutoResponse()")
    assert.is_true(ask("return state:getWebSocketAutoResponse() == nil"))
    ann:send("knock")
    ann:expect("handled knock")
  end)
end)
