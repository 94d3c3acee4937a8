-- od.Headers: the header fields of a request or response. Names are lower case inside, so that
-- asking does not depend on case; repeated names keep entries of their own, as they travel.
--
-- A parameter `level` is what `error` takes in the function that has it: 2 is its caller. Who
-- passes it on adds one, and not in a tail call, which would take the own frame away.
local module_name, native = ...
assert(module_name == "open-do.headers")

local byte, find, lower, sub = string.byte, string.find, string.lower, string.sub
local error, getmetatable, ipairs, pairs = error, getmetatable, ipairs, pairs
local setmetatable, tostring, type = setmetatable, tostring, type
local concat, remove, sort = table.concat, table.remove, table.sort
local is_a = native.http.is_a
local check_self = require("open-do.colon")("headers", "table")

-- How many names are remembered with their lower-case form; others are checked each time.
local KNOWN_NAMES_MAX = 256

--- Header fields. Iterate with `for name, value in pairs(headers) do`.
--- The object itself is the array { name, value, name, value ... }; C reads it so.
---@class Headers
local Headers = {}

local metatable = {
  __metatable = false,
  __index = function(_, key)
    local method = Headers[key]
    if method == nil and type(key) == "string" then
      error(("Headers have no field '%s'; a header is headers:get(%q)"):format(key, key), 2)
    end
    return method
  end,
  __pairs = function(headers)
    return Headers.entries(headers)
  end,
  __tostring = function(headers)
    local lines = {}
    for name, value in Headers.entries(headers) do
      lines[#lines + 1] = name .. ": " .. value
    end
    return "Headers { " .. concat(lines, ", ") .. " }"
  end,
}
native.http.define("Headers", metatable)

local known_names, known_count = {}, 0

-- The lower-case form of a name, or nil and what is wrong with it.
local function name_of(text)
  local known = known_names[text]
  if known then
    return known
  end
  if type(text) ~= "string" then
    return nil, ("a header's name must be a string, not a %s"):format(type(text))
  end
  if not find(text, "^[%w!#$%%&'*+.^_`|~-]+$") then
    return nil, ("%q cannot be a header's name"):format(text)
  end
  known = lower(text)
  if known_count < KNOWN_NAMES_MAX then
    known_names[text], known_count = known, known_count + 1
  end
  return known
end

local function is_space(code)
  return code == 32 or code == 9
end

local function trim(text)
  local first, last = 1, #text
  while first <= last and is_space(byte(text, first)) do
    first = first + 1
  end
  while last >= first and is_space(byte(text, last)) do
    last = last - 1
  end
  return sub(text, first, last)
end

-- The value as it is kept, or nil and what is wrong with it.
local function value_of(name, value)
  if type(value) == "number" then
    return tostring(value)
  end
  if type(value) ~= "string" then
    return nil, ("the header %q must be a string, not a %s"):format(name, type(value))
  end
  if find(value, "[%z\1-\8\10-\31\127]") then
    local what = find(value, "[%z\r\n]") and "CR, LF or NUL" or "control characters"
    return nil, ("the header %q cannot have %s in its value"):format(name, what)
  end
  if is_space(byte(value)) or is_space(byte(value, -1)) then
    return trim(value)
  end
  return value
end

local function checked(name, value, level)
  local kept_value
  local kept_name, problem = name_of(name)
  if kept_name then
    kept_value, problem = value_of(kept_name, value)
  end
  if problem then
    error(problem, level)
  end
  return kept_name, kept_value
end

-- From the entry at [place] on.
local function remove_from(headers, name, place)
  for at = #headers - 1, place, -2 do
    if headers[at] == name then
      remove(headers, at + 1)
      remove(headers, at)
    end
  end
end

--- The value of a header. Several of one name are joined by ", " (RFC 9110, section 5.3), those of
--- Cookie by "; " (RFC 9113, section 8.2.3); for Set-Cookie, whose values may contain commas, see
--- `getSetCookie`.
---@param name string in any case
---@return string? value
function Headers:get(name)
  check_self(self, "get")
  name = name_of(name)
  local value, values
  for at = 1, #self, 2 do
    if self[at] == name then
      if value then
        values = values or { value }
        values[#values + 1] = self[at + 1]
      else
        value = self[at + 1]
      end
    end
  end
  return values and concat(values, name == "cookie" and "; " or ", ") or value
end

--- All values of Set-Cookie, one by one.
---@return string[]
function Headers:getSetCookie()
  check_self(self, "getSetCookie")
  local values = {}
  for at = 1, #self, 2 do
    if self[at] == "set-cookie" then
      values[#values + 1] = self[at + 1]
    end
  end
  return values
end

---@param name string in any case
---@return boolean
function Headers:has(name)
  check_self(self, "has")
  name = name_of(name)
  for at = 1, #self, 2 do
    if self[at] == name then
      return true
    end
  end
  return false
end

--- Sets a header and drops all earlier values of that name. Raises at the caller's line when the
--- name is not a token, or the value has control characters (CR, LF and NUL are among them).
---@param name string
---@param value string|number spaces around it are dropped
function Headers:set(name, value)
  check_self(self, "set")
  name, value = checked(name, value, 3)
  for at = 1, #self, 2 do
    if self[at] == name then
      self[at + 1] = value
      return remove_from(self, name, at + 2)
    end
  end
  local size = #self
  self[size + 1], self[size + 2] = name, value
end

--- Adds a value and keeps the earlier ones. Raises as `set` does.
---@param name string
---@param value string|number
function Headers:append(name, value)
  check_self(self, "append")
  name, value = checked(name, value, 3)
  local size = #self
  self[size + 1], self[size + 2] = name, value
end

---@param name string in any case
function Headers:delete(name)
  check_self(self, "delete")
  name = name_of(name)
  remove_from(self, name, 1)
end

local function sorted_names(headers)
  local names, seen = {}, {}
  for at = 1, #headers, 2 do
    local name = headers[at]
    if not seen[name] then
      seen[name] = true
      names[#names + 1] = name
    end
  end
  sort(names)
  return names
end

--- Iterates over names (lower case, sorted) and values. Repeated names are joined, except that
--- each Set-Cookie comes by itself, as in the Fetch standard. The loop sees no later changes.
---@return fun(): string?, string?
function Headers:entries()
  check_self(self, "entries")
  local list, at = {}, -1
  for _, name in ipairs(sorted_names(self)) do
    local values = name == "set-cookie" and Headers.getSetCookie(self)
      or { Headers.get(self, name) }
    for _, value in ipairs(values) do
      list[#list + 1] = name
      list[#list + 1] = value
    end
  end
  return function()
    at = at + 2
    return list[at], list[at + 1]
  end
end

local function copy_of(headers)
  local copy = {}
  for at = 1, #headers do
    copy[at] = headers[at]
  end
  return setmetatable(copy, metatable)
end

-- In the order of their names: the order of a Lua table differs from run to run.
local function from_table(fields, level)
  local values, names = {}, {}
  for name, value in pairs(fields) do
    name, value = checked(name, value, level + 1)
    if values[name] then
      error(("the header %q is there twice"):format(name), level)
    end
    values[name] = value
    names[#names + 1] = name
  end
  if names[2] then
    sort(names)
  end
  local headers = {}
  for at, name in ipairs(names) do
    headers[2 * at - 1], headers[2 * at] = name, values[name]
  end
  return setmetatable(headers, metatable)
end

local M = {}

--- New headers, from nothing, a table, or a copy of others. Raises at [level].
---@param fields? table<string, string|number>|Headers
---@param level integer
---@return Headers
function M.new(fields, level)
  if fields == nil then
    return setmetatable({}, metatable)
  end
  if type(fields) ~= "table" then
    error(("headers must be a table of names and values, not a %s"):format(type(fields)), level)
  end
  if getmetatable(fields) == false and is_a("Headers", fields) then
    return copy_of(fields)
  end
  local headers = from_table(fields, level + 1)
  return headers
end

return M
