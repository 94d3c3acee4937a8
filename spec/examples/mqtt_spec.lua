-- The broker, with mqtt.js as npm has it, and byte by byte.
local npm = require "spec.support.npm"
local process = require "spec.support.process"

describe("the mqtt example", function()
  local scene = npm.scenes "mqtt"

  local function texts(messages)
    local out = {}
    for i, message in ipairs(messages) do
      out[i] = message.text
    end
    return out
  end

  scene("carries messages of quality 0 and 1 by their topics", function(server, client)
    local ann, ben = client "ann", client "ben"
    ann:open(server.url, { subscribe = false })
    ben:open(server.url, { subscribe = false })
    assert.equal(0, ben:subscribe("home/+/light", 0))
    assert.equal(1, ben:subscribe("garden/#", 2))
    ann:publish("home/kitchen/light", "a", { qos = 1 })
    ann:publish("home/kitchen", "not this")
    ann:publish("home/kitchen/light/bulb", "nor this")
    ann:publish("garden", "b", { qos = 1 })
    ann:publish("garden/pond/fish", "c", { qos = 0 })
    local heard = ben:receive(3)
    assert.same({ "a", "b", "c" }, texts(heard))
    assert.same({ 0, 1, 0 }, { heard[1].qos, heard[2].qos, heard[3].qos })
    ben:unsubscribe "garden/#"
    ann:publish("garden/pond", "gone")
    ann:publish("home/hall/light", "d")
    assert.same({ "a", "b", "c", "d" }, texts(ben:receive(4)))
  end)

  scene("keeps retained messages over a restart, until an empty one", function(server, client)
    local ann, ben = client "ann", client "ben"
    ann:open(server.url, { subscribe = false })
    ann:publish("state/door", "open", { retain = true, qos = 1 })
    ann:publish("state/window", "shut", { retain = true, qos = 1 })
    ann:publish("state/window", "", { retain = true, qos = 1 })
    server:restart()
    ben:open(server.url, { subscribe = false })
    ben:subscribe("state/+", 1)
    local heard = ben:receive(1)
    assert.same({ "open" }, texts(heard))
    assert.is_true(heard[1].retain)
  end)

  scene("leaves the last will of who vanishes, and of nobody else", function(server, client)
    local ann, ben, cleo = client "ann", client "ben", client "cleo"
    ann:open(server.url, { subscribe = false })
    ann:subscribe("wills/#", 0)
    ben:open(server.url, { will = { topic = "wills/ben", payload = "farewell", qos = 1 } })
    cleo:open(server.url, { will = { topic = "wills/cleo", payload = "farewell" } })
    cleo:close()
    ben:cut()
    assert.equal("wills/ben", ann:receive(1)[1].topic)
    ann:publish("wills/end", "end")
    assert.equal("wills/end", ann:receive(2)[2].topic)
  end)

  scene("keeps what a session has missed, also over kill -9", function(server, client)
    local ann, ben = client "ann", client "ben"
    ann:open(server.url, { subscribe = false })
    ben:open(server.url, { clean = false, subscribe = false })
    assert.is_false(ben:session())
    ben:subscribe("news/#", 1)
    ben:cut()
    for _, text in ipairs { "one", "two", "three" } do
      ann:publish("news/today", text, { qos = 1 })
    end
    ann:publish("news/today", "quality 0 is not kept")
    server:kill()
    server:launch()
    ben:forget()
    ben:open(server.url, { clean = false, subscribe = false })
    assert.is_true(ben:session())
    assert.same({ "one", "two", "three" }, texts(ben:receive(3)))
    ann:back()
    ann:publish("news/today", "four", { qos = 1 })
    assert.same({ "one", "two", "three", "four" }, texts(ben:receive(4)))
  end)

  scene("serves mosquitto's own programs, through a bridge to TCP", function(server)
    if os.execute "command -v mosquitto_sub >/dev/null" ~= 0 then
      return pending "mosquitto-clients is not installed"
    end
    local bridge = process.start {
      argv = { "node", "spec/examples/clients/bridge.mjs", "0",
        (server.url:gsub("^http", "ws")) .. "/mqtt" },
      env = { OPEN_DO_NODE_MODULES = os.getenv "OPEN_DO_NODE_MODULES", LD_PRELOAD = "" },
    }
    local port = bridge:wait_output("bridge on port (%d+)", 20)
    local function run(program, ...)
      local argv = { program, "-p", port, "-V", "mqttv311", ... }
      return process.start { argv = argv, env = { LD_PRELOAD = "" } }
    end
    local retain = run("mosquitto_pub", "-t", "a/kept", "-m", "r", "-r", "-q", "1")
    assert.equal(0, (retain:wait_exit(20)))
    local reader = run("mosquitto_sub", "-t", "a/+", "-q", "1", "-v", "-C", "3")
    reader:wait_output("a/kept r\n", 20)
    local publish = run("mosquitto_pub", "-t", "a/b", "-m", "one", "-q", "1")
    assert.equal(0, (publish:wait_exit(20)))
    assert.equal(0, (run("mosquitto_pub", "-t", "a/b", "-f", "README.md"):wait_exit(20)))
    assert.equal(0, (reader:wait_exit(20)))
    local readme = assert(io.open "README.md"):read "*a"
    assert.equal("a/kept r\na/b one\na/b " .. readme .. "\n", reader:output())
  end)

  describe("byte by byte", function()
    local CONNECT = "\16\16\0\4MQTT\4\2\0\60\0\4raw1"
    local SUBSCRIBE = "\130\6\0\1\0\1t\1"

    local function connect(server, bytes)
      local ws = server:connect("/mqtt", { protocols = { "mqtt" } })
      assert.equal("mqtt", ws.protocol)
      if bytes then
        ws:send(bytes, true)
        ws:expect "\32\2\0\0"
      end
      return ws
    end

    scene("takes packets cut anywhere, and several in one frame", function(server)
      local ws = connect(server)
      for byte in CONNECT:gmatch "." do
        ws:send(byte, true)
      end
      ws:expect "\32\2\0\0"
      local publish = "\48\10\0\1tabcdefg"
      ws:send(SUBSCRIBE .. publish .. publish:sub(1, 4), true)
      ws:expect "\144\3\0\1\1"
      ws:expect(publish)
      ws:expect_silence()
      ws:send(publish:sub(5) .. "\192\0", true)
      ws:expect(publish)
      ws:expect "\208\0"
    end)

    scene("keeps the beginning of a long packet while its worker dies", function(server)
      server:expect_mishap "another one is started"
      local ws = connect(server, CONNECT .. SUBSCRIBE)
      ws:expect "\144\3\0\1\1"
      local body = "\0\1t" .. ("x"):rep(100000)
      local packet = "\48" .. string.char(#body % 128 + 128, math.floor(#body / 128) % 128 + 128,
        math.floor(#body / 16384)) .. body
      ws:send(packet:sub(1, 50000), true)
      ws:expect_silence()
      for _, pid in ipairs(server.process:children()) do
        require("ffi").C.kill(pid, 9)
      end
      ws:send(packet:sub(50001), true)
      assert.equal(packet, (ws:receive()))
    end)

    scene("hangs up on broken packets", function(server)
      local broken = { "\0\0", "\16\0", "\16\2\0\9", "\240\0", "\48\255\255\255\255", SUBSCRIBE,
        CONNECT .. CONNECT, CONNECT .. "\130\5\0\1\0\0\1", CONNECT .. "\130\9\0\1\0\4a/#b\1",
        CONNECT .. "\130\6\0\1\0\1\255\1", CONNECT .. "\52\5\0\1t\0\1", CONNECT .. "\48\3\0\1+" }
      for _, bytes in ipairs(broken) do
        local ws = connect(server)
        ws:send(bytes, true)
        ws:expect_close(1002)
      end
      connect(server, CONNECT)
    end)

    scene("refuses who speaks another version, or wants a session without a name", function(server)
      local refused = { ["\16\16\0\4MQTT\5\2\0\60\0\4raw1"] = 1,
        ["\16\12\0\4MQTT\4\0\0\60\0\0"] = 2 }
      for bytes, code in pairs(refused) do
        local ws = connect(server)
        ws:send(bytes, true)
        ws:expect("\32\2\0" .. string.char(code))
        ws:expect_close(1000)
      end
    end)
  end)
end)
