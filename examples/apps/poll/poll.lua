-- A live poll: whoever has the link votes once and sees the bars move. A poll is an object; it
-- closes by itself. SECRET signs the cookie by which a voter is known again.
--
--   POST /polls {"question": "Tea?", "options": ["yes", "no"], "minutes": 60}   201 {"id": "..."}
--   GET  /polls/ID           {"question":, "options": [{"text":, "votes":}], "open":}
--   POST /polls/ID           {"option": 1} gives the same, or 409
--   WebSocket /polls/ID      the same, whenever it changes
local od = require "open-do"
local page = require "page"

local Poll = {}

function Poll:create(question, options, minutes)
  local storage = self.state.storage
  storage:put { question = question, options = options, open = true }
  for i = 1, #options do
    storage:put("votes:" .. i, 0)
  end
  storage:schedule("close", { at = od.now() + minutes * 60000 }, "_close")
end

function Poll:results()
  local storage = self.state.storage
  local options = storage:get("options")
  if not options then
    return nil
  end
  for i, text in ipairs(options) do
    options[i] = { text = text, votes = storage:get("votes:" .. i) }
  end
  return { question = storage:get("question"), options = options, open = storage:get("open") }
end

function Poll:changed()
  self.state:broadcast(od.json.encode(self:results()))
end

-- nil, or why not.
function Poll:vote(voter, option)
  local storage = self.state.storage
  local votes = storage:get("votes:" .. option)
  if not storage:get("open") then
    return "the poll is closed"
  elseif not votes then
    return "there is no such option"
  elseif storage:get("voter:" .. voter) then
    return "you have voted"
  end
  storage:put { ["voter:" .. voter] = option, ["votes:" .. option] = votes + 1 }
  self:changed()
end

function Poll:_close()
  self.state.storage:put("open", false)
  self:changed()
end

function Poll:fetch()
  local client, server = od.WebSocketPair()
  self.state:acceptWebSocket(server)
  server:send(od.json.encode(self:results()))
  return od.Response(nil, { status = 101, webSocket = client })
end

-- The entry ---------------------------------------------------------------------------------------

local function problem(status, text)
  return od.Response.json({ error = text }, { status = status })
end

local function body_of(request)
  local ok, body = pcall(function() return request:json() end)
  return ok and type(body) == "table" and body or {}
end

local function is_poll(body)
  if type(body.question) ~= "string" or type(body.options) ~= "table" then
    return false
  end
  for i = 1, math.max(#body.options, 2) do
    if type(body.options[i]) ~= "string" then
      return false
    end
  end
  return #body.options <= 10 and type(body.minutes or 60) == "number"
end

local function create(request, env)
  local body = body_of(request)
  if not is_poll(body) then
    return problem(400, "a poll has a question and 2 to 10 options")
  end
  local id = od.randomUUID()
  env.polls:getByName(id):create(body.question, body.options, body.minutes or 60)
  return od.Response.json({ id = id }, { status = 201 })
end

-- Who votes: by a cookie that only we can make.
local function voter_of(request, env)
  local cookie = od.cookies.parse(request.headers:get("cookie")).voter
  return cookie and od.cookies.unsign("voter", cookie, env.SECRET)
end

local function with_voter(response, request, env)
  if not voter_of(request, env) then
    local signed = od.cookies.sign("voter", od.randomUUID(), env.SECRET)
    response.headers:append("set-cookie", od.cookies.serialize("voter", signed,
      { path = "/", httpOnly = true, sameSite = "lax", maxAge = 31536000 }))
  end
  return response
end

local function vote(poll, request, env)
  local voter, option = voter_of(request, env), body_of(request).option
  if not voter or type(option) ~= "number" then
    return problem(400, "look at the poll first, then send {\"option\": 1}")
  end
  local why = poll:vote(voter, option)
  return why and problem(409, why) or od.Response.json(poll:results())
end

local function fetch(request, env)
  local id = request.path:match("^/polls/([%x-]+)$")
  if request.path == "/polls" and request.method == "POST" then
    return create(request, env)
  elseif not id then
    return request.path == "/" and od.Response.html(page) or problem(404, "there is nothing here")
  end
  local poll = env.polls:getByName(id)
  local results = poll:results()
  if not results then
    return problem(404, "there is no such poll")
  elseif request:isWebSocketUpgrade() then
    return poll:fetch(request)
  elseif request.method == "POST" then
    return vote(poll, request, env)
  end
  return with_voter(od.Response.json(results), request, env)
end

return { namespaces = { polls = Poll }, fetch = fetch }
