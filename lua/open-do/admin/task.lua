-- Coroutines that wait for main, one for each thing that is asked. Commands are written as if an
-- answer came at once (lua/open-do/command/server.lua).
local _, native = ...

local create, resume, status = native.raw_coroutine.create, native.raw_coroutine.resume,
  native.raw_coroutine.status
local asked, read, set_who = native.admin.asked, native.admin.read, native.admin.who

local M = {}

local waiting = {} -- Number of the question -> who waits for its answer.

local function step(task, ...)
  set_who(task.who)
  local ok, problem = resume(task.co, ...)
  if not ok then
    native.admin.log("error", "the admin listener: " .. tostring(problem))
  elseif status(task.co) ~= "dead" then
    local number, has_outcome = asked()
    task.has_outcome = has_outcome
    waiting[number] = task
  end
end

--- Runs [fn], which may wait; [who] is told to the log with what it writes.
function M.start(who, fn)
  step { who = who, co = create(fn) }
end

function M.answer(number, ok, bytes)
  local task = waiting[number]
  waiting[number] = nil
  if task then
    step(task, read(ok, task.has_outcome, bytes))
  end
end

return M
