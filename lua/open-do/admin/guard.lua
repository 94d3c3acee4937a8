-- Who may ask at the admin listener. A page of anybody can make a browser connect here, with the
-- cookies of whoever looks at it: so it counts by which name the browser knows us, which page asks,
-- and the token.
local _, native = ...

local od = require "open-do"

local is_known = native.admin.is_known
local same = od.timingSafeEqual

local M = {}

local tokens = {} -- Role -> token.
local wrong_tokens = 0
local said_seconds = 0 -- That there were some.

function M.set_tokens(token, read_token)
  tokens = { write = token, read = read_token }
end

-- "write", "read" or nil.
local function role_of(token)
  local is_write, is_read = same(token, tokens.write or ""), same(token, tokens.read or "")
  if token == "" then
    return nil
  end
  return is_write and "write" or is_read and "read" or nil
end

-- Cookies know no ports: two programs on one machine must not share theirs.
local function cookie_name(request)
  local port = (request.headers:get("host") or ""):match(":(%d+)$") or "80"
  return "open-do-admin-" .. port
end

local function text(status, body, headers)
  headers = headers or {}
  headers["content-type"] = headers["content-type"] or "text/plain; charset=utf-8"
  return od.Response(body, { status = status, headers = headers })
end

--- What goes with every answer.
function M.seal(response)
  local headers = response.headers
  headers:set("content-security-policy",
    "default-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'self'")
  headers:set("x-content-type-options", "nosniff")
  headers:set("referrer-policy", "no-referrer")
  headers:set("cross-origin-resource-policy", "same-origin")
  headers:set("cross-origin-opener-policy", "same-origin")
  headers:set("cache-control", "no-store")
  return response
end

local function is_from_here(origin, host)
  return origin == "http://" .. host or origin == "https://" .. host
end

--- The answer to who may ask nothing, whatever his token is; nil: it may go on.
function M.refuses(request)
  local host, origin = request.headers:get("host") or "", request.headers:get("origin")
  if not is_known(host) then
    return text(421, ("this program is not asked as %s; see --admin-host\n"):format(host))
  end
  local is_reading = request.method == "GET" or request.method == "HEAD"
  local changes = not is_reading or request:isWebSocketUpgrade()
  if changes and origin and not is_from_here(origin, host) then
    return text(403, "a page of another origin may not ask this\n")
  end
end

local LOGIN = [[
<!doctype html><meta charset="utf-8"><title>open-do</title>
<meta name="viewport" content="width=device-width"><link rel="stylesheet" href="/style.css">
<main class="login"><h1>open-do</h1>
<p>This page asks for the token in <code>admin.token</code>, in the data directory.
<code>open-do dev</code> prints an address that has it.</p>
<form action="/">
<input name="token" type="password" aria-label="Token" autofocus autocomplete="off">
<button>Look inside</button>
</form></main>
]]

local LOGIN_NEEDS = { ["/style.css"] = true, ["/icon.svg"] = true }

local function refuse(request, given)
  wrong_tokens = wrong_tokens + (given and 1 or 0)
  if request.path == "/" then
    return text(401, LOGIN, { ["content-type"] = "text/html; charset=utf-8" })
  end
  return text(401, given and "that is not the token\n" or "a token is needed\n",
    { ["www-authenticate"] = "Bearer" })
end

-- The address had the token: it goes into a cookie, and out of sight.
local function let_in(request, token)
  local cookie = ("%s=%s; Path=/; HttpOnly; SameSite=Strict"):format(cookie_name(request), token)
  return text(303, "", { location = "/", ["set-cookie"] = cookie })
end

-- Browsers say so of what a page asks for; pages of another port of this machine have our cookie.
local function is_of_stranger(request)
  local site = request.headers:get("sec-fetch-site")
  return site == "cross-site" or site == "same-site"
end

--- { role =, request = }; or nil and the answer.
function M.admit(request)
  if is_of_stranger(request) and request.path ~= "/" then
    return nil, text(403, "a page of another origin may not ask this\n")
  end
  local authorization = request.headers:get("authorization")
  local bearer = authorization and authorization:match("^[Bb]earer +(%S+)$")
  local in_address = request.path == "/" and request.method == "GET" and request.query.token
  local cookie = od.cookies.parse(request.headers:get("cookie"))[cookie_name(request)]
  local given = bearer or in_address or cookie
  local role = given and role_of(given)
  if LOGIN_NEEDS[request.path] and not role then
    return { request = request } -- Of the page that asks for the token.
  elseif not role then
    return nil, refuse(request, given)
  elseif in_address and not bearer then
    return nil, let_in(request, given)
  end
  local changes = request.method ~= "GET" or request:isWebSocketUpgrade()
  if changes and not bearer and not request.headers:get("origin") then
    return nil, text(403, "who has a cookie says his Origin\n")
  end
  return { request = request, role = role }
end

--- For the log.
function M.describe(request)
  return "admin listener, " .. request.peer
end

--- Once a second: wrong tokens are told, but not one by one.
function M.tick()
  said_seconds = said_seconds + 1
  if wrong_tokens > 0 and said_seconds >= 10 then
    native.admin.log("warn", ("the admin listener was given %d wrong token%s"):format(wrong_tokens,
      wrong_tokens == 1 and "" or "s"))
    wrong_tokens, said_seconds = 0, 0
  end
end

return M
