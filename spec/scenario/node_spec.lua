-- Several nodes of a cluster: any of them answers for any object.
local Nodes = require "spec.support.nodes"
local process = require "spec.support.process"

local SOURCE = [[
local od = require "open-do"

local Thing = { streamBody = true }
Thing.__index = Thing
local paths = {}

function Thing.new(state, env)
  return setmetatable({ state = state, env = env }, Thing)
end

function paths.ask(self, request)
  return od.Response(self.env.things:getByName(request.query.whom):where(request:text()))
end

function paths.pass(self, request)
  return self.env.things:getByName(request.query.whom):fetch(request.query.to,
    { method = "POST", body = request:chunks() })
end

function paths.size(self, request)
  local size = 0
  for piece in request:chunks() do
    size = size + #piece
  end
  return od.Response(self.env.NODE .. ":" .. size)
end

function paths.count(self, request)
  return od.Response(function(stream)
    for i = 1, tonumber(request.query.n) do
      stream:write(i .. "\n")
    end
  end)
end

function paths.socket(self, request)
  local client, server = od.WebSocketPair()
  self.state:acceptWebSocket(server, { request.query.tag or "none" })
  server:serializeAttachment { count = 0 }
  return od.Response(nil, { status = 101, webSocket = client })
end

function paths.listen(self, request)
  local response = self.state:acceptEventStream(request, { "news" })
  return response
end

function paths.tell(self, request)
  return od.Response(tostring(self.state:broadcast(request.query.text)))
end

function paths.stuck(self)
  self.is_stuck = true
  while true do od.sleep(1000) end
end

function paths.crowd(self)
  return od.Response(self.env.NODE .. ":" .. #self.state:getWebSockets())
end

function paths.begun(self)
  return od.Response(tostring(self.is_stuck))
end

function paths.cut(self)
  self.state:abort("as it was told")
end

function Thing:fetch(request)
  local path = paths[request.path:match("^/things/[^/]+/(%l+)")]
  return path and path(self, request) or od.Response(self.env.NODE)
end

function Thing:where(text)
  return self.env.NODE .. ":" .. text
end

function Thing:webSocketMessage(ws, message, isBinary)
  if message == "wait" then
    while true do od.sleep(1000) end
  elseif message == "close" then
    return ws:close(4001, "as asked")
  elseif message:match("^tag ") then
    self.state:setTags(ws, { message:sub(5) })
  end
  local kept = ws:deserializeAttachment()
  kept.count = kept.count + 1
  ws:serializeAttachment(kept)
  ws:send(("%s %d %s %s"):format(self.env.NODE, kept.count, self.state:getTags(ws)[1], message),
    isBinary)
end

function Thing:webSocketClose(ws, code, reason)
  self.state.storage:put("closed", code .. " " .. reason)
end

function paths.closed(self)
  return od.Response(self.state.storage:get("closed") or "nothing")
end

return { namespaces = { things = Thing } }
]]

describe("nodes of a cluster", function()
  local nodes = Nodes.once { count = 2, source = SOURCE }

  local function path(id, order)
    return "/things/" .. nodes:name_at(id) .. "/" .. (order or "")
  end

  it("answer for objects that live elsewhere", function()
    local there = path(2)
    assert.equal("2", nodes[1]:get(there).body)
    assert.equal("2", nodes[2]:get(there).body)
  end)

  it("carry calls between objects, and requests that are passed on", function()
    local here, there = nodes:name_at(1), nodes:name_at(2)
    for id = 1, 2 do
      local function ask(name, order, whom)
        return nodes[id]:post(("/things/%s/%s?whom=%s&to=/things/x/size"):format(name, order, whom),
          "hello").body
      end
      assert.equal("2:hello", ask(here, "ask", there))
      assert.equal("1:hello", ask(there, "ask", here))
      assert.equal("2:5", ask(here, "pass", there))
      assert.equal("1:5", ask(there, "pass", here))
    end
  end)

  it("carry bodies of any size, both ways", function()
    local there = path(2)
    local client = nodes[1]:open()
    client:write("POST " .. there .. "size HTTP/1.1\r\nHost: x\r\nContent-Length: 20000000\r\n\r\n")
    for _ = 1, 200 do client:write(("x"):rep(100000)) end
    assert.equal("2:20000000", client:read_answer("POST").body)
    local body = nodes[1]:get(there .. "count?n=300000").body
    assert.equal(300000, select(2, body:gsub("\n", "")))
    assert.equal("300000\n", body:match("%d+\n$"))
  end)

  it("carry WebSockets, whose clients stay where they came", function()
    local there = path(2)
    local client = nodes[1]:connect(there .. "socket?tag=red")
    client:send("one")
    client:expect("2 1 red one")
    client:send("tag blue")
    client:expect("2 2 blue tag blue")
    assert.equal("1", nodes[1]:get(there .. "tell?text=all").body)
    client:expect("all")
    local large = ("y"):rep(3000000)
    client:send(large)
    client:expect("2 3 blue " .. large)
    client:close(4000, "enough")
    repeat until nodes[2]:get(there .. "closed").body == "4000 enough"
    client = nodes[1]:connect(there .. "socket")
    client:send("close")
    client:expect_close(4001, "as asked")
  end)

  it("end a WebSocket as it ended there", function()
    local there = path(2)
    local client = nodes[1]:connect(there .. "socket")
    client:send("one")
    client:expect("2 1 none one")
    nodes[1]:get(there .. "cut")
    assert.has_error(function() client:receive() end, "expected a message, but: closed")
    client = nodes[1]:connect(there .. "socket")
    client:cut()
  end)

  it("carry event streams", function()
    local there = path(2)
    local reader = nodes[1]:listen(there .. "listen")
    assert.equal("1", nodes[1]:get(there .. "tell?text=news").body)
    assert.equal("news", reader:receive().data)
  end)
end)

describe("the WebSockets of a node", function()
  local nodes = Nodes.each { count = 3, source = SOURCE }

  -- The nodes to which [clients] of that thing came (node → client) know all that it has said of
  -- them: what it says to all takes the same way as that what they have sent is handled, and an
  -- answer the same as tags and attachments, each behind it.
  local function settle(there, clients)
    nodes[next(clients)]:get(there .. "tell?text=settled")
    for id, client in pairs(clients) do
      client:expect("settled")
      nodes[id]:get(there .. "crowd")
    end
  end

  -- What is sent before the node of a client has seen that the other one is gone is lost with it.
  local function await_crowd(there, crowd)
    repeat until nodes[1]:get(there .. "crowd").body == crowd
  end

  local function path(id, order)
    return "/things/" .. nodes:name_at(id) .. "/" .. (order or "")
  end

  it("are left to the next owner when it is killed, if idle, with tags and attachment", function()
    local there = path(2)
    local one = nodes[1]:connect(there .. "socket")
    local other = nodes[3]:connect(there .. "socket?tag=b")
    one:send("tag blue")
    one:expect("2 1 blue tag blue")
    other:send("x")
    other:expect("2 1 b x")
    settle(there, { [1] = one, [3] = other })
    nodes:kill(2, { [1] = { 0, 1023 } })
    await_crowd(there, "1:2")
    one:send("y")
    one:expect("1 2 blue y")
    other:send("z")
    other:expect("1 2 b z")
    assert.equal("2", nodes[3]:get(there .. "tell?text=all").body)
    one:expect("all")
    other:expect("all")
  end)

  it("stay where they came when it gives their objects away, and when it gets them back", function()
    local there = path(2)
    local one, two = nodes[1]:connect(there .. "socket"), nodes[2]:connect(there .. "socket?tag=b")
    one:send("x")
    one:expect("2 1 none x")
    two:send("tag c")
    two:expect("2 1 c tag c")
    nodes:own { [3] = { 0, 1023 } }
    repeat until nodes[3]:get(there .. "crowd").body == "3:2"
    one:send("y")
    one:expect("3 2 none y")
    two:send("z")
    two:expect("3 2 c z")
    nodes:own { [2] = { 0, 1023 } }
    repeat until nodes[2]:get(there .. "crowd").body == "2:2"
    two:send("back")
    two:expect("2 3 c back")
    one:send("back")
    one:expect("2 3 none back")
    assert.equal("2", nodes[1]:get(there .. "tell?text=all").body)
    one:expect("all")
    two:expect("all")
  end)

  it("lose no message and get none twice while their object moves to and fro", function()
    local there = path(2)
    local client = nodes[1]:connect(there .. "socket")
    local sent = 0
    for round = 1, 6 do
      nodes:own { [round % 2 == 0 and 2 or 3] = { 0, 1023 } }
      repeat
        for _ = 1, 20 do
          sent = sent + 1
          client:send("m" .. sent)
        end
      until nodes[1]:get(there .. "crowd").body == (round % 2 == 0 and "2:1" or "3:1")
    end
    for number = 1, sent do
      assert.truthy(client:receive():match("^[23] " .. number .. " none m" .. number .. "$"))
    end
  end)

  it("are left to the next owner when it is stopped", function()
    local there = path(2)
    local client = nodes[1]:connect(there .. "socket")
    client:send("x")
    client:expect("2 1 none x")
    nodes:shut_down(2, { [3] = { 0, 1023 } })
    await_crowd(there, "3:1")
    client:send("y")
    client:expect("3 2 none y")
  end)

  it("outlive the worker of their object", function()
    local there = path(2)
    local client = nodes[1]:connect(there .. "socket")
    client:send("tag d")
    client:expect("2 1 d tag d")
    settle(there, { [1] = client })
    nodes[2]:expect_mishap("another one is started")
    for i, worker in ipairs(nodes[2]:status().workers) do
      process.send_signal(worker.pid, "KILL")
      nodes[2]:wait_log(("worker %d is back"):format(i - 1))
    end
    await_crowd(there, "2:1")
    client:send("x")
    client:expect("2 2 d x")
  end)

  it("are closed with 1012 when the worker to which they came is replaced", function()
    local client = nodes[1]:connect(path(2, "socket"))
    client:send("x")
    client:expect("2 1 none x")
    for worker = 0, #nodes[1]:status().workers - 1 do
      local code, said = nodes[1]:asking("restart-worker", tostring(worker))
      assert.equal(0, code, said)
    end
    client:expect_close(1012, "the worker of this client is replaced")
  end)

  it("are closed with 1012 when it is killed and they wait for an answer", function()
    local there = path(2)
    local client = nodes[1]:connect(there .. "socket")
    client:send("x")
    client:expect("2 1 none x")
    client:send("wait")
    client:send("wait more")
    client:expect_silence() -- Node 1 has read them by then.
    nodes:kill(2, { [3] = { 0, 1023 } })
    client:expect_close(1012, "the node of this object has ended")
  end)

  it("are not all that is lost: requests that had begun are answered with 503", function()
    local there = path(2)
    local client = nodes[1]:open()
    client:send_request("GET", there .. "stuck")
    repeat until nodes[2]:get(there .. "begun").body == "true"
    nodes:kill(2, { [1] = { 0, 511 }, [3] = { 512, 1023 } })
    local answer = client:read_answer("GET")
    assert.equal(503, answer.status)
    assert.equal("1", answer.headers["retry-after"])
  end)
end)

-- Its worker was told of them before it had what the one before it had: main held what it said of
-- them for a lie, and the node ended.
describe("WebSockets whose owner has only just started", function()
  -- Others are linked with it before it is loaded.
  local SLOW = SOURCE:gsub("local Thing",
    "local loaded_ms = od.now() + 1500 while od.now() < loaded_ms do end %0", 1)
  local nodes = Nodes.each { count = 2, source = SLOW, workers = 1 }

  it("are given to it", function()
    local there = "/things/" .. nodes:name_at(2) .. "/"
    local client = nodes[1]:connect(there .. "socket")
    client:send("x")
    client:expect("2 1 none x")
    nodes[1]:get(there .. "tell?text=settled") -- As in `settle` above.
    client:expect("settled")
    nodes[1]:get(there .. "crowd")
    nodes:kill(2, { [2] = { 0, 1023 } })
    nodes:start_again(2)
    client:send("y")
    client:expect("2 2 none y")
  end)
end)

-- What its worker left was given to the next one as if the object were there still.
describe("WebSockets whose worker ends as their object goes", function()
  local SLOW = SOURCE:gsub("local Thing",
    "local loaded_ms = od.now() + 1500 while od.now() < loaded_ms do end %0", 1)
  local nodes = Nodes.each { count = 2, source = SLOW, workers = 1 }

  local there, client

  before_each(function()
    there = "/things/" .. nodes:name_at(2) .. "/"
    client = nodes[2]:connect(there .. "socket")
    client:send("tag blue")
    client:expect("2 1 blue tag blue")
    nodes[2]:get(there .. "crowd")
    nodes[2]:expect_mishap("another one is started")
    process.send_signal(nodes[2]:status().workers[1].pid, "KILL")
  end)

  local function is_at(id)
    client:expect(id .. " 2 blue x")
    assert.equal(id .. ":1", nodes[2]:get(there .. "crowd").body)
  end

  it("stay where they came", function()
    nodes:own { [1] = { 0, 1023 } }
    nodes[2]:wait_log("worker 0 is back")
    client:send("x")
    is_at(1)
  end)

  for id = 1, 2 do
    it("are read when somebody has it: node " .. id, function()
      nodes:own {}
      nodes[2]:wait_log("worker 0 is back")
      client:send("x")
      for _ = 1, 3 do -- It would have been read by then.
        nodes[2]:get("/nothing")
      end
      nodes:own { [id] = { 0, 1023 } }
      is_at(id)
    end)
  end
end)

-- They came as soon as their nodes knew where it was, and missed what it told all until then.
describe("the WebSockets of an object that moves", function()
  local nodes = Nodes.each { count = 2, source = SOURCE }

  -- Clients of a thing of node 2, which gives it away; node 1 does not know yet that it has it when
  -- they have come there.
  local function move(...)
    local there = "/things/" .. nodes:name_at(2) .. "/"
    local clients = {}
    for i, id in ipairs { ... } do
      clients[i] = nodes[id]:connect(there .. "socket")
      clients[i]:send("x")
      clients[i]:expect("2 1 none x")
    end
    nodes[1]:fault("early.refuse", { skip = 1000 })
    nodes:mislead(1, nodes.owners)
    nodes:own { [1] = { 0, 1023 } }
    repeat until nodes[1].page:skips("early.refuse") == 1000 - #clients
    return there, clients
  end

  it("are at its next owner before its first event there", function()
    local there, clients = move(1, 2)
    nodes:mislead(1, nil)
    local answer
    repeat -- Until then the object is nowhere, for some seconds at a time.
      answer = nodes[1]:get(there .. "tell?text=all")
    until answer.status == 200
    assert.equal("2", answer.body)
    for _, client in ipairs(clients) do
      client:expect("all")
      client:send("y")
      client:expect("1 2 none y")
    end
  end)

  it("go on where it is when it does not go there", function()
    local _, clients = move(1)
    nodes:mislead(1, { [2] = { 0, 1023 } })
    nodes:own { [2] = { 0, 1023 } }
    nodes[1]:turn_clock(11000)
    clients[1]:send("y")
    clients[1]:expect("2 2 none y")
  end)
end)

-- As when one lies, or has not heard for long.
describe("nodes that say of each other that the object is there", function()
  local nodes = Nodes.each { count = 2, source = SOURCE }

  it("serve nobody twice, keep nobody waiting for ever, and serve when they agree", function()
    local there = "/things/" .. nodes:name_at(2) .. "/"
    nodes:mislead(2, { [1] = { 0, 1023 } })
    nodes:mislead(1, { [2] = { 0, 1023 } })
    local answer
    repeat
      local asker = nodes[2]:open()
      asker:send_request("GET", there .. "crowd")
      repeat -- It is asked on and on; until then node 2 may not have heard.
        nodes[1]:turn_clock(11000)
        nodes[2]:turn_clock(11000)
        nodes[1]:get("/nothing")
        nodes[2]:get("/nothing")
      until asker:has_news()
      answer = asker:read_answer("GET")
    until answer.status == 503 and answer.headers["retry-after"] == "1"
    nodes:mislead(1, nil)
    nodes:mislead(2, nil)
    repeat
      answer = nodes[1]:get(there .. "crowd")
    until answer.status == 200
    assert.equal("2:0", answer.body)
  end)
end)
