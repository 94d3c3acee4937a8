-- What `app:mockFetch` of a spec has set: a hidden object that answers od.fetch in place of the
-- world. To ask it is a call like any other, so a request leaves as a real one does, when the
-- writes before it are on disk, and it is the same object for all workers.
local _, native = ...

local od = require "open-do"

local is_set = native.test.is_mocked
local error, ipairs, pairs, setmetatable, tostring = error, ipairs, pairs, setmetatable, tostring
local type, find, format, sub = type, string.find, string.format, string.sub

local Mocks = {}

local NOTED_BYTES_MAX = 2 ^ 20

local function key(kind, at, of)
  return of and format("%s%06d:%06d", kind, at, of) or format("%s%06d", kind, at)
end

--- [answer]: { status =, headers = { { name, value }, ... }, body = }, { functions = } or
--- { fails = text }; nil: none any more.
function Mocks:set(at, url, answer)
  if answer then
    self.state.storage:put(key("mock", at), { at = at, url = url, answer = answer })
  else
    self.state.storage:delete(key("mock", at))
  end
end

--- What came for the mock with that number, oldest first.
function Mocks:requests(at)
  local list = {}
  for _, request in self.state.storage:list({ prefix = key("seen", at) }) do
    list[#list + 1] = request
  end
  return list
end

-- How well a mock's URL fits: all of it best, then by what stands before its *; nil: not at all.
local function fit(mock, url)
  if mock == url then
    return #mock + 1
  end
  return sub(mock, -1) == "*" and sub(url, 1, #mock - 1) == sub(mock, 1, -2) and #mock or nil
end

local function fields_of(message)
  local fields = {}
  for name, value in message.headers:entries() do
    fields[#fields + 1] = { name, value }
  end
  return fields
end

local function headers_of(fields)
  local headers = od.Headers()
  for _, field in ipairs(fields) do
    headers:append(field[1], field[2])
  end
  return headers
end

local function response_of(value, url)
  if type(value) == "string" then
    return od.Response(value)
  end
  if type(value) ~= "table" or not value.status then
    error(format("mockFetch: the function for %s must return a string or a Response, got %s", url,
      type(value)), 0)
  end
  return value
end

local function find_mock(self, url)
  local found, best = nil, 0
  for _, mock in self.state.storage:list({ prefix = "mock" }) do
    local fits = fit(mock.url, url)
    if fits and fits > best then
      found, best = mock, fits
    end
  end
  return found
end

-- For `requests`: what came, of a large body its beginning.
local function note(self, found, request)
  self.count = (self.count or #self:requests(found.at)) + 1
  self.state.storage:put(key("seen", found.at, self.count), {
    url = request.url, method = request.method, headers = fields_of(request),
    body = request.body and sub(request.body, 1, NOTED_BYTES_MAX),
  })
end

--- Whether a mock fits a URL; and if nobody is there, how that is said.
function Mocks:knows(url)
  local found = find_mock(self, url)
  return found ~= nil, found and found.answer.fails
end

--- The answer of the mock whose URL fits best.
function Mocks:fetch(request)
  local found = find_mock(self, request.url)
  if not found then
    error(format("the mock for %s is gone", request.url), 0)
  end
  local answer = found.answer
  note(self, found, request)
  if answer.functions then
    return response_of(native.test.unpack(answer.functions)(request), request.url)
  end
  return od.Response(answer.body, { status = answer.status, headers = headers_of(answer.headers) })
end

local M = { class = Mocks }

--- namespace: of the hidden object.
function M.use(namespace)
  M.stub = function() return namespace:getByName("all") end
end

local function without(init, ...)
  if type(init) ~= "table" or init.text then
    return init
  end
  local copy = {}
  for name, value in pairs(init) do
    copy[name] = value
  end
  for _, name in ipairs { ... } do
    copy[name] = nil
  end
  return copy
end

-- As the world is asked. Bodies go both ways as between any two objects: whole or in pieces.
local function ask(input, init)
  local response = M.stub():fetch(input, without(init, "redirect", "timeout", "stream"))
  if not (type(init) == "table" and init.stream) then
    response:text() -- All of it is here, or that is an error.
  end
  return true, response
end

--- Who answers od.fetch(input, init) in place of the world; nil: it is to be asked.
function M.find(input, init)
  if not is_set() or (type(input) == "string" and not find(input, "^https?://")) then
    return nil
  end
  local url = od.Request(input, without(init, "redirect", "timeout", "stream", "body")).url
  local is_known, fails = M.stub():knows(url)
  if fails then
    error(format("fetch %s: %s", url, tostring(fails)), 4)
  end
  return is_known and ask or nil
end

return setmetatable(M, { __metatable = false })
