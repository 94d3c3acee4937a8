-- Who may connect, and who he is: pages of other hosts, one address with many connections, proxies
-- that say for whom they ask, and others that claim to be one.
local http = require "spec.support.http"
local Server = require "spec.support.server"
local socket = require "socket"
local websocket = require "spec.support.websocket"
local workbench = require "spec.scenario.workbench"

local function start(...)
  return workbench.start(nil, { workers = 2, args = { ... } })
end

describe("a page that opens a WebSocket", function()
  local server

  after_each(function()
    server:stop()
  end)

  local function status(origin, host)
    local answer, connection = server:handshake("/things/a", {
      headers = { origin = origin, host = host },
    })
    connection:close()
    return answer.status
  end

  it("may be one of the same host, by any name of the loopback and on any port", function()
    server = start("--allow-host", "chat.example")
    assert.equal(101, status(nil, "127.0.0.1:8787"))
    assert.equal(101, status("http://127.0.0.1:8787", "127.0.0.1:8787"))
    assert.equal(101, status("http://localhost:5173", "127.0.0.1:8787"))
    assert.equal(101, status("http://[::1]:5173", "localhost"))
    assert.equal(101, status("https://Chat.Example", "chat.example"))
    assert.equal(101, status("https://chat.example", "chat.example:443"))
  end)

  it("may not be one of another host, and the log says what to do", function()
    server = start("--allow-host", "*")
    for _, origin in ipairs { "https://evil.example", "null", "https://chat.example.evil.example",
      "https://evil.example:80/chat.example", "chat.example", "", "https://", "file://" } do
      assert.equal(403, status(origin, "chat.example"), origin)
    end
    local answer, connection = server:handshake("/things/a", {
      headers = { origin = "https://evil.example", host = "chat.example" },
    })
    connection:close()
    assert.matches("--allow-origin", answer.body, 1, true)
    server:wait_log("a page of https://evil.example may not open a WebSocket at chat.example.*"
      .. "%-%-allow%-origin")
    local plain = server:post("/things/a", "return 1", { origin = "https://evil.example" })
    assert.equal(200, plain.status)
  end)

  it("may be one of those that are named", function()
    server = start("--allow-origin", "https://a.example,http://b.example:8080",
      "--allow-host", "chat.example")
    assert.equal(101, status("https://a.example", "chat.example"))
    assert.equal(101, status("http://b.example:8080", "chat.example"))
    assert.equal(403, status("http://b.example", "chat.example"))
    assert.equal(403, status("http://a.example", "chat.example"))
    assert.equal(101, status("https://chat.example", "chat.example"))
  end)

  it("may be any, when all are allowed", function()
    server = start("--allow-origin", "*", "--allow-host", "www.example,chat.example")
    assert.equal(101, status("https://evil.example", "chat.example"))
    assert.equal(101, status("null", "chat.example"))
  end)
end)

-- A stranger's name can be made to lead to 127.0.0.1, and then his page is one of the same host.
describe("a page that knows a loopback server by a name", function()
  local server

  after_each(function()
    server:stop()
  end)

  local function status(host, origin)
    local answer, connection = server:handshake("/things/a", {
      headers = { host = host, origin = origin or "http://" .. host },
    })
    connection:close()
    return answer.status, answer.body
  end

  it("may open WebSockets by those of the loopback, and by addresses", function()
    server = start()
    for _, host in ipairs { "localhost", "LOCALHOST:8787", "chat.localhost:80", "127.0.0.1",
      "127.9.9.9:8787", "[::1]:8787", "[::1]", "192.168.1.5:8787" } do
      assert.equal(101, status(host), host)
    end
    for _, host in ipairs { "evil.example", "evil.example:8787", "localhost.evil.example",
      "evillocalhost", "127.0.0.1.evil.example", "a1", "evil.example1" } do
      local code, body = status(host)
      assert.equal(403, code, host)
      assert.matches("--allow-host", body, 1, true)
    end
    server:wait_log("a page of http://evil.example may not open a WebSocket at evil.example.*"
      .. "%-%-allow%-host")
    local answer, connection = server:handshake("/things/a", { headers = { host = "h.example" } })
    connection:close()
    assert.equal(101, answer.status) -- Without Origin it is no page.
    assert.equal(200, server:post("/things/a", "return 1", { host = "h.example" }).status)
  end)

  it("may open them by those that are named, and by any behind a trusted proxy", function()
    server = start("--allow-host", "chat.example")
    assert.equal(101, status("chat.example:8787"))
    assert.equal(101, status("localhost"))
    assert.equal(403, status("evil.example"))
    server:stop()
    server = start("--trusted-proxies", "127.0.0.1")
    assert.equal(101, status("chat.example"))
  end)
end)

describe("a proxy that says what it was asked by", function()
  local server

  after_each(function()
    server:stop()
  end)

  local function url(headers)
    headers.host = "h.example"
    return server:post("/things/a", "return request.url", headers).body:match('"value":"([^"]*)"')
  end

  it("is believed when it is trusted", function()
    server = start("--trusted-proxies", "127.0.0.1")
    local https, plain = "https://h.example/things/a", "http://h.example/things/a"
    assert.equal(https, url { ["x-forwarded-proto"] = "https" })
    assert.equal(https, url { ["x-forwarded-proto"] = "http, HTTPS" })
    assert.equal(https, url { forwarded = 'for=192.0.2.1;proto=https;by=x' })
    assert.equal(https, url { forwarded = 'for=192.0.2.1, for="[::1]"; Proto="https"' })
    assert.equal(plain, url { ["x-forwarded-proto"] = "https, http" })
    assert.equal(plain, url { ["x-forwarded-proto"] = "httpsx" })
    assert.equal(plain, url {})
    server:stop()
    server = start()
    assert.equal(plain, url { ["x-forwarded-proto"] = "https", forwarded = "proto=https" })
  end)
end)

describe("the name of an object", function()
  local server

  after_each(function()
    server:stop()
  end)

  it("is UTF-8, and cannot turn the terminal of who reads the log", function()
    server = start()
    for _, name in ipairs { "%ff", "%c3", "a%80b", "%ed%a0%80", "%c0%80" } do
      assert.equal(400, server:get("/things/" .. name).status, name)
    end
    assert.equal(200, server:post("/things/%c3%bc", "return 1").status)
    server:post("/things/%e2%80%aeevil%c2%9b31m", "print 'noticed'")
    server:wait_log("noticed")
    assert.matches("things/\\u202eevil\\u009b31m", server:log(), 1, true)
    local code, text = server:asking("status")
    assert.equal(0, code)
    assert.is_nil(text:find("\226\128\174", 1, true))
    assert.is_nil(text:find("\194\155", 1, true))
    assert.is_truthy(server:status())
  end)
end)

describe("an address", function()
  local server

  after_each(function()
    server:stop()
  end)

  local function from(address)
    return { host = "127.0.0.1", port = server.address.port, from = address }
  end

  local function is_served(connection)
    local ok, answer = pcall(connection.request, connection, "POST", "/things/a", {
      body = "return request.peer",
    })
    return ok and answer.status == 200
  end

  -- Clients end when they like, and main hears of it a moment later.
  local function await_count(count)
    local deadline = socket.gettime() + 60
    repeat
      local counted = server:status().connections.count
    until counted == count or assert(socket.gettime() < deadline,
      ("%d connections are counted, not %d"):format(counted, count))
  end

  it("has no more connections at once than it may, whatever they are", function()
    server = start("--connections-per-address", "3")
    local ann, ben = http.open(from("127.0.0.2")), http.open(from("127.0.0.2"))
    assert.is_true(is_served(ann))
    assert.is_true(is_served(ben))
    local cleo = websocket.connect(from("127.0.0.2"), "/things/a")
    assert.is_false(is_served(http.open(from("127.0.0.2"))))
    server:wait_log("127%.0%.0%.2 has 3 connections and gets no more")
    local dan = http.open(from("127.0.0.3")) -- Somebody else.
    assert.is_true(is_served(dan))
    cleo:expect_silence()

    for _, client in ipairs { ann, ben, dan } do
      client:close()
    end
    cleo:close(1000)
    cleo:expect_close(1000)
    await_count(0)
    local all = {} -- One that nobody holds may be closed at any time.
    for i = 1, 3 do
      all[i] = http.open(from("127.0.0.2"))
      assert.is_true(is_served(all[i]))
    end
    assert.is_false(is_served(http.open(from("127.0.0.2"))))
  end)

  it("is counted apart from all others, however many there are", function()
    server = start("--connections-per-address", "2")
    local all = {}
    for i = 0, 399 do
      all[i] = http.open(from(("127.1.%d.7"):format(1 + i % 200)))
      assert.is_true(is_served(all[i]))
    end
    for i = 1, 200 do
      assert.is_false(is_served(http.open(from(("127.1.%d.7"):format(i)))))
    end
    assert.same({ count = 400, addresses = 200, refused = 200 }, server:status().connections)
    assert.matches("400 connections of 200 addresses", select(2, server:asking("status")))
    for i = 200, 399 do
      all[i]:close()
    end
    await_count(200)
    for i = 200, 399 do
      all[i] = http.open(from(("127.1.%d.7"):format(1 + i % 200)))
      assert.is_true(is_served(all[i]))
    end
  end)

  local ENDS = {
    ["before it has asked anything"] = function()
      local client = http.open(from("127.0.0.2"))
      await_count(1)
      client:close()
    end,
    ["when nonsense is refused"] = function()
      local client = http.open(from("127.0.0.2"))
      client:write("what?\r\n\r\n")
      client:read_to_end()
      client:close()
    end,
    ["after a request"] = function()
      local client = http.open(from("127.0.0.2"))
      assert.is_true(is_served(client))
      client:close()
    end,
    ["when its WebSocket is closed by the client"] = function()
      local ws = websocket.connect(from("127.0.0.2"), "/things/a")
      ws:close(1000)
      ws:expect_close(1000)
      ws:cut()
    end,
    ["when its WebSocket is cut"] = function()
      websocket.connect(from("127.0.0.2"), "/things/a"):cut()
    end,
  }

  for how, finish in pairs(ENDS) do
    it("may connect again: " .. how, function()
      server = start("--connections-per-address", "1")
      for _ = 1, 3 do
        finish()
        await_count(0)
      end
    end)
  end

  it("keeps what a worker held that has died only if the connection goes on", function()
    server = start("--connections-per-address", "3")
    server:expect_mishap("another one is started")
    local http_client = http.open(from("127.0.0.2"))
    assert.is_true(is_served(http_client))
    local ws = websocket.connect(from("127.0.0.2"), "/things/a")
    await_count(2)
    for _, pid in ipairs(server.process:children()) do
      os.execute("kill -9 " .. pid)
    end
    server:wait_log("worker %d is back")
    server:wait_log("worker %d is back")
    await_count(1)
    ws:expect_silence()
    ws:cut()
    await_count(0)
  end)

  -- The entry fetch runs in any worker; the 101 goes to the one in which the object lives.
  it("is counted on when its WebSocket goes to another worker, and until that ends", function()
    server = workbench.start([[
      return { namespaces = { things = { fetch = require("workbench").fetch } },
        fetch = function(request, env)
          return env.things:getByName(request.path:match("[^/]+$")):fetch(request)
        end }
    ]], { workers = 2, args = { "--connections-per-address", "8" } })
    local sockets = {}
    for i = 1, 8 do
      sockets[i] = websocket.connect(from("127.0.0.2"), "/things/x" .. i)
    end
    await_count(8)
    assert.is_false(is_served(http.open(from("127.0.0.2"))))
    for i, ws in ipairs(sockets) do
      ws:cut()
      await_count(8 - i)
    end
  end)

  it("may have any number unless told otherwise", function()
    server = start()
    for _ = 1, 40 do
      assert.is_true(is_served(http.open(from("127.0.0.2"))))
    end
  end)

  it("of a trusted proxy is not counted", function()
    server = start("--connections-per-address", "2", "--trusted-proxies", "127.0.0.0/30")
    for _ = 1, 10 do
      assert.is_true(is_served(http.open(from("127.0.0.2"))))
    end
  end)
end)

describe("the peer of a request", function()
  local server

  setup(function()
    server = start("--trusted-proxies", "127.0.0.1,10.0.0.0/8,fd00::/8")
  end)

  teardown(function()
    server:stop()
  end)

  local function peer(headers, options)
    options = options or {}
    local connection = http.open {
      host = "127.0.0.1", port = server.address.port, from = options.from,
    }
    connection:write(options.before or "")
    local answer = connection:request("POST", "/things/a", {
      body = options.body or "return request.peer", headers = headers,
    })
    connection:close()
    return answer.status == 200 and answer.body:match('"value":"(.-)"') or answer.status
  end

  local function forwarded(list, options)
    return peer({ ["x-forwarded-for"] = list }, options)
  end

  it("is who connects", function()
    assert.equal("127.0.0.1", peer())
    assert.equal("127.0.0.2", peer(nil, { from = "127.0.0.2" }))
  end)

  it("is the last one that is not trusted, when a trusted proxy forwards", function()
    assert.equal("192.0.2.1", forwarded("192.0.2.1"))
    assert.equal("192.0.2.1", forwarded("192.0.2.1, 10.1.2.3"))
    assert.equal("192.0.2.2", forwarded("192.0.2.1, 192.0.2.2, 10.1.2.3"))
    assert.equal("192.0.2.2", forwarded("10.9.9.9, 192.0.2.2, 10.1.2.3"))
    assert.equal("10.9.9.9", forwarded("10.9.9.9, 10.1.2.3"))
    assert.equal("2001:db8::1", forwarded("2001:db8::1, fd00::7"))
    assert.equal("2001:db8::1", forwarded("[2001:db8::1]:4711"))
    assert.equal("192.0.2.1", forwarded("192.0.2.1:4711"))
    assert.equal("192.0.2.1", forwarded("::ffff:192.0.2.1"))
  end)

  it("is nobody of whom a word that is no address keeps us apart", function()
    assert.equal("10.1.2.3", forwarded("192.0.2.1, unknown, 10.1.2.3"))
    assert.equal("127.0.0.1", forwarded("192.0.2.1, unknown"))
    assert.equal("127.0.0.1", forwarded(("1"):rep(300)))
    assert.equal("127.0.0.1", forwarded(""))
    assert.equal("127.0.0.1", forwarded(",, ,"))
  end)

  it("is not who somebody says that is not trusted", function()
    assert.equal("127.0.0.2", forwarded("192.0.2.1", { from = "127.0.0.2" }))
  end)

  local function proxy_header(command, family, body)
    return "\r\n\r\n\0\r\nQUIT\n"
      .. string.char(command, family, math.floor(#body / 256), #body % 256) .. body
  end

  local IPV4 = "\192\0\2\9" .. "\127\0\0\1" .. "\18\103\34\83"
  local IPV6 = "\32\1\13\184" .. ("\0"):rep(11) .. "\1" .. ("\0"):rep(15) .. "\1" .. "\18\103\34\83"

  it("is whom a PROXY header names", function()
    assert.equal("192.0.2.9", peer(nil, { before = proxy_header(0x21, 0x11, IPV4) }))
    assert.equal("2001:db8::1", peer(nil, { before = proxy_header(0x21, 0x21, IPV6) }))
    local with_more = proxy_header(0x21, 0x11, IPV4 .. "\4\0\3abc")
    assert.equal("192.0.2.9", peer(nil, { before = with_more }))
    -- Its own word on X-Forwarded-For counts only if it is trusted, too.
    assert.equal("192.0.2.9", peer({ ["x-forwarded-for"] = "198.51.100.1" },
      { before = proxy_header(0x21, 0x11, IPV4) }))
    assert.equal("198.51.100.1", peer({ ["x-forwarded-for"] = "198.51.100.1" },
      { before = proxy_header(0x21, 0x11, "\10\0\0\1" .. IPV4:sub(5)) }))
  end)

  it("speaks TLS when the PROXY header says so", function()
    local function tls(parts)
      return peer(nil, { before = proxy_header(0x21, 0x11, IPV4 .. parts),
        body = "return request.url:match('^%w+') .. ' ' .. (request.tls and request.tls.version "
          .. ".. ' ' .. tostring(request.tls.serverName) or 'none')" })
    end
    local name, version = "\2\0\5h.org", "\33\0\7TLSv1.2"
    local function ssl(flags, rest)
      return "\32\0" .. string.char(5 + #rest) .. flags .. "\0\0\0\1" .. rest
    end
    assert.equal("https TLSv1.2 h.org", tls(name .. ssl("\1", version)))
    assert.equal("https TLSv1.2 nil", tls(ssl("\1", version)))
    assert.equal("https TLSv1.2 nil", tls(ssl("\7", "\35\0\1x" .. version) .. "\2\0\3a b"))
    assert.equal("https TLS nil", tls(ssl("\1", "")))
    assert.equal("http none", tls(ssl("\0", version)))
    assert.equal("http none", tls(name))
    assert.equal("http none", tls("\32\0\9\1\0\0\0\1"))
    assert.equal("http none", tls("\32\0\2\1\0"))
  end)

  it("is the proxy, when it speaks for itself or of something else", function()
    assert.equal("127.0.0.1", peer(nil, { before = proxy_header(0x20, 0, "") }))
    assert.equal("127.0.0.1", peer(nil, { before = proxy_header(0x21, 0, "") }))
    assert.equal("127.0.0.1", peer(nil, { before = proxy_header(0x21, 0x31, ("x"):rep(216)) }))
  end)

  it("may come byte by byte", function()
    local connection = server:open()
    for byte in proxy_header(0x21, 0x11, IPV4):gmatch(".") do
      connection:write(byte)
    end
    local answer = connection:request("POST", "/things/a", { body = "return request.peer" })
    assert.equal('{"value":"192.0.2.9"}', answer.body)
    connection:close()
  end)

  it("cannot be told in a broken PROXY header", function()
    for _, header in ipairs {
      proxy_header(0x11, 0x11, IPV4), proxy_header(0x22, 0x11, IPV4),
      proxy_header(0x21, 0x11, "\1\2\3"), proxy_header(0x21, 0x21, IPV4),
      proxy_header(0x21, 0x11, ("x"):rep(5000)),
    } do
      assert.equal(400, peer(nil, { before = header }))
    end
  end)

  it("is not read from the PROXY header of a stranger", function()
    assert.equal(400, peer(nil, {
      before = proxy_header(0x21, 0x11, IPV4), from = "127.0.0.2",
    }))
  end)

  it("needs networks that are some", function()
    for _, text in ipairs { "10.0.0.0/33", "10.0.0/8", "::/129", "a", "10.0.0.1/", "1.2.3.4/-1" } do
      local other = Server.prepare {
        source = workbench.PLAIN, args = { "--trusted-proxies", text },
      }
      other:spawn()
      assert.equal(2, other.process:wait_exit(20), text)
      assert.matches("is no network; expected some like", other.process:output(), 1, true)
      os.execute(("rm -rf '%s'"):format(other.directory))
    end
  end)
end)
