-- New code for running objects: what a good save brings, what a bad one does not, and who ends on
-- which code. How files are noticed is in reload_watch_spec, namespaces that go are in
-- reload_namespace_spec.
local proc = require "spec.support.proc"
local workbench = require "spec.scenario.workbench"

local SOURCE = [[
local od = require "open-do"
local VERSION = "VERSION_NAME"

local Thing = { fetch = require("workbench").fetch }

-- Every constructor leaves its version in storage, so it can be seen how often one ran.
function Thing:constructor()
  local storage = self.state.storage
  self.constructed = (storage:get("constructed") or "") .. VERSION
  storage:put("constructed", self.constructed)
end

function Thing:webSocketMessage(ws, message)
  if message == "wait" then
    ws:send(VERSION .. " waits")
    od.sleep(20000)
  end
  local attachment = ws:deserializeAttachment() or {}
  ws:send(("%s: %s; %s; %s"):format(VERSION, message, table.concat(self.state:getTags(ws), ","),
    attachment.name or "?"))
end

return { namespaces = { things = Thing } }
]]

local function source(version)
  return (SOURCE:gsub("VERSION_NAME", version))
end

local BROKEN = {
  { "with a syntax error", source("b"):gsub("od.sleep", "od..sleep"),
    { "script.lua:16:", "> 16 |     od..sleep(20000)" } },
  { "with an error at its top level", "local x = nil\nx.y = 1\n",
    { "script.lua:2:", "attempt to index local 'x' (a nil value)", "> 2 | x.y = 1" } },
  { "without what it must return", "return { namespace = {} }", { "script.lua", "'namespace'" } },
  { "with a handler nobody calls", source("b"):gsub("webSocketMessage", "webSocketmessage"),
    { "write it 'webSocketMessage'" } },
  { "with a module that is not there", "require 'absent'\n" .. source("b"),
    { "script.lua:1:", "absent/init.lua", "> 1 | require 'absent'" } },
  { "empty", "", { "script.lua", "return { namespaces = { rooms = Room } }" } },
}

describe("a reload", function()
  local server, start = workbench.asked(source("a"), { args = { "--watch" } })

  local function ask(name, code)
    return workbench.ask(server, name, code)
  end

  local function constructed(name)
    return ask(name, "return self.constructed")
  end

  it("keeps sockets with tags and attachments, and storage; then comes new code", function()
    start()
    local ann = server:connect("/things/a?tags=x,y")
    local ben = server:connect("/things/b")
    ask("a", "state:getWebSockets()[1]:serializeAttachment { name = 'Ann' } storage:put('n', 7)")
    ann:send("hello")
    ann:expect("a: hello; x,y; Ann")
    server:save(source("b"))
    server:wait_version(2)
    ann:expect_silence()
    ann:send("hello")
    ann:expect("b: hello; x,y; Ann")
    ben:send("hi")
    ben:expect("b: hi; ; ?")
    assert.equal(7, ask("a", "return storage:get('n')"))
    assert.equal("ab", constructed("a"))
  end)

  it("constructs each object once for each version it meets", function()
    start()
    assert.equal("a", constructed("met"))
    assert.equal("a", constructed("missed"))
    for number, version in ipairs { "b", "c", "d" } do
      server:save(source(version))
      server:wait_version(number + 1)
      assert.equal(("abcd"):sub(1, number + 1), constructed("met"))
      assert.equal(("abcd"):sub(1, number + 1), constructed("met"))
    end
    assert.equal("ad", constructed("missed"))
  end)

  it("says in one line what serves now, how long it took and how many sockets were kept", function()
    start()
    server:connect("/things/a")
    server:connect("/things/b")
    server:save(source("b"))
    server:wait_log("INFO  version 2 of script.lua serves after %d+ ms, 2 WebSockets kept\n")
    assert.equal(2, server:status().scriptVersion)
    assert.matches("/script.lua, version 2, data in ", select(2, server:asking("status")))
  end)

  for _, case in ipairs(BROKEN) do
    local what, text, parts = unpack(case)
    it("of a script " .. what .. " changes nothing", function()
      start()
      local ann = server:connect("/things/a")
      ask("a", "self.memory = 'kept'")
      server:save(text)
      server:wait_log("reload failed, version 1 still serves: ")
      ann:send("hello")
      ann:expect("a: hello; ; ?")
      local ben = server:connect("/things/b")
      ben:send("hello")
      ben:expect("a: hello; ; ?")
      assert.equal("kept", ask("a", "return self.memory"))
      for _, part in ipairs(parts) do
        assert.matches(part, server:log(), 1, true)
      end
      server:save(source("b"))
      server:wait_version(2)
      ann:send("hello")
      ann:expect("b: hello; ; ?")
    end)
  end

  it("back to the code that serves says so, and leaves the instances alone", function()
    start()
    ask("a", "self.memory = 'kept'")
    server:save("oops")
    server:wait_log("reload failed, version 1 still serves")
    server:save(source("a"))
    server:wait_log("script.lua is that of version 1 again, which serves")
    assert.equal("kept", ask("a", "return self.memory"))
  end)

  it("that one of two workers cannot do, none does; the next one is good again", function()
    start()
    local sockets = {}
    for i = 1, 8 do -- In both workers.
      sockets[i] = server:connect("/things/" .. i)
    end
    server:fault("load.fail", { skip = 1, times = 1 })
    server:save(source("b"))
    server:wait_log("reload failed, version 1 still serves: worker %d: a fault point")
    for _, socket in ipairs(sockets) do
      socket:send("hello")
      socket:expect("a: hello; ; ?")
    end
    server.process:signal("HUP")
    server:wait_version(2)
    for _, socket in ipairs(sockets) do
      socket:send("hello")
      socket:expect("b: hello; ; ?")
    end
  end)

  it("lets handlers that run end on the old code, and new events wait for them (68)", function()
    start { workers = 1, args = { "--watch", "--idle-ms", "100000" } }
    local ann = server:connect("/things/a")
    local ben = server:connect("/things/a")
    ann:send("wait")
    ann:expect("a waits")
    server:save(source("b"))
    server:wait_version(2)
    ben:send("hello")
    ann:send("again")
    ben:expect_silence()
    assert.equal("b", constructed("other")) -- Nobody else waits.
    server:turn_clock(21000)
    ann:expect("a: wait; ; ?")
    ben:expect("b: hello; ; ?")
    ann:expect("b: again; ; ?")
    assert.equal("ab", constructed("a"))
  end)

  it("in the middle of a request: its answer is that of the old code", function()
    start { workers = 1 }
    local slow = workbench.begin(server, "a",
      "print 'slow' od.sleep(20000) return self.constructed")
    server:wait_log("slow")
    server:save(source("b"))
    server:wait_version(2)
    local second = workbench.begin(server, "a", "return self.constructed")
    assert.equal("b", constructed("other"))
    assert.is_false(second:has_news())
    server:turn_clock(21000)
    assert.equal("a", workbench.outcome(slow))
    assert.equal("ab", workbench.outcome(second))
  end)

  it("is asked for by SIGHUP; without --watch a save does nothing", function()
    start { args = {} }
    server:save(source("b"))
    assert.equal("a", constructed("a"))
    server.process:signal("HUP")
    server:wait_version(2)
    assert.equal("ab", constructed("a"))
    server.process:signal("HUP") -- The same code is loaded too: somebody wants it.
    server:wait_version(3)
    assert.equal("abb", constructed("a"))
  end)

  it("meets a constructor that throws: its event fails, the next one tries", function()
    start { workers = 1 }
    local ann = server:connect("/things/a")
    server:save((source("b"):gsub("local storage = self.state.storage",
      [[%0
      if not storage:get("cured") then
        storage:put("cured", true)
        storage:sync()
        error "ill"
      end]])))
    server:wait_version(2)
    ann:send("lost to the error")
    server:wait_log("constructor: script.lua:%d+: ill")
    ann:send("hello")
    ann:expect("b: hello; ; ?")
  end)

  it("of a script that never ends its loading is given up, and nobody waits for it", function()
    start()
    local ann = server:connect("/things/a")
    server:save("print 'looping'\nwhile true do end")
    server:wait_log("looping")
    ann:send("hello")
    ann:expect("a: hello; ; ?")
    server:turn_clock(6000)
    server:wait_log("version 1 still serves: .*script.lua has not been loaded within 5 s")
    ann:send("hello")
    ann:expect("a: hello; ; ?")
  end)

  it("whose trial dies is reported with how it ended", function()
    start()
    server:save("print 'looping'\nwhile true do end")
    server:wait_log("looping")
    local children = server.process:children()
    os.execute("kill -9 " .. children[#children])
    server:wait_log("version 1 still serves: .*ended before it had loaded it: killed by SIGKILL")
    assert.equal("a", constructed("a"))
  end)

  it("while another one runs takes the latest code, and waits for nothing older", function()
    start()
    server:save("print 'looping'\nwhile true do end")
    server:wait_log("looping")
    server:save(source("b"))
    server:wait_version(2)
    assert.equal("b", constructed("a"))
    assert.not_matches("reload failed", server:log(), 1, true)
  end)

  it("while the program stops is ignored with a line", function()
    start { workers = 1 }
    local slow = workbench.begin(server, "a", "print 'slow' od.sleep(5000) return self.constructed")
    server:wait_log("slow")
    assert.equal("a", constructed("other")) -- So it sleeps by now.
    server.process:signal("TERM")
    server:wait_log("stopping")
    server.process:signal("HUP")
    server:wait_log("the script is not reloaded: the server is starting or stopping")
    server:turn_clock(5000)
    assert.equal("a", workbench.outcome(slow))
    assert.equal(0, server.process:wait_exit(10))
  end)

  it("does not change what a worker serves that is replaced while the file is broken", function()
    start { workers = 1 }
    server:save(source("b"))
    server:wait_version(2)
    server:expect_mishap("another one is started")
    server:save("broken")
    server:wait_log("reload failed")
    os.remove(server:path())
    os.execute("kill -9 " .. server.process:children()[1])
    server:wait_log("worker 0 is back")
    assert.equal("b", constructed("a"))
  end)

  it("lets an old version go: two hundred of them take no more memory than a few", function()
    -- By itself the sanitizer keeps up to 256 MiB of what is freed.
    start { workers = 1, args = {}, env = { ASAN_OPTIONS = "quarantine_size_mb=8" } }
    local worker = server.process:children()[1]
    local version = 1
    local function reload(times)
      for _ = 1, times do
        version = version + 1
        server.process:signal("HUP")
        server:wait_version(version)
        constructed("a")
      end
    end
    reload(20)
    local before = proc.resident_kb(worker)
    reload(200)
    local grown = proc.resident_kb(worker) - before
    local bound = os.getenv("OPEN_DO_SANITIZED") and 9000 or 3000
    assert.is_true(grown < bound, ("%d kB more after 200 reloads"):format(grown))
  end)
end)
