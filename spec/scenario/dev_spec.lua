-- `open-do dev`: what a person at a terminal sees and can do, and what is left of it without one.
local Server = require "spec.support.server"

local SOURCE = [[
local od = require "open-do"
local Room = {}
function Room:fetch(request)
  if request.headers:get("upgrade") then
    local client, server = od.WebSocketPair()
    self.state:acceptWebSocket(server)
    return od.Response(nil, { status = 101, webSocket = client })
  end
  local answer = self.state.storage:get("answer") or 1
  return od.Response(tostring(answer + 1))
end
function Room:webSocketMessage(ws, message)
  error("no ear for " .. message)
end
return { namespaces = { rooms = Room, halls = Room } }
]]

describe("open-do dev", function()
  local server

  local function start(options)
    options = options or {}
    options.source, options.command = SOURCE, "dev"
    server = Server.start(options)
  end

  after_each(function()
    server:stop()
  end)

  it("says what is served where", function()
    start()
    local log = server:log()
    assert.matches("open%-do %d+%.%d+%.%d+   %S+/script.lua   version 1\n", log)
    assert.matches("rooms +" .. server.url .. "/rooms/NAME", log)
    assert.matches("halls +" .. server.url .. "/halls/NAME", log)
    assert.matches("data +%S+/data, 2 workers, pid %d+", log)
  end)

  it("says where its folder of assets is", function()
    server = Server.start { command = "dev", files = { ["public/index.html"] = "home" },
      source = (SOURCE:gsub("halls = Room }", "%0, assets = 'public'")) }
    assert.matches("\n  assets +" .. server.url .. "/, from public\n", server:log())
    assert.equal("home", server:get("/").body)
  end)

  it("says which files are watched, and when that changes", function()
    local requiring = 'require "lib.names"\n' .. SOURCE
    server = Server.start { source = requiring, command = "dev",
      files = { ["lib/names.lua"] = "return {}", ["more.lua"] = "return {}" } }
    assert.matches("\n  watching +script.lua, lib/names.lua\n", server:log())
    server:save(requiring .. "-- no news of files")
    server:wait_version(2)
    server:save('require "more"\n' .. requiring)
    server:wait_log("watching script.lua, more.lua, lib/names.lua\n")
    server:wait_version(3)
    local _, news = server:log():gsub("watching", "")
    assert.equal(2, news)
  end)

  it("waits for a script that is broken at the start, and serves it when it is mended", function()
    server = Server.prepare { source = "return { namespaces =", command = "dev",
      files = { ["lib.lua"] = "retrun 1" } }
    server:spawn()
    server:wait_log("script.lua:1: unexpected symbol near '<eof>'")
    server:wait_log("Save it again: open%-do waits for a change")
    server:save('require "lib"\n' .. SOURCE)
    server:wait_log("lib.lua:1: '=' expected near '1'")
    server:wait_log("Save it again")
    server:save("return 1", "lib.lua")
    server:wait_listening()
    assert.equal("2", server:get("/rooms/a").body)
    server:save('require "lib"\n' .. SOURCE:gsub("answer %+ 1", "answer + 2"))
    server:wait_version(2)
    assert.equal("3", server:get("/rooms/a").body)
  end)

  it("shows a browser what went wrong, with its source, and others nothing", function()
    for _, ending in ipairs {
      "return { namespaces = { rooms = Room } }",
      "return { namespaces = { rooms = Room }, fetch = function() error 'no <b> & c' end }",
    } do
      server = Server.start { command = "dev", source = [[
        local Room = {}
        function Room:fetch()
          error "no <b> & c" -- The line.
        end
        ]] .. ending }
      local answer = server:get("/rooms/a", { Accept = "text/html,application/xhtml+xml" })
      assert.equal(500, answer.status)
      assert.equal("text/html; charset=utf-8", answer.headers["content-type"])
      assert.matches("script.lua:%d: no &lt;b> &amp; c", answer.body)
      assert.matches("\n> %d |", answer.body)
      assert.equal("Internal Server Error\n", server:get("/rooms/a").body)
      server:stop()
    end
    server = Server.start { source = "return { namespaces = { rooms = { fetch = error } } }" }
    assert.equal("Internal Server Error\n",
      server:get("/rooms/a", { Accept = "text/html" }).body)
  end)

  it("that waits for its first script ends as it should", function()
    server = Server.prepare { source = "return 7", command = "dev" }
    server:spawn()
    server:wait_log("Save it again")
    server.process:signal("TERM")
    assert.equal(0, (server.process:wait_exit(10)))
    server:save(SOURCE)
    server:launch()
  end)

  it("without a terminal has no keys and no colours", function()
    start()
    assert.not_matches("keys", server:log(), 1, true)
    server:get("/rooms/a")
    server:wait_log("rooms/a  GET /rooms/a 200")
    assert.not_matches("\27", server:log(), 1, true)
  end)

  it("has a line for each request and for both ends of a socket", function()
    start { workers = 1 }
    server:get("/rooms/lobby?x=1")
    server:wait_log("INFO  rooms/lobby  GET /rooms/lobby%?x=1 200 %d+%.%d ms\n")
    server:get("/nowhere/at/all")
    server:wait_log("INFO  GET /nowhere/at/all 404 %d+%.%d ms\n")
    local ann = server:connect("/rooms/lobby")
    server:wait_log("INFO  rooms/lobby  GET /rooms/lobby 101 %d+%.%d ms\n")
    server:wait_log("INFO  rooms/lobby  WebSocket %d+ opened\n")
    ann:close(4001, "tired")
    server:wait_log("INFO  rooms/lobby  WebSocket %d+ closed: 4001 tired\n")
  end)

  it("reloads on save and shows what is wrong with its source", function()
    start()
    server:connect("/rooms/lobby")
    server:save((SOURCE:gsub("answer %+ 1", "answer ++ 1")))
    server:wait_log("ERROR reload failed, version 1 still serves: script.lua:10:.*\n +> 10 |   re")
    server:save(SOURCE .. "\n")
    server:wait_log("INFO  version 2 of script.lua serves after %d+ ms, 1 WebSocket kept\n")
  end)

  -- "it ended while it loaded the script": so it was said of the fix, which was refused.
  it("takes the fix of an endless loop that is saved while the loop runs", function()
    start { args = { "--event-limit-ms", "1000" } }
    server:expect_mishap("another one is started")
    server:save((SOURCE:gsub("local answer =", "od.log.info('loops') while true do end %0")))
    server:wait_version(2)
    local connection = server:open()
    connection:send_request("GET", "/rooms/lobby")
    server:wait_log("loops")
    server:save(SOURCE)
    server:wait_version(3)
    assert.equal(503, connection:read_answer().status)
    assert.equal("2", server:get("/rooms/other").body)
    assert.not_matches("reload failed", server:log(), 1, true)
  end)

  -- Compiled or not, and wherever it hides; the worker is killed only after --event-limit-ms.
  it("names the line of an endless loop while it runs", function()
    local bodies = {
      "while true do end",
      "local n = 0 repeat n = n + 1 until n < 0",
      "for _ = 1, math.huge do self:step() end",
      "pcall(function() while true do self.x = (self.x or 0) + 1 end end)",
      "coroutine.wrap(function() while true do tostring(1) end end)()",
      "::again:: self.list = { 1 } goto again",
      "return self:fetch(request)",
    }
    for _, body in ipairs(bodies) do
      server = Server.start { command = "dev", source = [[
        local Room = {}
        function Room:step() end
        function Room:fetch(request)
          ]] .. body .. [[

        end
        return { namespaces = { rooms = Room } }]] }
      server:open():send_request("GET", "/rooms/lobby")
      server:wait_log("WARN +rooms/lobby  fetch has run for a second and does not wait:\n[^\n]*\n"
        .. " *> 4 | +" .. body:gsub("%p", "%%%0"))
      server:abandon()
    end
  end)

  it("names it also while the script is loaded, and takes the fix", function()
    server = Server.prepare { command = "dev", source = "local n = 0\nwhile true do n = n + 1 end" }
    server:spawn()
    server:wait_log("WARN +the script has run for a second and does not wait:")
    server:wait_log("> 2 | while true do")
    server:save(SOURCE)
    server:wait_log("has not been loaded within 5 s: does it loop outside of its handlers%?")
    server:wait_listening()
    assert.equal("2", server:get("/rooms/a").body)
  end)

  it("shows errors in handlers with object, handler and source", function()
    start()
    server:connect("/rooms/lobby"):send("Bach")
    server:wait_log("ERROR rooms/lobby  webSocketMessage: script.lua:13: no ear for Bach\n.*> 13 |")
  end)

  it("tells in detail who falls asleep and wakes", function()
    start { workers = 1, args = { "--log-level", "debug", "--idle-ms", "5000" } }
    server:get("/rooms/lobby")
    server:wait_log("DEBUG rooms/lobby  wakes with version 1")
    server:turn_clock(6000)
    server:wait_log("DEBUG rooms/lobby  sleeps, 0 WebSockets stay")
  end)

  describe("at a terminal", function()
    local function sit_down(options)
      options = options or {}
      options.at_terminal = true
      start(options)
      server:wait_log("keys +r reload   c clear   q quit   h help\r\n")
    end

    it("has colours, unless NO_COLOR is set", function()
      sit_down()
      server:get("/rooms/a")
      server:wait_log("\27%[36mrooms/a\27%[0m  GET /rooms/a \27%[32m200\27%[0m %d")
      server:stop()
      sit_down { env = { NO_COLOR = "1" } }
      server:get("/rooms/a")
      server:wait_log("INFO  rooms/a  GET /rooms/a 200")
      assert.not_matches("\27", server:log(), 1, true)
    end)

    it("colours the status of a request by its class", function()
      sit_down()
      server:save((SOURCE:gsub("local answer =",
        'if request.query.status then return od.Response("", { status = tonumber('
        .. 'request.query.status) }) end %0')))
      server:wait_version(2)
      local colours = { [201] = "32", [302] = "36", [404] = "33", [503] = "1;31" }
      for status, colour in pairs(colours) do
        server:get("/rooms/a?status=" .. status)
        server:wait_log(("GET /rooms/a%%?status=%d \27%%[%sm%d\27%%[0m %%d"):format(status, colour,
          status))
      end
    end)

    it("has keys: r reloads, h helps, c clears", function()
      sit_down()
      server.process:type("r")
      server:wait_log("version 2 of script.lua serves after")
      server.process:type("h")
      server:wait_log("r reload   c clear   q quit   h help")
      server.process:type("c")
      server:wait_log("\27%[H\27%[2J")
      assert.not_matches("\nrhc", server:log(), 1, true)
    end)

    it("sets a mark at Enter, and helps at ? too", function()
      sit_down()
      local before = #server:log()
      server.process:type("\r\n?")
      server:wait_log("r reload   c clear   q quit   h help")
      assert.equal("\n\n  r reload", server:log():sub(before + 1):gsub("\r", ""):sub(1, 12))
    end)

    it("ends with q, and gives the terminal back as it was", function()
      sit_down()
      assert.is_false(server.process:terminal_is_cooked())
      server.process:type("q")
      assert.equal(0, server.process:wait_exit(10))
      assert.is_true(server.process:terminal_is_cooked())
    end)

    it("ends with Ctrl-C, and gives the terminal back", function()
      sit_down()
      server.process:type("\3")
      assert.equal(0, server.process:wait_exit(10))
      assert.is_true(server.process:terminal_is_cooked())
    end)

    it("ends at once with a second Ctrl-C, and gives the terminal back", function()
      sit_down { workers = 1 }
      server:save((SOURCE:gsub("local answer =", "print 'slow' od.sleep(20000) %0")))
      server:wait_version(2)
      local slow = server:open()
      slow:send_request("GET", "/rooms/a")
      server:wait_log("slow")
      server.process:type("\3")
      server:wait_log("stopping")
      server:turn_clock(1000) -- What comes within a moment is the first, twice.
      server.process:type("\3")
      assert.equal(130, server.process:wait_exit(10))
      assert.is_true(server.process:terminal_is_cooked())
      server:abandon()
    end)

    it("gives the terminal back when it crashes", function()
      sit_down()
      server.process:signal("ABRT")
      local _, signal = server.process:wait_exit(10)
      assert.equal("ABRT", signal)
      assert.is_true(server.process:terminal_is_cooked())
      server:abandon()
    end)
  end)
end)
