-- od.password. The work is done on another thread (runtime/object/password.h); here is the text a
-- hash is: "$scrypt$ln=14,r=8,p=5$SALT$KEY", as passlib writes it, base64 without padding.
local _, native = ...

local check, derive, is_bounded = native.password.check, native.password.derive,
  native.password.is_bounded
local base64, random_bytes = native.bytes.base64, native.bytes.randomBytes
local equal, fail = native.bytes.timingSafeEqual, native.fetch.fail
local error, gsub, match, pcall = error, string.gsub, string.match, pcall
local setmetatable, tonumber, tostring, type = setmetatable, tonumber, tostring, type

-- 16 MB and some tenths of a second: one of the equal choices of OWASP's cheat sheet.
local LOG_N, R, P = 14, 8, 5
local SALT_BYTES, KEY_BYTES = 16, 32

local function without_padding(text)
  return (gsub(base64.encode(text), "=", ""))
end

local function key_of(ok, result)
  if not ok then
    fail(result)
  end
  return result
end

local M = {}

--- Makes of a password what may be stored. Waits; others are served meanwhile.
---@param password string at most 4096 bytes
---@return string hash
function M.hash(password)
  if not check("password.hash", password) then
    error("password.hash: the password is longer than 4096 bytes", 2)
  end
  local salt = random_bytes(SALT_BYTES)
  local key = key_of(derive(LOG_N, R, P, salt, password))
  return ("$scrypt$ln=%d,r=%d,p=%d$%s$%s"):format(LOG_N, R, P, without_padding(salt),
    without_padding(key))
end

local function parts_of(hash)
  local log_n, r, p, salt, key = match(hash,
    "^%$scrypt%$ln=(%d%d?),r=(%d%d?%d?),p=(%d%d?)%$([%w+/]+)%$([%w+/]+)$")
  if not log_n or #salt > 88 then
    return nil
  end
  local salt_ok, salt_bytes = pcall(base64.decode, salt)
  local key_ok, key_bytes = pcall(base64.decode, key)
  log_n, r, p = tonumber(log_n), tonumber(r), tonumber(p)
  if salt_ok and key_ok and #key_bytes == KEY_BYTES and is_bounded(log_n, r, p) then
    return log_n, r, p, salt_bytes, key_bytes
  end
end

--- Whether it is the password of a hash. Waits; takes as long for a wrong one as for the right one.
---@param password string
---@param hash string of `hash`, or another one of scrypt within 32 MB and p = 16
---@return boolean
function M.verify(password, hash)
  local may_be = check("password.verify", password)
  if type(hash) ~= "string" then
    error(("password.verify: argument 2 must be a string, got %s"):format(type(hash)), 2)
  end
  local log_n, r, p, salt, key = parts_of(hash)
  if not log_n then
    error("password.verify: argument 2 is no hash of od.password.hash", 2)
  end
  if not may_be then
    return false
  end
  return equal(key, key_of(derive(log_n, r, p, salt, password)))
end

return setmetatable({}, {
  __metatable = false,
  __index = M,
  __newindex = function(_, key)
    error(("od.password is read-only: cannot set %q"):format(tostring(key)), 2)
  end,
})
