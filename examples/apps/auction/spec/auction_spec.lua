local od = require "open-do"
local t = require "open-do.test"

describe("an auction", function()
  local app

  before_each(function()
    app = t.start "auction.lua"
    for _, who in ipairs { "ann", "ben" } do
      app:fetch("/accounts/" .. who, { method = "POST", body = '{"amount":1000}' })
    end
    local answer = app:fetch("/auctions/lamp", { method = "POST",
      body = '{"seller":"sue","price":100,"minutes":10}' })
    assert.equal(201, answer.status)
  end)

  local function bid(who, amount)
    local answer = app:fetch("/auctions/lamp/bids", { method = "POST",
      body = od.json.encode { who = who, amount = amount } })
    return answer.status == 200 and "ok" or answer:json().error
  end

  local function money(who)
    app:settle()
    local account = app:fetch("/accounts/" .. who):json()
    return { account.free, account.held }
  end

  local function total()
    local sum = 0
    for _, who in ipairs { "ann", "ben", "sue" } do
      sum = sum + money(who)[1] + money(who)[2]
    end
    return sum
  end

  it("holds the money of who leads, and gives it back to who does not", function()
    assert.equal("ok", bid("ann", 100))
    assert.same({ 900, 100 }, money("ann"))
    assert.equal("the price is 100", bid("ben", 100))
    assert.equal("ok", bid("ben", 200))
    assert.same({ 1000, 0 }, money("ann"))
    assert.same({ 800, 200 }, money("ben"))
    assert.equal("ok", bid("ben", 300))
    assert.same({ 700, 300 }, money("ben"))
    assert.equal("the account does not have it", bid("ann", 1001))
    assert.equal("sellers do not bid", bid("sue", 400))
    assert.equal("that is not right", bid("ann", 1.5))
    assert.equal(2000, total())
  end)

  it("ends by itself: the winner has paid, the seller has the money, once", function()
    local watcher = app:connect("/auctions/lamp")
    assert.is_true(watcher:receiveJson().open)
    bid("ann", 250)
    assert.equal("ann", watcher:receiveJson().leader)
    app:advance(10 * 60000)
    assert.is_false(watcher:receiveJson().open)
    assert.equal("the auction is over", bid("ben", 900))
    app:crash()
    assert.same({ 750, 0 }, money("ann"))
    assert.same({ 250, 0 }, money("sue"))
    assert.equal(2000, total())
  end)

  it("loses and makes no money, whatever ends in the middle", function()
    for round = 1, 6 do
      local who = round % 2 == 0 and "ann" or "ben"
      if round % 3 == 0 then
        app:failCommits(1)
      end
      pcall(bid, who, 100 + round)
      if round % 2 == 0 then
        app:restartWorker()
      else
        app:crash()
      end
      app:advance(60000) -- What is owed is tried again.
      assert.equal(2000, total())
    end
    app:advance(10 * 60000)
    app:advance(60000)
    local auction = app:fetch("/auctions/lamp"):json()
    assert.same({ 0, 0 }, { money("ann")[2], money("ben")[2] })
    assert.equal(auction.leader and auction.price or 0, money("sue")[1])
    assert.equal(2000, total())
  end)
end)
