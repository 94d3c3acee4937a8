-- Server-sent events of an object: accepted like a WebSocket, and like one they outlive sleep,
-- saves and workers that die.
local Server = require "spec.support.server"
local process = require "spec.support.process"

local SOURCE = [[
local od = require "open-do"

local Feed = {}

function Feed:constructor() self.boot = od.randomUUID() end

local asks = {}

function asks.send(self, query)
  for _, stream in ipairs(self.state:getEventStreams(query.tag)) do
    stream:send(query.data or "", { event = query.event, id = query.id })
  end
end

function asks.broadcast(self, query)
  return self.state:broadcast(query.data, { tag = query.tag, event = query.event, id = query.id,
    isBinary = query.binary == "yes" })
end

function asks.stored(self, query)
  self.state.storage:put("n", query.data)
  asks.send(self, query)
end

function asks.who(self)
  local who = {}
  for _, stream in ipairs(self.state:getEventStreams()) do
    local attachment = stream:deserializeAttachment() or {}
    table.insert(who, ("%s/%s/%d"):format(table.concat(self.state:getTags(stream), ","),
      tostring(attachment.name), stream.readyState))
  end
  return table.concat(who, " ")
end

function asks.attach(self, query)
  local stream = self.state:getEventStreams(query.tag)[1]
  stream:serializeAttachment { name = query.name }
  self.state:setTags(stream, { query.tag, "attached" })
end

function asks.sockets(self) return #self.state:getWebSockets() end
function asks.boot(self) return self.boot end
function asks.closed(self) return self.state.storage:get("closed") or "none" end
function asks.close(self, query) self.state:getEventStreams(query.tag)[1]:close() end

function asks.late(self, query)
  local stream = self.state:getEventStreams(query.tag)[1]
  stream:close()
  return select(2, pcall(stream.send, stream, "late"))
end

function asks.wrong(self, query)
  local stream = self.state:getEventStreams()[1]
  local problems = {}
  for _, arguments in ipairs {
    { nil }, { 42 }, { "x", { event = "a\nb" } }, { "x", { id = "a\rb" } },
    { "x", { id = "a\0b" } }, { "x", { evnt = "a" } }, { "x", { event = 7 } }, { "\255" },
  } do
    local _, problem = pcall(stream.send, stream, arguments[1], arguments[2])
    table.insert(problems, (tostring(problem):gsub("^.*script.lua:%d+: ", "")))
  end
  return table.concat(problems, "|")
end

function asks.loop() while true do end end

function asks.flood(self)
  self.state:broadcast(("x"):rep(60000))
end

function Feed:fetch(request)
  local query = request.query
  if query.ask then
    return od.Response(tostring(asks[query.ask](self, query) or "done"))
  elseif request:isWebSocketUpgrade() then
    local client, server = od.WebSocketPair()
    self.state:acceptWebSocket(server, { query.tag or "socket" })
    return od.Response(nil, { status = 101, webSocket = client })
  elseif query.fail then
    self.state:acceptEventStream(request, { query.tag })
    error("not today")
  end
  local response, stream = self.state:acceptEventStream(request, { query.tag or "someone" },
    { retry = query.retry and tonumber(query.retry) })
  response.headers:set("x-last", request.headers:get("last-event-id") or "none")
  if stream and query.hello then
    stream:send(query.hello)
  end
  return response
end

function Feed:eventStreamClose(stream)
  local storage = self.state.storage
  storage:put("closed", (storage:get("closed") or "") .. self.state:getTags(stream)[1] .. ";")
end

local function entry(request, env)
  return env.feeds:getByName(request.path:match("([^/]*)$")):fetch(request)
end

return { namespaces = { feeds = Feed }, fetch = entry }
]]

-- In both workers, from an entry in one of them.
local NAMES = { "a", "b", "c", "d" }

describe("an event stream", function()
  local server

  setup(function() server = Server.start { source = SOURCE } end)
  teardown(function() server:stop() end)

  local function ask(name, query)
    local answer = server:get(("/feeds/%s?ask=%s"):format(name, query))
    assert.equal(200, answer.status)
    return answer.body
  end

  it("is an answer that goes on", function()
    for _, name in ipairs(NAMES) do
      local ann = server:listen("/feeds/" .. name .. "?retry=2000&hello=welcome",
        { headers = { ["last-event-id"] = "41" } })
      assert.equal("no-cache", ann.head.headers["cache-control"])
      assert.equal("41", ann.head.headers["x-last"])
      assert.same({ event = "message", data = "welcome", retry = 2000 }, ann:receive())
      ask(name, "send&data=one&event=add&id=1")
      assert.same({ event = "add", data = "one", id = "1", retry = 2000 }, ann:receive())
      ask(name, "send&data=two%0Alines%0D%0Aand%0Dthree%0A")
      assert.equal("two\nlines\nand\nthree\n", ann:receive().data)
      ask(name, "send&data=%20%20indented%0A%20so")
      assert.equal("  indented\n so", ann:receive().data)
      ask(name, "send&data=&id=")
      assert.same({ event = "message", data = "", id = "", retry = 2000 }, ann:receive())
    end
  end)

  it("has tags, an attachment and a place beside WebSockets", function()
    local ann, ben = server:listen("/feeds/t?tag=ann"), server:listen("/feeds/t?tag=ben")
    local cid = server:connect("/feeds/t?tag=cid")
    assert.equal("ben/nil/1 ann/nil/1", ask("t", "who"))
    assert.equal("1", ask("t", "sockets"))
    ask("t", "attach&tag=ann&name=Ann")
    assert.equal("ben/nil/1 ann,attached/Ann/1", ask("t", "who"))
    assert.equal("3", ask("t", "broadcast&data=all&event=news&id=7"))
    assert.equal("all", cid:receive())
    assert.same({ event = "news", data = "all", id = "7" }, ann:receive())
    assert.equal("all", ben:receive().data)
    assert.equal("1", ask("t", "broadcast&data=bytes&binary=yes"))
    assert.equal("bytes", cid:receive())
    assert.equal("1", ask("t", "broadcast&data=attached&tag=attached"))
    ann:expect("attached")
    ann:expect_silence()
    ben:expect_silence()
  end)

  it("ends when one of both wants it", function()
    local ann = server:listen("/feeds/e?tag=ann")
    ask("e", "send&data=last")
    ask("e", "close&tag=ann")
    ann:expect("last")
    ann:expect_end()
    local ben = server:listen("/feeds/e?tag=ben")
    ben:cut()
    repeat local closed = ask("e", "closed") until closed == "ann;ben;"
    assert.equal("", ask("e", "who"))
    local cid = server:listen("/feeds/e?tag=cid")
    assert.matches("script.lua:%d+: send: this event stream was ended by close",
      ask("e", "late&tag=cid"))
    cid:expect_end()
  end)

  it("takes what can be sent, and nothing else", function()
    server:listen("/feeds/w")
    assert.equal(table.concat({
      "send: argument 1 must be a string, got nil",
      "send: argument 1 must be a string, got a number",
      "send: option 'event' cannot hold a line break or NUL",
      "send: option 'id' cannot hold a line break or NUL",
      "send: option 'id' cannot hold a line break or NUL",
      "send: there is no option 'evnt'; did you mean 'event'?",
      "send: option 'event' must be a string, got a number",
      "send: the message is not valid UTF-8 at byte 1",
    }, "|"), ask("w", "wrong"))
  end)

  it("is not told half an event by a broadcast that cannot be", function()
    local ann = server:listen("/feeds/bw")
    for _, wrong in ipairs { "event=a%0Ab", "event=a%0D", "id=1%0A2", "id=%00" } do
      assert.equal(500, server:get("/feeds/bw?ask=broadcast&data=x&" .. wrong).status)
    end
    assert.equal(500, server:get("/feeds/bw?ask=broadcast&data=%FF").status)
    ann:expect_silence()
    ask("bw", "broadcast&data=a%0Ab&event=" .. ("e"):rep(2000))
    assert.same({ event = ("e"):rep(2000), data = "a\nb" }, ann:receive())
  end)

  it("is not there when its handler fails, nor for HEAD", function()
    assert.equal(500, server:get("/feeds/f?tag=x&fail=yes").status)
    local answer = server:open():request("HEAD", "/feeds/f?tag=x")
    assert.same({ 200, "text/event-stream" }, { answer.status, answer.headers["content-type"] })
    assert.equal("", ask("f", "who"))
  end)

  it("waits for the writes before an event", function()
    local ann = server:listen("/feeds/g?tag=ann")
    server:fault("commit.hold")
    local asking = server:open()
    asking:send_request("GET", "/feeds/g?ask=stored&data=kept")
    server:get("/feeds/other?ask=boot")
    ann:expect_silence()
    server:clear_fault("commit.hold")
    ann:expect("kept")
    assert.equal(200, asking:read_answer("GET").status)
  end)

end)

describe("an event stream outlives", function()
  local server, ann, ben

  before_each(function()
    server = Server.start { source = SOURCE, workers = 2,
      args = { "--watch", "--event-limit-ms", "1000", "--ping-ms", "30000" } }
    server:expect_mishap("another one is started")
    ann, ben = server:listen("/feeds/a?tag=ann"), server:listen("/feeds/b?tag=ben")
    server:get("/feeds/a?ask=attach&tag=ann&name=Ann")
  end)
  after_each(function() server:stop() end)

  -- Nothing is lost or doubled, and they are who they were.
  local number = 0
  local function check()
    for name, reader in pairs { a = ann, b = ben } do
      number = number + 1
      server:get(("/feeds/%s?ask=send&data=%d&id=%d"):format(name, number, number))
      assert.equal(tostring(number), reader:expect(tostring(number)).id)
    end
    assert.equal("ann,attached/Ann/1", server:get("/feeds/a?ask=who").body)
  end

  -- Both; before they can be back something may happen.
  local function kill_workers(meanwhile)
    local workers = server:status().workers
    for _, worker in ipairs(workers) do
      process.send_signal(worker.pid, "KILL")
    end
    if meanwhile then
      meanwhile()
    end
    for _ = 1, #workers do
      server:wait_log("worker %d is back after")
    end
  end

  local function boot() return server:get("/feeds/a?ask=boot").body end

  it("the sleep of its object", function()
    local before = boot()
    check()
    server:turn_clock(11000)
    repeat until not server:why_awake("feeds/a")
    assert.not_equal(before, boot())
    check()
    assert.equal("none", server:get("/feeds/a?ask=closed").body)
  end)

  it("a save, a broken script, and a version without its namespace", function()
    local before = boot()
    server:save(SOURCE .. "\n-- once more")
    server:wait_version(2)
    assert.not_equal(before, boot())
    check()
    server:save("return {")
    server:wait_log("reload failed")
    check()
    server:save((SOURCE:gsub("feeds = Feed", "other = Feed")))
    server:wait_version(3)
    server:save(SOURCE)
    server:wait_version(4)
    check()
  end)

  it("the end of its worker, killed or stuck, again and again", function()
    for _ = 1, 3 do
      kill_workers()
      check()
    end
    local stuck = server:open()
    stuck:send_request("GET", "/feeds/bad?ask=loop")
    server:wait_log("is back after")
    check()
    assert.equal("none", server:get("/feeds/a?ask=closed").body)
  end)

  it("but not what was on its way: then it is cut, and its object is told", function()
    server:fault("commit.hold")
    local asking = server:open()
    asking:send_request("GET", "/feeds/a?ask=stored&data=unsafe")
    repeat
      local awake = server:why_awake("feeds/a")
      local why = awake and table.concat(awake.why, ", ") or ""
    until why:find("what it sent waits for the disk", 1, true)
    kill_workers(function() server:clear_fault("commit.hold") end)
    ann:expect_end()
    assert.equal("ann;", server:get("/feeds/a?ask=closed").body)
    ben:expect_silence()
  end)

  it("long silence, for comments keep it, and it is not ours when nobody is there", function()
    for count = 1, 4 do
      server:turn_clock(30000)
      repeat
        server:get("/feeds/elsewhere?ask=boot")
      until ann.connection:has_news()
      server:get("/feeds/a?ask=send&data=still")
      ann:expect("still")
      assert.is_true(ann:comments() >= count, "comments: " .. ann:comments())
    end
  end)
end)

describe("a reader of an event stream who reads nothing", function()
  it("is ended, and nobody else waits for him", function()
    local server = Server.start { source = SOURCE, workers = 1 }
    finally(function() server:stop() end)
    server:listen("/feeds/a?tag=slow", { receive_buffer = 4096 })
    local ann = server:listen("/feeds/a?tag=ann")
    local data = ("x"):rep(60000)
    local count = 0
    while not server:log():find("an event stream is ended", 1, true) do
      server:get("/feeds/a?ask=flood")
      ann:expect(data)
      count = count + 1
      assert.is_true(count < 2000, "he is still there")
    end
    assert.equal("ann/nil/1", server:get("/feeds/a?ask=who").body)
    assert.equal("slow;", server:get("/feeds/a?ask=closed").body)
  end)
end)
