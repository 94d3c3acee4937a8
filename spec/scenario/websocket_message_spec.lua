-- What goes over an open WebSocket: text, bytes, fragments, pings, sizes, attachments.
local workbench = require "spec.scenario.workbench"
local websocket = require "spec.support.websocket"

local SOURCE = [[
local od = require "open-do"

local Thing = { fetch = require("workbench").fetch }

function Thing:webSocketMessage(ws, message, isBinary)
  ws:send(message, isBinary)
end

function Thing:webSocketError(ws, problem)
  self.problems = (self.problems or "") .. type(problem) .. ": " .. tostring(problem) .. "\n"
end

function Thing:webSocketClose(ws, code, reason, wasClean)
  self.problems = (self.problems or "") .. "closed " .. code .. "\n"
end

return { namespaces = { things = Thing } }
]]

-- Each message is counted; some make their handler wait, fail, or give up its object.
local COUNTED = [[
local od = require "open-do"

local Thing = { fetch = require("workbench").fetch }

function Thing:webSocketMessage(ws, message)
  self.count = (self.count or 0) + 1
  local number = self.count
  if message == "wait" then
    od.sleep(20000)
  elseif message == "fail" then
    error("as asked")
  elseif message == "abort" then
    self.state:abort("as asked")
  end
  ws:send(number .. " " .. message .. " " .. self.count)
end

return { namespaces = { things = Thing } }
]]

-- One line sends often enough to be compiled before it is given something else.
local ODD = [[
local cjson = require "cjson"

local Thing = { fetch = require("workbench").fetch }

function Thing:webSocketMessage(ws, message)
  local send, problems = ws.send, {}
  local function attempt(target, text, isBinary)
    return select(2, pcall(send, target, text, isBinary))
  end
  for i = 1, 200 do
    attempt(ws, "x")
  end
  for _, odd in ipairs {
    { ws, 5 }, { ws, {} }, { ws, "caf\233" }, { ws, "x", "yes" }, { ws, "x", 0 },
    { nil, "x" }, { "x", "x" }, { {}, "x" }, { send, "x" }, { cjson.null, "x" },
    { cjson.empty_array, "x" }, { self.state, "x" }, { self.state.storage, "x" },
  } do
    problems[#problems + 1] = tostring(attempt(odd[1], odd[2], odd[3]))
  end
  attempt(ws, "caf\233", true)
  attempt(self.state:getWebSockets("witness")[1], "to another")
  attempt(ws, table.concat(problems, "\n"))
  ws:close(1000)
  self.state:getWebSockets("witness")[1]:send(attempt(ws, "x"))
end

return { namespaces = { things = Thing } }
]]

-- The entry hands the upgrade on to objects in either worker.
local ENTRY = [[
local od = require "open-do"

local worker
local function here()
  worker = worker or od.randomUUID()
  return worker
end

local Thing = {}

function Thing:fetch(request)
  local client, socket = od.WebSocketPair()
  self.state:acceptWebSocket(socket)
  socket:send(here())
  local headers = { ["x-thing"] = self.state.id.name }
  return od.Response(nil, { status = 101, webSocket = client, headers = headers })
end

function Thing:webSocketMessage(ws, message, isBinary)
  ws:send(message, isBinary)
end

local function fetch(request, env)
  local response = env.things:getByName(request.path:sub(2)):fetch(request)
  response.headers:set("x-entry", here())
  return response
end

return { namespaces = { things = Thing }, fetch = fetch }
]]

describe("over a WebSocket", function()
  local server = workbench.once(SOURCE)

  local function ask(name, code)
    return workbench.ask(server, name, code)
  end

  describe("a message", function()
    it("is text or bytes, and may be empty", function()
      local ann = server:connect("/things/kinds")
      for _, message in ipairs { "plain", "ümläut 🙂", "" } do
        ann:send(message)
        assert.same({ message, false }, { ann:receive() })
      end
      for _, message in ipairs { "\0\1\255\254", "" } do
        ann:send(message, true)
        assert.same({ message, true }, { ann:receive() })
      end
    end)

    it("may have any length of header", function()
      local ann = server:connect("/things/lengths")
      for _, size in ipairs { 1, 125, 126, 127, 65535, 65536, 100000 } do
        local message = ("0123456789"):rep(size / 10 + 1):sub(1, size)
        ann:send(message)
        assert.is_true(message == ann:receive(), "an echo of " .. size .. " bytes")
      end
    end)

    it("may come in fragments, with pings between them", function()
      local ann = server:connect("/things/fragments")
      ann:send_frame { opcode = "text", payload = "Hel", fin = false }
      ann:ping("one")
      ann:send_frame { opcode = "continuation", payload = "", fin = false }
      ann:ping("two")
      ann:send_frame { opcode = "continuation", payload = "lo" }
      assert.equal("one", ann:read_frame().payload)
      assert.equal("two", ann:read_frame().payload)
      assert.same({ "Hello", false }, { ann:receive() })

      ann:send_frame { opcode = "binary", payload = "\255", fin = false }
      ann:send_frame { opcode = "continuation", payload = "\0" }
      assert.same({ "\255\0", true }, { ann:receive() })
    end)

    it("may split a character between two fragments, and arrive byte by byte", function()
      local ann = server:connect("/things/bytes")
      local bytes = websocket.encode { opcode = "text", payload = "\226\130", fin = false }
        .. websocket.encode { opcode = "continuation", payload = "\172" }
      for byte in bytes:gmatch(".") do
        ann:write(byte)
      end
      ann:expect("€")
    end)

    it("of 1 MiB goes both ways, in one frame and in many", function()
      local ann = server:connect("/things/big")
      local message = ("0123456789abcdef"):rep(65536)
      ann:send(message, true)
      assert.is_true(message == ann:receive())
      for i = 1, 16 do
        ann:send_frame { opcode = i == 1 and "text" or "continuation", fin = i == 16,
          payload = message:sub((i - 1) * 65536 + 1, i * 65536) }
      end
      assert.is_true(message == ann:receive())
    end)

    it("beyond 32 MiB is closed with 1009 by its header, and webSocketError told", function()
      local ben = server:connect("/things/huge")
      local head = string.char(130, 255, 0, 0, 0, 0, 2, 0, 0, 1, 0, 0, 0, 0)
      local ann = server:connect("/things/huge")
      ann:write(head)
      ann:expect_close(1009)

      local cleo = server:connect("/things/huge")
      cleo:send_frame { opcode = "binary", payload = "x", fin = false }
      cleo:write(string.char(128, 255, 0, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0))
      cleo:expect_close(1009)

      ben:send("still here")
      ben:expect("still here")
      local problem = "string: a message was larger than the limit\n"
      assert.equal(problem .. problem, ask("huge", "return self.problems"))
      assert.equal(1, ask("huge", "return #state:getWebSockets()"))
    end)

    it("that is text must be UTF-8 when it leaves, too", function()
      server:connect("/things/utf8")
      assert.matches("UTF%-8", workbench.refusal(server, "utf8",
        "state:getWebSockets()[1]:send('\\255')"))
      assert.matches("UTF%-8", workbench.refusal(server, "utf8", "state:broadcast('\\255')"))
    end)

    it("must be a string", function()
      server:connect("/things/strings")
      for _, value in ipairs { "nil", "{}", "true", "print" } do
        assert.matches("code:1:", workbench.refusal(server, "strings",
          ("state:getWebSockets()[1]:send(%s)"):format(value)), 1, true)
      end
    end)
  end)

  it("each ping is answered, in order, without the object", function()
    local ann = server:connect("/things/pings")
    local all = {}
    for i = 1, 20 do
      all[i] = websocket.encode { opcode = "ping", payload = "p" .. i }
    end
    ann:write(table.concat(all) .. websocket.encode { opcode = "ping", payload = ("p"):rep(125) })
    for i = 1, 20 do
      local frame = ann:read_frame()
      assert.equal(10, frame.opcode)
      assert.equal("p" .. i, frame.payload)
    end
    assert.equal(("p"):rep(125), ann:read_frame().payload)
    ann:send_frame { opcode = "pong", payload = "unasked" }
    ann:expect_silence()
  end)

  it("an attachment is a copy, up to 16,384 bytes, and nil when never set (151)", function()
    server:connect("/things/notes")
    local ws = "local ws = state:getWebSockets()[1] "
    assert.is_true(ask("notes", ws .. "return ws:deserializeAttachment() == nil"))
    assert.equal("Ann", ask("notes", ws .. [[
      local note = { name = "Ann", list = { 1, 2 } }
      ws:serializeAttachment(note)
      note.name = "changed"
      local copy = ws:deserializeAttachment()
      copy.list[1] = 99
      local again = ws:deserializeAttachment()
      return again.list[1] == 1 and again.name
    ]]))
    ask("notes", ws .. "ws:serializeAttachment('replaced')")
    assert.equal("replaced", ask("notes", ws .. "return ws:deserializeAttachment()"))
    ask("notes", ws .. "ws:serializeAttachment(('x'):rep(16000))")
    local problem = workbench.refusal(server, "notes",
      ws .. "ws:serializeAttachment(('x'):rep(16385))")
    assert.matches("A WebSocket 'attachment' cannot be larger than 16384 bytes", problem, 1, true)
    assert.equal(16000, ask("notes", ws .. "return #ws:deserializeAttachment()"))
    assert.matches("socket", workbench.refusal(server, "notes",
      ws .. "ws:serializeAttachment({ socket = ws })"))
  end)
end)

-- What is read together is handled in one go as far as that can be.
describe("messages that come in one packet", function()
  local server = workbench.once(COUNTED)

  local function send_together(client, ...)
    local bytes = {}
    for i, message in ipairs { ... } do
      bytes[i] = websocket.encode { opcode = "text", payload = message }
    end
    client:write(table.concat(bytes))
  end

  it("are handled in their order, also behind one whose handler waits", function()
    local ann, ben = server:connect("/things/order"), server:connect("/things/order")
    send_together(ann, "a", "wait", "b", "c")
    ann:expect("1 a 1")
    ben:send("ben") -- Others are not held up.
    ben:expect("3 ben 3")
    server:turn_clock(20000)
    ann:expect("2 wait 3") -- What the handler was given is still there.
    ann:expect("4 b 4")
    ann:expect("5 c 5")
  end)

  it("are handled all but the one whose handler fails", function()
    local ann = server:connect("/things/failing")
    send_together(ann, "a", "fail", "b")
    ann:expect("1 a 1")
    ann:expect("3 b 3")
  end)

  it("are nobody's behind one that aborts its object, which begins anew", function()
    local ann = server:connect("/things/aborted")
    send_together(ann, "abort", "b", "c")
    ann:expect_close(1006)
    local ben = server:connect("/things/aborted")
    ben:send("ben")
    ben:expect("1 ben 1")
  end)
end)

it("a line that sends all the time says what is wrong with what it sends", function()
  local server = workbench.start(ODD)
  local ben = server:connect("/things/odd?tags=witness")
  local ann = server:connect("/things/odd")
  ann:send("begin")
  for _ = 1, 200 do
    ann:expect("x")
  end
  assert.same({ "caf\233", true }, { ann:receive() })
  local colon = "send: call it with a colon, as in ws:send(...)"
  local expected = {
    "send: argument 1 must be a string, got a number",
    "send: argument 1 must be a string, got a table",
    "send: the message is not valid UTF-8 at byte 4",
    "send: argument 2 must be true, false or nil, got a string",
    "send: argument 2 must be true, false or nil, got a number",
    colon, colon, colon, colon, colon, colon, colon, colon,
  }
  local problems = {}
  for line in ann:receive():gmatch "[^\n]+" do
    problems[#problems + 1] = line:gsub("^script.lua:%d+: ", "")
  end
  assert.same(expected, problems)
  ann:expect_close(1000)
  ben:expect("to another")
  assert.matches("Can't call WebSocket send() after close().", ben:receive(), 1, true)
  server:stop()
end)

describe("through an entry handler", function()
  it("a WebSocket reaches its object, in whichever worker it lives", function()
    local server = workbench.start(ENTRY)
    local kinds = { [true] = 0, [false] = 0 }
    for i = 1, 24 do
      local ann = server:connect("/name" .. i)
      assert.equal("name" .. i, ann.answer.headers["x-thing"])
      local same = ann:receive() == ann.answer.headers["x-entry"]
      kinds[same] = kinds[same] + 1
      ann:send("hello " .. i)
      ann:expect("hello " .. i)
      if i % 2 == 0 then
        ann:close(1000, "")
        ann:expect_close(1000)
      end
    end
    assert.is_true(kinds[true] > 0, "all sockets went to another worker")
    assert.is_true(kinds[false] > 0, "no socket went to another worker")
    server:stop()
  end)
end)
