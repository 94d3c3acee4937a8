-- Certificates that are had from an authority, by uacme: --tls-auto. The authority is one of ours
-- (support/acme.mjs); when it fails, nobody who is served notices.

local json = require "dkjson"
local http = require "spec.support.http"
local process = require "spec.support.process"
local survival = require "spec.scenario.survival"
local Server = require "spec.support.server"
local shell = require "spec.support.shell"

local SECONDS, DOMAIN = 20, "chat.example.org"
local HALF_A_DAY = 12 * 3600 * 1000

describe("a certificate for a domain", function()
  local directory, authority, server

  -- How the authority behaves from now on; returns what it has counted.
  local function say(wishes)
    local answer = http.request(authority.address, "POST", "/control",
      { body = json.encode(wishes) })
    assert.equal(200, answer.status)
    return json.decode(answer.body)
  end

  before_each(function()
    directory = shell.make_directory()
    authority = process.start { argv = { "node", "spec/support/acme.mjs", directory } }
    authority.address = { host = "127.0.0.1",
      port = tonumber(authority:wait_output("authority at (%d+)", SECONDS)) }
  end)

  after_each(function()
    if server then
      server:stop()
    end
    server = nil
    shell.remove(directory)
  end)

  local function start(wishes, options)
    options = options or {}
    options.source, options.workers, options.keep_port = survival.SOURCE, 1, true
    options.args = { "--tls-listen", "127.0.0.1:0", "--tls-auto", DOMAIN, "--tls-auto-server",
      ("http://127.0.0.1:%d/directory"):format(authority.address.port) }
    if not options.is_plain then
      options.args[7], options.args[8] = "--tls-redirect", "0"
    end
    server = survival.start(options)
    server.tls_port = tonumber(server:wait_log("TLS on port (%d+)"))
    wishes.port = server.address.port
    say(wishes)
  end

  local function curl(path)
    local pipe = io.popen(("unset LD_PRELOAD; curl -sS --cacert %s/ca.crt "
      .. "--resolve %s:%d:127.0.0.1 https://%s:%d%s 2>&1"):format(directory, DOMAIN,
      server.tls_port, DOMAIN, server.tls_port, path))
    local text = pipe:read("*a")
    pipe:close()
    return text
  end

  local function serial()
    local pipe = io.popen(("unset LD_PRELOAD; openssl x509 -noout -serial -in "
      .. "%s/data/tls/%s/cert.pem"):format(server.directory, DOMAIN))
    local text = pipe:read("*a")
    pipe:close()
    return text
  end

  local function await_certificate()
    server:wait_log("there is a new certificate for " .. DOMAIN:gsub("%.", "%%."))
    server:wait_log("the TLS certificates are loaded anew")
  end

  it("is had at the start, served, and not asked for again while it is good", function()
    start {}
    await_certificate()
    assert.matches("^%x+%-", curl("/rooms/a?ask=boot"))
    assert.same({ orders = 1, certificates = 1, proofs = 1, unanswered = 0 }, say {})
    local before = serial()
    server:turn_clock(HALF_A_DAY + 1000)
    server:restart()
    server.tls_port = tonumber(server:wait_log("TLS on port (%d+)"))
    assert.matches("^%x+%-", curl("/rooms/a?ask=boot"))
    assert.equal(before, serial())
    assert.equal(1, say({}).orders)
  end)

  it("is renewed before it expires; connections stay", function()
    start({ days = 20 }, { is_plain = true })
    await_certificate()
    local before = serial()
    local ann = survival.person(server, "a", "ann")
    say { days = 90 }
    server:turn_clock(HALF_A_DAY + 1000)
    await_certificate()
    assert.not_equal(before, serial())
    assert.matches("^%x+%-", curl("/rooms/a?ask=boot"))
    ann:ask("who", ann:identity())
  end)

  it("leaves an answer to nobody but the authority, and nothing behind", function()
    start {}
    await_certificate()
    for _, path in ipairs { "/.well-known/acme-challenge/", "/.well-known/acme-challenge/x",
      "/.well-known/acme-challenge/../account", "/.well-known/acme-challenge/%2e%2e" } do
      assert.equal(308, server:get(path).status) -- As any other.
    end
    local pipe = io.popen(("ls -A %s/data/tls/challenges; stat -c %%a %s/data/tls"):format(
      server.directory, server.directory))
    assert.equal("700\n", pipe:read("*a"))
    pipe:close()
  end)

  local function fails(wishes, why)
    start(wishes, { env = wishes.env })
    server:wait_log("no certificate for chat.example.org: ")
    assert.matches(why, server:log())
    assert.equal(308, server:get("/rooms/a").status) -- It serves.
    assert.matches("alert", curl("/rooms/a"))
  end

  local function succeeds_later()
    say { failing = {}, silent = "" }
    server:turn_clock(1000 * server:wait_log("asked for again in (%d+) s"))
    await_certificate()
    assert.matches("^%x+%-", curl("/rooms/a?ask=boot"))
  end

  it("is asked for again when the authority refuses", function()
    fails({ failing = { newOrder = { 403, "rejectedIdentifier" } } }, "rejectedIdentifier")
    succeeds_later()
  end)

  it("is asked for at once when somebody says reload", function()
    fails({ failing = { newOrder = { 403, "rejectedIdentifier" } } }, "rejectedIdentifier")
    server:wait_log("asked for again in 120 s")
    say { failing = {} }
    assert.equal(0, (server:asking("reload")))
    await_certificate()
    assert.matches("^%x+%-", curl("/rooms/a?ask=boot"))
  end)

  it("is asked for later and later when it says that was too often", function()
    fails({ failing = { newOrder = { 429, "rateLimited" } } }, "rateLimited")
    for round = 1, 4 do
      local seconds = tonumber(server:wait_log("asked for again in (%d+) s"))
      assert.equal(120 * 2 ^ (round - 1), seconds)
      server:turn_clock(seconds * 1000)
    end
    assert.equal(0, say({}).orders)
  end)

  it("is asked for again when the authority is in trouble, or gives no account", function()
    fails({ failing = { newAccount = { 500, "serverInternal" } } }, "serverInternal")
    succeeds_later()
  end)

  local function await_unanswered()
    local deadline = survival.now() + SECONDS
    repeat
      assert.is_true(survival.now() < deadline, "nothing is asked for")
    until say({}).unanswered > 0
  end

  it("is asked for again when the authority does not answer", function()
    start { silent = "newOrder" }
    await_unanswered()
    server:turn_clock(301000)
    server:wait_log("no certificate for chat.example.org: uacme does not come to an end")
    succeeds_later()
  end)

  it("is not had without uacme, which is said", function()
    fails({ env = { PATH = "/nowhere" } },
      "uacme: No such file or directory; apt%-get install uacme")
  end)

  it("keeps no upgrade and no end waiting while it is asked for", function()
    start { silent = "newOrder" }
    await_unanswered()
    assert.equal(0, (server:asking("upgrade")))
    say { silent = "" }
    await_certificate()
    assert.matches("^%x+%-", curl("/rooms/a?ask=boot"))
    say { silent = "newOrder" }
  end)

  local function is_alive(number)
    return os.execute(("grep -qs '^State:.[^Z]' /proc/%s/status"):format(number)) == 0
  end

  -- The process that asks, by what it was started with, once it is there.
  local function asking_process()
    local deadline, found = survival.now() + SECONDS
    repeat
      assert.is_true(survival.now() < deadline, "nothing is asked for")
      local pipe = io.popen(("grep -lsaz -- '^%s/data/tls$' /proc/[0-9]*/cmdline"):format(
        server.directory))
      found = pipe:read("*a"):match("/proc/(%d+)/")
      pipe:close()
    until found
    return found
  end

  local function await_end_of(number)
    local deadline = survival.now() + SECONDS
    while is_alive(number) do
      assert.is_true(survival.now() < deadline, "uacme outlives the program")
    end
  end

  it("is not asked for any longer than the program runs, however it ends", function()
    start { silent = "newAccount" }
    for _, signal in ipairs { "TERM", "KILL" } do
      local number = asking_process()
      process.send_signal(server.process.pid, signal)
      server.process:wait_exit(SECONDS)
      await_end_of(number)
      if signal == "TERM" then
        server:restart()
      end
    end
    server = nil
  end)

  -- A program in the place of uacme.
  local function write_uacme(text)
    local path = directory .. "/uacme"
    local file = assert(io.open(path, "w"))
    file:write("#!/bin/sh\n", text)
    file:close()
    os.execute("chmod +x " .. path)
    return { PATH = directory .. ":" .. os.getenv("PATH") }
  end

  it("is asked for by a program that has nothing of this one open", function()
    start({}, { env = write_uacme "ls -l /proc/$PPID/fd /proc/$$/fd >&2; exit 3" })
    server:wait_log("no certificate for chat.example.org: ")
    server:wait_log("0 %-> /dev/null")
    assert.is_nil(server:log():match("%-> (pipe:[^\n]*)"))
    assert.is_nil(server:log():match("%-> (socket:[^\n]*)"))
    assert.is_nil(server:log():match("%-> ([^\n]*%.mdb)"))
  end)

  it("is asked for again when uacme is killed, or ends well with nothing", function()
    start({}, { env = write_uacme "kill -9 $$" })
    server:wait_log("uacme new: killed by SIGKILL")
    write_uacme "exit 0"
    assert.equal(0, (server:asking("reload")))
    server:wait_log("no certificate for chat.example.org: uacme has written none")
    assert.is_nil(server:log():find("there is a new certificate", 1, true))
  end)

  it("is for a domain", function()
    for _, name in ipairs { "../x", "Chat.example.org", "", "a b", "-x", "127.0.0.1", "localhost",
      "chat.example.org.", "10.1" } do
      local code, output = Server.refuse { source = survival.SOURCE,
        args = { "--tls-listen", "127.0.0.1:0", "--tls-auto", name } }
      assert.equal(2, code)
      assert.matches("expected a domain in lower case", output)
    end
  end)
end)
