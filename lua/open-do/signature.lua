-- od.sign and od.verify: HS256, RS256, ES256 and EdDSA, with signatures as JSON Web Tokens have
-- them. A key says for which of these it is; nothing that comes with a message can change that.
local module_name, native = ...
assert(module_name == "open-do.signature")

local native_sign, native_verify = native.signature.sign, native.signature.verify
local algorithm_of_pair = native.signature.algorithm_of
local hmac, equal = native.bytes.hmacSha256, native.bytes.timingSafeEqual
local decode_base64url = native.bytes.base64url.decode

local char, find, floor = string.char, string.find, math.floor
local error, gsub, match, pcall = error, string.gsub, string.match, pcall
local tostring, type = tostring, type

local KEY_BYTES_MAX = 65536

local M = {}

-- Keys as JSON (RFC 7517) -------------------------------------------------------------------------

-- One element of DER: its tag, how long it is, and what is in it.
local function der(tag, content)
  local size = #content
  if size < 128 then
    return char(tag, size) .. content
  elseif size < 256 then
    return char(tag, 0x81, size) .. content
  end
  return char(tag, 0x82, floor(size / 256), size % 256) .. content
end

local function der_integer(bytes)
  bytes = gsub(bytes, "^%z+", "")
  return der(0x02, (bytes == "" or bytes:byte() >= 128) and "\0" .. bytes or bytes)
end

local function der_bits(bytes)
  return der(0x03, "\0" .. bytes)
end

-- The fields of a key, decoded; nil when one is not there or is none.
local function bytes_of(key, name, size)
  local text = key[name]
  if type(text) ~= "string" or #text > KEY_BYTES_MAX or not match(text, "^[%w_-]+$") then
    return nil
  end
  local ok, bytes = pcall(decode_base64url, text)
  return ok and (size == nil or #bytes == size) and bytes or nil
end

local RSA = der(0x30, der(0x06, "\42\134\72\134\247\13\1\1\1") .. "\5\0")
local P256 = der(0x30, der(0x06, "\42\134\72\206\61\2\1") .. der(0x06, "\42\134\72\206\61\3\1\7"))
local ED25519 = der(0x30, der(0x06, "\43\101\112"))

-- By type: the algorithm, and the key's bytes.
local readers = {}

function readers.oct(key)
  return "HS256", bytes_of(key, "k")
end

function readers.RSA(key)
  local n, e = bytes_of(key, "n"), bytes_of(key, "e")
  return "RS256", n and e
    and der(0x30, RSA .. der_bits(der(0x30, der_integer(n) .. der_integer(e))))
end

function readers.EC(key)
  local x, y = bytes_of(key, "x", 32), bytes_of(key, "y", 32)
  return key.crv == "P-256" and "ES256" or nil,
    x and y and der(0x30, P256 .. der_bits("\4" .. x .. y))
end

function readers.OKP(key)
  local x = bytes_of(key, "x", 32)
  return key.crv == "Ed25519" and "EdDSA" or nil, x and der(0x30, ED25519 .. der_bits(x))
end

local function read_jwk(key)
  local reader = type(key.kty) == "string" and readers[key.kty]
  if not reader then
    return nil, "it is a table, but no JSON Web Key of a known type (kty)"
  end
  local algorithm, bytes = reader(key)
  if not algorithm or not bytes or bytes == "" then
    return nil, ("a JSON Web Key of type %s lacks a field, or has one that is not valid"):format(
      key.kty)
  end
  if key.alg ~= nil and key.alg ~= algorithm then
    return nil, ("the key is for %s, which is not known here"):format(tostring(key.alg))
  end
  if algorithm ~= "HS256" then
    local found, problem = algorithm_of_pair(bytes)
    if not found then
      return nil, problem
    end
  end
  return algorithm, bytes
end

-- Keys --------------------------------------------------------------------------------------------

--- The algorithm of a key, and the key as bytes; nil and what is wrong with it. A string is PEM, or
--- else a secret: so a public key is never taken for one.
function M.read_key(key)
  if type(key) == "table" then
    return read_jwk(key)
  end
  if type(key) ~= "string" or key == "" then
    return nil, ("it must be a string that is not empty, or a JSON Web Key, got %s"):format(
      key == nil and "nil: is it given by --var-file?" or key == "" and "an empty string"
        or type(key))
  end
  if not find(key, "-----BEGIN", 1, true) then
    return "HS256", key
  end
  local pem = match(key, "%-%-%-%-%-BEGIN.*$")
  local algorithm, problem = algorithm_of_pair(pem)
  if not algorithm then
    return nil, problem
  end
  return algorithm, pem
end

local ALGORITHMS = { HS256 = true, RS256 = true, ES256 = true, EdDSA = true }

local function checked_key(call, algorithm, key)
  if not ALGORITHMS[algorithm] then
    error(("%s: argument 1 must be \"HS256\", \"RS256\", \"ES256\" or \"EdDSA\", got %s"):format(
      call, type(algorithm) == "string" and ("%q"):format(algorithm) or type(algorithm)), 3)
  end
  local found, bytes = M.read_key(key)
  if not found then
    error(("%s: the key: %s"):format(call, bytes), 3)
  end
  if found ~= algorithm then
    error(("%s: the key is one for %s, not for %s"):format(call, found, algorithm), 3)
  end
  return bytes
end

local function check_string(call, at, value)
  if type(value) ~= "string" then
    error(("%s: argument %d must be a string, got %s"):format(call, at, type(value)), 3)
  end
end

--- The signature of a message, nil and why there is none. [bytes] as of `read_key`.
function M.sign_with(algorithm, bytes, message)
  if algorithm == "HS256" then
    return hmac(bytes, message)
  end
  return native_sign(algorithm, bytes, message)
end

--- Whether it is. [bytes] as of `read_key`.
function M.is_signed(algorithm, bytes, message, signature)
  if algorithm == "HS256" then
    return equal(hmac(bytes, message), signature)
  end
  return native_verify(algorithm, bytes, message, signature) == true
end

--- Signs a message. Raises when the key is none for the algorithm.
---@param algorithm "HS256"|"RS256"|"ES256"|"EdDSA"
---@param key string|table a secret, or a private key in PEM; or a JSON Web Key of a secret
---@param message string
---@return string signature raw bytes; of ES256 R and S, 32 bytes each
function M.sign(algorithm, key, message)
  local bytes = checked_key("sign", algorithm, key)
  check_string("sign", 3, message)
  local signature, problem = M.sign_with(algorithm, bytes, message)
  if not signature then
    error(("sign: the key: %s"):format(problem), 2)
  end
  return signature
end

--- Whether the signature is that key's for the message. Raises when the key is none for the
--- algorithm; whatever the signature is, it is only wrong.
---@param algorithm "HS256"|"RS256"|"ES256"|"EdDSA"
---@param key string|table the secret, a public key or a certificate in PEM, or a JSON Web Key
---@param message string
---@param signature string
---@return boolean
function M.verify(algorithm, key, message, signature)
  local bytes = checked_key("verify", algorithm, key)
  check_string("verify", 3, message)
  check_string("verify", 4, signature)
  return M.is_signed(algorithm, bytes, message, signature)
end

return M
