-- od.cookies: the header Cookie read, and Set-Cookie written (RFC 6265bis). Names of the attributes
-- are those of the web's CookieStore, with `maxAge` and `httpOnly` beside them.
local module_name, native = ...
assert(module_name == "open-do.cookies")

local error, pairs, tostring, type = error, pairs, tostring, type
local find, gmatch, lower, match, sub = string.find, string.gmatch, string.lower, string.match,
  string.sub
local concat, floor = table.concat, math.floor
local date = os.date
local encode, decode = native.url.encode, native.url.decode
local base64url, hmac = native.bytes.base64url, native.bytes.hmacSha256
local equal = native.bytes.timingSafeEqual

-- A browser keeps no cookie whose name and value together are longer (RFC 6265bis, section 5.6).
local COOKIE_BYTES_MAX = 4096
local ATTRIBUTE_BYTES_MAX = 1024
local SAME_SITES = { strict = "Strict", lax = "Lax", none = "None" }
-- Year 9999: what an HTTP date can say.
local EXPIRES_MS_MAX = 253402300799000

---@class od.cookies
local M = {}

-- Without quotes around it; what is percent-encoded is decoded.
local function value_of(text)
  local quoted = match(text, '^"(.*)"$')
  return decode(quoted or text)
end

--- Reads the header Cookie: `od.cookies.parse(request.headers:get("cookie"))`. Of a repeated name
--- the first counts, as the more specific one; pairs without "=" are left out.
---@param header? string nil, when there is none, gives an empty table
---@return table<string, string> values, percent-decoded
function M.parse(header)
  local cookies = {}
  if header == nil then
    return cookies
  end
  if type(header) ~= "string" then
    error(("cookies.parse: argument 1 must be a string or nil, got %s"):format(type(header)), 2)
  end
  for pair in gmatch(header, "[^;]+") do
    local name, value = match(pair, "^[ \t]*([^= \t]+)[ \t]*=[ \t]*(.-)[ \t]*$")
    if name and cookies[name] == nil then
      cookies[name] = value_of(value)
    end
  end
  return cookies
end

local function fail(level, text, ...)
  error(("cookies.serialize: " .. text):format(...), level + 1)
end

-- A text that stands in the header as it is.
local function plain(name, value, level)
  if type(value) ~= "string" then
    fail(level + 1, "%s must be a string, got %s", name, type(value))
  end
  if #value > ATTRIBUTE_BYTES_MAX then
    fail(level + 1, "%s is longer than %d bytes", name, ATTRIBUTE_BYTES_MAX)
  end
  if find(value, "[^\32-\126]") or find(value, ";", 1, true) then
    fail(level + 1, "%s cannot have \";\" or control characters", name)
  end
  return value
end

local attributes = {
  { "path", function(value, level)
    if sub(plain("path", value, level + 1), 1, 1) ~= "/" then
      fail(level + 1, "path must begin with \"/\"")
    end
    return "; Path=" .. value
  end },
  { "domain", function(value, level)
    if not find(plain("domain", value, level + 1), "^[%w.-]+$") then
      fail(level + 1, "domain must be the name of a host, like \"example.org\"")
    end
    return "; Domain=" .. value
  end },
  { "maxAge", function(value, level)
    if type(value) ~= "number" or value ~= floor(value) or value < 0 or value > 2 ^ 53 then
      fail(level + 1, "maxAge must be a whole number of seconds")
    end
    return ("; Max-Age=%.0f"):format(value)
  end },
  { "expires", function(value, level)
    if type(value) ~= "number" or not (value >= 0 and value <= EXPIRES_MS_MAX) then
      fail(level + 1, "expires must be a time in milliseconds, like od.now() + 3600000")
    end
    return "; Expires=" .. date("!%a, %d %b %Y %H:%M:%S GMT", floor(value / 1000))
  end },
  { "sameSite", function(value, level)
    local word = type(value) == "string" and SAME_SITES[lower(value)]
    if not word then
      fail(level + 1, "sameSite must be \"strict\", \"lax\" or \"none\"")
    end
    return "; SameSite=" .. word
  end },
}

local flags = { { "secure", "; Secure" }, { "httpOnly", "; HttpOnly" },
  { "partitioned", "; Partitioned" } }

local known = {}
for _, row in pairs(attributes) do
  known[row[1]] = true
end
for _, row in pairs(flags) do
  known[row[1]] = true
end

local function check_options(options, level)
  if type(options) ~= "table" then
    fail(level + 1, "argument 3 must be a table of attributes, got %s", type(options))
  end
  for name in pairs(options) do
    if not known[name] then
      fail(level + 1, "there is no attribute '%s'", tostring(name))
    end
  end
end

-- What browsers would drop without a word.
local function check_promises(name, options, level)
  local is_host = sub(name, 1, 7) == "__Host-"
  if (is_host or sub(name, 1, 9) == "__Secure-") and not options.secure then
    fail(level + 1, "a cookie named %s must be secure", name)
  end
  if is_host and (options.path ~= "/" or options.domain) then
    fail(level + 1, "a cookie named %s must have path \"/\" and no domain", name)
  end
  if type(options.sameSite) == "string" and lower(options.sameSite) == "none"
    and not options.secure then
    fail(level + 1, "a cookie with sameSite \"none\" must be secure")
  end
  if options.partitioned and not options.secure then
    fail(level + 1, "a partitioned cookie must be secure")
  end
end

local function checked_pair(name, value, level)
  if type(name) ~= "string" or not find(name, "^[%w!#$%%&'*+.^_`|~-]+$") then
    fail(level + 1, "argument 1 must be a name of letters, digits and \"-_.\"")
  end
  local kind = type(value)
  if kind ~= "string" and kind ~= "number" then
    fail(level + 1, "argument 2 must be a string or a number, got %s", kind)
  end
  local pair = name .. "=" .. encode(tostring(value))
  if #pair > COOKIE_BYTES_MAX then
    fail(level + 1, "the cookie has %d bytes, browsers keep %d", #pair, COOKIE_BYTES_MAX)
  end
  return pair
end

--- The value of a header Set-Cookie. The cookie's value is percent-encoded, so it may be anything;
--- `parse` undoes that. Use `headers:append("set-cookie", ...)`, for there may be several.
---@param name string
---@param value string|number
---@param options? { path?: string, domain?: string, maxAge?: integer, expires?: number,
---  sameSite?: "strict"|"lax"|"none", secure?: boolean, httpOnly?: boolean, partitioned?: boolean }
---  maxAge in seconds, expires in ms since the epoch
---@return string
function M.serialize(name, value, options)
  local parts = { checked_pair(name, value, 2) }
  if options == nil then
    return parts[1]
  end
  check_options(options, 2)
  check_promises(name, options, 2)
  for _, row in pairs(attributes) do
    local attribute = options[row[1]]
    if attribute ~= nil then
      parts[#parts + 1] = row[2](attribute, 2)
    end
  end
  for _, row in pairs(flags) do
    if options[row[1]] then
      parts[#parts + 1] = row[2]
    end
  end
  return concat(parts)
end

-- Without a long secret a signature can be guessed from one cookie, at leisure.
local SECRET_BYTES_MIN = 16

local function signature_of(name, value, secret)
  return base64url.encode(hmac(secret, name .. "=" .. value))
end

-- Secrets as a list; the first one signs.
local function checked_secrets(call, name, text, secrets)
  if type(name) ~= "string" or type(text) ~= "string" then
    error(("%s: arguments 1 and 2 must be strings, got %s and %s"):format(call, type(name),
      type(text)), 3)
  end
  secrets = type(secrets) == "table" and secrets or { secrets }
  for at = 1, #secrets + (secrets[1] == nil and 1 or 0) do
    if type(secrets[at]) ~= "string" or #secrets[at] < SECRET_BYTES_MIN then
      local got = secrets[at] == nil and "; it is nil: is it given by --var-file?" or ""
      error(("%s: argument 3 must be a secret of %d bytes or more, or a list of them%s"):format(
        call, SECRET_BYTES_MIN, got), 3)
    end
  end
  return secrets
end

--- A value that shows whether somebody has changed it, for `serialize`. Anybody can read it. It is
--- valid for a cookie of this name only, and for ever: put a time into it where it is to end.
---@param name string
---@param value string
---@param secrets string|string[] of 16 bytes or more; of several the first signs
---@return string signed
function M.sign(name, value, secrets)
  local list = checked_secrets("cookies.sign", name, value, secrets)
  return value .. "." .. signature_of(name, value, list[1])
end

--- The opposite: the value, or nil when it is not signed with one of the secrets.
---@param name string
---@param signed string
---@param secrets string|string[] the present one, and former ones that still count
---@return string? value
function M.unsign(name, signed, secrets)
  local list = checked_secrets("cookies.unsign", name, signed, secrets)
  local value, signature = match(signed, "^(.*)%.([%w_-]*)$")
  for at = 1, value and #list or 0 do
    if equal(signature, signature_of(name, value, list[at])) then
      return value
    end
  end
end

return M
