-- What stands on the command line, as what it means; and mistakes in it.
local _, native = ...

local json = native.json

local M = {}

local Usage = {}

--- Ends the program with exit code 2.
function M.usage(text, ...)
  error(setmetatable({ text = text:format(...) }, Usage), 0)
end

--- Ends it with exit code 1.
function M.fail(text, ...)
  error(text:format(...), 0)
end

--- The text of an error, and the exit code it stands for.
function M.explain(problem)
  if getmetatable(problem) == Usage then
    return problem.text, 2
  end
  return tostring(problem), 1
end

--- "rooms/lobby", or "rooms/#hex" for one that is known by its id only.
function M.target(word)
  local space, name = (word or ""):match("^([^/]+)/(.+)$")
  if not space then
    M.usage("name an object as NAMESPACE/NAME or NAMESPACE/#ID%s", word and ", not " .. word or "")
  end
  local id = name:match("^#(%x+)$")
  return { label = word, space = space, name = not id and name or nil, id = id }
end

function M.need(word, what)
  return word or M.usage("%s is missing", what)
end

function M.json(word, what)
  local value, problem = json.try_decode(M.need(word, what))
  if value == nil then
    M.usage("%s is no JSON: %s (a text needs quotes: '\"%s\"')", what, problem, word)
  end
  return value
end

--- The values of all words from the one at `first` on.
function M.json_list(given, first)
  local count, values = #given - first + 1, {}
  for i = 1, count do
    values[i] = M.json(given[first + i - 1], "argument " .. i)
  end
  return unpack(values, 1, count)
end

local UNITS = { s = 1000, m = 60000, h = 3600000, d = 86400000 }

local TIME_MAX = 8.64e15 -- The last moment of a Date.
local TIME_MIN = 1e11    -- In 1973; as seconds that is in the year 5138.

--- "10s", "5m", "2h", "1d" from now, or a time in ms since 1970.
function M.time(word, what)
  local count, unit = M.need(word, what):match("^(%d+)([smhd]?)$")
  if not count then
    M.usage("%s is a time like 10s, 5m, 2h, 1d or ms since 1970, not %s", what, word)
  end
  local ms = unit == "" and tonumber(count) or os.time() * 1000 + count * UNITS[unit]
  if ms > TIME_MAX then
    M.usage("%s: %s is further away than any date, the last of which is in the year 275760", what,
      word)
  elseif ms < TIME_MIN then
    M.usage("%s: %s is long ago in ms since 1970; in seconds from now it is %ss", what, word, word)
  end
  return ms
end

function M.number(word, what)
  return tonumber(M.need(word, what)) or M.usage("%s is a number, not %s", what, word)
end

return M
