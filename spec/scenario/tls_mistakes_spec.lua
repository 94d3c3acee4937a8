-- What can be wrong with certificates, keys and clients where TLS is spoken; and what a stranger
-- finds who looks for weak spots.
--
-- An expired certificate is served, and that is said: who looks at it refuses it anyway, and to
-- stop would take away what works without it.

local certificates = require "spec.scenario.certificates"
local http = require "spec.support.http"
local proc = require "spec.support.proc"
local process = require "spec.support.process"
local survival = require "spec.scenario.survival"
local Server = require "spec.support.server"

local certify, curl, openssl = certificates.certify, certificates.curl, certificates.openssl
local BOOT = "https://localhost:PORT/rooms/a?ask=boot"

describe("TLS", function()
  local server, directory

  setup(function()
    certificates.new_directory()
    directory = certificates.directory
  end)

  teardown(certificates.remove_directory)

  before_each(function()
    certify "localhost"
  end)

  after_each(function()
    if server then
      server:stop()
    end
    server = nil
  end)

  local function start(names)
    server = survival.start { workers = 1, source = survival.SOURCE,
      args = certificates.args(names or { "localhost" }) }
    server.tls_port = tonumber(server:wait_log("TLS on port (%d+)"))
  end

  local function run(command)
    assert.equal(0, os.execute(("cd %s && %s"):format(directory, command)))
  end

  local function look_again()
    server:turn_clock(3000)
    server:wait_log("the TLS certificates before stay in use: ")
    assert.matches("^%x+%-", curl(server, BOOT, "--cacert " .. directory .. "/before.crt"))
  end

  it("serves an expired certificate, and says so", function()
    openssl "req -new -key localhost.key -subj /CN=localhost -out localhost.csr"
    openssl "x509 -req -in localhost.csr -signkey localhost.key -days -1 -out localhost.crt"
    start()
    assert.matches("the certificate .*localhost.crt has expired: clients will refuse it",
      server:log())
    assert.matches("certificate has expired", curl(server, BOOT))
    assert.matches("^%x+%-", curl(server, BOOT, "--insecure"))
    certify "localhost"
    server:turn_clock(3000)
    server:wait_log("the TLS certificates are loaded anew")
    assert.matches("^%x+%-", curl(server, BOOT))
  end)

  it("goes on with what it has when files vanish, are half written, or do not fit", function()
    start()
    run "cp localhost.crt before.crt; cp localhost.key before.key; rm localhost.crt"
    look_again()
    run "head -c 100 before.key > localhost.key; cp before.crt localhost.crt"
    look_again()
    run "rm localhost.key"
    look_again()
    run "mkdir localhost.key"
    look_again()
    run "rmdir localhost.key; : > localhost.key"
    look_again()
    certify("localhost", "other")
    run "cp other.crt localhost.crt; cp before.key localhost.key"
    look_again()
    run "cp other.key localhost.key"
    server:turn_clock(3000)
    server:wait_log("the TLS certificates are loaded anew")
    assert.matches("^%x+%-", curl(server, BOOT, "--cacert " .. directory .. "/other.crt"))
  end)

  it("says when others may read a key, or change it", function()
    run "chmod 640 localhost.key"
    start()
    assert.not_matches("others may read", server:log())
    for _, mode in ipairs { "644", "660", "602" } do
      run("chmod " .. mode .. " localhost.key")
      assert.equal(0, (server:asking("reload")))
      server:wait_log("others may read or change the key .*localhost.key: chmod 600 it")
    end
    assert.matches("^%x+%-", curl(server, BOOT))
  end)

  it("asks nobody for the password of a key", function()
    openssl "ec -aes128 -passout pass:secret -in localhost.key -out locked.key"
    run "cp localhost.crt locked.crt"
    local code, output = Server.refuse { source = survival.SOURCE, at_terminal = true,
      args = certificates.args { "locked" } }
    assert.equal(1, code)
    assert.matches("the key .*locked.key: it has a password", output)
    assert.not_matches("pass phrase", output)
  end)

  it("says in words what is wrong with a file", function()
    run "cp localhost.key swapped.crt; cp localhost.crt swapped.key"
    run "cp localhost.crt mixed.crt; cp other.key mixed.key; cp localhost.crt alone.crt"
    for name, mistake in pairs {
      swapped = "the certificate .*swapped.crt: there is none in it, as PEM has it",
      mixed = "the key .*mixed.key: it is of another certificate",
      alone = "the key .*alone.key: No such file or directory",
    } do
      local code, output = Server.refuse { source = survival.SOURCE,
        args = certificates.args { name } }
      assert.equal(1, code)
      assert.matches(mistake, output)
      assert.not_matches("routines", output)
    end
  end)

  -- A ClientHello of TLS 1.2 and 1.3, as curl would begin.
  local function hello()
    local pipe = io.popen(("unset LD_PRELOAD; openssl s_client -connect 127.0.0.1:%d -msg "
      .. "</dev/null 2>/dev/null | sed -n '/ClientHello/,/<<</p' | grep '^    ' "
      .. "| tr -d ' \n'"):format(server.tls_port))
    local hex = pipe:read("*a")
    pipe:close()
    local body = hex:gsub("%x%x", function(pair) return string.char(tonumber(pair, 16)) end)
    assert.is_true(#body > 100, "no ClientHello is seen")
    return "\22\3\1" .. string.char(math.floor(#body / 256), #body % 256) .. body
  end

  it("serves others while handshakes stop in the middle, in a flood", function()
    start()
    local ann = survival.person(server, "a", "ann")
    local begin, pid = hello(), server:processes("tls")[1]
    local before, flood = proc.descriptors(pid), {}
    for i = 1, 500 do
      flood[i] = http.open { host = "127.0.0.1", port = server.tls_port }
      flood[i]:write(begin:sub(1, i % 3 == 0 and #begin or i % #begin + 1))
    end
    assert.matches("^%x+%-", curl(server, BOOT))
    ann:ask("who", ann:identity())
    server:turn_clock(11000)
    for i = 1, 500 do
      flood[i]:read_to_end()
    end
    assert.matches("^%x+%-", curl(server, BOOT))
    local deadline = survival.now() + 20
    repeat
      assert.is_true(survival.now() < deadline, "descriptors are left")
    until proc.descriptors(pid) <= before
  end)

  it("ends what is rubbish, and nothing else", function()
    start()
    local begin = hello()
    local ann = survival.person(server, "a", "ann")
    for i = 1, 60 do
      local client = http.open { host = "127.0.0.1", port = server.tls_port }
      local at = i * 7 % #begin
      client:write(begin:sub(1, at) .. string.char(i, 255 - i, i * 3 % 256) .. begin:sub(at + 4))
      pcall(client.write, client, ("\255"):rep(20000)) -- It may be closed by now.
      client:close()
    end
    assert.matches("^%x+%-", curl(server, BOOT))
    ann:ask("who", ann:identity())
    assert.not_matches("another one is started", server:log(), 1, true)
  end)

  it("does not renegotiate", function()
    start()
    local pipe = io.popen(("unset LD_PRELOAD; echo R | timeout 20 openssl s_client "
      .. "-tls1_2 -connect 127.0.0.1:%d 2>&1"):format(server.tls_port))
    local text = pipe:read("*a")
    pipe:close()
    assert.matches("no renegotiation", text)
    assert.matches("^%x+%-", curl(server, BOOT))
  end)

  it("shows a scanner nothing weak", function()
    start()
    local scan = process.start { argv = { "sslscan", "--xml=-", "--show-sigs",
      "127.0.0.1:" .. server.tls_port }, env = { LD_PRELOAD = "" } }
    assert.equal(0, scan:wait_exit(60))
    local text, ciphers, groups = scan:output(), 0, 0
    for version, enabled in text:gmatch '<protocol type="%w+" version="([%d.]+)" enabled="(%d)"' do
      assert.equal((version == "1.2" or version == "1.3") and "1" or "0", enabled, version)
    end
    assert.matches('<renegotiation supported="0"', text)
    assert.not_matches('vulnerable="1"', text)
    assert.not_matches('<compression supported="1"', text)
    for cipher in text:gmatch "<cipher .->" do
      ciphers = ciphers + 1
      assert.is_true(tonumber(cipher:match 'bits="(%d+)"') >= 128, cipher)
      assert.is_true(cipher:match 'strength="(%w+)"' == "strong" or cipher:find("TLSv1.3", 1, true)
        ~= nil, cipher)
      assert.matches("GCM", (cipher:gsub("POLY1305", "GCM")))
      assert.matches('ecdhebits="', cipher)
    end
    for group in text:gmatch "<group .->" do
      groups = groups + 1
      assert.is_true(tonumber(group:match 'bits="(%d+)"') >= 128, group)
      assert.not_matches("ffdhe", group)
    end
    assert.is_true(ciphers >= 5, text)
    assert.is_true(groups >= 3, text)
  end)
end)
