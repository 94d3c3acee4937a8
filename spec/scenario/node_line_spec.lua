-- Two nodes live, and nothing comes from one to the other any more: what their clients see then,
-- and when it is mended. Here the process of node 2 that speaks with others is stopped, which is
-- the same to those on the line.
local Nodes = require "spec.support.nodes"
local process = require "spec.support.process"

local SOURCE = [[
local od = require "open-do"

local Thing = {}
local paths = {}

function paths.socket(self)
  local client, server = od.WebSocketPair()
  self.state:acceptWebSocket(server, { "red" })
  return od.Response(nil, { status = 101, webSocket = client })
end

function paths.listen(self, request)
  return (self.state:acceptEventStream(request, { "news" }))
end

function paths.tell(self, request)
  return od.Response(tostring(self.state:broadcast("all", { tag = request.query.tag })))
end

function Thing:wait()
  self.waits = true
  repeat od.sleep(10) until self.is_free
end

function paths.wait(self)
  self:wait()
  return od.Response("free")
end

function paths.waits(self)
  return od.Response(tostring(self.waits))
end

function paths.free(self)
  self.is_free = true
  return od.Response("free")
end

function paths.ask(self, request)
  self.asks = true
  local ok, why = pcall(function()
    return self.env.things:getByName(request.query.whom):where()
  end)
  return od.Response(ok and why or "retryable: " .. tostring(why.retryable))
end

function paths.asks(self)
  return od.Response(tostring(self.asks))
end

function paths.crowd(self)
  return od.Response(tostring(#self.state:getWebSockets()))
end

function Thing:where()
  return self.env.NODE
end

function Thing:fetch(request)
  local path = paths[request.path:match("^/things/[^/]+/(%l+)")]
  return path and path(self, request) or od.Response(self.env.NODE)
end

function Thing:webSocketMessage(ws, message)
  if message == "wait" then
    self:wait()
  end
  local count = (ws:deserializeAttachment() or 0) + 1
  ws:serializeAttachment(count)
  ws:send(("%d %s %s"):format(count, self.state:getTags(ws)[1], message))
end

return { namespaces = { things = Thing } }
]]

-- Behind it a line over which nothing comes is given up; and behind the second who waits for an
-- object that nobody has.
local SILENT_MS, VAIN_MS = 7000, 11000

describe("two nodes that live and cannot reach each other", function()
  -- With one worker what is asked last is read last.
  local nodes = Nodes.each { count = 2, source = SOURCE, workers = 1 }
  local here, there

  before_each(function()
    here = "/things/" .. nodes:name_at(1) .. "/"
    there = "/things/" .. nodes:name_at(2) .. "/"
  end)

  -- Main would replace what stands still, which means a network here.
  local function cut()
    nodes[2]:fault "still.hold"
    process.send_signal(nodes:node_process(2), "STOP")
  end

  local function give_up()
    nodes[1]:turn_clock(SILENT_MS)
    nodes[1]:wait_log("the link with node 2 is lost: nothing is heard of it")
  end

  local function mend()
    process.send_signal(nodes:node_process(2), "CONT")
    nodes[2]:clear_fault "still.hold"
    repeat
      local answer = nodes[1]:get(there .. "waits")
    until answer.status == 200
    nodes[2]:get(there .. "free")
  end

  local function ask(path)
    local client = nodes[1]:open()
    client:send_request("GET", path)
    return client
  end

  local function is_refused(client)
    local answer = client:read_answer("GET")
    assert.equal("503 1", answer.status .. " " .. tostring(answer.headers["retry-after"]))
  end

  it("refuse what was asked of the other, and what is asked then, with Retry-After", function()
    local begun = ask(there .. "wait")
    repeat until nodes[2]:get(there .. "waits").body == "true"
    cut()
    local sent = ask(there .. "waits")
    local called = ask(here .. "ask?whom=" .. there:match("(n%d+)"))
    repeat until nodes[1]:get(here .. "asks").body == "true" -- Its call is on its way.
    give_up()
    is_refused(begun)
    is_refused(sent)
    assert.equal("retryable: true", called:read_answer("GET").body)
    local later = ask(there .. "waits")
    repeat -- It may not have been read when the clock is turned first.
      nodes[1]:turn_clock(VAIN_MS)
      nodes[1]:get(here .. "asks")
    until later:has_news()
    is_refused(later)
    mend()
    assert.equal("2", nodes[1]:get(here .. "ask?whom=" .. there:match("(n%d+)")).body)
  end)

  it("keep WebSockets that are idle, with tags and attachment", function()
    local clients = { nodes[1]:connect(there .. "socket"), nodes[1]:connect(there .. "socket") }
    for _, client in ipairs(clients) do
      client:send("one")
      client:expect("1 red one")
    end
    -- Node 1 knows then that these are handled: the same way says it as brings what all are told;
    -- and it has their attachments, behind which the next answer comes.
    assert.equal("2", nodes[1]:get(there .. "tell?tag=red").body)
    for _, client in ipairs(clients) do
      client:expect("all")
    end
    assert.equal("2", nodes[1]:get(there .. "crowd").body)
    cut()
    give_up()
    mend()
    for _, client in ipairs(clients) do
      client:send("two")
      client:expect("2 red two")
    end
    repeat until nodes[2]:get(there .. "crowd").body == "2"
  end)

  it("close WebSockets with 1012 whose message is under way, and end event streams", function()
    local client, reader = nodes[1]:connect(there .. "socket"), nodes[1]:listen(there .. "listen")
    client:send("one")
    client:expect("1 red one")
    assert.equal("1", nodes[1]:get(there .. "tell?tag=news").body)
    reader:expect("all")
    cut()
    client:send("two")
    client:expect_silence() -- It has been read by then.
    give_up()
    client:expect_close(1012, "the node of this object has ended")
    reader:expect_end()
    mend()
    reader = nodes[1]:listen(there .. "listen")
    assert.equal("1", nodes[1]:get(there .. "tell?tag=news").body)
    reader:expect("all")
  end)
end)
