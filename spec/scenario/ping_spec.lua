-- Sockets that are quiet: asked whether anybody is still there, and closed when nobody answers, so
-- that no dead socket stays listed. The clock is turned; nobody waits half a minute.
local process = require "spec.support.process"
local workbench = require "spec.scenario.workbench"

local SOURCE = [[
local Thing = { fetch = require("workbench").fetch }

function Thing:constructor()
  print("constructed " .. self.state.id.name)
end

function Thing:webSocketMessage(ws, message)
  if message == "close" then
    ws:close(4000, "enough")
  else
    ws:send(message)
  end
end

function Thing:webSocketClose(ws, code, reason, wasClean)
  print(("closed %s %d %s"):format(self.state:getTags(ws)[1], code, tostring(wasClean)))
end

return { namespaces = { things = Thing } }
]]

local PING = 9

describe("a socket that is quiet", function()
  local server

  local function start(ms)
    server = workbench.start(SOURCE, { workers = 1, args = { "--ping-ms", tostring(ms) } })
  end

  after_each(function()
    server:stop()
  end)

  -- The 101 may be here before the worker watches the socket; a pong may not.
  local function connect(tag)
    local client = server:connect("/things/a?tags=" .. tag)
    client:expect_silence()
    return client
  end

  local function expect_ping(client)
    local frame = assert(client:read_frame(), "expected a ping")
    assert.same({ PING, "" }, { frame.opcode, frame.payload })
  end

  local function answer(client)
    expect_ping(client)
    client:send_frame { opcode = "pong" }
  end

  local function times(text)
    return select(2, server:log():gsub(text, ""))
  end

  it("is asked, and stays when it answers, without waking its object", function()
    start(30000)
    local ann = connect("ann")
    for _ = 1, 3 do
      server:turn_clock(30000)
      answer(ann)
      ann:expect_silence()
    end
    assert.equal(1, times("constructed a"))
    ann:send("hello")
    ann:expect("hello")
    assert.equal(2, times("constructed a"))
  end)

  it("is closed when it does not answer within as long again: 1006, not clean", function()
    start(30000)
    local ann = connect("ann")
    local ben = connect("ben")
    server:turn_clock(30000)
    expect_ping(ann)
    answer(ben)
    ben:expect_silence()
    server:turn_clock(30000)
    server:wait_log("closed ann 1006 false")
    assert.same({ nil, "closed" }, { ann:read_frame() })
    answer(ben)
    assert.equal(1, workbench.ask(server, "a", "return #state:getWebSockets()"))
  end)

  it("and that is not quiet is not asked: any byte is a sign of life", function()
    start(30000)
    local ann = connect("ann")
    local ben = connect("ben")
    local cleo = connect("cleo")
    server:turn_clock(20000)
    ann:send("hello")
    ann:expect("hello")
    ben:send_frame { opcode = "text", payload = "half a", fin = false }
    ben:expect_silence()
    server:turn_clock(11000)
    answer(cleo)
    ann:expect_silence()
    ben:expect_silence()
  end)

  it("may answer with anything, also while it is asked", function()
    start(30000)
    local ann = connect("ann")
    server:turn_clock(30000)
    expect_ping(ann)
    ann:send("I am here")
    ann:expect("I am here")
    server:turn_clock(30000) -- It would be closed now; it is asked again.
    answer(ann)
    ann:expect_silence()
  end)

  it("is not asked when --ping-ms is 0", function()
    start(0)
    local ann = connect("ann")
    server:turn_clock(1000000)
    server:turn_clock(1000000)
    ann:expect_silence()
    ann:send("hello")
    ann:expect("hello")
  end)

  it("is not asked between its object's Close and its own", function()
    start(5000)
    local ann = connect("ann")
    ann:send("close")
    assert.equal(8, ann:read_frame().opcode)
    server:turn_clock(6000)
    ann:ping("still here")
    assert.equal(nil, (ann:read_frame(0.2)))
    ann:close(4000)
    assert.equal("", ann.connection:read_to_end())
    server:wait_log("closed ann 4000 true")
  end)

  it("may be slow: whose system takes what was sent is there", function()
    start(30000)
    server.address.receive_buffer = 65536 -- Else the system might take all at once.
    local ann = connect("ann")
    workbench.ask(server, "a", "state:broadcast(('x'):rep(7000000), { isBinary = true })")
    server:turn_clock(30000) -- Asked, behind seven megabytes,
    workbench.ask(server, "b", "return 1") -- before anything of them is read.
    local taken = 0
    for _ = 1, 3 do
      while taken < 2000000 do
        taken = taken + #assert(ann.tcp:receive(100000))
      end
      taken = 0
      server:turn_clock(30000)
      workbench.ask(server, "b", "return 1") -- A turn has passed.
    end
    assert.equal(1, workbench.ask(server, "a", "return #state:getWebSockets()"))
    for _ = 1, 3 do -- Heard, asked, lost.
      server:turn_clock(30000)
      workbench.ask(server, "b", "return 1")
    end
    server:wait_log("closed ann 1006 false")
  end)

  it("of node's ws stays when it answers, and is closed when it is mute", function()
    local modules = os.getenv("OPEN_DO_NODE_MODULES")
    start(30000)
    if not modules then
      return pending("OPEN_DO_NODE_MODULES does not name a directory with ws")
    end
    local url = server.url:gsub("^http", "ws") .. "/things/node"
    local node = process.start {
      argv = { "node", "spec/scenario/ping.mjs", url },
      env = { OPEN_DO_NODE_MODULES = modules },
    }
    node:wait_output("mute is open", 20)
    workbench.ask(server, "b", "return 1") -- It is watched by then.
    server:turn_clock(30000)
    node:wait_output("%l+ was asked.-%l+ was asked", 10) -- In whatever order.
    server:turn_clock(15000)
    workbench.ask(server, "b", "return 1") -- The answer has had its turn.
    server:turn_clock(15000)
    node:wait_output("mute was closed: 1006", 10)
    node:wait_output("answering heard alive", 10)
    node:wait_output("answering was closed: 1000", 10)
    assert.equal(0, (node:wait_exit(10)))
  end)
end)
