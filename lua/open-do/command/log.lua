-- The log of the running program, also while it is written: one asks for what came behind the line
-- one has seen last, again and again.
local _, native = ...

local server = require "open-do.command.server"
local show = require "open-do.command.show"

local json = native.json

local TRIES, PAUSE_MS = 60, 250 -- While nobody serves, before one who follows gives up.
local LEVELS = { debug = 1, info = 2, warn = 3, error = 4 }

local M = {}

local function is_wanted(line, wanted)
  if LEVELS[line.level] < LEVELS[wanted.level] then
    return false
  end
  return wanted.object == "" or (line.object or ""):sub(1, #wanted.object) == wanted.object
end

local function write_line(text, wanted, as_json)
  local line = json.try_decode(text)
  if type(line) ~= "table" or not is_wanted(line, wanted) then
    return true
  end
  return io.stdout:write(as_json and text or show.log_line(line), "\n")
end

local function write_lines(lines, wanted, as_json)
  for text in lines:gmatch("[^\n]+") do
    if not write_line(text, wanted, as_json) then
      return false
    end
  end
  return io.stdout:flush()
end

-- The program may be started anew, or make way for a newer one, while somebody follows it.
local function ask(after, follows)
  local ok, number, missed, lines
  for _ = 1, follows and TRIES or 1 do
    ok, number, missed, lines = pcall(server.log, after)
    if ok then
      return number, missed, lines
    elseif follows then
      native.command.pause(PAUSE_MS)
    end
  end
  error(number, 0)
end

--- Writes lines of `wanted.level` or above whose object begins with `wanted.object`. `follows`:
--- until nobody serves any more, or nobody reads.
---@param wanted { object: string, level: string }
function M.write(wanted, follows, as_json)
  local after = "0"
  repeat
    local number, missed, lines = ask(after, follows)
    if missed > 0 then
      io.stderr:write(("open-do: %d lines are missing here\n"):format(missed))
    end
    after = number
  until not write_lines(lines, wanted, as_json) or not follows or not native.command.pause(0)
end

return M
