-- How often somebody may do something. Each caller has a bucket of tokens, which fills by itself as
-- time goes by, and is one object, so two requests at once cannot both take the last token.
local od = require "open-do"

local CAPACITY, A_SECOND = 5, 0.1 -- Five at once, then one every ten seconds.

local Bucket = {}

-- Takes a token, and answers 200, or 429 with the seconds until there is one again.
function Bucket:fetch()
  local storage, now = self.state.storage, od.now()
  local kept = storage:get("bucket") or { tokens = CAPACITY, at = now }
  local seconds = math.max(now - kept.at, 0) / 1000
  local tokens = math.min(kept.tokens + seconds * A_SECOND, CAPACITY)
  if tokens < 1 then
    local headers = { ["retry-after"] = math.ceil((1 - tokens) / A_SECOND) }
    return od.Response("Too many requests\n", { status = 429, headers = headers })
  end
  storage:put("bucket", { tokens = tokens - 1, at = now })
  return od.Response("", { headers = { ["x-ratelimit-remaining"] = math.floor(tokens - 1) } })
end

-- What is to be protected.
local function quote(remaining)
  local headers = { ["x-ratelimit-remaining"] = remaining }
  return od.Response("A fence is not a wall.\n", { headers = headers })
end

-- Who calls is who has the key, or else the address; a proxy in front must name the latter.
local function fetch(request, env)
  if request.path ~= "/quote" then
    return od.Response("Not found\n", { status = 404 })
  end
  local caller = request.headers:get("x-api-key") or request.peer
  local permission = env.callers:getByName(caller):fetch("/")
  if permission.status ~= 200 then
    return permission
  end
  return quote(permission.headers:get("x-ratelimit-remaining"))
end

return { namespaces = { callers = Bucket }, fetch = fetch }
