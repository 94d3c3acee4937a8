-- od.utf8: the library utf8 of Lua 5.3, whose manual says what each function does. It is strict, as
-- in 5.4: surrogates, overlong forms and what is beyond U+10FFFF are no UTF-8.
local module_name = ...
assert(module_name == "open-do.utf8")

local byte, char, concat, floor = string.byte, string.char, table.concat, math.floor
local error, select, type, unpack = error, select, type, unpack

-- Of sequences with so many continuation bytes: the smallest code point, and what the first byte
-- adds to it.
local SMALLEST = { [0] = 0, 0x80, 0x800, 0x10000 }
local LEAD = { [0] = 0, 0xC0, 0xE0, 0xF0 }

local function continuations(first)
  if first < 0x80 then
    return 0
  end
  return first >= 0xC2 and first < 0xE0 and 1 or first >= 0xE0 and first < 0xF0 and 2
    or first >= 0xF0 and first < 0xF5 and 3 or nil
end

-- The code point at byte [at] and where the next one begins; nil when there is none.
local function decode(text, at)
  local first = byte(text, at)
  local count = first and continuations(first)
  if not count then
    return nil
  end
  local code = first - LEAD[count]
  for i = 1, count do
    local next_byte = byte(text, at + i)
    if not next_byte or next_byte < 0x80 or next_byte > 0xBF then
      return nil
    end
    code = code * 64 + next_byte - 0x80
  end
  if code < SMALLEST[count] or code > 0x10FFFF or code >= 0xD800 and code <= 0xDFFF then
    return nil
  end
  return code, at + count + 1
end

local function fail(call, text, ...)
  error(("utf8.%s: " .. text):format(call, ...), 3)
end

local function is_whole(value)
  return type(value) == "number" and value == floor(value) and value > -2 ^ 53 and value < 2 ^ 53
end

-- A problem with the arguments that all functions have, or nil.
local function problem_of(text, ...)
  if type(text) ~= "string" then
    return ("argument 1 must be a string, got %s"):format(type(text))
  end
  for at = 1, select("#", ...) do
    local value = select(at, ...)
    if value ~= nil and not is_whole(value) then
      return ("argument %d must be a whole number"):format(at + 1)
    end
  end
end

local function absolute(position, size)
  return position >= 0 and position or size + position + 1
end

---@class od.utf8
local M = {}

--- A pattern for one character, of text that is UTF-8.
M.charpattern = "[%z\1-\127\194-\244][\128-\191]*"

local function encoded(code)
  if code < 0x80 then
    return char(code)
  elseif code < 0x800 then
    return char(0xC0 + floor(code / 64), 0x80 + code % 64)
  elseif code < 0x10000 then
    return char(0xE0 + floor(code / 4096), 0x80 + floor(code / 64) % 64, 0x80 + code % 64)
  end
  return char(0xF0 + floor(code / 262144), 0x80 + floor(code / 4096) % 64,
    0x80 + floor(code / 64) % 64, 0x80 + code % 64)
end

--- The characters of code points, as one string.
---@param ... integer
---@return string
function M.char(...)
  local parts = { ... }
  for at = 1, select("#", ...) do
    local code = parts[at]
    if not is_whole(code) or code < 0 or code > 0x10FFFF or code >= 0xD800 and code <= 0xDFFF then
      fail("char", "argument %d is no code point", at)
    end
    parts[at] = encoded(code)
  end
  return concat(parts)
end

--- How many characters begin between two bytes; nil and the place of the first byte that is no
--- UTF-8.
---@param text string
---@param first? integer 1
---@param last? integer -1: to the end
---@return integer? count
---@return integer? place
function M.len(text, first, last)
  local problem = problem_of(text, first, last)
  if problem then
    fail("len", "%s", problem)
  end
  local at, stop = absolute(first or 1, #text), absolute(last or -1, #text)
  if at < 1 or at > #text + 1 or stop > #text then
    fail("len", "position out of bounds")
  end
  local count = 0
  while at <= stop do
    local code, following = decode(text, at)
    if not code then
      return nil, at
    end
    at, count = following, count + 1
  end
  return count
end

--- The code points of the characters that begin between two bytes.
---@param text string
---@param first? integer 1
---@param last? integer [first]
---@return integer ...
function M.codepoint(text, first, last)
  local problem = problem_of(text, first, last)
  if problem then
    fail("codepoint", "%s", problem)
  end
  local at = absolute(first or 1, #text)
  local stop = absolute(last or at, #text)
  if at < 1 or stop > #text then
    fail("codepoint", "position out of bounds")
  end
  if stop - at >= 7000 then
    fail("codepoint", "more than 7000 bytes at once; see utf8.codes")
  end
  local codes = {}
  while at <= stop do
    local code, following = decode(text, at)
    if not code then
      fail("codepoint", "invalid UTF-8 at byte %d", at)
    end
    codes[#codes + 1], at = code, following
  end
  return unpack(codes)
end

local function is_continuation(text, at)
  local value = byte(text, at)
  return value ~= nil and value >= 0x80 and value <= 0xBF
end

local function forward(text, at, count)
  while count > 0 and at <= #text do
    repeat
      at = at + 1
    until not is_continuation(text, at)
    count = count - 1
  end
  return count == 0 and at or nil
end

local function backward(text, at, count)
  while count > 0 and at > 1 do
    repeat
      at = at - 1
    until at <= 1 or not is_continuation(text, at)
    count = count - 1
  end
  return count == 0 and at or nil
end

--- Where the [n]th character from byte [start] on begins; negative: before it; 0: the one that has
--- this byte.
---@param text string
---@param n integer
---@param start? integer 1, or the end of the text when [n] is negative
---@return integer? place
function M.offset(text, n, start)
  local problem = problem_of(text, n, start)
  if problem or n == nil then
    fail("offset", "%s", problem or "argument 2 must be a whole number")
  end
  local at = absolute(start or (n >= 0 and 1 or #text + 1), #text)
  if at < 1 or at > #text + 1 then
    fail("offset", "position out of bounds")
  end
  if n == 0 then
    while at > 1 and is_continuation(text, at) do
      at = at - 1
    end
    return at
  end
  if is_continuation(text, at) then
    fail("offset", "initial position is a continuation byte")
  end
  return n > 0 and forward(text, at, n - 1) or n < 0 and backward(text, at, -n) or nil
end

--- `for place, code in od.utf8.codes(text) do`; raises at a byte that is no UTF-8.
---@param text string
---@return fun(): integer?, integer?
function M.codes(text)
  local problem = problem_of(text)
  if problem then
    fail("codes", "%s", problem)
  end
  local at = 1
  return function()
    if at > #text then
      return nil
    end
    local place, code, following = at, decode(text, at)
    if not code then
      fail("codes", "invalid UTF-8 at byte %d", place)
    end
    at = following
    return place, code
  end
end

return M
