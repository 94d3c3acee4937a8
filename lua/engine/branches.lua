-- od.all, od.allSettled and od.race: functions of one handler that run side by side, each as a
-- branch of its task (bindings/api/branches.c). What came of each is kept here, in a table of them.
local _, native = ...

local check, decide, wait = native.branches.check, native.branches.decide, native.branches.wait
local array = native.json.array
local error, pcall, select, unpack = error, pcall, select, unpack

-- A branch that left no outcome: its coroutine yielded where there was nobody to take it.
local LOST = { false, "the function yielded outside of its own coroutines", n = 2 }

local function pack(...)
  return { n = select("#", ...), ... }
end

local function is_error(outcome)
  return not outcome[1]
end

local function always()
  return true
end

-- A function that keeps its outcome as number [at]; those that decide are `first`, too.
local function branch(fn, at, outcomes, decides)
  return function()
    local outcome = pack(pcall(fn))
    outcomes[at] = outcome
    if decides and decides(outcome) then
      outcomes.first = outcome
      decide()
    end
  end
end

local function run(call, functions, decides)
  local outcomes, branches = {}, {}
  check(functions, call)
  for at = 1, #functions do
    branches[at] = branch(functions[at], at, outcomes, decides)
  end
  if #branches > 0 then
    wait(branches, decides == always)
  end
  for at = 1, #branches do
    outcomes[at] = outcomes[at] or LOST
  end
  return outcomes
end

local M = {}

--- Runs functions side by side and waits for all of them. The first error gives up the others,
--- whose calls are cancelled, and is raised here.
---@param functions (fun(): any)[] at most 1000
---@return any[] results in the order of the functions: the first value of each
function M.all(functions)
  local outcomes, results = run("all", functions, is_error), array({})
  if outcomes.first then
    error(outcomes.first[2], 0)
  end
  for at = 1, #outcomes do
    if outcomes[at] == LOST then
      error(LOST[2], 0)
    end
    results[at] = outcomes[at][2]
  end
  return results
end

--- Runs functions side by side and waits until each has returned or failed.
---@param functions (fun(): any)[] at most 1000
---@return { status: "fulfilled"|"rejected", value?: any, reason?: any }[] outcomes in their order
function M.allSettled(functions)
  local outcomes, results = run("allSettled", functions), array({})
  for at = 1, #outcomes do
    local ok, value = outcomes[at][1], outcomes[at][2]
    results[at] = ok and { status = "fulfilled", value = value }
      or { status = "rejected", reason = value }
  end
  return results
end

--- Runs functions side by side until the first of them has returned or failed, and gives up the
--- others.
---@param functions (fun(): any)[] 1 to 1000
---@return any ... what the first returned; its error is raised here
function M.race(functions)
  local outcomes = run("race", functions, always)
  if #outcomes == 0 then
    error("race: the list of functions is empty, so none of them can be the first", 2)
  end
  local first = outcomes.first or LOST
  if is_error(first) then
    error(first[2], 0)
  end
  return unpack(first, 2, first.n)
end

return M
