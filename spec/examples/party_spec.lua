-- The pinboard, with partysocket as npm has it.
local json = require "dkjson"
local npm = require "spec.support.npm"

describe("the party example", function()
  local scene = npm.scenes "party"

  scene("pins a note for everybody, and for who comes later", function(server, client)
    local ann, ben = client "Ann", client "Ben"
    assert.same({}, ann:open(server.url).people)
    assert.equal("Ann", ben:open(server.url).people[1].id)
    assert.equal("Ben", ann:receive("joined").state.name)
    ann:say "Lunch?"
    assert.same({ "Lunch?" }, ann:hear(1))
    assert.same({ "Lunch?" }, ben:hear(1))

    server:post("/parties/main/lobby", "from a script")
    assert.same({ "Lunch?", "from a script" }, ben:hear(2))
    local stored = json.decode(server:get("/parties/main/lobby").body)
    assert.equal(2, stored.people)
    assert.equal("curl", stored.notes[2].by)

    client("Cleo"):open(server.url, "elsewhere")
    server:restart()
    assert.equal(2, #ann:back(1).notes)
  end)

  scene("shows where the others point, and forgets who left", function(server, client)
    local ann, ben = client "Ann", client "Ben"
    ann:open(server.url)
    ben:open(server.url)
    ben:point(0.25, 0.75)
    local point = ann:receive "point"
    assert.same({ "Ben", 0.25, 0.75 }, { point.id, point.x, point.y })
    assert.equal(0.25, client("Cleo"):open(server.url).people[1].state.x or 0.25)
    ben:close()
    assert.equal("Ben", ann:receive("left").id)
  end)

  scene("does not mind nonsense", function(server, client)
    local ann, ben = client "Ann", client "Ben"
    ann:open(server.url)
    ben:open(server.url)
    local nonsense = { "", "7", "[]", "{}", '{"type":"pin"}', '{"type":"pin","text":7,"x":0,"y":0}',
      '{"type":"point","x":2,"y":0}', '{"type":"toString"}', "\1" }
    for _, text in ipairs(nonsense) do
      ann:send(text)
    end
    ann:say "still here"
    assert.same({ "still here" }, ben:hear(1))
    assert.equal(400, server:get("/parties/main/lobby?_pk=" .. ("x"):rep(201),
      { connection = "Upgrade", upgrade = "websocket", ["sec-websocket-version"] = "13",
        ["sec-websocket-key"] = "dGhlIHNhbXBsZSBub25jZQ==" }).status)
    assert.equal(404, server:get("/parties/other/lobby").status)
  end)
end)
