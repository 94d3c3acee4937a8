-- What nodes say to each other where strangers may listen: it is enciphered, and who does not know
-- the secret of the cluster gets no word.
local Nodes = require "spec.support.nodes"
local process = require "spec.support.process"
local shell = require "spec.support.shell"
local socket = require "socket"

local SECONDS = 30
local PAYLOAD = "what nobody else is to read"
local ELSEWHERE = "127.0.0.2" -- Any address but the first of the loopback device.

local SOURCE = [[
local od = require "open-do"

local Thing = {}

function Thing:fetch(request)
  local text = request:text()
  return od.Response(text == "" and self.env.NODE or text)
end

return { namespaces = { things = Thing } }
]]

local function echo(nodes, text)
  return nodes[1]:post("/things/" .. nodes:name_at(2), text).body
end

describe("a line of nodes at 127.0.0.1", function()
  local nodes = Nodes.each { source = SOURCE, recorded = 2 }

  it("can be read by who may listen there", function()
    assert.equal(PAYLOAD, echo(nodes, PAYLOAD))
    assert.truthy(shell.read(nodes.recording):find(PAYLOAD, 1, true))
  end)
end)

describe("a line of nodes elsewhere", function()
  local nodes = Nodes.each { source = SOURCE, recorded = 2, host = ELSEWHERE }

  it("cannot be read", function()
    assert.truthy(nodes[1]:log():find("linked with node 2 at 127%.0%.0%.2:%d+, by TLS"))
    assert.equal(PAYLOAD, echo(nodes, PAYLOAD))
    local said = shell.read(nodes.recording)
    assert.is_true(#said > #PAYLOAD)
    for _, words in ipairs { PAYLOAD, "things", nodes.cluster, Nodes.SECRET } do
      assert.is_nil(said:find(words, 1, true))
    end
  end)

  it("carries large messages both ways, whole", function()
    local text = {}
    for i = 1, 300000 do
      text[i] = ("%07d\n"):format(i)
    end
    text = table.concat(text)
    assert.is_true(echo(nodes, text) == text)
  end)

  it("is not for TLS that makes no sense", function()
    local tcp = assert(socket.connect(ELSEWHERE, nodes.ports[2]))
    tcp:send("\22\3\1\0\5hello")
    nodes[2]:wait_log("is refused: it speaks no TLS that a node speaks")
    tcp:close()
  end)

  it("is not for a node with another secret", function()
    nodes:kill(1, { [2] = { 0, 1023 } })
    shell.write(nodes[1].directory .. "/secret", "another secret that nobody knows\n")
    nodes:start_again(1)
    local why = "cannot be linked: it does not know the secret that this node has"
    if not nodes[1]:log():find(why, 1, true) then -- It may be there before the port is.
      nodes[1]:wait_log(why)
    end
    nodes[2]:wait_log("is refused: it does not know the secret of this cluster")
  end)
end)

describe("who connects to a node elsewhere", function()
  local nodes = Nodes.each { source = SOURCE, absent = 1, host = ELSEWHERE }

  local function key_of(secret)
    return shell.text("printf 'open-do node, key of TLS' | openssl dgst -sha256 -r -hmac '"
      .. secret .. "'"):match("^%x+")
  end

  -- As OpenSSL's own program speaks TLS, with a key made of `secret`.
  local function speak(secret)
    return process.start { argv = { "openssl", "s_client", "-connect",
      ELSEWHERE .. ":" .. nodes.ports[2], "-tls1_3", "-ciphersuites",
      "TLS_CHACHA20_POLY1305_SHA256", "-psk_identity", "open-do node",
      "-psk", key_of(secret), "-ign_eof" } }
  end

  it("hears nothing without TLS", function()
    local tcp = assert(socket.connect(ELSEWHERE, nodes.ports[2]))
    tcp:settimeout(SECONDS)
    tcp:send("GET / HTTP/1.1\r\nHost: x\r\n\r\n")
    nodes[2]:wait_log("is refused: it does not speak TLS, as nodes do that are not both at 127")
    local _, _, said = tcp:receive("*a")
    assert.is_nil((said or ""):find(nodes.cluster, 1, true))
    tcp:close()
  end)

  it("hears nothing without the secret", function()
    local stranger = speak "another secret that nobody knows"
    nodes[2]:wait_log("is refused: it does not know the secret of this cluster")
    stranger:wait_exit(SECONDS)
    assert.is_nil(stranger:output():find(nodes.cluster, 1, true))
  end)

  it("is greeted with it", function()
    local known = speak(Nodes.SECRET)
    known:wait_output((nodes.cluster:gsub("%-", "%%-")), SECONDS)
  end)
end)
