-- TLS ends in a process of its own; behind it all is as without: sockets outlive workers, saves and
-- upgrades.

local certificates = require "spec.scenario.certificates"
local handover = require "spec.scenario.handover"
local http = require "spec.support.http"
local proc = require "spec.support.proc"
local process = require "spec.support.process"
local survival = require "spec.scenario.survival"
local Server = require "spec.support.server"

local SECONDS = 20
local PEOPLE = tonumber(os.getenv("OPEN_DO_SOCKETS")) or 300 -- Of the largest crowd.

local certify, curl = certificates.certify, certificates.curl
local directory

-- Starts the server; clients of the spec go through a tunnel from then on.
local function start_tls(options)
  options = options or { workers = 2 }
  local more = options.args or {}
  options.source = options.source or handover.SOURCE
  options.args = certificates.args { "localhost", "example.test" }
  for _, word in ipairs(more) do
    table.insert(options.args, word)
  end
  local server = survival.start(options)
  server.tls_port = tonumber(server:wait_log("TLS on port (%d+)"))
  server.tunnel = process.start { argv = { "node", "spec/support/tunnel.mjs",
    tostring(server.tls_port), directory .. "/localhost.crt", "localhost" } }
  server.plain_address = server.address
  server.address = { host = "127.0.0.1",
    port = tonumber(server.tunnel:wait_output("tunnel at (%d+)", SECONDS)) }
  return server
end

describe("TLS", function()
  local server, start = require("spec.support.kept").asked(getfenv(1), start_tls)

  setup(function()
    certificates.new_directory()
    directory = certificates.directory
    certify "localhost"
    certify "example.test"
  end)

  teardown(certificates.remove_directory)

  it("serves https and wss, TLS 1.2 and 1.3, by the name that is asked for", function()
    start()
    local boot = "https://localhost:PORT/rooms/a?ask=boot"
    local answer = curl(server, boot)
    assert.matches("^%x+%-", answer)
    assert.equal(answer, curl(server, boot, "--tls-max 1.2 --cacert " .. directory
      .. "/localhost.crt"))
    assert.equal(answer, curl(server, "https://example.test:PORT/rooms/a?ask=boot", "--cacert "
      .. directory .. "/example.test.crt"))
    assert.equal(answer, server:get("/rooms/a?ask=boot").body)
    assert.matches("SSL certificate problem", curl(server, boot, "--cacert " .. directory
      .. "/example.test.crt"))
    assert.matches("protocol version", curl(server, boot, "--tls-max 1.1 --ciphers "
      .. "DEFAULT@SECLEVEL=0 --insecure"))
    local ann = survival.person(server, "a", "ann")
    ann:ask("who", ann:identity())
    ann:ask("size " .. ("x"):rep(3000000), "3000000")
  end)

  it("says so to who speaks plain HTTP there", function()
    start()
    assert.equal("this port speaks TLS: use https:// or wss://...\n",
      curl(server, "http://localhost:PORT/rooms/a"))
  end)

  it("is where who asks without it is sent to, if that is wished", function()
    start { args = { "--tls-redirect", "0", "--trusted-proxies", "127.0.0.2" } }
    local port, plain = server.tls_port, server.plain_address
    -- Where `head`, without its end, is sent to; from the address `from`.
    local function location(head, from)
      local client = http.open { host = plain.host, port = plain.port, from = from }
      client:write(head .. "\r\n\r\n")
      local answer = client:read_answer(head:match("^%u+"))
      if answer.status == 308 then
        assert.equal("", client:read_to_end())
        return answer.headers.location
      end
      return answer.status
    end
    local function https(rest)
      return "https://" .. rest:gsub("PORT", tostring(port))
    end
    local path = "/rooms/a?x=%20"
    assert.equal(https("localhost:PORT" .. path),
      location("GET " .. path .. " HTTP/1.1\r\nHost: localhost:80"))
    assert.equal(https("[::1]:PORT/a"), location "GET /a HTTP/1.1\r\nHost: [::1]:8787")
    assert.equal(https("[::1]:PORT/a"), location "GET /a HTTP/1.1\r\nHost: [::1]")
    assert.equal(https("h:PORT/"), location "OPTIONS * HTTP/1.1\r\nHost: h")
    assert.equal(https("h:PORT/a"), location "HEAD /a HTTP/1.1\r\nHost: h")
    assert.equal(https("h:PORT/a"), location("POST /a HTTP/1.1\r\nHost: h\r\n"
      .. "Content-Length: 5\r\n\r\nhello"))
    local proto = "GET /rooms/a HTTP/1.1\r\nHost: h\r\nX-Forwarded-Proto: https"
    assert.equal(https("h:PORT/rooms/a"), location(proto))
    assert.equal(200, location(proto, "127.0.0.2"))
    assert.equal(https("h:PORT/rooms/a"), location("GET /rooms/a HTTP/1.1\r\nHost: h\r\n"
      .. "Connection: Upgrade\r\nUpgrade: websocket", "127.0.0.2"))
    assert.equal(200, server:get("/rooms/a").status)
  end)

  it("is a property of the request: its url, and with which version and name", function()
    start { workers = 1 }
    local answer = "require('open-do').Response(request.url .. ' ' .. (request.tls and "
      .. "request.tls.version .. ' ' .. tostring(request.tls.serverName) or 'none'))"
    server:save((handover.SOURCE:gsub("function Room:fetch%(request%)", "%0 "
      .. "if request.path == '/rooms/via' and self.state.id.name == 'via' then "
      .. "return self.env.rooms:getByName('a'):fetch(request) end "
      .. "if request.query.ask == 'tls' then return " .. answer .. " end")))
    assert.equal(0, (server:asking("reload")))
    local url, path = "https://localhost:PORT/rooms/a?ask=tls", "/rooms/a?ask=tls"
    assert.matches("^https://localhost:%d+/rooms/a%?ask=tls TLSv1.3 localhost$", curl(server, url))
    assert.matches("TLSv1.2 localhost$", curl(server, url, "--tls-max 1.2 --insecure"))
    assert.matches("TLSv1.3 nil$", curl(server, "https://127.0.0.1:PORT" .. path, "--insecure"))
    assert.matches("/rooms/via%?ask=tls TLSv1.3 localhost$",
      curl(server, "https://localhost:PORT/rooms/via?ask=tls"))
    local kept = server:open()
    local said = kept:request("GET", path).body
    assert.matches("^https://.* TLSv1.3 localhost$", said)
    assert.equal(0, (server:asking("restart-worker", "0")))
    assert.equal(said, kept:request("GET", path).body)
    assert.equal(0, (server:asking("upgrade")))
    assert.equal(said, kept:request("GET", path).body)
    local early = server:open() -- Has not asked before the next upgrade.
    early:write("GET " .. path .. " HTTP/1.1\r\n")
    server:get("/rooms/a")
    assert.equal(0, (server:asking("upgrade")))
    early:write("Host: localhost\r\n\r\n")
    assert.matches(" TLSv1.3 localhost$", early:read_answer().body)
    server.address = server.plain_address
    assert.matches("^http://.* none$", server:get(path).body)
  end)

  -- There the kernel does not count what has left, and they were cut.
  it("answers 503 what a worker has not sent that got stuck", function()
    start { source = survival.HELD, workers = 2 }
    assert.same({ 503, 503, 503 }, survival.ask_who_gets_stuck(server))
  end)

  it("costs nobody his connection when workers die, are replaced, and at upgrades", function()
    start()
    local crowd = survival.gather(server, { people = 30, rooms = 4 })
    local kept = server:open()
    assert.equal(200, kept:request("GET", "/rooms/a").status)
    for round = 1, 3 do
      local workers = server:processes("worker")
      os.execute("kill -9 " .. workers[1])
      survival.await_back(server)
      crowd:check()
      crowd.people[1].ws:write("\129")
      local code, said = server:asking(round == 2 and "restart-worker" or "upgrade",
        round == 2 and "0" or nil)
      assert.equal(0, code, said)
      crowd.people[1].ws:write("\136\0\0\0\0echo all")
      crowd.people[1]:hear("all")
      crowd:check()
      assert.equal(200, kept:request("GET", "/rooms/a").status)
      assert.equal(200, server:get("/rooms/a").status)
    end
  end)

  it("is a third of a crowd that is handed over, with event streams, in the middle of frames",
    function()
      start()
      local behind, plain_address = server.address, server.plain_address
      server.address = plain_address
      local plain = survival.gather(server, { people = PEOPLE * 2 / 3, rooms = PEOPLE / 30,
        listeners = PEOPLE / 15 })
      server.address = behind
      local before = proc.resident_kb(server:processes("tls")[1])
      local secret = survival.gather(server, { people = PEOPLE / 3, rooms = PEOPLE / 30,
        listeners = PEOPLE / 30, prefix = "s" })
      local each = (proc.resident_kb(server:processes("tls")[1]) - before)
        / (#secret.people + #secret.listeners)
      print(("# %.1f kB in the process for TLS for each of its sockets"):format(each))
      assert.is_true(os.getenv "OPEN_DO_SANITIZED" ~= nil or each < 60)
      local tenth = math.floor(PEOPLE / 30)
      for round = 1, 3 do
        for _, crowd in ipairs { plain, secret } do
          for i = 1, tenth do
            crowd.people[i].ws:write("\129")
            crowd.people[2 * tenth + i]:say("echo before" .. round)
          end
        end
        local code, said = server:asking("upgrade")
        assert.equal(0, code, said)
        local sockets = #plain.people + #secret.people + #plain.listeners + #secret.listeners
        assert.matches((" %d sockets kept"):format(sockets), said, 1, true)
        for _, crowd in ipairs { plain, secret } do
          for i = 1, tenth do
            crowd.people[i].ws:write("\136\0\0\0\0echo all")
            crowd.people[i]:hear("all")
            crowd.people[2 * tenth + i]:hear("before" .. round)
          end
        end
        print("# " .. said:match("[^:]*kept.*ms"))
      end
      plain:check()
      secret:check()
    end)

  it("goes on in the process of the program before, while there are connections, and in a new one",
    function()
      start()
      local function all()
        return server:processes("tls")
      end
      local program = server:path("next")
      local function upgrade()
        os.execute(("cp %s %s.new; mv %s.new %s"):format(process.program, program, program,
          program))
        local client = require "socket.unix" ()
        assert(client:connect(server.directory .. "/data/control.sock"))
        client:send("upgrade " .. program .. "\n")
        assert.matches("^ok\n", client:receive("*a"))
        client:close()
      end
      local before = all()
      local ann = survival.person(server, "a", "ann")
      upgrade()
      local ben = survival.person(server, "a", "ben")
      assert.equal(2, #all())
      upgrade()
      assert.equal(3, #all())
      for _, person in ipairs { ann, ben } do
        person:ask("who", person:identity())
      end
      assert.equal(0, (server:asking("upgrade"))) -- The same file: no process more.
      assert.equal(3, #all())
      ann.ws:cut()
      local deadline = survival.now() + SECONDS
      repeat
        assert.is_true(survival.now() < deadline, "the first process does not end")
        local still = false
        for _, pid in ipairs(all()) do
          still = still or pid == before[1]
        end
      until not still
      ben:ask("who", ben:identity())
      assert.equal(200, server:get("/rooms/a").status)
    end)

  it("stays for those who came by it when the next program finds no certificate", function()
    start()
    local ann = survival.person(server, "a", "ann")
    local program, copy = server:path("next"), directory .. "/localhost"
    os.execute(("cp %s %s; cp %s.crt %s.before"):format(process.program, program, copy, copy))
    os.execute((": > %s.crt"):format(copy))
    local function upgrade()
      local client = require "socket.unix" ()
      assert(client:connect(server.directory .. "/data/control.sock"))
      client:send("upgrade " .. program .. "\n")
      local answer = client:receive("*a")
      client:close()
      return answer
    end
    assert.matches("nothing has changed: .*the certificate .*localhost.crt", upgrade())
    ann:ask("who", ann:identity())
    server:fault("takeover.blind", { times = 1 }) -- It vanishes when the program has been tried.
    assert.matches("^ok\n", upgrade())
    server:wait_log("nobody is served by TLS: the certificate ")
    ann:ask("who", ann:identity())
    os.execute(("mv %s.before %s.crt"):format(copy, copy))
    server:turn_clock(5000)
    local deadline, answer = survival.now() + SECONDS, nil
    repeat
      assert.is_true(survival.now() < deadline, answer)
      answer = curl(server, "https://localhost:PORT/rooms/a?ask=boot")
    until answer:match("^%x+%-")
    ann:ask("who", ann:identity())
  end)

  it("has other certificates when the files are others, and else those it had", function()
    start()
    local copy = ("cp %s/localhost.crt %s/before.crt"):format(directory, directory)
    assert.equal(0, os.execute(copy))
    local ann = survival.person(server, "a", "ann")
    os.execute(("head -c 300 %s/before.crt > %s/localhost.crt"):format(directory, directory))
    server:turn_clock(3000)
    server:wait_log("the TLS certificates before stay in use: the certificate ")
    local boot = "https://localhost:PORT/rooms/a?ask=boot"
    assert.matches("^%x+%-", curl(server, boot, "--cacert " .. directory .. "/before.crt"))
    certify "localhost"
    assert.equal(0, (server:asking("reload")))
    server:wait_log("the TLS certificates are loaded anew")
    assert.matches("^%x+%-", curl(server, boot))
    assert.matches("SSL certificate problem", curl(server, boot, "--cacert " .. directory
      .. "/before.crt"))
    ann:ask("who", ann:identity())
  end)

  it("cuts a handshake that does not come to an end", function()
    start()
    local stops = http.open { host = "127.0.0.1", port = server.tls_port }
    stops:write("\22\3\1\2")
    server:get("/rooms/a")
    server:turn_clock(11000)
    assert.equal("", stops:read_to_end())
  end)

  it("is there again when its process has died; only its connections are lost", function()
    start { workers = 1 }
    local address = server.address
    server.address = server.plain_address
    local plain = survival.person(server, "a", "plain")
    server.address = address
    local ann = survival.person(server, "a", "ann")
    server:expect_mishap("another one is started")
    os.execute("kill -9 " .. server:processes("tls")[1])
    server:wait_log("the process for TLS ended: killed by SIGKILL")
    assert.equal("", ann.ws.connection:read_to_end())
    plain:ask("closed", "ann:1006:false;")
    repeat
      local answer = curl(server, "https://localhost:PORT/rooms/a?ask=boot")
    until answer:match("^%x+%-")
  end)

  it("does not start with files that do not fit, or are none", function()
    local function refuses(names, why)
      local code, output = Server.refuse { source = handover.SOURCE,
        args = certificates.args(names) }
      assert.equal(1, code)
      assert.matches(why, output)
    end
    os.execute(("cp %s/localhost.crt %s/mixed.crt; cp %s/example.test.key %s/mixed.key"):format(
      directory, directory, directory, directory))
    refuses({ "mixed" }, "mixed.key: .*it is of another certificate")
    refuses({ "nowhere" }, "the certificate .*nowhere.crt: .*No such file")
    local code, output = Server.refuse { source = handover.SOURCE,
      args = { "--tls-listen", "127.0.0.1:0" } }
    assert.equal(1, code)
    assert.matches("%-%-tls%-listen needs a %-%-tls%-cert, and each of these a %-%-tls%-key",
      output)
  end)
end)
