-- Rooms and acknowledgements, with socket.io-client as npm has it.
local npm = require "spec.support.npm"

describe("the socketio example", function()
  local scene = npm.scenes "socketio"

  scene("acknowledges, and carries events to the room", function(server, client)
    local ann, ben, cleo = client "Ann", client "Ben", client "Cleo"
    ann:open(server.url)
    ben:open(server.url)
    cleo:open(server.url, "kitchen")
    assert.same({ "entered", "lobby", "Ben" }, ann:receive "entered")
    assert.equal(1, ann:say("hello").number)
    assert.same({ "hello" }, ann:hear(1))
    assert.same({ "hello" }, ben:hear(1))
    assert.matches("enter the room first", cleo:say("hello?").problem)
    ben:emit("leave", "lobby")
    assert.same({ "left", "lobby", "Ben" }, ann:receive "left")
    assert.equal("hello", client("Dan"):open(server.url).messages[1].text)
  end)

  scene("tells the others when one vanishes, and remembers over a restart", function(server, client)
    local ann, ben = client "Ann", client "Ben"
    ann:open(server.url)
    ben:open(server.url)
    ann:say "before"
    ben:close()
    assert.same({ "left", "lobby", "Ben" }, ann:receive "left")
    server:restart()
    assert.equal("before", ann:back(1).messages[1].text)
  end)

  scene("has one namespace, one transport, and no patience with nonsense", function(server, client)
    local ann = client "Ann"
    ann:open(server.url)
    assert.equal("Invalid namespace", ann:knock(server.url, "/admin"))
    assert.equal(400, server:get("/socket.io/?EIO=4&transport=polling").status)
    local nonsense = { "", "9", "4", "42[]", "40", '42["fly"]', "42{", "45-[]", '4x["say"]' }
    for _, text in ipairs(nonsense) do
      local stranger = server:connect "/socket.io/?EIO=4&transport=websocket"
      stranger:receive()
      stranger:send "40"
      stranger:receive()
      stranger:send(text)
      stranger:expect_close(1008)
    end
    ann:say "still here"
    assert.same({ "still here" }, ann:hear(1))
  end)
end)
