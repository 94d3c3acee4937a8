-- How WebSockets end, by the object or by the peer, and who is told what.
local workbench = require "spec.scenario.workbench"

-- What happens to one socket is reported to those with the tag "witness".
local SOURCE = [[
local od = require "open-do"

local Thing = require("workbench").thing()

local function report(self, text)
  self.state:broadcast(text, { tag = "witness" })
end

function Thing:webSocketMessage(ws, message)
  local code, reason = message:match("^close (%d+) ?(.*)$")
  if code then
    ws:close(tonumber(code), reason)
    self.told = "state " .. ws.readyState
    local ok, problem = pcall(ws.send, ws, "more")
    self.told = self.told .. "; " .. tostring(problem)
    ws:close(4999, "twice")
  elseif message == "close" then
    ws:close()
  elseif message == "await the Close" then
    while ws.readyState == 1 do
      od.sleep(1)
    end
    ws:send("sent")
    ws:send("reached " .. self.state:broadcast("to all"))
  else
    ws:send(message)
  end
end

function Thing:webSocketClose(ws, code, reason, wasClean)
  local listed = false
  for _, each in ipairs(self.state:getWebSockets()) do
    listed = listed or each == ws
  end
  local attachment = ws:deserializeAttachment()
  if reason == "tell all" then
    self.state:broadcast("it leaves")
  end
  if reason == "answer me" then
    ws:send("last words")
    ws:close(3002, "server reply")
  end
  report(self, ("closed %d %q %s, state %d, listed %s, tags %s, note %s"):format(code, reason,
    tostring(wasClean), ws.readyState, tostring(listed), table.concat(self.state:getTags(ws), ","),
    tostring(attachment)))
  if reason == "wait" then
    od.sleep(1)
    ws:send("slept")
  end
end

function Thing:webSocketError(ws, problem)
  report(self, ("error %s %s, state %d"):format(type(problem), tostring(problem), ws.readyState))
end

local Mute = { fetch = require("workbench").fetch }

return { namespaces = { things = Thing, mutes = Mute } }
]]

describe("a WebSocket ends", function()
  local server = workbench.each(SOURCE, { workers = 1 })

  local function enter(room)
    local witness = server:connect(("/things/%s?tags=witness"):format(room))
    local ann = server:connect(("/things/%s?tags=a,b"):format(room))
    return ann, witness
  end

  local function expect_gone(room)
    assert.equal(1, workbench.ask(server, room, "return #state:getWebSockets()"))
    assert.equal(0, workbench.ask(server, room, "return #state:getWebSockets('a')"))
  end

  describe("by the object", function()
    it("with its code and reason, and then the end of the connection (154) (152)", function()
      local ann = enter("kitchen")
      ann:send("close 4001 bye")
      ann:expect_close(4001, "bye")
      assert.matches("^state 2; .*Can't call WebSocket send%(%) after close%(%)",
        workbench.ask(server, "kitchen", "return self.told"))
    end)

    it("and the handler is told once the peer has answered (158)", function()
      local ann, witness = enter("kitchen")
      ann:send("close 4001 srv")
      ann:expect_close(4001, "srv")
      witness:expect('closed 4001 "" true, state 3, listed true, tags a,b, note nil')
      expect_gone("kitchen")
    end)

    it("without a code, which the peer sees as 1005", function()
      local ann, witness = enter("kitchen")
      ann:send("close")
      ann:expect_close(1005, "")
      witness:expect('closed 1005 "" true, state 3, listed true, tags a,b, note nil')
    end)

    it("also when the peer never answers, after ten seconds", function()
      local ann, witness = enter("kitchen")
      ann:send("close 4001 srv")
      assert.equal(8, ann:read_frame().opcode)
      server:turn_clock(11000)
      witness:expect('closed 1006 "WebSocket disconnected without sending Close frame." false,'
        .. " state 3, listed true, tags a,b, note nil")
      ann.connection:read_to_end()
    end)

    -- A script that echoes the code its client has asked for once ended its worker with 1016.
    it("with a code a client has chosen, or with an error at the line of the script", function()
      local ann = enter("kitchen")
      for _, code in ipairs { 1016, 2000, 2999 } do
        ann:send("close " .. code .. " bye")
        server:wait_log("Invalid WebSocket close code: " .. code)
      end
      assert.matches("script.lua:%d+: Invalid WebSocket close code: 2999", server:log())
      ann:send("still open")
      ann:expect("still open")
      ann:send("close 1014 bye")
      ann:expect_close(1014, "bye")
    end)

    it("with no code that cannot be sent and no reason that is too long (160)", function()
      local ann = enter("kitchen")
      local close = "state:getWebSockets('a')[1]:close(%s)"
      local function refused(arguments)
        return workbench.refusal(server, "kitchen", close:format(arguments))
      end
      for _, code in ipairs { 0, 999, 1004, 1005, 1006, 1015, 1016, 1999, 2000, 2999, 5000, 65536,
        70000, -1, 1e300 } do
        local text = refused(("%.0f"):format(code))
        assert.matches("Invalid WebSocket close code: ", text, 1, true)
      end
      assert.matches("must not be longer than 123 bytes", refused("1000, ('r'):rep(124)"), 1, true)
      assert.matches("you must also specify a code", refused("nil, 'reason'"), 1, true)
      refused("'1000'")
      refused("1000.5")
      assert.matches("argument 1 must be a number, got NaN", refused("0/0"), 1, true)
      ann:send("still open")
      ann:expect("still open")
      workbench.ask(server, "kitchen", close:format("4999, ('r'):rep(123)"))
      ann:expect_close(4999, ("r"):rep(123))
    end)
  end)

  describe("by the peer", function()
    it("and is answered with the same code, when the handler has not (155)", function()
      local ann, witness = enter("kitchen")
      ann:close(3001, "going")
      ann:expect_close(3001, "")
      witness:expect('closed 3001 "going" true, state 2, listed true, tags a,b, note nil')
      expect_gone("kitchen")
    end)

    it("and is answered after the handler has returned, not before", function()
      local ann = enter("kitchen")
      ann:close(1000, "wait")
      assert.equal("slept", ann:read_frame().payload)
      ann:expect_close(1000)
    end)

    it("without a code, which the handler sees as 1005", function()
      local ann, witness = enter("kitchen")
      ann:close()
      ann:expect_close(1005)
      witness:expect('closed 1005 "" true, state 2, listed true, tags a,b, note nil')
    end)

    it("and the handler may have the last word", function()
      local ann, witness = enter("kitchen")
      ann:close(1000, "answer me")
      assert.equal("last words", ann:read_frame().payload)
      ann:expect_close(3002, "server reply")
      witness:expect('closed 1000 "answer me" true, state 2, listed true, tags a,b, note nil')
    end)

    it("and what came before its Close is answered, also by a broadcast; then these pass it over",
      function()
        local ann, witness = enter("kitchen")
        ann:send("await the Close")
        ann:close(1000, "tell all")
        for _, text in ipairs { "sent", "to all", "reached 2" } do
          assert.equal(text, ann:read_frame().payload)
        end
        ann:expect_close(1000)
        witness:expect("to all")
        witness:expect("it leaves")
      end)

    it("and what follows its Close is not heard any more", function()
      local ann, witness = enter("kitchen")
      ann:close(1000)
      ann:send("after all")
      ann:expect_close(1000)
      witness:receive()
      witness:expect_silence()
    end)

    it("cutting the connection: one event with 1006 (157)", function()
      local ann, witness = enter("kitchen")
      ann:cut()
      witness:expect('closed 1006 "WebSocket disconnected without sending Close frame." false,'
        .. " state 3, listed true, tags a,b, note nil")
      witness:expect_silence()
      expect_gone("kitchen")
    end)

    it("while its object sleeps, which wakes it with tags and attachment (161)", function()
      local ann, witness = enter("kitchen")
      local boot = workbench.ask(server, "kitchen",
        "state:getWebSockets('a')[1]:serializeAttachment('of Ann') return self.boot")
      workbench.fall_asleep(server)
      ann:close(1000, "good night")
      ann:expect_close(1000)
      witness:expect('closed 1000 "good night" true, state 2, listed true, tags a,b, note of Ann')
      assert.not_equal(boot, workbench.ask(server, "kitchen", "return self.boot"))
    end)

    it("in an object without handlers, and nothing breaks (163)", function()
      local ann, ben = server:connect("/mutes/a"), server:connect("/mutes/a")
      ann:send("into the void")
      ann:expect_silence()
      ann:close(1000)
      ann:expect_close(1000)
      ben:send_frame { opcode = 3 }
      ben:expect_close(1002)
      local cleo = server:connect("/mutes/a")
      cleo:cut()
      assert.equal(200, server:post("/mutes/a", "return 1").status)
    end)
  end)
end)
