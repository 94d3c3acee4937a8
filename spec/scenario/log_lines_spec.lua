-- Lines of the log for programs, and `open-do log`, which shows them to whoever may read the data
-- directory.
local json = require "dkjson"
local process = require "spec.support.process"
local socket = require "socket"
local workbench = require "spec.scenario.workbench"

local SOURCE = [[
local od = require "open-do"
local Thing = {}
function Thing:fetch(request)
  if request.path:find("/events", 1, true) then
    return self.state:acceptEventStream(request)
  end
  return require("workbench").fetch(self, request)
end
function Thing:join(user)
  od.log.info("joined", { user = user, rooms = { 1, 2 }, level = "high", who = "a b" })
end
function Thing:fail() error "broken" end
return { namespaces = { things = Thing } }
]]

describe("a line", function()
  local server

  local function start(...)
    server = workbench.start(SOURCE, { workers = 1, args = { ... } })
  end

  after_each(function()
    server:stop()
  end)

  -- The first line of the log that has all these fields.
  local function line_with(wanted)
    for text in server:log():gmatch("[^\n]+") do
      local line = json.decode(text) or {}
      local fits = true
      for name, value in pairs(wanted) do
        fits = fits and line[name] == value
      end
      if fits then
        return line
      end
    end
    error("there is no such line in\n" .. server:log())
  end

  it("has fields for machines", function()
    start("--log-format", "json", "--log-requests")
    server:asking("call", "things/a", "join", "7")
    server:asking("call", "things/a", "fail")
    server:post("/things/a?token=secret", "return 1")
    local client = server:connect("/things/a?token=secret")
    client:close(1000, "enough")
    server:wait_log('"event":"closed"')
    local joined = line_with { message = "joined" }
    assert.same({ "things/a", "call", "join", 1 },
      { joined.object, joined.event, joined.method, joined.version })
    assert.same({ 7, { 1, 2 }, "info", "high" },
      { joined.user, { unpack(joined.rooms) }, joined.level, joined.level_ })
    local failed = line_with { level = "error" }
    assert.same({ "things/a", "call", "fail", "script.lua", 12 },
      { failed.object, failed.event, failed.method, failed.file, failed.line })
    local request = line_with { event = "request", method = "POST" }
    assert.same({ "things/a", "/things/a", 200, "127.0.0.1", 1 },
      { request.object, request.path, request.status, request.peer, request.version })
    assert.is_true(request.ms > 0)
    assert.equal(1000, line_with { event = "closed" }.code)
    assert.is_nil(server:log():find("secret", 1, true))
  end)

  it("has fields for people, too, and queries when they are asked for", function()
    start("--log-requests", "--log-queries")
    server:asking("call", "things/a", "join", "7")
    server:wait_log('things/a  joined level="?high"? rooms=%[1,2%] user=7 who="a b"\n')
    server:get("/things/a?token=secret")
    server:wait_log("GET /things/a%?token=secret")
  end)

  it("says of an event stream that its reader has gone", function()
    start("--log-requests")
    local reader = server:listen("/things/a/events")
    server:wait_log("things/a  event stream %d+ opened")
    reader:cut()
    server:wait_log("things/a  event stream %d+ closed: 1006 its reader has gone\n")
  end)

  it("is shown to who asks later, in order, and then as it comes", function()
    start()
    workbench.ask(server, "a", "print 'the first'")
    workbench.ask(server, "rb", "od.log.warn 'the second'")
    local code, text = server:asking("log")
    assert.equal(0, code)
    assert.matches("listening on.*things/a  the first\n.*WARN  things/rb  the second\n", text)
    local follower = server:begin_asking("log", "-f", "--log-level", "warn", "things/r")
    follower:wait_output("the second", 10)
    workbench.ask(server, "a", "od.log.warn 'of another'")
    workbench.ask(server, "rb", "od.log.info 'of no weight' od.log.error 'the\\nthird\\27[1m'")
    follower:wait_output("ERROR things/rb  the\n    third%?%[1m\n", 10)
    assert.is_nil(follower:output():find("of another", 1, true))
    assert.is_nil(follower:output():find("of no weight", 1, true))
    server:expect_mishap("another one is started")
    process.send_signal(server.process:children()[1], "KILL")
    server:wait_log("worker 0 is back")
    workbench.ask(server, "rb", "od.log.warn 'from the next worker'")
    follower:wait_output("from the next worker", 10)
    server:restart()
    workbench.ask(server, "rb", "od.log.warn 'from the next program'")
    follower:wait_output("from the next program", 20)
    follower:signal("KILL")
    follower:wait_exit(10)
  end)

  it("comes to who follows, however many came before it", function()
    start()
    local follower = server:begin_asking("log", "-f", "--json")
    follower:wait_output("listening on", 10)
    workbench.ask(server, "a", "for i = 1, 40000 do print(('x'):rep(100)) end return 1")
    workbench.ask(server, "a", "print 'the end'")
    follower:wait_output('"message":"the end"', 20)
    follower:signal("KILL")
    follower:wait_exit(10)
  end)

  it("and what passes through sockets is not followed for a reader who has gone", function()
    start()
    local ann = server:connect("/things/a")
    local function begin(command)
      return process.start { argv = { "sh", "-c", ("'%s' %s --data '%s/data' | head -n 1")
        :format(process.program, command, server.directory) } }
    end
    local function try(what, wanted, attempt)
      local deadline = socket.gettime() + 20
      repeat
        assert.is_true(socket.gettime() < deadline, what)
        attempt()
      until wanted()
    end
    local log, watch = begin "log -f", begin "sockets watch things/a"
    log:wait_output("listening on", 10)
    try("nothing is watched", function() return watch:output():find("hello") end, function()
      ann:send("hello") -- It may not watch yet.
      server:status()
    end)
    try("nobody reads, and it is followed", function() return log:has_ended() end, function()
      server:turn_clock(10000) -- It may not have asked yet.
      log:reap()
    end)
    assert.equal(0, (watch:wait_exit(10)))
  end)
end)
