-- What `app:mockFetch` of a spec has set: a hidden object that answers od.fetch in place of the
-- world. To ask it is a call like any other, so a request leaves as a real one does, when the
-- writes before it are on disk, and it is the same object for all workers.
local _, native = ...

local od = require "open-do"

local is_set = native.test.is_mocked
local error, ipairs, pairs, setmetatable, tostring = error, ipairs, pairs, setmetatable, tostring
local type, find, format, sub = type, string.find, string.format, string.sub

local Mocks = {}

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
    value = od.Response(value)
  end
  if type(value) ~= "table" or not value.status then
    error(format("mockFetch: the function for %s must return a string or a Response, got %s", url,
      type(value)), 0)
  end
  return { status = value.status, headers = fields_of(value), body = value.body }
end

--- Of the mock whose URL fits best; nil: none does.
function Mocks:answer(request)
  local found, best = nil, 0
  for _, mock in self.state.storage:list({ prefix = "mock" }) do
    local fits = fit(mock.url, request.url)
    if fits and fits > best then
      found, best = mock, fits
    end
  end
  if not found then
    return nil
  end
  self.count = (self.count or #self:requests(found.at)) + 1
  self.state.storage:put(key("seen", found.at, self.count), request)
  if not found.answer.functions then
    return found.answer
  end
  local answer = native.test.unpack(found.answer.functions)(od.Request(request.url, {
    method = request.method, headers = headers_of(request.headers), body = request.body,
  }))
  return response_of(answer, request.url)
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

--- The mocked answer to od.fetch(input, init); nil: the world is to be asked.
function M.fetch(input, init)
  if not is_set() or (type(input) == "string" and not find(input, "^https?://")) then
    return nil
  end
  local request = od.Request(input, without(init, "redirect", "timeout"))
  local answer = M.stub():answer({
    url = request.url, method = request.method, headers = fields_of(request), body = request.body,
  })
  if not answer then
    return nil
  end
  if answer.fails then
    error(format("fetch %s: %s", request.url, tostring(answer.fails)), 4)
  end
  return od.Response(answer.body, { status = answer.status, headers = headers_of(answer.headers) })
end

return setmetatable(M, { __metatable = false })
