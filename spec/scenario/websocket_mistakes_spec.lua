-- Peers that break the rules of WebSockets, or cannot keep up: closed with the right code, told to
-- the object, noticed by nobody else.
local workbench = require "spec.scenario.workbench"

local SOURCE = [[
local od = require "open-do"

local Thing = {}

function Thing:fetch(request)
  local response = require("workbench").fetch(self, request)
  for _ = 1, tonumber(request.query.mebibytes) or 0 do
    self.state:getWebSockets()[1]:send(("x"):rep(1024 * 1024))
  end
  return response
end

function Thing:webSocketMessage(ws, message)
  if message == "flood" then
    local piece, reached = ("x"):rep(1024 * 1024), 0
    for i = 1, 64 do
      reached = reached + self.state:broadcast(piece, { tag = "reader" })
    end
    ws:send("flooded")
  elseif message == "huge" then
    ws:send(("z"):rep(20 * 1024 * 1024), true)
    ws:send("small")
    ws:send(("z"):rep(20 * 1024 * 1024), true)
  elseif message == "large" then
    ws:send(("y"):rep(4 * 1024 * 1024))
  else
    ws:send(message)
  end
end

function Thing:webSocketClose(ws, code, reason, wasClean)
  local text = ("closed %d %s %s"):format(code, reason, tostring(wasClean))
  self.state:broadcast(text, { tag = "witness" })
end

function Thing:webSocketError(ws, problem)
  self.state:broadcast(("error %s %d"):format(problem, ws.readyState), { tag = "witness" })
end

return { namespaces = { things = Thing } }
]]

describe("a peer", function()
  local server, witness, bystander

  setup(function()
    server = workbench.start(SOURCE)
  end)

  teardown(function()
    server:stop()
  end)

  before_each(function()
    witness = server:connect("/things/hall?tags=witness")
    bystander = server:connect("/things/hall")
  end)

  after_each(function()
    bystander:send("undisturbed")
    bystander:expect("undisturbed")
    witness:expect_silence()
    for _, person in ipairs { witness, bystander } do
      person:close(1000)
      person:expect_close(1000)
    end
    assert.equal(0, workbench.ask(server, "hall", "return #state:getWebSockets()"))
  end)

  -- Frames or raw bytes of somebody who is closed with `code`.
  local function refuse(code, frames)
    local ann = server:connect("/things/hall")
    for _, frame in ipairs(frames) do
      if type(frame) == "table" then
        ann:send_frame(frame)
      else
        ann:write(frame)
      end
    end
    local got, reason = ann:expect_close(code)
    assert.equal(code, got)
    assert.is_true(#reason > 0, "a Close without a reason")
    assert.matches("^error .* 3$", (witness:receive()))
  end

  local cases = {
    ["that does not mask"] = { 1002, { { opcode = "text", payload = "hello", masked = false } } },
    ["that sets a reserved bit"] = { 1002, { { opcode = "text", payload = "hello", rsv = 2 } } },
    ["that compresses unasked"] = { 1002, { { opcode = "text", payload = "hello", rsv = 4 } } },
    ["with an unknown opcode (169)"] = { 1002, { { opcode = 3, payload = "hello" } } },
    ["with an unknown control opcode"] = { 1002, { { opcode = 11 } } },
    ["with a ping that is too long"] = { 1002, { { opcode = "ping", payload = ("p"):rep(126) } } },
    ["with a ping in fragments"] = { 1002, { { opcode = "ping", payload = "p", fin = false } } },
    ["that continues nothing"] = { 1002, { { opcode = "continuation", payload = "hello" } } },
    ["that begins anew inside a message"] = { 1002, {
      { opcode = "text", payload = "one", fin = false }, { opcode = "text", payload = "two" },
    } },
    ["with a length in the wrong form"] = { 1002, { "\129\254\0\5\0\0\0\0hello" } },
    ["with a length beyond all bounds"] = { 1002, { "\129\255\128\0\0\0\0\0\0\5\0\0\0\0" } },
    ["whose text is not UTF-8"] = { 1007, { { opcode = "text", payload = "caf\233" } } },
    ["whose text ends in a character"] = { 1007, { { opcode = "text", payload = "\226\130" } } },
    ["whose text has a surrogate"] = { 1007, { { opcode = "text", payload = "\237\160\128" } } },
    ["whose text is written too long"] = { 1007, { { opcode = "text", payload = "\192\175" } } },
    ["whose fragments are no UTF-8 together"] = { 1007, {
      { opcode = "text", payload = "\226\130", fin = false },
      { opcode = "continuation", payload = "x" },
    } },
    ["with a Close of one byte"] = { 1002, { { opcode = "close", payload = "\3" } } },
    ["with a Close reason that is no UTF-8"] = {
      1007, { { opcode = "close", payload = "\3\232\255" } },
    },
  }
  for _, code in ipairs { 0, 999, 1004, 1005, 1006, 1015, 1016, 2999, 5000, 65535 } do
    local payload = string.char(math.floor(code / 256), code % 256)
    cases["with the close code " .. code] = { 1002, { { opcode = "close", payload = payload } } }
  end

  for who, case in pairs(cases) do
    it(("%s is closed with %d"):format(who, case[1]), function()
      refuse(case[1], case[2])
    end)
  end

  it("with invalid text is refused before the message has ended", function()
    refuse(1007, { { opcode = "text", payload = "\255", fin = false } })
  end)

  it("with a close code that may be sent is answered", function()
    for _, code in ipairs { 1000, 1001, 1003, 1007, 1011, 1014, 3000, 4999 } do
      local ann = server:connect("/things/hall")
      ann:close(code, "ok")
      ann:expect_close(code)
      witness:expect(("closed %d ok true"):format(code))
    end
  end)

  it("that is sent too much before it is let in is not called a slow reader", function()
    local ann = server:connect("/things/hall?mebibytes=7")
    for _ = 1, 7 do
      ann:expect(("x"):rep(1024 * 1024))
    end
    ann:close(1000)
    ann:expect_close(1000)
    witness:expect("closed 1000  true")
    assert.is_false((pcall(server.connect, server, "/things/hall?mebibytes=12")))
    witness:expect("closed 1013 The reader is too slow false")
    server:wait_log("1013: its handler sends it more than may wait before its 101 has left")
  end)

  it("that does not read is closed at the limit of its queue, and delays nobody", function()
    local ann = server:connect("/things/hall?tags=reader")
    local ben = server:connect("/things/hall")
    ben:send("flood")
    witness:expect("closed 1013 The reader is too slow false")
    server:wait_log("WARN  things/hall  a WebSocket is closed with 1013: its client does not read")
    ben:expect("flooded")
    ben:send("and on")
    ben:expect("and on")
    assert.equal(0, workbench.ask(server, "hall", "return #state:getWebSockets('reader')"))
    -- It gets what was queued before, whole, then the reason.
    local code, reason = ann:expect_close()
    assert.equal(1013, code)
    assert.equal("The reader is too slow", reason)
    ben:close(1000)
    ben:expect_close(1000)
    witness:expect("closed 1000  true")
  end)

  -- A queue of 8 MiB was too short for one message of 20: it came, and then the end.
  it("that reads gets messages that are larger than its queue, and what is sent behind", function()
    local ann = server:connect("/things/hall")
    ann:send("huge")
    bystander:send("first")
    bystander:expect("first")
    assert.equal(20 * 1024 * 1024, #ann:receive())
    ann:expect("small")
    assert.equal(20 * 1024 * 1024, #ann:receive())
    ann:send("still here")
    ann:expect("still here")
    ann:close(1000)
    ann:expect_close(1000)
    witness:expect("closed 1000  true")
    assert.matches("send: a message cannot be larger than 33554432 bytes, and this has 33554433",
      workbench.refusal(server, "hall",
        "state:getWebSockets()[1]:send(('z'):rep(32 * 1024 * 1024 + 1), true)"), 1, true)
  end)

  it("that reads slowly gets all of what fits into its queue", function()
    local ann = server:connect("/things/hall")
    ann:send("large")
    bystander:send("first")
    bystander:expect("first")
    assert.equal(4 * 1024 * 1024, #ann:receive())
    ann:close(1000)
    ann:expect_close(1000)
    witness:expect("closed 1000  true")
  end)
end)
