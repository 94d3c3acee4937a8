-- People and requests in the middle of something, for specs of what is handed over: to the next
-- worker (handover_spec), or to the next program (upgrade_spec).

local assert = require "luassert"
local survival = require "spec.scenario.survival"
local websocket = require "spec.support.websocket"
local zlib = require "spec.support.zlib"

local M = {}

local CLOSE, PONG = 8, 10

M.SOURCE = survival.SOURCE:gsub("function handlers.loop", [[
function handlers.sleep(self, ws, rest)
  od.log.info("sleeps")
  od.sleep(tonumber(rest))
  return "slept"
end

function handlers.count(self)
  local storage = self.state.storage
  storage:put("count", (storage:get("count") or 0) + 1)
  return tostring(storage:get("count"))
end

function handlers.ring(self)
  self.state.storage:setAlarm(od.now())
  return "set"
end

function Room:alarm()
  od.log.info("rings")
end

function handlers.size(self, ws, rest)
  return tostring(#rest)
end

function handlers.flood(self, ws, rest)
  for i = 1, tonumber(rest) do
    ws:send(i .. ("x"):rep(100000))
  end
end

function handlers.pour(self, ws, rest)
  local listener = self.state:getEventStreams()[1]
  for i = 1, tonumber(rest) do
    listener:send(i .. ("x"):rep(100000), { id = tostring(i) })
  end
end

function handlers.leave(self, ws)
  ws:close(4000, "go")
end

function handlers.relay(self, ws, rest)
  return self.env.rooms:getByName(rest):nap()
end

function Room:nap()
  od.log.info("naps")
  od.sleep(300)
  return handlers.count(self)
end

%0]], 1)

function M.start(options)
  options.source = M.SOURCE
  return survival.start(options)
end

-- Bytes of a frame with its mask, in two parts, cut behind `cut` of them.
local function cut_frame(payload, options)
  local frame = { opcode = options.opcode or "text", payload = payload, fin = options.fin,
    rsv = options.rsv }
  local bytes = websocket.encode(frame)
  return bytes:sub(1, options.cut), bytes:sub(options.cut + 1)
end

-- The specs that hold for any way: `replace(server)` does it, and asserts that it went well. `it`
-- is busted's, which a module does not see.
function M.specs(it, server, set_server, replace)
  local function start(options)
    set_server(M.start(options or { workers = 2 }))
    return server()
  end

  it("costs nobody anything who is at rest, again and again", function()
    start()
    local crowd = survival.gather(server(), { people = 60, rooms = 7, listeners = 14 })
    for _ = 1, 3 do
      replace(server())
      crowd:check()
    end
    for _, person in ipairs(crowd.people) do
      assert.equal("none", person:ask("closed"))
    end
  end)

  it("finds clients in the middle of a frame, of a message and of a deflated one", function()
    start()
    local function person(name)
      return survival.person(server(), "a", name)
    end
    local rests = {}
    for cut = 1, 12, 1 do -- In the head, the mask, the payload.
      local one = person("cut" .. cut)
      local first, rest = cut_frame("size " .. ("k"):rep(300), { cut = cut })
      one.ws:write(first)
      rests[#rests + 1] = function()
        one.ws:write(rest)
        one:hear("300")
      end
    end
    local fragments = person("fragments")
    fragments.ws:send_frame { opcode = "text", payload = "size κό", fin = false }
    local first, rest = cut_frame("\207", { opcode = "continuation", fin = false, cut = 6 })
    fragments.ws:write(first)
    rests[#rests + 1] = function()
      fragments.ws:write(rest)
      fragments.ws:send_frame { opcode = "ping", payload = "between" }
      fragments.ws:send_frame { opcode = "continuation", payload = "\131" }
      assert.same(PONG, fragments.ws:read_frame(20).opcode)
      fragments:hear("6")
    end
    local deflated = server():connect("/rooms/a?tag=deflated",
      { extensions = "permessage-deflate" })
    local half, other = cut_frame(zlib.deflate("size " .. ("deflated"):rep(10000)),
      { rsv = 4, cut = 40 })
    deflated:write(half)
    rests[#rests + 1] = function()
      deflated:write(other)
      deflated:expect("80000")
    end
    survival.person(server(), "a", "last") -- What was sent before is read when this is answered.
    replace(server())
    replace(server())
    for _, go_on in ipairs(rests) do
      go_on()
    end
    -- What was handed over is not handed over once more when the worker dies later.
    local last = survival.person(server(), "a", "after")
    for _, pid in ipairs(server().process:children()) do
      os.execute("kill -9 " .. pid)
    end
    fragments:ask("size 12", "2")
    last:ask("closed", "none")
    deflated:send("size 1234")
    deflated:expect("4")
  end)

  it("keeps what a slow reader has not taken, in order", function()
    start()
    local slow = survival.person(server(), "a", "slow")
    slow:say("flood 60")
    server():get("/rooms/a")
    replace(server())
    slow:say("echo done")
    for i = 1, 60 do
      local text = slow:hear()
      assert.equal(tostring(i), text:match("^%d+"))
      assert.equal(100000 + #tostring(i), #text)
    end
    slow:hear("done")
  end)

  it("keeps what a slow listener of an event stream has not taken, in order", function()
    start()
    local listener = server():listen("/rooms/a?listen=slow", { receive_buffer = 4096 })
    server():get("/rooms/a?ask=pour&rest=60")
    replace(server())
    replace(server())
    server():get("/rooms/a?ask=everyone&rest=done")
    for i = 1, 60 do
      local event = listener:receive()
      assert.same({ tostring(i), 100000 + #tostring(i) }, { event.id, #event.data })
    end
    listener:expect("done")
  end)

  it("hears a Close that comes later as the answer to its own", function()
    start()
    local ann, ben = survival.person(server(), "a", "ann"), survival.person(server(), "a", "ben")
    ann:say("leave")
    assert.equal(CLOSE, ann.ws:read_frame(20).opcode)
    replace(server())
    assert.equal("none", ben:ask("closed"))
    ann.ws:close(4000, "go")
    ann.ws.connection:read_to_end()
    ben:ask("closed", "ann:4000:true;")
  end)

  it("lets requests, messages and calls end that have begun, each once", function()
    start()
    local asked, people = {}, {}
    for i = 1, 6 do
      asked[i] = server():open()
      asked[i]:send_request("GET", ("/rooms/s%d?ask=sleep&rest=300"):format(i))
      server():wait_log("sleeps")
      people[i] = survival.person(server(), "b" .. i, "ann")
      people[i]:say("relay c" .. i)
      server():wait_log("naps")
      people[i]:say("echo behind")
    end
    replace(server())
    for i = 1, 6 do
      local answer = asked[i]:read_answer()
      assert.same({ 200, "slept" }, { answer.status, answer.body })
      assert.equal("slept", asked[i]:request("GET", "/rooms/s1?ask=sleep&rest=0").body)
      people[i]:hear("1")
      people[i]:hear("behind")
      assert.equal("2", server():get(("/rooms/c%d?ask=count"):format(i)).body)
    end
  end)

  it("gives requests that come meanwhile, or half, to who comes after it", function()
    start()
    local half, head = server():open(), server():open()
    assert.equal(200, half:request("GET", "/rooms/a").status)
    half:write("POST /rooms/a?ask=count HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n12345")
    head:write("GET /rooms/b?ask=cou")
    local sleeper = server():open()
    sleeper:send_request("GET", "/rooms/s?ask=sleep&rest=400")
    server():wait_log("sleeps")
    replace(server())
    assert.equal("slept", sleeper:read_answer().body)
    half:write("67890")
    head:write("nt HTTP/1.1\r\nHost: x\r\n\r\n")
    assert.equal("1", half:read_answer().body)
    assert.equal("1", head:read_answer().body)
  end)
end

return M
