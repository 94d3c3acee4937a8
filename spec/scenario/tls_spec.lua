-- TLS ends in a process of its own; behind it all is as without: sockets outlive workers, saves and
-- upgrades.

local handover = require "spec.scenario.handover"
local process = require "spec.support.process"
local survival = require "spec.scenario.survival"
local Server = require "spec.support.server"

local SECONDS = 20

-- A certificate for `name`, made as `file`.crt and .key in the directory `at`.
local function certify(at, name, file)
  local command = ("unset LD_PRELOAD; openssl req -x509 -newkey ec "
    .. "-pkeyopt ec_paramgen_curve:P-256 -nodes -days 30 "
    .. "-keyout %s/%s.key -out %s/%s.crt -subj /CN=%s -addext subjectAltName=DNS:%s 2>/dev/null")
  assert.equal(0, os.execute(command:format(at, file or name, at, file or name, name, name)))
end

local directory

local function tls_args(names)
  local args = { "--tls-listen", "127.0.0.1:0" }
  for _, name in ipairs(names or { "localhost", "example.test" }) do
    for _, word in ipairs { "--tls-cert", directory .. "/" .. name .. ".crt", "--tls-key",
      directory .. "/" .. name .. ".key" } do
      args[#args + 1] = word
    end
  end
  return args
end

-- Starts the server; clients of the spec go through a tunnel from then on.
local function start_tls(options)
  options = options or { workers = 2 }
  options.source, options.args = handover.SOURCE, tls_args()
  local server = survival.start(options)
  server.tls_port = tonumber(server:wait_log("TLS on port (%d+)"))
  server.tunnel = process.start { argv = { "node", "spec/support/tunnel.mjs",
    tostring(server.tls_port), directory .. "/localhost.crt", "localhost" } }
  server.plain_address = server.address
  server.address = { host = "127.0.0.1",
    port = tonumber(server.tunnel:wait_output("tunnel at (%d+)", SECONDS)) }
  return server
end

-- The processes of the server: that of TLS, and its workers.
local function processes(server)
  local tls, workers = nil, {}
  for _, pid in ipairs(server.process:children()) do
    local file = assert(io.open(("/proc/%d/environ"):format(pid), "rb"))
    if file:read("*a"):find("OPEN_DO_WORKER_LINK=1000002:", 1, true) then
      tls = pid
    else
      workers[#workers + 1] = pid
    end
    file:close()
  end
  return tls, workers
end

local function curl(server, path, arguments)
  local command = "unset LD_PRELOAD; curl -sS %s --resolve example.test:%d:127.0.0.1 %s 2>&1"
  local pipe = io.popen(command:format(
    arguments or "--cacert " .. directory .. "/localhost.crt", server.tls_port,
    path:gsub("PORT", tostring(server.tls_port))))
  local text = pipe:read("*a")
  pipe:close()
  return text
end

describe("TLS", function()
  local server, start = require("spec.support.kept").asked(getfenv(1), start_tls)

  setup(function()
    local pipe = io.popen("mktemp -d")
    directory = pipe:read("*l")
    pipe:close()
    certify(directory, "localhost")
    certify(directory, "example.test")
  end)

  teardown(function()
    os.execute("rm -rf " .. directory)
  end)

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

  it("is a property of the request's url", function()
    start { workers = 1 }
    local url = "require('open-do').Response(request.url)"
    server:save((handover.SOURCE:gsub("function Room:fetch%(request%)", "%0 if "
      .. "request.query.ask == 'url' then return " .. url .. " end")))
    assert.equal(0, (server:asking("reload")))
    assert.matches("^https://localhost:%d+/rooms/a%?ask=url$",
      curl(server, "https://localhost:PORT/rooms/a?ask=url"))
    server.address = server.plain_address
    assert.matches("^http://", server:get("/rooms/a?ask=url").body)
  end)

  it("costs nobody his connection when workers die, are replaced, and at upgrades", function()
    start()
    local crowd = survival.gather(server, { people = 30, rooms = 4 })
    local kept = server:open()
    assert.equal(200, kept:request("GET", "/rooms/a").status)
    for round = 1, 3 do
      local _, workers = processes(server)
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
    certify(directory, "localhost")
    assert.equal(0, (server:asking("reload")))
    server:wait_log("the TLS certificates are loaded anew")
    assert.matches("^%x+%-", curl(server, boot))
    assert.matches("SSL certificate problem", curl(server, boot, "--cacert " .. directory
      .. "/before.crt"))
    ann:ask("who", ann:identity())
  end)

  it("cuts a handshake that does not come to an end", function()
    start()
    local stops = require("spec.support.http").open { host = "127.0.0.1", port = server.tls_port }
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
    os.execute("kill -9 " .. processes(server))
    server:wait_log("the process for TLS ended: killed by SIGKILL")
    assert.equal("", ann.ws.connection:read_to_end())
    plain:ask("closed", "ann:1006:false;")
    repeat
      local answer = curl(server, "https://localhost:PORT/rooms/a?ask=boot")
    until answer:match("^%x+%-")
  end)

  it("does not start with files that do not fit, or are none", function()
    local function refuses(names, why)
      local code, output = Server.refuse { source = handover.SOURCE, args = tls_args(names) }
      assert.equal(1, code)
      assert.matches(why, output)
    end
    os.execute(("cp %s/localhost.crt %s/mixed.crt; cp %s/example.test.key %s/mixed.key"):format(
      directory, directory, directory, directory))
    refuses({ "mixed" }, "mixed.key: .*key values mismatch")
    refuses({ "nowhere" }, "the certificate .*nowhere.crt: .*No such file")
    local code, output = Server.refuse { source = handover.SOURCE,
      args = { "--tls-listen", "127.0.0.1:0" } }
    assert.equal(1, code)
    assert.matches("%-%-tls%-listen needs a %-%-tls%-cert, and each of these a %-%-tls%-key",
      output)
  end)
end)
