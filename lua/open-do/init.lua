-- Module "open-do" as scripts get it: what C and the other files of this folder offer, read-only.
-- Run once a state, as chunk("open-do", native); see bindings/value/library.h.
local module_name, native = ...
assert(module_name == "open-do")

local cookies = require "open-do.cookies"
local headers = require "open-do.headers"
local html = require "open-do.html"
local jwt = require "open-do.jwt"
local request = require "open-do.request"
local response = require "open-do.response"
local signature = require "open-do.signature"
local url = require "open-do.url"
local utf8 = require "open-do.utf8"

local error, pairs, setmetatable, tostring = error, pairs, setmetatable, tostring

-- A table that reads through to [fields] and refuses writes. `pairs` sees nothing in it.
local function read_only(label, fields, call)
  return setmetatable({}, {
    __metatable = false,
    __index = fields,
    __call = call,
    __newindex = function(_, key)
      error(("%s is read-only: cannot set %q"):format(label, tostring(key)), 2)
    end,
  })
end

local function codec(label, functions)
  return read_only("od." .. label, { encode = functions.encode, decode = functions.decode })
end

---@class od
local od = {}

--- JSON, strict in both directions (RFC 8259).
---@class od.json
---@field encode fun(value: any): string raises with the path: "... a function at .users[3].x"
---@field decode fun(text: string): any raises with line and column; marks arrays as `array` does
---@field array fun(items?: table): table marks a table (or a new one), so that `[]` can be written
---@field null lightuserdata JSON's null, also as a stored value
od.json = read_only("od.json", {
  encode = native.json.encode,
  decode = native.json.decode,
  array = native.json.array,
  null = native.json.null,
})

--- RFC 4648. `decode` raises on anything else and takes texts without padding too.
---@class od.codec
---@field encode fun(bytes: string): string
---@field decode fun(text: string): string
od.base64 = codec("base64", native.bytes.base64)
---@type od.codec with - and _ and without padding
od.base64url = codec("base64url", native.bytes.base64url)
---@type od.codec lower case; reads both
od.hex = codec("hex", native.bytes.hex)

---@type fun(): string a version 4 UUID
od.randomUUID = native.bytes.randomUUID
---@type fun(count: integer): string 0 to 65536 random bytes, fit for secrets
od.randomBytes = native.bytes.randomBytes
---@type fun(data: string): string 32 raw bytes; for text see od.hex
od.sha256 = native.bytes.sha256
---@type fun(key: string, data: string): string 32 raw bytes
od.hmacSha256 = native.bytes.hmacSha256
---@type fun(a: string, b: string): boolean takes as long for wrong secrets as for right ones
od.timingSafeEqual = native.bytes.timingSafeEqual

--- Of HS256, RS256, ES256, EdDSA; see open-do/signature.lua.
---@type fun(algorithm: string, key: string|table, message: string): string
od.sign = signature.sign
---@type fun(algorithm: string, key: string|table, message: string, signature: string): boolean
od.verify = signature.verify

---@type od.jwt
od.jwt = read_only("od.jwt", jwt)

---@type od.cookies
od.cookies = read_only("od.cookies", cookies)

---@type od.html
od.html = read_only("od.html", html)

---@type od.utf8
od.utf8 = read_only("od.utf8", utf8)

---@type od.url
od.url = read_only("od.url", url)

--- New headers, from a table or a copy of others. Raises at the caller's line.
---@param fields? table<string, string|number>|Headers
---@return Headers
function od.Headers(fields)
  local new = headers.new(fields, 3)
  return new
end

---@type fun(input: string|Request, init?: table): Request see open-do/request.lua
od.Request = request.new

--- `od.Response(body?, init?)`, and for usual ones `od.Response.json(value)`, `.html(page)` and
--- `.redirect(url)`; see open-do/response.lua.
---@class od.Response
---@field json fun(value: any, init?: table): Response
---@field html fun(body: string, init?: table): Response
---@field redirect fun(url: string, status?: integer): Response
---@overload fun(body?: string, init?: table): Response
od.Response = read_only("od.Response", {
  json = response.json, html = response.html, redirect = response.redirect,
}, function(_, body, init)
  local new = response.new(body, init, 3)
  return new
end)
response.constructor = od.Response

-- What the engine offers: WebSocketPair, now, sleep, log, print, fetch, version ...
for name, value in pairs(native.runtime) do
  od[name] = value
end

return read_only("open-do", od)
