-- The conversation of the README, and what it promises of breaks.
local od = require "open-do"
local t = require "open-do.test"

describe("a feed that a room shares", function()
  local app, feed

  -- Another server with the same script is the feed.
  before_each(function()
    feed = t.start("examples/bridge/bridge.lua")
    app = t.start("examples/bridge/bridge.lua",
      { vars = { FEED = feed.url:gsub("^http", "ws") .. "/ticker" } })
  end)

  local function hear(person)
    local news = person:receiveJson()
    return news.price and ("%s %d"):format(news.feed, news.price) or news.feed
  end

  -- Until it is what is expected; prices come as they come.
  local function await(person, expected)
    local heard
    repeat
      heard = hear(person)
    until heard == expected
  end

  local function sockets(object)
    return t.runInObject(object, function(_, state) return #state:getWebSockets() end)
  end

  -- What passes between two servers takes its time.
  local function await_sockets(object, count)
    local deadline = od.now() + 20000
    while sockets(object) ~= count and od.now() < deadline do
      od.sleep(10)
    end
    assert.equal(count, sockets(object))
  end

  local function room() return app.env.rooms:getByName("gold") end
  local function ticker() return feed.env.tickers:getByName("gold") end

  it("is dialled once, for the first who comes, and said to all", function()
    local ann = app:connect("/rooms/gold")
    await(ann, "up")
    ann:send("set 500")
    await(ann, "up 500")
    local ben = app:connect("/rooms/gold")
    assert.equal("up 500", hear(ben))
    feed:advance(1000)
    await(ann, "up 501")
    await(ben, "up 501")
    assert.equal(1, sockets(ticker()))
  end)

  it("breaks and comes back, and nobody in the room is disconnected", function()
    local ann = app:connect("/rooms/gold")
    await(ann, "up")
    ann:send("break")
    await(ann, "down")
    app:advance(1000)
    await(ann, "up")
    ann:send("set 7")
    await(ann, "up 7")
  end)

  it("is hung up after the last who goes", function()
    local ann, ben = app:connect("/rooms/gold"), app:connect("/rooms/gold")
    await(ann, "up")
    await(ben, "up")
    ann:close()
    ben:send("set 3")
    await(ben, "up 3")
    ben:close()
    await_sockets(room(), 0)
    await_sockets(ticker(), 0)
  end)

  it("outlives workers and saves, as the people do", function()
    local ann = app:connect("/rooms/gold")
    await(ann, "up")
    app:restartWorker()
    app:reload()
    ann:send("set 7")
    await(ann, "up 7")
    assert.equal(1, sockets(ticker()))
  end)
end)
