-- od.Response: what a handler returns and what a fetch gives. A Response without headers of its own
-- gets them when they are asked for or when it is encoded: bindings/value/http_message.c has the
-- same rule.
local module_name, native = ...
assert(module_name == "open-do.response")

local body_module = require "open-do.body"
local events_module = require "open-do.events"
local fields_module = require "open-do.fields"
local headers_module = require "open-do.headers"

local error, setmetatable, tostring, type = error, setmetatable, tostring, type
local floor = math.floor
local read_fields = native.http.read_fields
local try_encode = native.json.try_encode
local new_headers = headers_module.new
local check_fields = fields_module.check
local check_self = require("open-do.colon")("response", "table")

local chunks, read_body, body_of = body_module.chunks, body_module.read, body_module.of

--- An HTTP response. Its body is there, or comes piece by piece: then what wants all of it waits.
---@class Response
---@field status integer 101, or 200 to 599
---@field ok boolean whether status is 200 to 299
---@field headers Headers
---@field body? string nil when there is none; `text()` gives "" then. Given to od.Response it may
---  be a function, which writes it
---@field webSocket? WebSocket with status 101 only: the client's end of a pair
local Response = {}

local TEXT = "text/plain;charset=UTF-8"

local built = {}

function built.headers(response)
  local fields = response._fields
  if fields then
    return read_fields(fields)
  end
  local headers = new_headers(nil, 2)
  if type(response.body) == "string" then
    headers:append("content-type", TEXT)
  end
  return headers
end

function built.body(response)
  return read_body(response, 3)
end

local metatable = {
  __metatable = false,
  __index = function(response, key)
    local method = Response[key]
    if method then
      return method
    end
    if key == "ok" then
      return response.status >= 200 and response.status <= 299
    end
    local build = built[key]
    if build then
      local value = build(response)
      response[key] = value
      return value
    end
  end,
  __tostring = function(response)
    return "Response " .. tostring(response.status)
  end,
}
native.http.define("Response", metatable)
body_module.give(Response, "response")

--- The server-sent events of the answer, one after another: `for event in response:events() do`.
--- Each is `{ event = "message", data = "text", id = "7", retry = 2000 }`; waits like `chunks`.
--- What comes without a blank line at its end, because the answer has ended, is no event.
---@return fun(): table?
function Response:events()
  check_self(self, "events")
  return events_module.of(chunks(self))
end

-- Statuses that say there is no body (Fetch standard).
local NO_BODY = { [101] = true, [204] = true, [205] = true, [304] = true }

local function check_status(status, has_socket, level)
  if type(status) ~= "number" or status ~= floor(status) then
    error("the status of a Response must be a whole number", level)
  end
  if has_socket and status ~= 101 then
    error("Responses with a WebSocket must have status code 101.", level)
  end
  if not (status >= 200 and status <= 599) and not has_socket then
    error("Responses may only be constructed with status codes in the range 200 to 599, inclusive, "
      .. "or 101 with a webSocket", level)
  end
end

local function check_body(body, status, level)
  if body ~= nil and type(body) ~= "string" and type(body) ~= "function" then
    error(("the body of a Response must be a string, a function or nil, not a %s; see "
      .. "od.Response.json")
      :format(type(body)), level)
  end
  if NO_BODY[status] then
    error("Response with null body status (101, 204, 205, or 304) cannot have a body.", level)
  end
end

local NO_INIT = {}
local INIT = fields_module.of({ "status", "headers", "webSocket" })

-- Only Headers of its own are made now; the default waits, see `built`.
local function make(body, content_type, init, level)
  local status = init.status or 200
  check_status(status, init.webSocket ~= nil, level + 1)
  local stream
  body, stream = body_of(body)
  if body ~= nil or stream then
    check_body(body, status, level + 1)
  end
  local headers = init.headers
  if headers ~= nil or content_type ~= TEXT then
    headers = new_headers(headers, level + 1)
    if type(body) == "string" and not headers:has("content-type") then
      headers:append("content-type", content_type)
    end
  end
  return setmetatable({
    status = status, body = body, _stream = stream, headers = headers, webSocket = init.webSocket,
  }, metatable)
end

local function checked_init(init, level)
  if init == nil then
    return NO_INIT
  end
  if type(init) ~= "table" then
    error(("the init of a Response must be a table such as { status = 404 }, not a %s")
      :format(type(init)), level)
  end
  check_fields(init, INIT, "the init of a Response", level + 1)
  return init
end

local M = { constructor = nil } -- od.Response, which init.lua makes.

--- A response. A function as the body is called with a Stream when the handler has returned, and
--- writes it piece by piece. Raises at [level] on misuse. (A tail call, `return od.Response(...)`,
--- leaves no line of the caller; the text then stands alone.)
---@param body? string|fun(stream: Stream)
---@param init? { status?: integer, headers?: table|Headers, webSocket?: WebSocket } status 200
---@param level integer
---@return Response
function M.new(body, init, level)
  init = checked_init(init, level + 1)
  local response = make(body, TEXT, init, level + 1)
  return response
end

--- A response whose body is a value as JSON. Raises when it has no JSON, with the path.
---@param value any see `od.json.encode`
---@param init? { status?: integer, headers?: table|Headers } adds "content-type: application/json"
---@return Response
function M.json(value, init)
  if value == M.constructor then
    error("json: call it with a dot, as in od.Response.json(...)", 2)
  end
  init = checked_init(init, 3)
  local body, problem = try_encode(value)
  if problem then
    error(problem, 2)
  end
  local response = make(body, "application/json", init, 3)
  return response
end

-- The answer that an event stream is; of state:acceptEventStream.
function M.of_events(stream)
  local headers = new_headers(nil, 2)
  headers:set("content-type", "text/event-stream")
  headers:set("cache-control", "no-cache")
  return setmetatable({ status = 200, _stream = stream, headers = headers }, metatable)
end

--- A page: a response whose content type is text/html.
---@param body string
---@param init? { status?: integer, headers?: table|Headers }
---@return Response
function M.html(body, init)
  init = checked_init(init, 3)
  local response = make(body, "text/html;charset=UTF-8", init, 3)
  return response
end

local REDIRECTS = { [301] = true, [302] = true, [303] = true, [307] = true, [308] = true }

--- A response that sends the client elsewhere.
---@param url string "/path" or a whole one
---@param status? integer 301, 302 (when nil), 303, 307 or 308
---@return Response
function M.redirect(url, status)
  if type(url) ~= "string" then
    error(("redirect: argument 1 must be a URL, not a %s"):format(type(url)), 2)
  end
  if not REDIRECTS[status or 302] then
    error("redirect: argument 2 must be 301, 302, 303, 307 or 308", 2)
  end
  local response = make(nil, TEXT, { status = status or 302, headers = { location = url } }, 3)
  return response
end

return M
