local ffi = require "ffi"
local Server = require "spec.support.server"

pcall(ffi.cdef, "typedef struct { unsigned long soft, hard; } od_spec_limit;")
pcall(ffi.cdef, "int getrlimit(int resource, od_spec_limit *limit);")
pcall(ffi.cdef, "int setrlimit(int resource, const od_spec_limit *limit);")

local SCRIPT = [[
local od = require "open-do"
local Room = {}
function Room:fetch(request)
  if request.query.ask == "sleep" then
    od.log.info("sleeps")
    od.sleep(4000)
  end
  return od.Response("hello " .. self.state.id.name .. "\n")
end
return { namespaces = { rooms = Room } }
]]

local REQUEST = "GET /rooms/lobby HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
local ARRIVALS_MAX = 4096 -- OD_ARRIVALS_MAX
local QUEUE = 4000 -- So many the system keeps for a server that does not accept.
local RLIMIT_NOFILE, POLLIN = 7, 1

-- Clients of all manners at the door, before any worker has seen them.
describe("The door", function()
  local server = Server.each { source = SCRIPT, args = { "--log-level", "debug" },
    keep_port = true }

  local function asks(text)
    local client = server:open()
    client:write(text or REQUEST)
    return client
  end

  local function expect_hello(client)
    local answer = client:read_to_end()
    assert.truthy(answer:match("^HTTP/1.1 200 .*hello lobby\n"), answer)
  end

  it("lets a request in that comes byte by byte", function()
    local client = server:open()
    for i = 1, #REQUEST do
      client:write(REQUEST:sub(i, i))
    end
    expect_hello(client)
  end)

  it("passes on what came with the head", function()
    local post = "POST /rooms/lobby HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\n\r\nabcde"
    local client = asks(post .. REQUEST)
    local answers = client:read_to_end()
    assert.equal(2, select(2, answers:gsub("hello lobby", "")), answers)
  end)

  it("answers nonsense at once, and so that a client who is still sending can read why", function()
    local client = asks("what?\r\n\r\n" .. ("x"):rep(100000))
    assert.truthy(client:read_to_end():match("^HTTP/1.1 400 .*Connection: close"))
  end)

  it("answers a head without end with 431", function()
    local client = asks("GET / HTTP/1.1\r\nHost: localhost\r\nA: " .. ("x"):rep(20000))
    assert.truthy(client:read_to_end():match("^HTTP/1.1 431 "))
  end)

  it("answers a head that is not whole after ten seconds with 408, however it drips", function()
    local client = asks(REQUEST:sub(1, 10))
    assert.truthy(server:get("/rooms/lobby")) -- So that it has arrived.
    server:turn_clock(9000)
    client:write(REQUEST:sub(11, 12))
    assert.truthy(server:get("/rooms/lobby"))
    server:turn_clock(1001)
    assert.truthy(client:read_to_end():match("^HTTP/1.1 408 "))
  end)

  -- It was closed without a byte, though the client could still read.
  it("answers 400 to a request that ends in the middle", function()
    local begun = REQUEST:sub(1, 10)
    for _, half in ipairs { begun, REQUEST:sub(1, -3), "\r\n" .. begun } do
      local client = asks(half)
      client.tcp:shutdown("send")
      assert.matches("^HTTP/1.1 400 .*Connection: close.*the request ends in the middle\n$",
        client:read_to_end())
    end
    for _, nothing in ipairs { "", "\r\n" } do
      local client = asks(nothing)
      client.tcp:shutdown("send")
      assert.equal("", client:read_to_end())
    end
    expect_hello(asks())
  end)

  it("closes without a word when nothing was said, and says nothing about it", function()
    local silent, gone = server:open(), asks(REQUEST:sub(1, 10))
    gone:close()
    assert.truthy(server:get("/rooms/lobby"))
    server:turn_clock(10001)
    assert.equal("", silent:read_to_end())
    assert.falsy(server:log():match("answered"), server:log())
  end)

  it("keeps a request for a worker that is being replaced", function()
    server:expect_mishap("another one is started")
    for _, pid in ipairs(server.process:children()) do
      ffi.C.kill(pid, 9)
    end
    server:wait_log("worker %d %(pid %d+%) ended")
    server:wait_log("worker %d %(pid %d+%) ended")
    expect_hello(asks())
  end)

  it("is not shut by a crowd that says nothing", function()
    local crowd, before = {}, ffi.new("od_spec_limit")
    ffi.C.getrlimit(RLIMIT_NOFILE, before)
    local wide = ffi.new("od_spec_limit", before.hard, before.hard)
    ffi.C.setrlimit(RLIMIT_NOFILE, wide)
    -- All of them come within a second, however slow this machine is: they wait outside, and are
    -- let in at once.
    server.process:signal("STOP")
    for i = 1, QUEUE do
      crowd[i] = server:open()
    end
    server.process:signal("CONT")
    for i = QUEUE + 1, ARRIVALS_MAX + 50 do
      crowd[i] = server:open()
    end
    local client = asks()
    -- On a machine that takes a second to let them all in, the first of them have gone by then.
    local answer = ffi.new("od_spec_pollfd[1]", { { client.tcp:getfd(), POLLIN, 0 } })
    while not server:log():find("new connections wait: too many", 1, true)
      and ffi.C.poll(answer, 1, 50) == 0 do
      assert.is_false(server.process:has_ended())
    end
    server:turn_clock(1500)
    expect_hello(client)
    for _, each in ipairs(crowd) do
      each:close()
    end
    ffi.C.setrlimit(RLIMIT_NOFILE, before)
    expect_hello(asks())
  end)

  it("closes what waits outside when the program stops", function()
    local silent, half = server:open(), asks(REQUEST:sub(1, 10))
    assert.truthy(server:get("/rooms/lobby"))
    server.process:signal("TERM")
    assert.equal("", silent:read_to_end())
    assert.equal("", half:read_to_end())
    assert.equal(0, server.process:wait_exit(10))
  end)

  it("answers who comes while the program stops, and opens again at once for the next", function()
    local busy, idle = server:open(), server:open()
    assert.equal(200, idle:request("GET", "/rooms/lobby").status)
    busy:send_request("GET", "/rooms/lobby?ask=sleep")
    server:wait_log("sleeps")
    server.process:signal("TERM")
    assert.equal("", idle:read_to_end()) -- And it does not end its side.
    for _ = 1, 3 do
      local answer = server:get("/rooms/lobby")
      assert.equal(503, answer.status)
      assert.equal("1", answer.headers["retry-after"])
      assert.equal("the server stops, try again\n", answer.body)
    end
    server:turn_clock(4000)
    assert.equal(200, busy:read_answer().status)
    assert.equal(0, server.process:wait_exit(4))
    server:launch()
    expect_hello(asks(REQUEST))
  end)
end)
