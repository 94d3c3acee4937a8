-- The leaderboard's conversation, as its README tells it.
local json = require "dkjson"
local Server = require "spec.support.server"

describe("the leaderboard", function()
  local server = Server.each { script = "examples/leaderboard/leaderboard.lua" }

  local function play(game, name, points)
    local answer = server:post("/games/" .. game .. "/" .. name, tostring(points))
    assert.equal(200, answer.status, answer.body)
    return json.decode(answer.body)
  end

  local function top(path)
    local line = {}
    for _, place in ipairs(json.decode(server:get(path).body)) do
      line[#line + 1] = place.name .. " " .. place.points
    end
    return table.concat(line, ", ")
  end

  it("adds up points and keeps everybody in order", function()
    assert.same({ name = "ann", points = 30, rank = 1 }, play("chess", "ann", 30))
    assert.equal(1, play("chess", "ben", 50).rank)
    assert.equal(3, play("chess", "cleo", 10).rank)
    assert.same({ name = "ann", points = 55, rank = 1 }, play("chess", "ann", 25))
    assert.equal("ann 55, ben 50, cleo 10", top "/games/chess")
    assert.equal("ann 55, ben 50", top "/games/chess?top=2")
    play("go", "ben", 5)
    assert.equal("ben 5", top "/games/go")
    assert.same({ chess = 50, go = 5 }, json.decode(server:get("/players/ben").body))
    server:restart()
    assert.equal("ann 55, ben 50, cleo 10", top "/games/chess")
    assert.equal(2, json.decode(server:get("/games/chess/ben").body).rank)
  end)

  it("loses no point when all play at once", function()
    local connections = {}
    for i = 1, 60 do
      connections[i] = server:open()
      connections[i]:send_request("POST", "/games/chess/p" .. i % 3, { body = "1" })
    end
    for _, connection in ipairs(connections) do
      assert.equal(200, connection:read_answer().status)
    end
    assert.equal("p0 20, p1 20, p2 20", top "/games/chess")
  end)

  it("says what it expects", function()
    for _, body in ipairs { "", "many", "-1", "1.5", "1e5", "99999999999" } do
      assert.equal(400, server:post("/games/chess/ann", body).status, body)
    end
    assert.equal(404, server:get("/games/").status)
    assert.equal(404, server:get("/games/a%20b").status)
    assert.equal("[]", server:get("/games/chess?top=-1").body)
  end)
end)
