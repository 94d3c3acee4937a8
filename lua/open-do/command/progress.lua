-- How far something is that takes longer than a second, for a person at a terminal.
local _, native = ...

local clock = native.command.terminal_ms

local BEGIN_MS, EVERY_MS, WIDTH = 1000, 100, 30

local Progress = {}
Progress.__index = Progress

local M = {}

--- `total`: of what `step` counts; nil: not known.
---@param what string "imported"
function M.new(what, total)
  local now = clock()
  return setmetatable({ what = what, total = total, next_ms = now and now + BEGIN_MS }, Progress)
end

--- Whether there is somebody to see it.
function M.is_seen()
  return clock() ~= nil
end

local function bar(done, total)
  local part = math.min(1, done / math.max(total, 1))
  local full = math.floor(part * WIDTH)
  return ("[%s%s] %3d %%  "):format(("#"):rep(full), (" "):rep(WIDTH - full), part * 100)
end

--- So much is done; `text` says it in words.
function Progress:step(done, text)
  local now = self.next_ms and clock()
  if not now or now < self.next_ms then
    return
  end
  self.next_ms, self.is_shown = now + EVERY_MS, true
  io.stderr:write("\r", self.total and bar(done, self.total) or "", self.what, " ", text, "\27[K")
  io.stderr:flush()
end

--- The line is gone again.
function Progress:finish()
  if self.is_shown then
    io.stderr:write("\r\27[K")
  end
  self.next_ms = nil
end

return M
