-- Namespaces and the entry fetch come and go with the code: what happens to objects that no class
-- handles for a while.
local workbench = require "spec.scenario.workbench"

local CLASSES = [[
local od = require "open-do"

local Room = require("workbench").room(function(self, request)
  if request.query.ask then
    print 'asking'
    od.sleep(20000)
    local ok, answer = pcall(function() return self.env.users:getByName("x"):fetch("/"):text() end)
    return od.Response(ok and answer or "refused: " .. tostring(answer))
  end
  local storage = self.state.storage
  storage:put("visits", (storage:get("visits") or 0) + 1)
  return od.Response(("visit %d"):format(storage:get("visits")))
end)
function Room:webSocketMessage(ws, message)
  if message == "slow" then
    ws:send("begun")
    od.sleep(20000)
  end
  ws:send("echo " .. message)
end
function Room:webSocketClose(ws, code)
  print("closed with " .. code)
end

local User = {}
function User:fetch()
  return od.Response("a user")
end
]]
local ROOMS = CLASSES .. "return { namespaces = { rooms = Room, users = User } }"
local USERS = CLASSES .. "return { namespaces = { users = User } }"
local ENTRY = CLASSES .. [[
return { namespaces = { rooms = Room, users = User }, fetch = function(request, env)
  print 'entry'
  if request.query.slow then od.sleep(20000) end
  return od.Response("entry")
end }
]]

describe("code that comes and goes:", function()
  local server, start_with = workbench.asked(nil, { args = { "--watch" } })

  local function start(source, options)
    start_with(options, source)
  end

  local function save(source)
    server:change(source)
  end

  it("objects of a namespace that is gone answer 404 and keep data and sockets", function()
    start(ROOMS)
    local ann = server:connect("/rooms/a")
    assert.equal("visit 1", server:get("/rooms/a").body)
    save(USERS)
    assert.equal(404, server:get("/rooms/a").status)
    assert.equal(404, server:get("/rooms/new").status)
    assert.equal("a user", server:get("/users/x").body)
    ann:send("one")
    ann:send("two")
    ann:expect_silence()
    save(ROOMS)
    ann:expect("echo one")
    ann:expect("echo two")
    assert.equal("visit 2", server:get("/rooms/a").body)
  end)

  it("old code that calls an object without a class hears which namespace is missing", function()
    start(ROOMS, { workers = 1 })
    local asker = server:open()
    asker:send_request("GET", "/rooms/a?ask=1")
    server:wait_log("asking")
    save(CLASSES .. "return { namespaces = { rooms = Room } }")
    server:turn_clock(21000)
    assert.equal("refused: the namespace 'users' is not in version 2 of the script",
      asker:read_answer().body)
  end)

  it("a handler that runs when its namespace goes still ends, and can be heard", function()
    start(ROOMS, { workers = 1 })
    local ann = server:connect("/rooms/a")
    ann:send("slow")
    ann:expect("begun")
    save(USERS)
    ann:send("later")
    assert.equal("a user", server:get("/users/x").body)
    server:turn_clock(21000)
    ann:expect("echo slow")
    ann:expect_silence()
    save(ROOMS)
    ann:expect("echo later")
  end)

  it("a socket that was closed while its namespace was gone is told of later", function()
    start(ROOMS, { workers = 1 })
    local ann = server:connect("/rooms/a")
    save(USERS)
    ann:close(4001)
    save(ROOMS)
    ann:expect_close(4001)
    if not server:log():find("closed with 4001", 1, true) then -- Before the line of the reload?
      server:wait_log("closed with 4001")
    end
  end)

  it("the program stops although messages wait for a namespace", function()
    start(ROOMS, { workers = 1 })
    local ann = server:connect("/rooms/a")
    save(USERS)
    ann:send("nobody hears this")
    ann:expect_silence()
    server.process:signal("TERM")
    ann:expect_close(1001)
    assert.equal(0, server.process:wait_exit(10))
  end)

  it("an entry fetch appears and goes; requests in it end on the old code", function()
    start(ROOMS, { workers = 1 })
    assert.equal("visit 1", server:get("/rooms/a").body)
    save(ENTRY)
    assert.equal("entry", server:get("/rooms/a").body)
    server:wait_log("entry")
    local slow = server:open()
    slow:send_request("GET", "/rooms/a?slow=1")
    server:wait_log("entry")
    save(ROOMS)
    assert.equal("visit 2", server:get("/rooms/a").body)
    assert.is_false(slow:has_news())
    server:turn_clock(21000)
    assert.equal("entry", slow:read_answer().body)
  end)
end)
