-- od.connect: plain connections to places outside. The spec is the place.
local certificates = require "spec.scenario.certificates"
local process = require "spec.support.process"
local socket = require "socket"
local survival = require "spec.scenario.survival"
local Upstream = require "spec.support.upstream"
local workbench = require "spec.scenario.workbench"

local ENTRY = [[
local od = require "open-do"
local held
local garbage -- Somebody could read it, so the compiler does not leave its making out.
return {
  fetch = function(request)
    if request.path == "/lost" then
      od.connect("127.0.0.1", tonumber(request.query.port)):write("lost")
      for i = 1, 300 do
        garbage = ("x"):rep(200000) .. i -- So much that what is lost is collected.
      end
      return od.Response("ok")
    end
    held = held or od.connect("127.0.0.1", tonumber(request.query.port))
    held:write(request.path .. "\n")
    return od.Response(held:read("line"))
  end,
  namespaces = { things = require("workbench").thing() },
}
]]

local SHARED = [[
local od = require "open-do"
local shared
local Thing = {}
function Thing:fetch(request)
  local port = tonumber(request:text())
  if port then
    shared = od.connect("127.0.0.1", port)
  end
  if port then
    return od.Response("opened")
  end
  return od.Response(select(2, pcall(shared.read, shared, "line")))
end
return { namespaces = { things = Thing } }
]]

describe("a connection to outside", function()
  local server, start, ask, refusal = workbench.asked(nil, { workers = 1 })
  local upstream = Upstream.each()

  -- Code that begins with a connection `c` to the upstream.
  local function with(code, options)
    return ("local c = od.connect('127.0.0.1', %d, %s) "):format(upstream.port, options or "nil")
      .. code
  end

  -- Runs it, and gives its connection and that of the peer.
  local function begin(code, options, name)
    local asked = workbench.begin(server, name or "a", with(code, options))
    return asked, upstream:take()
  end

  local function ended(peer)
    local rest, why, partial = peer.tcp:receive("*a")
    assert.is_true(rest ~= nil or why == "closed", why)
    return rest or partial
  end

  it("reads numbers of bytes, lines and what is there, and writes", function()
    start()
    local asked, peer = begin([[
      c:write("hello\n")
      local list = { c:read("line"), c:read(3), c:read("line"), c:read("line"), c:read() }
      c:write(("%q"):format(table.concat(list, "|")))
      local last = c:read()
      c:close()
      return { list = list, last = tostring(last), again = tostring(c) }]])
    assert.equal("hello", peer.tcp:receive("*l"))
    peer:write("one\r\nabc")
    peer:write("two")
    peer:write("\n\nrest")
    assert.equal('"one|abc|two||rest"', peer.tcp:receive(19))
    peer.tcp:shutdown("send")
    local outcome = workbench.outcome(asked)
    assert.same({ "one", "abc", "two", "", "rest" }, outcome.list)
    assert.equal("nil", outcome.last)
    assert.equal("", ended(peer))
  end)

  it("waits in its handler only: others of the object run meanwhile", function()
    start()
    local asked, peer = begin("self.c = c print 'it has it' return c:read('line')")
    server:wait_log "it has it"
    ask("self.c:write('from another\\n')")
    assert.equal("from another", peer.tcp:receive("*l"))
    peer:write("line\n")
    assert.equal("line", workbench.outcome(asked))
  end)

  it("carries large things both ways, bounded by what is read", function()
    start()
    local size = 12 * 1024 * 1024
    local asked, peer = begin(([[
      local count = 0
      while count < %d do
        count = count + #c:read(64 * 1024)
      end
      c:write(("y"):rep(count))
      c:close()
      return count]]):format(size))
    assert(peer.tcp:send(("x"):rep(size)))
    assert.equal(("y"):rep(size), ended(peer))
    assert.equal(size, workbench.outcome(asked))
  end)

  it("makes who writes wait for a peer that has stopped reading, and goes on with him", function()
    start()
    local asked, peer = begin([[
      for i = 1, 24 do
        c:write(("%d"):format(i % 10):rep(1024 * 1024))
        print("written " .. i)
      end
      c:close()
      return true]])
    server:wait_log("written 1")
    ask("return storage:sync()", "other")
    assert.is_nil(server:log():find("written 24", 1, true)) -- So much no system takes unread.
    local all = ended(peer)
    assert.equal(24 * 1024 * 1024, #all)
    assert.equal("4", all:sub(-1))
    assert.is_true(workbench.outcome(asked))
  end)

  it("stops reading from a peer when nobody reads", function()
    start()
    local asked, peer = begin("self.c = c return true")
    assert.is_true(workbench.outcome(asked))
    peer.tcp:settimeout(0.5)
    local chunk, sent = ("x"):rep(1024 * 1024), 0
    repeat
      local last, why, partial = peer.tcp:send(chunk)
      sent = sent + (last or partial)
    until why
    assert.is_true(sent < 64 * 1024 * 1024)
    assert.equal("x", ask("return self.c:read(1)"))
    assert.is_true(ask("return #self.c:read() <= 512 * 1024"))
  end)

  it("says of a part that it is one, and still gives it", function()
    start()
    local asked, peer = begin([[
      local ok, why = pcall(c.read, c, 10)
      local ok2, why2 = pcall(c.read, c, "line")
      return { tostring(why), tostring(why2), c:read(), tostring(c:read(1)) }]])
    peer:write("abc")
    peer.tcp:shutdown("send")
    local list = workbench.outcome(asked)
    assert.matches("read: the peer has ended in the middle of it: 3 bytes have come", list[1])
    assert.matches("in the middle of it", list[2])
    assert.same({ "abc", "nil" }, { list[3], list[4] })
  end)

  it("can still be written when its peer has ended only his half", function()
    start()
    local asked, peer = begin("local last = c:read() c:write('goodbye') c:close() return last")
    peer.tcp:shutdown("send")
    assert.equal("goodbye", ended(peer))
    assert.is_nil(workbench.outcome(asked))
  end)

  it("is cut when its peer resets it, in a read and in a write", function()
    start()
    local asked, peer = begin([[
      c:write("!")
      local _, why = pcall(c.read, c, 5)
      local _, why2 = pcall(c.write, c, "x")
      return { tostring(why), tostring(why2) }]])
    assert.equal("!", peer.tcp:receive(1))
    peer.tcp:setoption("linger", { on = true, timeout = 0 })
    peer.tcp:close()
    local list = workbench.outcome(asked)
    assert.matches("read: the connection was cut", list[1])
    assert.matches("write: the connection was cut", list[2])

    asked, peer = begin("while true do c:write(('x'):rep(1024 * 1024)) end", nil, "b")
    peer.tcp:receive(1000)
    peer.tcp:setoption("linger", { on = true, timeout = 0 })
    peer.tcp:close()
    local answer = asked:read_answer()
    assert.matches("write: the connection was cut", answer.body)
  end)

  it("is not taken for a line when garbage comes", function()
    start()
    local asked, peer = begin("return c:read('line')")
    peer:write(("\0\255"):rep(40 * 1024))
    assert.matches("read: the line is longer than 65536 bytes", asked:read_answer().body)
  end)

  it("is refused when nobody listens, or the name does not exist", function()
    start()
    assert.matches("connect 127.0.0.1: could not connect %(Connection refused%)",
      refusal(("od.connect('127.0.0.1', %d)"):format(Upstream.free_port())))
    assert.matches("connect nowhere.invalid: the name of the host was not found",
      refusal("od.connect('nowhere.invalid', 5432)"))
  end)

  it("does not reach the inside with --fetch-private=deny", function()
    start { args = { "--fetch-private", "deny" } }
    for _, host in ipairs { "127.0.0.1", "localhost", "2130706433", "::ffff:127.0.0.1" } do
      assert.matches("is of a private network or of this machine",
        refusal(("od.connect(%q, %d)"):format(host, upstream.port)), nil, host)
    end
    upstream:expect_nobody()
  end)

  it("names what is wrong with its arguments", function()
    start()
    for arguments, expected in pairs {
      [""] = "connect: argument 1 must be a string",
      ["'x'"] = "connect: argument 2 must be a number",
      ["'x', 0"] = "the port must be a whole number from 1 to 65535, got 0",
      ["'x', 80.5"] = "the port must be a whole number",
      ["'', 80"] = "this is not the name or address of a host",
      ["'http://x/', 80"] = "this is not the name or address of a host",
      ["'me@x', 80"] = "this is not the name or address of a host",
      ["'x', 80, { tsl = true }"] = "there is no option 'tsl'",
      ["'x', 80, { timeout = 0 }"] = "timeout must be 1 to 600000 milliseconds, got 0",
      ["'x', 80, 'tls'"] = "connect: argument 3 must be a table",
    } do
      assert.matches(expected, refusal(("od.connect(%s)"):format(arguments)), 1, true)
    end
    local asked = begin([[
      local said = {}
      for i, what in ipairs { 0, 1.5, "lines", {}, 2 ^ 20 + 1 } do
        said[i] = select(2, pcall(c.read, c, what))
      end
      said[6] = select(2, pcall(c.write, c, 5 == 5))
      said[7] = select(2, pcall(table.sort, { 1, 2 }, function() c:read() end))
      c:close()
      said[8] = select(2, pcall(c.read, c))
      said[9] = select(2, pcall(c.write, c, "x"))
      c:close()
      return said]])
    local said = workbench.outcome(asked)
    for i, expected in ipairs { "got 0", "got 1.5", "argument 1 must be", "got a table",
      "got 1048577", "write: argument 1 must be a string", "cannot wait inside a callback",
      "read: the connection is closed", "write: the connection is closed" } do
      assert.matches(expected, said[i], 1, true)
    end
  end)

  it("is read by one handler at a time, and written by one", function()
    start()
    local asked, peer = begin([[
      local outcome = od.allSettled {
        function() return c:read("line") end,
        function() print "reads" return c:read("line") end,
        function() c:write(("x"):rep(16 * 1024 * 1024)) end,
        function() print "writes" c:write("y") end,
      }
      local list = {}
      for i, one in ipairs(outcome) do
        list[i] = one.value or one.reason and tostring(one.reason) or one.status
      end
      c:close()
      return list]])
    server:wait_log("writes") -- All four have begun.
    peer:write("for the first\n")
    assert.equal(("x"):rep(16 * 1024 * 1024), ended(peer))
    local list = workbench.outcome(asked)
    assert.equal("for the first", list[1])
    assert.matches("another handler reads this connection already", list[2])
    assert.matches("another handler is in the middle of a write", list[4])
  end)

  it("is given up in the middle of a write with who wrote", function()
    start()
    local asked, peer = begin([[
      od.race { function() c:write(("x"):rep(32 * 1024 * 1024)) end,
        function() return c:read("line") end }
      return select(2, pcall(c.write, c, "after"))]])
    peer:write("enough\n")
    assert.matches("given up in the middle of a write", workbench.outcome(asked))
    assert.is_nil(ended(peer):find("after", 1, true))
  end)

  it("is waited for as long as the option timeout says", function()
    start()
    -- A handler has 30 s for its answer, but not what it leaves to waitUntil.
    local _, peer = begin([[
      state:waitUntil(function()
        print "reads"
        print(select(2, pcall(c.read, c, 4)))
        print("then " .. c:read("line"))
      end)]], "{ timeout = 60000 }")
    peer:write("hal")
    server:wait_log("reads")
    workbench.pass(server, 61000)
    server:wait_log("read: it has not come within 60000 ms")
    peer:write("f\n")
    server:wait_log("then half")

    local _, silent = begin([[
      state:waitUntil(function()
        print "writes"
        print(select(2, pcall(c.write, c, ("x"):rep(32 * 1024 * 1024))))
      end)]], "{ timeout = 60000 }", "b")
    server:wait_log("writes")
    for _ = 1, 3 do -- The last bytes may have been taken after the first time.
      workbench.pass(server, 61000)
    end
    server:wait_log("write: the peer has not read on for 60000 ms")
    assert.is_true(#ended(silent) < 32 * 1024 * 1024)
  end)

  it("is shown to an operator", function()
    start()
    local asked, peer = begin("self.c = c self.d = od.connect('localhost', 1) return true")
    assert.matches("could not connect", asked:read_answer().body)
    local function shown()
      local code, text = server:asking("object", "things/a")
      assert.equal(0, code)
      return text
    end
    assert.matches(("\nconnection +127.0.0.1:%d, open\n"):format(upstream.port), shown())
    ask("self.c:close()")
    assert.equal("", ended(peer))
    assert.not_matches("connection", shown())
  end)

  it("has its limits", function()
    start()
    local list = ask(([[
      self.all = {}
      local ok, why
      for i = 1, 65 do
        ok, why = pcall(od.connect, "127.0.0.1", %d)
        self.all[i] = why
      end
      self.all[1]:close()
      self.all[1] = od.connect("127.0.0.1", %d)
      return { tostring(ok), why }]]):format(upstream.port, upstream.port))
    assert.equal("false", list[1])
    assert.matches("the object has 64 connections already", list[2])
    for _, name in ipairs { "b", "c", "d" } do
      ask(("self.all = {} for i = 1, 64 do self.all[i] = od.connect('127.0.0.1', %d) end"):format(
        upstream.port), name)
    end
    assert.matches("the worker has 256 connections already", workbench.refusal(server, "e",
      ("od.connect('127.0.0.1', %d)"):format(upstream.port)))
  end)

  it("opens and sends when the writes before it are on disk", function()
    start()
    ask(with("self.c = c"), "a")
    local peer = upstream:take()
    server:fault("commit.hold")
    local asked = workbench.begin(server, "a", [[
      storage:put("n", 1)
      self.c:write("held\n")
      print "put"
      return self.c:read("line")]])
    server:wait_log("put")
    ask("return true", "other")
    peer.tcp:settimeout(0)
    assert.equal("timeout", select(2, peer.tcp:receive(1)))
    server:clear_fault("commit.hold")
    peer.tcp:settimeout(30)
    assert.equal("held", peer.tcp:receive("*l"))
    peer:write("answer\n")
    assert.equal("answer", workbench.outcome(asked))
  end)

  it("never sends what rests on a write that has failed", function()
    start()
    server:expect_mishap("could not be written")
    ask(with("self.c = c"), "a")
    local peer = upstream:take()
    server:fault("commit.hold")
    server:fault("commit.fail", { times = 1 })
    local doomed = workbench.begin(server, "a",
      "storage:put('n', 1) self.c:write('never') print 'put' return self.c:read()")
    server:wait_log("put")
    server:clear_fault("commit.hold")
    assert.equal(500, doomed:read_answer().status)
    assert.equal("", ended(peer))
  end)

  it("can be spoken to within a transaction", function()
    start()
    local asked, peer = begin([[
      return storage:transaction(function(txn)
        txn:put("n", 1)
        c:write("question\n")
        local answer = c:read("line")
        txn:put("answer", answer)
        return answer
      end)]])
    assert.equal("question", peer.tcp:receive("*l"))
    peer:write("42\n")
    assert.equal("42", workbench.outcome(asked))
    assert.equal("42", ask("return storage:get('answer')"))
  end)

  it("keeps nobody awake, and ends with the instance, behind what was written", function()
    start()
    ask(with("self.c = c c:write('last words')"))
    local peer = upstream:take()
    workbench.fall_asleep(server)
    assert.equal("last words", ended(peer))
    assert.is_nil(ask("return self.c"))
  end)

  it("ends with a reset, an abort and new code, also while a read waits", function()
    start()
    local asked, peer = begin("self.c = c print 'waits' return c:read()")
    server:wait_log("waits")
    workbench.begin(server, "a", "state:abort('enough')"):read_answer()
    assert.equal("", ended(peer))
    assert.equal(500, asked:read_answer().status)

    ask(with("self.c = c"))
    peer = upstream:take()
    server:save(workbench.PLAIN .. "-- Another version.\n")
    server.process:signal("HUP")
    server:wait_version(2)
    assert.equal("", ended(peer))
  end)

  it("does not hold up a worker that leaves, which sends what was written", function()
    start()
    ask(with("self.c = c c:write('last words')"))
    local peer = upstream:take()
    assert.equal(0, (server:asking("restart-worker", "0")))
    assert.equal("last words", ended(peer))
    assert.is_nil(ask("return self.c"))
  end)

  it("ends with its worker", function()
    start()
    server:expect_mishap("another one is started")
    local asked, peer = begin("return c:read()")
    survival.kill_one(server)
    assert.equal("", ended(peer))
    assert.equal(503, asked:read_answer().status)
    survival.await_back(server)
    asked, peer = begin("return c:read('line')")
    peer:write("anew\n")
    assert.equal("anew", workbench.outcome(asked))
  end)

  it("is the object's that opened it", function()
    start(nil, SHARED)
    server:post("/things/a", tostring(upstream.port))
    assert.equal("read: this connection belongs to the object things/a",
      (server:post("/things/b", "").body:gsub("^.-: ", "", 1)))
  end)

  describe("of the entry", function()
    it("is there for all its requests; one that is lost is closed", function()
      start(nil, ENTRY)
      local first = server:open()
      first:send_request("GET", "/one?port=" .. upstream.port)
      local peer = upstream:take()
      assert.equal("/one", peer.tcp:receive("*l"))
      peer:write("1\n")
      assert.equal("1", first:read_answer().body)
      first:send_request("GET", "/two?port=" .. upstream.port)
      assert.equal("/two", peer.tcp:receive("*l"))
      peer:write("2\n")
      assert.equal("2", first:read_answer().body)

      first:send_request("GET", "/lost?port=" .. upstream.port)
      assert.equal("ok", first:read_answer().body)
      assert.equal("lost", ended(upstream:take()))
    end)
  end)

  describe("with TLS", function()
    local tls

    setup(function()
      certificates.new_directory()
      certificates.certify("localhost")
      certificates.certify("elsewhere.example", "elsewhere")
    end)

    teardown(certificates.remove_directory)

    local function path(name)
      return certificates.directory .. "/" .. name
    end

    local function front(name, word)
      tls = process.start { argv = { "node", "spec/support/tls_front.mjs", tostring(upstream.port),
        path(name .. ".key"), path(name .. ".crt"), word }, env = { LD_PRELOAD = "" } }
      start { env = { SSL_CERT_FILE = path(name .. ".crt") } }
      return tonumber((tls:wait_output("front at (%d+)", 30)))
    end

    after_each(function()
      tls:signal("KILL")
      tls:wait_exit(10)
    end)

    it("is verified, and behaves as one without", function()
      local port = front("localhost")
      local asked = workbench.begin(server, "a", ([[
        local c = od.connect("localhost", %d, { tls = true })
        c:write("hello\n")
        local bytes = c:read(300 * 1024)
        c:write(bytes)
        local line = c:read("line")
        local last = c:read()
        c:close()
        return { #bytes, line, tostring(last) }]]):format(port))
      local peer = upstream:take()
      assert.equal("hello", peer.tcp:receive("*l"))
      peer:write(("x"):rep(300 * 1024))
      assert.equal(("x"):rep(300 * 1024), peer.tcp:receive(300 * 1024))
      peer:write("bye\r\n")
      peer.tcp:shutdown("send")
      assert.same({ 300 * 1024, "bye", "nil" }, workbench.outcome(asked))
      assert.equal("", ended(peer))
    end)

    it("is not believed with another name, or without trust", function()
      local port = front("elsewhere")
      assert.matches("the certificate was not accepted",
        refusal(("od.connect('localhost', %d, { tls = true })"):format(port)))
      upstream:expect_no_word()
    end)

    it("begins behind words without it, with startTls", function()
      local port = front("localhost", "220 go on")
      local asked = workbench.begin(server, "a", ([[
        local c = od.connect("localhost", %d)
        c:write("STARTTLS\n")
        local word = c:read("line")
        c:startTls()
        local twice = select(2, pcall(c.startTls, c)):gsub("^code:%%d+: ", "")
        c:write("secret\n")
        local bytes = c:read(300 * 1024)
        c:write(bytes)
        local last = c:read()
        c:close()
        return { word, twice, #bytes, tostring(last) }]]):format(port))
      local peer = upstream:take()
      assert.equal("secret", peer.tcp:receive("*l"))
      peer:write(("x"):rep(300 * 1024))
      assert.equal(("x"):rep(300 * 1024), peer.tcp:receive(300 * 1024))
      peer.tcp:shutdown("send")
      assert.same({ "220 go on", "startTls: this connection has TLS already", 300 * 1024, "nil" },
        workbench.outcome(asked))
      assert.equal("", ended(peer))
    end)

    it("that is begun later is not believed with another name", function()
      local port = front("elsewhere", "220 go on")
      local outcome = ask(([[
        local c = od.connect("localhost", %d)
        c:write("STARTTLS\n")
        c:read("line")
        return { select(2, pcall(c.startTls, c)), select(2, pcall(c.write, c, "secret")) }]])
          :format(port))
      assert.matches("startTls localhost: the certificate was not accepted", outcome[1])
      assert.matches("write: the certificate was not accepted", outcome[2])
      upstream:expect_no_word()
    end)

    -- Else they would be taken for words of the peer that came with TLS.
    it("that is begun later has nothing to do with what came before", function()
      local port = front("localhost", "220 go on\\r\\n250 injected")
      assert.matches("startTls: 14 bytes have come that are not read", refusal(([[
        local c = od.connect("localhost", %d)
        c:write("STARTTLS\n")
        local word = c:read("line")
        if word == "220 go on" then
          c:startTls()
        end]]):format(port)))
      local asked = workbench.begin(server, "b", ([[
        local c = od.connect("localhost", %d)
        c:startTls()]]):format(upstream.port))
      local peer = upstream:take()
      peer.tcp:receive(5)
      peer:write("250 injected\r\n")
      peer.tcp:close()
      assert.matches("startTls localhost: TLS could not be begun", asked:read_answer().body)
    end)

    it("that is begun later comes behind what was written, is alone, and has a bound", function()
      local size = 12 * 1024 * 1024
      front("localhost")
      ask(([[
        self.c = od.connect("localhost", %d, { timeout = 60000 })
        state:waitUntil(function()
          self.c:write(("x"):rep(%d))
          print(select(2, pcall(self.c.startTls, self.c)))
        end)]]):format(upstream.port, size))
      local peer = upstream:take()
      assert.equal(("x"):rep(size), peer.tcp:receive(size))
      assert.equal("\22\3", peer.tcp:receive(2)) -- A hello of TLS.
      for call, problem in pairs { ["read('line')"] = "read: another handler reads",
        ["write('x')"] = "write: another handler is in the middle of startTls",
        ["startTls()"] = "startTls: this connection has TLS already" } do
        assert.matches(problem, refusal("self.c:" .. call))
      end
      workbench.pass(server, 61000)
      server:wait_log("startTls localhost: there was no TLS within 60000 ms")
    end)

    it("is not begun with a server that has none", function()
      front("localhost")
      local asked = workbench.begin(server, "a",
        ("od.connect('localhost', %d, { tls = true })"):format(upstream.port))
      local peer = upstream:take()
      peer.tcp:receive(5)
      peer:write("220 mail.example ESMTP\r\n")
      peer.tcp:close()
      assert.matches("TLS could not be begun", asked:read_answer().body)
    end)
  end)

  it("that has not come about in time is an error", function()
    -- A listener whose queue is full answers nobody.
    local full = socket.tcp4 and socket.tcp4() or socket.tcp()
    assert(full:bind("127.0.0.1", 0))
    assert(full:listen(0))
    local _, port = full:getsockname()
    local fill = {}
    for i = 1, 4 do
      fill[i] = socket.tcp()
      fill[i]:settimeout(0)
      fill[i]:connect("127.0.0.1", tonumber(port))
    end
    start()
    ask(([[
      state:waitUntil(function()
        print "begins"
        print(select(2, pcall(od.connect, "127.0.0.1", %d, { timeout = 60000 })))
      end)]]):format(tonumber(port)))
    server:wait_log("begins")
    workbench.pass(server, 61000)
    server:wait_log("connect 127.0.0.1: there was no connection within 60000 ms")
    for i = 1, 4 do
      fill[i]:close()
    end
    full:close()
  end)
end)
