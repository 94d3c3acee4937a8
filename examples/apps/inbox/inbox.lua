-- Accounts with passwords, an inbox each, and who is there. A user is an object: it has the
-- password, the messages, and the sockets of that user's windows. One more object knows who is
-- online. SECRET signs the sessions.
--
--   POST /register, POST /login   {"name": "ann", "password": "..."}     204 and a cookie, or 4xx
--   GET  /inbox                   [{"id": 1, "from": "ben", "text": "hello", "at": ms}]
--   POST /send                    {"to": "ann", "text": "hello"}         204, or 404
--   POST /logout                  all windows of the user are signed out
--   GET  /online                  ["ann", "ben"]
--   WebSocket /live               {"mail": {...}}, {"online": ["ann", "ben"]}
local od = require "open-do"

local SESSION_MS, KEPT = 7 * 86400000, 1000

local User = {}

function User:constructor(state)
  state.storage:migrate {
    "CREATE TABLE mail (id INTEGER PRIMARY KEY, sender TEXT, text TEXT, at INTEGER)",
  }
end

function User:exists() return self.state.storage:get("password") ~= nil end

-- The generation of sessions, or nil. While the password is worked out others may come in, so the
-- name is looked at twice.
function User:register(password)
  local hash = not self:exists() and od.password.hash(password)
  if hash and not self:exists() then
    self.state.storage:put { password = hash, generation = 1 }
    return 1
  end
end

function User:login(password)
  local hash = self.state.storage:get("password")
  return hash and od.password.verify(password, hash) and self.state.storage:get("generation") or nil
end

function User:generation() return self.state.storage:get("generation") end

function User:logout()
  self.state.storage:put("generation", self:generation() + 1)
  for _, ws in ipairs(self.state:getWebSockets()) do
    ws:close(4001, "signed out")
  end
end

function User:receive(sender, text)
  if not self:exists() then
    return false
  end
  local sql = self.state.storage.sql
  local mail = sql:exec("INSERT INTO mail (sender, text, at) VALUES (?, ?, ?) "
    .. "RETURNING id, sender AS 'from', text, at", sender, text, od.now()):one()
  sql:exec("DELETE FROM mail WHERE id <= ?", mail.id - KEPT)
  self.state:broadcast(od.json.encode { mail = mail })
  return true
end

function User:inbox()
  return self.state.storage.sql:exec(
    "SELECT id, sender AS 'from', text, at FROM mail ORDER BY id DESC LIMIT 100"):toArray()
end

function User:notify(text) self.state:broadcast(text) end

function User:fetch()
  local client, server = od.WebSocketPair()
  self.state:acceptWebSocket(server)
  self.env.presence:getByName("all"):come(self.state.id.name)
  return od.Response(nil, { status = 101, webSocket = client })
end

function User:webSocketClose(ws)
  for _, other in ipairs(self.state:getWebSockets()) do
    if other ~= ws then
      return
    end
  end
  self.env.presence:getByName("all"):go(self.state.id.name)
end

-- Who is online, in the storage of one object; each of them hears of it.
local Presence = {}

function Presence:list()
  local names = od.json.array()
  for key in self.state.storage:list { prefix = "user:" } do
    names[#names + 1] = key:sub(6)
  end
  return names
end

function Presence:tell()
  local names = self:list()
  local text = od.json.encode { online = names }
  self.state:waitUntil(function()
    for _, name in ipairs(names) do
      self.env.users:getByName(name):notify(text)
    end
  end)
end

function Presence:come(name)
  self.state.storage:put("user:" .. name, od.now())
  self:tell()
end

function Presence:go(name)
  self.state.storage:delete("user:" .. name)
  self:tell()
end

-- The entry ---------------------------------------------------------------------------------------

local function problem(status, text)
  return od.Response.json({ error = text }, { status = status })
end

local function body_of(request)
  local ok, body = pcall(function() return request:json() end)
  return ok and type(body) == "table" and body or {}
end

local function with_session(name, generation, env)
  local token = od.jwt.sign({ sub = name, generation = generation }, env.SECRET,
    { expiresIn = SESSION_MS })
  return od.Response(nil, { status = 204, headers = { ["set-cookie"] = od.cookies.serialize(
    "session", token, { path = "/", httpOnly = true, sameSite = "strict" }) } })
end

-- The user who asks, by name; nil: nobody is signed in.
local function user_of(request, env)
  local token = od.cookies.parse(request.headers:get("cookie")).session
  local claims = token and od.jwt.verify(token, env.SECRET)
  local user = claims and env.users:getByName(claims.sub)
  return user and user:generation() == claims.generation and user or nil
end

local public, signed_in = {}, {}

local function enter(method, refusal)
  return function(request, env)
    local body = body_of(request)
    local name, password = body.name, body.password
    if type(name) ~= "string" or not name:match("^%l[%l%d]*$") or #name > 30
      or type(password) ~= "string" or #password < 8 or #password > 200 then
      return problem(400, "a name has small letters and digits, a password 8 characters or more")
    end
    local user = env.users:getByName(name)
    local generation = user[method](user, password)
    return generation and with_session(name, generation, env) or problem(403, refusal)
  end
end

public["POST /register"] = enter("register", "that name is taken")
public["POST /login"] = enter("login", "no such name, or another password")

signed_in["GET /inbox"] = function(user)
  return od.Response.json(od.json.array(user:inbox()))
end

signed_in["POST /send"] = function(user, request, env)
  local body = body_of(request)
  if type(body.to) ~= "string" or type(body.text) ~= "string" or #body.text > 10000 then
    return problem(400, 'a message is like {"to": "ann", "text": "hello"}')
  end
  local is_sent = env.users:getByName(body.to):receive(user.name, body.text)
  return is_sent and od.Response(nil, { status = 204 }) or problem(404, "there is no such user")
end

signed_in["POST /logout"] = function(user)
  user:logout()
  return od.Response(nil, { status = 204 })
end

signed_in["GET /online"] = function(_, _, env)
  return od.Response.json(env.presence:getByName("all"):list())
end

signed_in["GET /live"] = function(user, request)
  return request:isWebSocketUpgrade() and user:fetch(request) or problem(426, "a WebSocket")
end

local function fetch(request, env)
  local route = request.method .. " " .. request.path
  if public[route] then
    return public[route](request, env)
  elseif not signed_in[route] then
    return problem(404, "there is nothing here")
  end
  local user = user_of(request, env)
  return user and signed_in[route](user, request, env) or problem(401, "sign in first")
end

return { namespaces = { users = User, presence = Presence }, fetch = fetch }
