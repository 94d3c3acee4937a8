-- Auctions with money. Accounts are objects, and auctions; money moves between them by calls that
-- may be repeated: each says for which auction it is, so a second one changes nothing. Who bids has
-- the sum held. What an auction owes an account (to give back, to pay) is a schedule: it is stored
-- with the decision, and tried until it has worked. So no money is lost or made.
--
--   POST /accounts/ann {"amount": 1000}       puts money in (cents); GET shows it
--   POST /auctions/lamp {"seller": "sue", "price": 100, "minutes": 10}       201
--   POST /auctions/lamp/bids {"who": "ann", "amount": 150}                   200, or 409
--   GET  /auctions/lamp, WebSocket /auctions/lamp                            as it is now
local od = require "open-do"

local Account = {}

function Account:report()
  local held = 0
  for _, amount in self.state.storage:list { prefix = "held:" } do
    held = held + amount
  end
  return { free = self.state.storage:get("free") or 0, held = held }
end

function Account:deposit(amount)
  self.state.storage:put("free", self:report().free + amount)
  return self:report()
end

-- Holds [amount] for an auction in place of what is held for it. False: there is not enough.
function Account:hold(auction, amount)
  local storage = self.state.storage
  local free = (storage:get("free") or 0) + (storage:get("held:" .. auction) or 0)
  if free < amount then
    return false
  end
  storage:put { free = free - amount, ["held:" .. auction] = amount }
  return true
end

-- What was held comes back, all but [kept].
function Account:release(auction, kept)
  local storage = self.state.storage
  local held = storage:get("held:" .. auction)
  if held and storage:delete("held:" .. auction) then
    storage:put("free", (storage:get("free") or 0) + held - (kept or 0))
  end
end

function Account:pay(auction, amount)
  local storage = self.state.storage
  if not storage:get("paid:" .. auction) then
    storage:put("paid:" .. auction, amount)
    self:deposit(amount)
  end
end

local Auction = {}

function Auction:constructor(state)
  local bid = state.storage:get("bid") -- It was being held when we ended.
  if bid then
    self:drop_bid(bid)
  end
end

function Auction:account(who) return self.env.accounts:getByName(who) end

-- Calls a method of an account, at least once.
function Auction:owe(who, method, ...)
  self.state.storage:schedule(method .. ":" .. who, { at = od.now() }, "_settle", who, method,
    self.state.id.name, ...)
end

function Auction:_settle(_, who, method, ...)
  local account = self:account(who)
  account[method](account, ...)
end

function Auction:start(seller, price, minutes)
  local storage = self.state.storage
  if storage:get("seller") then
    return false
  end
  storage:put { seller = seller, price = price, open = true }
  storage:schedule("end", { at = od.now() + minutes * 60000 }, "_end")
  return true
end

function Auction:report()
  local got = self.state.storage:get { "seller", "price", "leader", "open" }
  return got.seller and got
end

-- A bid that did not become the leading one: what is held for it goes back, or, when its bidder
-- leads with another, down to that.
function Auction:drop_bid(bid)
  local storage = self.state.storage
  storage:delete("bid")
  if storage:get("leader") == bid.who then
    self:owe(bid.who, "hold", storage:get("price"))
  else
    self:owe(bid.who, "release")
  end
end

function Auction:try_bid(who, amount)
  local storage = self.state.storage
  local now = storage:get { "seller", "price", "leader", "open" }
  if not now.open or who == now.seller then
    return now.open and "sellers do not bid" or "the auction is over"
  elseif amount < now.price or (now.leader and amount == now.price) then
    return "the price is " .. now.price
  end
  local bid = { who = who, amount = amount }
  storage:put("bid", bid)
  if not self:account(who):hold(self.state.id.name, amount) then
    storage:delete("bid")
    return "the account does not have it"
  end
  storage:delete("bid")
  storage:put { leader = who, price = amount }
  storage:unschedule("release:" .. who)
  if now.leader and now.leader ~= who then
    self:owe(now.leader, "release")
  end
end

-- nil, or why not. While money is held no other bid comes in.
function Auction:bid(who, amount)
  local why = self.state:blockConcurrencyWhile(function() return self:try_bid(who, amount) end)
  if not why then
    self.state:broadcast(od.json.encode(self:report()))
  end
  return why
end

function Auction:_end()
  local storage = self.state.storage
  local now = self:report()
  storage:put("open", false)
  if now.leader then
    self:owe(now.leader, "release", now.price)
    self:owe(now.seller, "pay", now.price)
  end
  self.state:broadcast(od.json.encode(self:report()))
end

function Auction:fetch()
  local client, server = od.WebSocketPair()
  self.state:acceptWebSocket(server)
  server:send(od.json.encode(self:report()))
  return od.Response(nil, { status = 101, webSocket = client })
end

-- The entry ---------------------------------------------------------------------------------------

local function answer(why, value)
  return why and od.Response.json({ error = why }, { status = 409 }) or od.Response.json(value)
end

local function is_amount(value)
  return type(value) == "number" and value > 0 and value % 1 == 0 and value < 1e12
end

local posts = {}

function posts.accounts(account, body)
  return is_amount(body.amount) and answer(nil, account:deposit(body.amount))
end

function posts.auctions(auction, body)
  if type(body.seller) == "string" and is_amount(body.price) and is_amount(body.minutes) then
    local is_new = auction:start(body.seller, body.price, body.minutes)
    return is_new and od.Response(nil, { status = 201 }) or answer "there is one of that name"
  end
end

function posts.bids(auction, body)
  return type(body.who) == "string" and is_amount(body.amount) and auction:report()
    and answer(auction:bid(body.who, body.amount), auction:report())
end

local function fetch(request, env)
  local kind, name, rest = request.path:match("^/(%l+)/(%w+)/?(%l*)$")
  local namespace = (kind == "accounts" or kind == "auctions") and env[kind]
  if not namespace or (rest ~= "" and rest ~= "bids") then
    return od.Response("there is nothing here\n", { status = 404 })
  end
  local object = namespace:getByName(name)
  if request:isWebSocketUpgrade() and kind == "auctions" and object:report() then
    return object:fetch(request)
  elseif request.method == "POST" then
    local ok, body = pcall(function() return request:json() end)
    local post = posts[rest == "" and kind or rest]
    local response = ok and type(body) == "table" and post(object, body)
    return response or od.Response.json({ error = "that is not right" }, { status = 400 })
  end
  return od.Response.json(object:report() or od.json.null)
end

return { namespaces = { accounts = Account, auctions = Auction }, fetch = fetch }
