-- od.jwt: JSON Web Tokens (RFC 7519), signed. What a token says of its algorithm is only compared:
-- the key decides. So `none`, and a public key that is taken for a secret, have no way in.
local module_name, native = ...
assert(module_name == "open-do.jwt")

local signature = require "open-do.signature"

local base64url, json, runtime = native.bytes.base64url, native.json, native.runtime

local error, floor, getmetatable, ipairs = error, math.floor, getmetatable, ipairs
local match, pairs, pcall = string.match, pairs, pcall
local setmetatable, time, tostring, type = setmetatable, os.time, tostring, type

local TOKEN_BYTES_MAX = 16384
local SET_KEYS_MAX, SETS_MAX = 100, 100
local SET_MS, SET_AGAIN_MS = 600000, 30000 -- How long a set is good; before it is asked anew.

local function now_ms()
  return runtime.now and runtime.now() or time() * 1000
end

---@class od.jwt
local M = {}

-- Options -----------------------------------------------------------------------------------------

local function check_options(call, options, known)
  if options == nil then
    return {}
  end
  if type(options) ~= "table" then
    error(("%s: the options must be a table, got %s"):format(call, type(options)), 3)
  end
  for name, value in pairs(options) do
    local kinds = known[name]
    if not kinds then
      error(("%s: there is no option '%s'"):format(call, tostring(name)), 3)
    end
    if not kinds:find(type(value), 1, true) then
      error(("%s: option '%s' must be a %s, got %s"):format(call, name, kinds, type(value)), 3)
    end
  end
  return options
end

-- Making ------------------------------------------------------------------------------------------

local SIGN_OPTIONS = { expiresIn = "number", kid = "string" }

local function copy(from)
  local to = {}
  for name, value in pairs(from) do
    to[name] = value
  end
  return to
end

--- A token with these claims, and `iat` when they have none: now.
---@param claims table what is to be said; times (`exp`, `nbf`, `iat`) are seconds, as in all tokens
---@param key string|table a secret, or a private key in PEM
---@param options? { expiresIn?: number, kid?: string } expiresIn in ms: sets `exp`
---@return string token
function M.sign(claims, key, options)
  if type(claims) ~= "table" then
    error(("jwt.sign: argument 1 must be a table, got %s"):format(type(claims)), 2)
  end
  options = check_options("jwt.sign", options, SIGN_OPTIONS)
  local algorithm, bytes = signature.read_key(key)
  if not algorithm then
    error(("jwt.sign: the key: %s"):format(bytes), 2)
  end
  claims = copy(claims)
  claims.iat = claims.iat or floor(now_ms() / 1000)
  if options.expiresIn then
    claims.exp = floor((now_ms() + options.expiresIn) / 1000)
  end
  local ok, text = pcall(json.encode, claims)
  if not ok then
    error(("jwt.sign: the claims: %s"):format(tostring(text)), 2)
  end
  local header = { alg = algorithm, typ = "JWT", kid = options.kid }
  local message = base64url.encode(json.encode(header)) .. "." .. base64url.encode(text)
  local signed, problem = signature.sign_with(algorithm, bytes, message)
  if not signed then
    error(("jwt.sign: the key: %s"):format(problem), 2)
  end
  return message .. "." .. base64url.encode(signed)
end

-- Key sets ----------------------------------------------------------------------------------------

local Set = {}
Set.__index = Set
Set.__metatable = false

local sets, set_count = {}, 0

-- { { kid =, algorithm =, bytes = }, ... } of those of a set that can be used here.
local function keys_of(document)
  if type(document) ~= "table" or type(document.keys) ~= "table" then
    return nil
  end
  local keys = {}
  for at, key in ipairs(document.keys) do
    local is_for_signatures = type(key) == "table" and (key.use == nil or key.use == "sig")
    local algorithm, bytes
    if is_for_signatures and at <= SET_KEYS_MAX then
      algorithm, bytes = signature.read_key(key)
    end
    if algorithm and algorithm ~= "HS256" then -- What the world can read is no secret.
      keys[#keys + 1] = { kid = key.kid, algorithm = algorithm, bytes = bytes }
    end
  end
  return keys
end

local function fetch_keys(url)
  local response = runtime.fetch(url)
  if response.status ~= 200 then
    return nil, ("%s answers %d"):format(url, response.status)
  end
  local ok, document = pcall(json.decode, response:text())
  local keys = ok and keys_of(document)
  if not keys then
    return nil, ("%s gives no JSON Web Key Set"):format(url)
  end
  return keys
end

-- Old keys are better than none: a token is not refused because their server is down.
function Set:refresh()
  self.asked_ms = now_ms()
  local ok, keys, problem = pcall(fetch_keys, self.url)
  if ok and keys then
    self.keys, self.fetched_ms = keys, now_ms()
  elseif not self.keys then
    self.asked_ms = nil
    error(("jwt: the keys: %s"):format(tostring(ok and problem or keys)), 0)
  end
end

local function has_kid(keys, kid)
  for _, key in ipairs(keys) do
    if key.kid == kid then
      return true
    end
  end
  return false
end

function Set:current(kid)
  local now = now_ms()
  local may_ask = not self.asked_ms or now - self.asked_ms >= SET_AGAIN_MS
  local is_old = not self.keys or now - self.fetched_ms >= SET_MS
  if may_ask and (is_old or (kid and not has_kid(self.keys, kid))) then
    self:refresh()
  end
  return self.keys or {}
end

--- The key set at a URL, for `verify`. It is fetched with od.fetch when it is needed, and again
--- after ten minutes or when a token names a key that is not in it, but not twice in half a minute.
--- Asking for the same URL again gives the same set.
---@param url string
---@return JwtKeySet
function M.keys(url)
  if type(url) ~= "string" or not match(url, "^https?://") then
    error("jwt.keys: argument 1 must be a URL of http or https", 2)
  end
  if not sets[url] then
    if set_count == SETS_MAX then
      sets, set_count = {}, 0
    end
    sets[url], set_count = setmetatable({ url = url }, Set), set_count + 1
  end
  return sets[url]
end

-- Reading -----------------------------------------------------------------------------------------

local VERIFY_OPTIONS = {
  issuer = "string or table", audience = "string or table", leeway = "number",
}

local function decode_part(text)
  local ok, bytes = pcall(base64url.decode, text)
  return ok and bytes or nil
end

-- A JSON object, which an empty array is not.
local function decode_object(text)
  local bytes = decode_part(text)
  local ok, value = pcall(json.decode, bytes or "")
  return ok and bytes and match(bytes, "^%s*{") and type(value) == "table" and value or nil
end

-- The keys that may have signed a token with [header].
local function candidates(keys, kid)
  if type(keys) == "table" and getmetatable(keys) == false and keys.current == Set.current then
    return keys:current(kid)
  end
  if type(keys) == "table" and keys.kty == nil and type(keys.keys) == "table" then
    return keys_of(keys)
  end
  local list, found = keys, {}
  if type(keys) ~= "table" or keys.kty ~= nil then
    list = { keys }
  end
  for _, key in ipairs(list) do
    local algorithm, bytes = signature.read_key(key)
    if not algorithm then
      error(("jwt.verify: the key: %s"):format(bytes), 3)
    end
    local is_jwk = type(key) == "table"
    found[#found + 1] = { algorithm = algorithm, bytes = bytes, kid = is_jwk and key.kid or nil }
  end
  if not found[1] then
    error(("jwt.verify: argument 2 must be a key, a list of keys or a key set, got %s"):format(
      keys == nil and "nil: is it given by --var-file?" or type(keys) == "table"
        and "an empty table" or type(keys)), 3)
  end
  return found
end

local function is_signed(list, header, message, signed)
  local why = "unknown key"
  for _, key in ipairs(list) do
    local is_named = header.kid == nil or key.kid == nil or key.kid == header.kid
    if is_named and key.algorithm ~= header.alg then
      why = why == "signature" and why or "algorithm"
    elseif is_named then
      why = "signature"
      if signature.is_signed(key.algorithm, key.bytes, message, signed) then
        return true
      end
    end
  end
  return false, why
end

local function is_time(value)
  return value == nil or (type(value) == "number" and value == value)
end

local function has(wanted, value)
  if type(wanted) ~= "table" then
    return wanted == value
  end
  for _, one in ipairs(wanted) do
    if one == value then
      return true
    end
  end
  return false
end

local function is_for(wanted, audience)
  if type(audience) ~= "table" then
    return audience ~= nil and has(wanted, audience)
  end
  for _, one in ipairs(audience) do
    if has(wanted, one) then
      return true
    end
  end
  return false
end

-- nil, or why they do not hold.
local function objection(claims, options)
  if not (is_time(claims.exp) and is_time(claims.nbf) and is_time(claims.iat)) then
    return "malformed"
  end
  local now, leeway = now_ms() / 1000, (options.leeway or 0) / 1000
  if claims.exp and now >= claims.exp + leeway then
    return "expired"
  end
  if claims.nbf and now < claims.nbf - leeway then
    return "not yet valid"
  end
  if options.issuer and not (claims.iss ~= nil and has(options.issuer, claims.iss)) then
    return "issuer"
  end
  if options.audience and not is_for(options.audience, claims.aud) then
    return "audience"
  end
end

--- What a token says, if it is signed with the key and holds now; nil and why not otherwise:
--- "malformed", "algorithm", "unknown key", "signature", "expired", "not yet valid", "issuer",
--- "audience". Waits when the keys are a set that has to be fetched.
---@param token string
---@param keys string|table|JwtKeySet a secret, a public key in PEM, a JSON Web Key; several of them
---(those that still count); a key set, as a table or of `jwt.keys`
---@param options? { issuer?: string|string[], audience?: string|string[], leeway?: number }
---leeway in ms: by how much clocks may differ
---@return table? claims
---@return string|table header_or_reason
function M.verify(token, keys, options)
  options = check_options("jwt.verify", options, VERIFY_OPTIONS)
  if type(token) ~= "string" or #token > TOKEN_BYTES_MAX then
    candidates(keys) -- A key that is none is the author's mistake, whatever comes.
    return nil, "malformed"
  end
  local message, head, body, tail = match(token, "^(([%w_-]+)%.([%w_-]+))%.([%w_-]*)$")
  local header = head and decode_object(head)
  local signed = tail and decode_part(tail)
  local is_plain = header and signed and type(header.alg) == "string" and header.crit == nil
    and (header.kid == nil or type(header.kid) == "string")
  local list = candidates(keys, is_plain and header.kid or nil)
  if not is_plain then
    return nil, "malformed"
  end
  local ok, why = is_signed(list, header, message, signed)
  if not ok then
    return nil, why
  end
  local claims = decode_object(body)
  if not claims then
    return nil, "malformed"
  end
  why = objection(claims, options)
  if why then
    return nil, why
  end
  return claims, header
end

return M
