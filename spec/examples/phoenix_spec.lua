-- Channels and presence, with the phoenix client as npm has it.
local npm = require "spec.support.npm"

describe("the phoenix example", function()
  local scene = npm.scenes "phoenix"

  scene("carries many topics over one socket, each to those who joined it", function(server, client)
    local ann, ben = client "Ann", client "Ben"
    ann:open(server.url)
    ben:open(server.url)
    ben:join "room:kitchen"
    assert.equal(1, ann:say("hello").number)
    assert.same({ "hello" }, ben:hear(1))
    ben:push("room:kitchen", "new_msg", { text = "soup" })
    assert.same({ "hello", "room:kitchen soup" }, ben:hear(2))
    ben:push("room:lobby", "typing", {})
    assert.same({ "hello", "typing Ben" }, ann:hear(2))
    assert.equal("hello", client("Cleo"):open(server.url).messages[1].text)
  end)

  scene("knows who is present, in how many tabs, and until when", function(server, client)
    local ann, ben = client "Ann", client "Ben"
    ann:open(server.url)
    ben:open(server.url)
    ann:people("room:lobby", "Ann", "Ben")
    ben:people("room:lobby", "Ann", "Ben")
    local tab = client "second tab"
    tab:open(server.url, "room:elsewhere")
    tab:join("room:lobby", { name = "Ann" })
    ben:people("room:lobby", "Ann", "Ann", "Ben")
    tab:close()
    ben:people("room:lobby", "Ann", "Ben")
    ann:leave "room:lobby"
    ben:people("room:lobby", "Ben")
    server:restart()
    ben:back(1)
    ben:people("room:lobby", "Ben")
  end)

  scene("refuses with a reply, and the socket stays", function(server, client)
    local ann = client "Ann"
    ann:open(server.url)
    assert.equal("unmatched topic", ann:join("elsewhere").error.reason)
    assert.matches("a name is", ann:join("room:a", { name = "" }).error.reason)
    assert.equal("unknown event", ann:push("room:lobby", "fly", {}).error.reason)
    assert.matches("a message is", ann:push("room:lobby", "new_msg", { text = 7 }).error.reason)
    ann:say "still here"
    assert.same({ "still here" }, ann:hear(1))
    assert.equal(0, ann:lost())
    assert.equal(403, server:get("/socket/websocket?vsn=1.0.0",
      { connection = "Upgrade", upgrade = "websocket", ["sec-websocket-version"] = "13",
        ["sec-websocket-key"] = "dGhlIHNhbXBsZSBub25jZQ==" }).status)
  end)

  scene("closes a socket that does not speak the protocol, and no other", function(server, client)
    local ann = client "Ann"
    ann:open(server.url)
    local nonsense = { "hello", "7", "[]", "[1,2,3,4,5]", '["1","1"]', '[null,null,7,"x",{}]' }
    for _, text in ipairs(nonsense) do
      local stranger = server:connect "/socket/websocket?vsn=2.0.0"
      stranger:send(text)
      stranger:expect_close(1003)
    end
    ann:say "still here"
    assert.same({ "still here" }, ann:hear(1))
  end)
end)
