-- WebSockets of objects to places outside that behave badly, or well and with TLS.
local process = require "spec.support.process"
local Upstream = require "spec.support.upstream"
local workbench = require "spec.scenario.workbench"

local SOURCE = [[
local od = require "open-do"

local Thing = { fetch = require("workbench").fetch }

local function note(self, text)
  local seen = self.state.storage:get("seen") or {}
  seen[#seen + 1] = text
  self.state.storage:put("seen", seen)
end

function Thing:webSocketOpen(ws, isReconnect)
  note(self, ("open %s %s"):format(ws.protocol, tostring(isReconnect)))
end

function Thing:webSocketMessage(ws, message)
  note(self, #message < 100 and message or #message .. " bytes")
  if message == "flood" then
    for _ = 1, 40 do
      ws:send(("x"):rep(1024 * 1024))
    end
  elseif message ~= "quiet" then
    ws:send(message)
  end
end

function Thing:webSocketClose(ws, code, reason)
  note(self, ("close %d %s"):format(code, reason))
end

function Thing:webSocketError(ws, why)
  note(self, "error " .. why)
end

return { namespaces = { things = Thing } }
]]

-- So long that they do not go by themselves while a busy machine takes its time.
local PAUSE = "reconnect = { min = 600000, max = 2400000 }"
local LONGEST_MS, MARGIN_MS = 2400000, 60000

describe("a place outside", function()
  local server, start, ask, refusal = workbench.asked(SOURCE, { workers = 1 })
  local upstream = Upstream.each()

  local function connect(url, options)
    ask(("state:connect(%q, { %s })"):format(url or upstream.url, options or PAUSE))
  end

  local function seen(count)
    local list
    workbench.becomes(count, function()
      list = ask("return storage:get('seen') or {}")
      return #list
    end)
    return list
  end

  local ANSWERS = {
    { "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi",
      "it was answered with 200 OK and not with 101" },
    { "HTTP/1.1 302 Found\r\nLocation: /x\r\n\r\n",
      "it was answered with 302 Found and not with 101" },
    { "SSH-2.0-OpenSSH_9.2\r\n", "the answer is not HTTP" },
    { ("x"):rep(20000), "the head of the answer has more than 16384 bytes" },
    { "HTTP/1.1 101 Hm\r\nUpgrade: h2c\r\nConnection: Upgrade\r\n\r\n",
      "the answer 101 is not to a WebSocket" },
    { "HTTP/1.1 101 Hm\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: "
      .. ("A"):rep(27) .. "=\r\n\r\n", "the answer's Sec-WebSocket-Accept is wrong" },
    { "HTTP/1.1 101 Hm\r\nno colon\r\n\r\n", "the answer is not HTTP" },
    { "", "the server closed the connection without an answer" },
  }

  it("that answers something else is tried again; the object hears of the first failure only",
    function()
      start()
      connect(upstream.url .. "/secret?key=1")
      for number, answer in ipairs(ANSWERS) do
        local peer = upstream:take()
        peer:read_head()
        peer:write(answer[1])
        if answer[1] == "" then
          peer.tcp:close()
        end
        local host = upstream.url:gsub("%W", "%%%0")
        if number == 1 then
          assert.same({ "error " .. answer[2] }, seen(1))
        end
        if number == 1 or number == 2 or number == 4 or number == 8 then
          server:wait_log("connect " .. host .. "/secret: " .. answer[2]:gsub("%W", "%%%0")
            .. " %(attempt " .. number)
        else
          assert.is_nil(peer.tcp:receive(100000)) -- It has hung up.
        end
        if number > 1 then
          -- The pause is the longest from the third on, and half of it is certain.
          workbench.pass(server, LONGEST_MS / (number == 2 and 4 or 2) - MARGIN_MS)
          upstream:expect_nobody()
        end
        workbench.pass(server, LONGEST_MS)
      end
      upstream:accept()
      assert.same("open  false", seen(2)[2])
    end)

  it("that says nothing is given up after 30 s, and one that is not there at once", function()
    start()
    connect()
    upstream:take():read_head()
    workbench.pass(server, 30000)
    assert.same({ "error the server did not answer within 30 s" }, seen(1))
    workbench.pass(server, LONGEST_MS)
    local peer = upstream:accept()
    seen(2)
    local port = upstream.port
    upstream.tcp:close()
    peer:cut()
    seen(3)
    workbench.pass(server, LONGEST_MS)
    assert.matches("could not connect %(Connection refused%)", seen(4)[4])
    upstream.tcp = Upstream.listen(port).tcp
    workbench.pass(server, LONGEST_MS)
    upstream:accept()
    assert.same("open  true", seen(5)[5])
  end)

  it("that closes at once, again and again, is asked after pauses up to the longest", function()
    start()
    connect()
    local pauses = { 600000, 1200000, LONGEST_MS, LONGEST_MS, LONGEST_MS }
    for number, pause in ipairs(pauses) do
      upstream:accept():cut()
      seen(number * 2)
      workbench.pass(server, pause / 2 - MARGIN_MS)
      upstream:expect_nobody()
      workbench.pass(server, pause / 2 + MARGIN_MS)
    end
    upstream:accept()
  end)

  it("that sends what is no frame, or a masked one, is closed (1002) and dialled anew", function()
    start()
    connect()
    local peer = upstream:accept { behind = "\255\255\255" }
    assert.equal(1002, (peer:expect_close()))
    assert.matches("^error ", seen(2)[2])
    workbench.pass(server, LONGEST_MS)
    peer = upstream:accept()
    peer:write("\129\129\0\0\0\0x")
    assert.equal(1002, (peer:expect_close()))
    assert.matches("mask", seen(4)[4])
    workbench.pass(server, LONGEST_MS)
    upstream:accept()
  end)

  it("that never reads is closed when too much waits for it, and others do not notice", function()
    start()
    connect()
    local peer = upstream:accept()
    peer:send("flood")
    assert.matches("^close 1013", seen(3)[3])
    assert.equal("still here", ask("return 'still here'"))
    peer:cut()
    workbench.pass(server, LONGEST_MS)
    upstream:accept()
  end)

  it("that sends frames in the segment of its answer is heard, behind webSocketOpen", function()
    start()
    connect()
    local peer = upstream:accept { behind = "\129\5first\129\6second" }
    peer:expect("first")
    peer:expect("second")
    assert.same({ "open  false", "first", "second" }, seen(3))
  end)

  it("agrees on compression without context takeover, or on none", function()
    start()
    connect(nil, PAUSE)
    local peer = upstream:accept { headers = { ["Sec-WebSocket-Extensions"] =
      "permessage-deflate; server_no_context_takeover; client_no_context_takeover" } }
    assert.equal("permessage-deflate; server_no_context_takeover; client_no_context_takeover",
      peer.headers["sec-websocket-extensions"])
    peer:send(("so "):rep(1000))
    local kind, payload, rsv = peer:read_frame()
    assert.same({ "text", 0x40 }, { kind, rsv })
    assert.is_true(#payload < 100)
    -- What it has sent back is what anybody could send: it is read like any.
    peer:frame { opcode = "text", payload = payload, rsv = 4 }
    local _, again = peer:read_frame()
    assert.equal(payload, again)
    assert.same({ "open  false", "3000 bytes", "3000 bytes" }, seen(3))
    peer:cut()
    seen(4)
    workbench.pass(server, LONGEST_MS)
    peer = upstream:take()
    peer:read_head()
    peer:answer { headers = { ["Sec-WebSocket-Extensions"] = "permessage-deflate" } }
    assert.matches("error the server would compress with context takeover", seen(5)[5])
  end)

  it("chooses one of the subprotocols it was offered", function()
    start()
    connect(nil, PAUSE .. ", protocols = { 'one', 'two' }")
    local peer = upstream:take()
    peer:read_head()
    assert.equal("one, two", peer.headers["sec-websocket-protocol"])
    peer:answer { headers = { ["Sec-WebSocket-Protocol"] = "three" } }
    assert.matches("chose a subprotocol that nobody asked for", seen(1)[1])
    workbench.pass(server, LONGEST_MS)
    upstream:accept { headers = { ["Sec-WebSocket-Protocol"] = "two" } }
    assert.equal("open two false", seen(2)[2])
  end)

  describe("asked for once, with od.fetch,", function()
    local function begin(code)
      return workbench.begin(server, "a", ([[
        local answer = od.fetch(%q, { headers = { Upgrade = "websocket", ["X-Me"] = "me",
          ["Sec-WebSocket-Protocol"] = "one, two" } }) %s]]):format(
        upstream.url:gsub("^ws", "http") .. "/once", code))
    end

    it("gives a socket like any other, which is not dialled again", function()
      start()
      local asking = begin([[
        state:acceptWebSocket(answer.webSocket, { "once" })
        answer.webSocket:send("hi")
        return answer.status .. " " .. answer.headers:get("sec-websocket-protocol")]])
      local peer = upstream:accept { headers = { ["Sec-WebSocket-Protocol"] = "two" },
        behind = "\129\5quiet" }
      assert.same({ "/once", "me", "one, two" },
        { peer.path, peer.headers["x-me"], peer.headers["sec-websocket-protocol"] })
      assert.equal("101 two", workbench.outcome(asking))
      peer:expect("hi")
      assert.same({ "quiet" }, seen(1))
      assert.is_false(ask("return state:getWebSockets('once')[1].outgoing"))
      peer:send("back")
      peer:expect("back")
      peer:close(1000, "bye")
      assert.same({ "quiet", "back", "close 1000 bye" }, seen(3))
      assert.equal(0, ask("return #state:getWebSockets()"))
      workbench.pass(server, 60000)
      upstream:expect_nobody()
    end)

    it("is hung up when nobody takes it", function()
      start()
      local asking = begin("return answer.status")
      local peer = upstream:accept()
      assert.equal(101, workbench.outcome(asking))
      assert.equal(1006, (peer:expect_close()))
    end)

    it("raises what went wrong", function()
      start()
      local asking = begin("return 1")
      local peer = upstream:take()
      peer:read_head()
      peer:write("HTTP/1.1 403 Forbidden\r\n\r\n")
      local ok, why = pcall(workbench.outcome, asking)
      assert.is_false(ok)
      assert.matches("fetch http://127.0.0.1:%d+/once: it was answered with 403 Forbidden", why)
    end)
  end)

  it("of a private network is not dialled with --fetch-private deny", function()
    start { args = { "--fetch-private=deny" } }
    connect()
    assert.matches("%-%-fetch%-private is deny", seen(1)[1])
    upstream:expect_nobody()
  end)

  it("is refused where the script names it wrongly", function()
    start()
    assert.matches("begins with ws:// or wss://", refusal("state:connect('ftp://x/')"))
    assert.matches("this is not a URL", refusal("state:connect('nowhere')"))
    assert.matches("user name or password", refusal("state:connect('ws://me:pw@x/')"))
    assert.matches("header host is set by the handshake",
      refusal("state:connect('ws://x/', { headers = { Host = 'y' } })"))
    assert.matches("header sec%-websocket%-key is set by the handshake",
      refusal("state:connect('ws://x/', { headers = { ['Sec-WebSocket-Key'] = 'y' } })"))
    assert.matches("CR, LF or NUL",
      refusal("state:connect('ws://x/', { headers = { A = 'b\\r\\nc' } })"))
    assert.not_matches("engine", refusal("state:connect('ws://x/', { headers = 'x' })"))
    assert.not_matches("engine",
      refusal("state:connect('ws://x/', { headers = { A = 'b\\r\\nc' } })"))
    assert.matches("option 'tags' must be a table, got a string",
      refusal("state:connect('ws://x/', { tags = 'x' })"))
    assert.matches('protocol "x" is there twice',
      refusal("state:connect('ws://x/', { protocols = { 'x', 'xy', 'x' } })"))
    assert.matches("there is no option 'tag'", refusal("state:connect('ws://x/', { tag = {} })"))
    assert.matches("reconnect.min must be 100 to 3600000",
      refusal("state:connect('ws://x/', { reconnect = { min = 1 } })"))
    assert.matches("must not be less", refusal(
      "state:connect('ws://x/', { reconnect = { min = 200, max = 100 } })"))
    assert.matches("must be a token", refusal("state:connect('ws://x/', { protocols = 'a b' })"))
    assert.matches("more than 32768 bytes together", refusal(
      "state:connect('ws://x/', { headers = { A = ('x'):rep(40000) } })"))
    assert.matches("not connected yet",
      refusal(("state:connect(%q):send('x')"):format(upstream.url)))
  end)

  describe("with TLS", function()
    local tls, directory

    local function make_certificate(name)
      directory = os.tmpname()
      os.remove(directory)
      assert(os.execute(("unset LD_PRELOAD; mkdir '%s' && openssl req -x509 -newkey ec "
        .. "-pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=%s -addext "
        .. "subjectAltName=DNS:%s -keyout '%s/key.pem' -out '%s/certificate.pem' 2>/dev/null")
        :format(directory, name, name, directory, directory)) == 0)
    end

    -- Takes TLS from what comes and passes it on to the upstream.
    local function front(name)
      make_certificate(name)
      tls = process.start { argv = { "node", "spec/support/tls_front.mjs", tostring(upstream.port),
        directory .. "/key.pem", directory .. "/certificate.pem" }, env = { LD_PRELOAD = "" } }
      return "wss://localhost:" .. tls:wait_output("front at (%d+)", 10)
    end

    after_each(function()
      tls:signal("KILL")
      tls:wait_exit(10)
      os.execute(("rm -rf '%s'"):format(directory))
    end)

    it("is verified, and behaves as one without", function()
      local url = front("localhost")
      start { env = { SSL_CERT_FILE = directory .. "/certificate.pem" } }
      connect(url .. "/feed")
      local peer = upstream:accept()
      assert.equal("/feed", peer.path)
      peer:send("hello")
      peer:expect("hello")
      local large = ("x"):rep(300 * 1024)
      peer:send(large)
      assert.equal(large, (peer:receive()))
      peer:close(1000, "bye")
      assert.same({ "open  false", "hello", #large .. " bytes", "close 1000 bye" }, seen(4))
      workbench.pass(server, LONGEST_MS)
      peer = upstream:accept()
      seen(5)
      ask("state:getWebSockets()[1]:close(4000, 'enough')")
      assert.same({ 4000, "enough" }, { peer:expect_close() })
    end)

    it("is dialled again when its worker has ended, and after an upgrade", function()
      local survival = require "spec.scenario.survival"
      local url = front("localhost")
      start { env = { SSL_CERT_FILE = directory .. "/certificate.pem" } }
      server:expect_mishap("another one is started")
      connect(url, "tags = { 'feed' }")
      local peer = upstream:accept()
      peer:send("hello")
      peer:expect("hello")
      seen(2)
      survival.kill_one(server)
      local back = survival.await_back(server)
      assert.same({ 0, 1 }, { back.given, back.closed })
      assert.equal(1006, (peer:expect_close()))
      assert.matches("^close 1006", seen(3)[3])
      workbench.pass(server, 500)
      upstream:accept()
      assert.equal("open  true", seen(4)[4])
      local code, said = server:asking("upgrade")
      assert.equal(0, code)
      assert.matches(": 0 sockets kept,", said, 1, true)
      assert.matches("^close 1006", seen(5)[5])
      workbench.pass(server, 500)
      upstream:accept():send("quiet")
      assert.same({ "open  true", "quiet" }, { select(6, unpack(seen(7))) })
    end)

    it("is not believed with another name, or without trust", function()
      local url = front("elsewhere.example")
      start { env = { SSL_CERT_FILE = directory .. "/certificate.pem" } }
      connect(url)
      assert.matches("the certificate was not accepted", seen(1)[1])
      upstream:expect_no_word() -- The name is looked at when the handshake is over.
    end)
  end)
end)
