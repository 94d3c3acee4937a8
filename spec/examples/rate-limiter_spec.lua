-- The rate limiter's conversation, as its README tells it.
local Server = require "spec.support.server"

describe("the rate limiter", function()
  local server = Server.each { script = "examples/rate-limiter/rate-limiter.lua" }

  local function ask(key)
    return server:get("/quote", key and { ["x-api-key"] = key })
  end

  it("lets five through, and says when to come back", function()
    for left = 4, 0, -1 do
      local answer = ask()
      assert.equal("A fence is not a wall.\n", answer.body)
      assert.equal(tostring(left), answer.headers["x-ratelimit-remaining"])
    end
    local answer = ask()
    assert.equal(429, answer.status)
    local wait = tonumber(answer.headers["retry-after"])
    assert.is_true(wait >= 1 and wait <= 10)
    assert.equal(200, ask("somebody-else").status)
    server:turn_clock(wait * 1000)
    assert.equal(200, ask().status)
    assert.equal(429, ask().status)
  end)

  it("counts those that come at once, and forgets nothing when it starts again", function()
    local connections, through = {}, 0
    for i = 1, 20 do
      connections[i] = server:open()
      connections[i]:send_request("GET", "/quote", { headers = { ["x-api-key"] = "crowd" } })
    end
    for _, connection in ipairs(connections) do
      through = through + (connection:read_answer().status == 200 and 1 or 0)
    end
    assert.equal(5, through)
    server:restart()
    local left = tonumber(ask("crowd").headers["x-ratelimit-remaining"] or 0)
    assert.is_true(left <= 1, "a restart gave tokens: " .. left)
    assert.equal(404, server:get("/").status)
    server:turn_clock(60000)
    assert.equal("4", ask("crowd").headers["x-ratelimit-remaining"])
  end)
end)
