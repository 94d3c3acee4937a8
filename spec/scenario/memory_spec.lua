-- Memory bombs. What a script allocates is capped; running into the cap is an error it can catch.
-- If it does not, its object is reset, and neither the worker nor any socket at rest has to pay.

local survival = require "spec.scenario.survival"
local torments = require "spec.scenario.torments"

local MEGABYTES = 24

local SOURCE = [[
local od = require "open-do"
local hoard = {} -- The script's own.
%s
local Room = {}
function Room:constructor()
  self.boot = od.randomUUID()
end
function Room:fetch(request)
  local ask, number = request.query.ask, tonumber(request.query.bomb)
  if request.headers:get("upgrade") then
    local client, server = od.WebSocketPair()
    self.state:acceptWebSocket(server, {})
    return od.Response(nil, { status = 101, webSocket = client })
  elseif ask == "try" then
    local ok, why = pcall(torments[number], self)
    return od.Response(ok and "survived" or tostring(why))
  elseif ask == "keep" then -- In the instance, and catches the error.
    self.kept = {}
    local ok, why = pcall(function()
      while true do self.kept[#self.kept + 1] = ("x"):rep(1e5) .. #self.kept end
    end)
    return od.Response(tostring(why))
  elseif ask == "fill" then
    self.kept = ("x"):rep(request.query.size) .. self.boot
    return od.Response("filled")
  elseif ask == "hoard" then
    pcall(function()
      while true do hoard[#hoard + 1] = ("x"):rep(1e5) .. #hoard end
    end)
    return od.Response("hoarded")
  end
  return od.Response(self.boot)
end
function Room:webSocketMessage(ws, message)
  if message == "flood" then
    self.state.storage:put("k", 1)
    while true do ws:send(("x"):rep(1e6)) end
  end
  local number = tonumber(message)
  if number then
    torments[number](self)
  end
  ws:send("still " .. message)
end
return { namespaces = { rooms = Room } }
]]

local function source()
  return (SOURCE:gsub("%%s", function() return torments.source(torments.BOMBS) end, 1))
end

describe("a memory bomb", function()
  local server, neighbour

  -- Some take seconds on a busy machine before they have had enough.
  local function start(limit_ms)
    server = survival.start { source = source(), workers = 1, args = { "--event-limit-ms",
      tostring(limit_ms or 30000), "--script-memory-mb", tostring(MEGABYTES) } }
    neighbour = server:connect("/rooms/neighbour")
  end

  after_each(function()
    server:stop()
  end)

  local function expect_no_harm()
    neighbour:send("there")
    neighbour:expect("still there")
    assert.is_nil(server:log():find("worker 0 %(pid"), server:log())
  end

  it("is an error that can be caught, in ten ways and more", function()
    start()
    for i, bomb in ipairs(torments.BOMBS) do
      local answer = server:get("/rooms/bad" .. i .. "?ask=try&bomb=" .. i)
      assert.equal(200, answer.status, bomb[1])
      assert.is_truthy(answer.body:find("memory") or answer.body:find("overflow")
        or answer.body:find("too large") or answer.body:find("exceed"),
        bomb[1] .. ": " .. answer.body:sub(1, 200))
      expect_no_harm()
    end
  end)

  it("resets the object that does not catch it, and keeps its sockets", function()
    start()
    for i, bomb in ipairs(torments.BOMBS) do
      local name = "bad" .. i
      local ann, ben = server:connect("/rooms/" .. name), server:connect("/rooms/" .. name)
      local boot = server:get("/rooms/" .. name).body
      ann:send(tostring(i))
      ben:send("with us")
      ben:expect("still with us")
      ann:expect_silence()
      if bomb[1] ~= "deep recursion" then
        assert.not_equal(boot, server:get("/rooms/" .. name).body, bomb[1])
        server:wait_log("rooms/" .. name .. " +reset: not enough memory")
      end
      expect_no_harm()
    end
  end)

  it("resets the object that holds on to it", function()
    start()
    local boot = server:get("/rooms/bad").body
    local answer = server:get("/rooms/bad?ask=keep")
    assert.is_true(answer.status == 500 or answer.body:find("memory") ~= nil)
    server:wait_log("rooms/bad +reset: not enough memory")
    assert.not_equal(boot, server:get("/rooms/bad").body)
    expect_no_harm()
  end)

  it("puts idle objects to sleep when all of them together hold too much", function()
    start()
    local boots = {}
    for i = 1, 40 do
      local name = "/rooms/fat" .. i
      boots[i] = server:get(name).body
      server:get(name .. "?ask=fill&size=1000000")
    end
    server:wait_log("idle objects were put to sleep")
    assert.equal(boots[40], server:get("/rooms/fat40").body, "the one that was used last")
    assert.not_equal(boots[1], server:get("/rooms/fat1").body)
    expect_no_harm()
  end)

  it("costs the worker when the script itself holds on to it, and no socket", function()
    start()
    server:get("/rooms/bad?ask=hoard")
    server:wait_log("which is not enough: the worker ends and is replaced")
    assert.equal(1, survival.await_back(server).given)
    neighbour:send("there")
    neighbour:expect("still there")
  end)

  it("of messages that wait for the disk resets its object, or ends at the limit", function()
    start(1000)
    local ann = server:connect("/rooms/bad")
    ann:send("flood")
    server:wait_log("rooms/bad +webSocketMessage has run for more than")
    survival.await_back(server)
    neighbour:send("there")
    neighbour:expect("still there")
  end)
end)
