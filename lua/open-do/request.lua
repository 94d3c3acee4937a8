-- od.Request: what a handler gets and what stub:fetch and od.fetch send. Most are made in C, with
-- the same fields (bindings/value/http_message.c); headers and query are built when asked for.
local module_name, native = ...
assert(module_name == "open-do.request")

local body_module = require "open-do.body"
local fields_module = require "open-do.fields"
local form = require "open-do.form"
local headers_module = require "open-do.headers"

local byte, find, lower, match = string.byte, string.find, string.lower, string.match
local upper = string.upper
local error, pcall, rawget, setmetatable = error, pcall, rawget, setmetatable
local tostring, type = tostring, type
local is_a, read_fields = native.http.is_a, native.http.read_fields
local url_pairs = native.url.url_pairs
local parse, new_headers = native.url.parse, headers_module.new
local check_self = require("open-do.colon")("request", "table")

--- An HTTP request, whole, with its body.
---@class Request
---@field method string as sent; methods are case-sensitive
---@field url string absolute, not decoded: "http://host/rooms/a%20b?x=1"
---@field path string "/rooms/a%20b", not decoded; see `od.url.decode`
---@field query table<string, string> decoded; of a repeated name the first: URLSearchParams.get
---@field headers Headers
---@field body? string nil when there is none; `text()` gives "" then
---@field peer string address of the client, without port; "" when an object made the request
---@field tls? RequestTls how the client's TLS ended here; nil when it did not
local Request = {}

local built = {}

function built.headers(request)
  local fields = request._fields
  return fields and read_fields(fields) or new_headers(nil, 2)
end

function built.query(request)
  local pairs_of, query = url_pairs(request.url), {}
  for at = 1, #pairs_of, 2 do
    local name = pairs_of[at]
    if query[name] == nil then
      query[name] = pairs_of[at + 1]
    end
  end
  return query
end

function built.body(request)
  return body_module.read(request, 3)
end

local metatable = {
  __metatable = false,
  __index = function(request, key)
    local method = Request[key]
    if method then
      return method
    end
    local build = built[key]
    if build then
      local value = build(request)
      request[key] = value
      return value
    end
  end,
  __tostring = function(request) -- In a log: cookies and bodies do not belong there.
    return "Request " .. tostring(request.method) .. " " .. tostring(request.url)
  end,
}
native.http.define("Request", metatable)

-- One that came in. The table has room for what is built later.
native.http.define("new_request", function(method, url, path, peer, fields, body, stream, tls)
  return setmetatable({
    method = method, url = url, path = path, peer = peer, _fields = fields, body = body,
    _stream = stream, tls = tls,
  }, metatable)
end)

body_module.give(Request, "request")

--- All values of a name in the query, in their order. As `URLSearchParams.getAll`.
---@param name string
---@return string[]
function Request:queryAll(name)
  check_self(self, "queryAll")
  local pairs_of, values = url_pairs(self.url), {}
  for at = 1, #pairs_of, 2 do
    if pairs_of[at] == name then
      values[#values + 1] = pairs_of[at + 1]
    end
  end
  return values
end

--- The body as the form of a page: urlencoded or multipart, with files. Raises at the caller's line
--- when it is none, is broken or has more than 1000 fields.
---@return FormData
function Request:formData()
  check_self(self, "formData")
  local data, problem = form.read(self.headers:get("content-type"), self.body or "")
  if not data then
    error("the request's body, a form: " .. problem, 2)
  end
  return data
end

--- Has [fn] called when the client has gone before it had all of the answer: as an event of its
--- own, beside the handler, which runs on. Only while the handler runs, or what writes its body.
---@param fn fun()
function Request:onAbort(fn)
  check_self(self, "onAbort")
  native.abort.on(self, fn)
end

--- Whether it asks for a WebSocket, in any letter case, as clients write it ("WebSocket").
---@return boolean
function Request:isWebSocketUpgrade()
  check_self(self, "isWebSocketUpgrade")
  local upgrade = self.headers:get("upgrade")
  return upgrade ~= nil and lower(upgrade) == "websocket"
end

-- Methods that the Fetch standard writes in upper case whatever the caller wrote.
local USUAL_METHODS = {
  DELETE = true, GET = true, HEAD = true, OPTIONS = true, POST = true, PUT = true,
}

local function checked_method(method, level)
  if type(method) ~= "string" or not find(method, "^[%w!#$%%&'*+.^_`|~-]+$") then
    error("the method of a Request must be a word such as \"GET\"", level)
  end
  local usual = upper(method)
  return USUAL_METHODS[usual] and usual or method
end

local SLASH = byte("/")

-- The URL as browsers read it, without fragment, and its path.
local function checked_url(url, level)
  if type(url) ~= "string" then
    error(("the URL of a Request must be a string, not a %s"):format(type(url)), level)
  end
  if find(url, "[%c ]") then
    error(("the URL %q has a space or control character; see od.url.encode"):format(url), level)
  end
  local is_path = byte(url) == SLASH
  if not is_path and not find(url, "^[hH][tT][tT][pP][sS]?:") then
    error(("%q must begin with \"http://\", \"https://\" or \"/\""):format(url), level)
  end
  local parts, problem = parse(url, is_path and "http://object/" or nil)
  if not parts then
    error(("%q is not a URL: %s"):format(url, problem), level)
  end
  local host = parts.hostname .. (parts.port ~= "" and ":" .. parts.port or "")
  local user = parts.username .. (parts.password ~= "" and ":" .. parts.password or "")
  return ("%s://%s%s%s%s"):format(parts.protocol, user ~= "" and user .. "@" or "", host,
    parts.pathname, parts.search), parts.pathname
end

local function checked_body(value, method, level)
  local body, stream = body_module.of(value)
  if body ~= nil and type(body) ~= "string" then
    error(("the body of a Request must be a string, not a %s; see od.json.encode")
      :format(type(body)), level)
  end
  if (body or stream) and (method == "GET" or method == "HEAD") then
    error("a Request with method GET or HEAD cannot have a body", level)
  end
  return body, stream
end

-- What a plain URL is made into before `init` is looked at.
local NOTHING = setmetatable({}, { __metatable = false })

local function checked_headers(base, fields, body, level)
  local headers = new_headers(fields or base.headers, level + 1)
  if body and body ~= base.body and not headers:has("content-type") then
    headers:append("content-type", "text/plain;charset=UTF-8")
  end
  return headers
end

-- Deeper than any stack: an error has no position. stub:fetch, in C, puts the caller's in front.
local NO_LEVEL = 2 ^ 30

local function make(input, init, level)
  local base = NOTHING
  if is_a("Request", input) then
    base, input = input, input.url
  end
  if init ~= nil and type(init) ~= "table" then
    error(("the init of a Request must be a table, not a %s"):format(type(init)), level)
  end
  init = init or NOTHING
  local url, path = input
  if base == NOTHING then
    url, path = checked_url(input, level + 1)
  else -- As it came in, whatever its client calls a host.
    path = match(input, "^%a+://[^/?#]*([^?#]*)") or "/"
  end
  local method = checked_method(init.method or base.method or "GET", level + 1)
  local unread = level == NO_LEVEL and rawget(init, "_stream") or nil -- Passed on as it comes,
  if not unread and not init.body then -- as reading it would have to wait.
    unread = rawget(base, "_stream")
  end
  local body, stream = checked_body((not unread and (init.body or base.body)) or nil, method,
    level + 1)
  local headers = checked_headers(base, init.headers, body, level + 1)
  return setmetatable({
    method = method, url = url, path = path, peer = "", headers = headers, body = body,
    _stream = unread or stream,
  }, metatable)
end

native.http.define("make_request", function(input, init)
  local ok, result = pcall(make, input, init, NO_LEVEL)
  if ok then
    return result
  end
  return nil, result
end)

local M = {}
local INIT = fields_module.of({ "method", "headers", "body" })

--- A request for `stub:fetch` or `od.fetch`. Raises at the caller's line on misuse.
---@param input string|Request a URL, or a path ("/rooms?x=1") where the host does not matter
---@param init? { method?: string, headers?: table|Headers, body?: string } wins over the request
---@return Request
function M.new(input, init)
  if type(init) == "table" and not is_a("Request", init) then
    fields_module.check(init, INIT, "the init of a Request", 3)
  end
  local request = make(input, init, 3)
  return request
end

return M
