-- The coroutine library of scripts. A call that waits (od.sleep, stub:fetch, storage:sync) may be
-- made inside a script's own coroutine: the engine's yield, marked by a token no script can have,
-- is handed on by whoever resumed it, up to the engine, and the answer is handed back down.
local _, native = ...

local token, has_room = native.token, native.coroutine.has_room
local create, resume, status, yield = coroutine.create, coroutine.resume, coroutine.status,
  coroutine.yield
local error, setmetatable, type = error, setmetatable, type

-- How many may be inside each other. Each takes from the stack of the process, of which LuaJIT
-- keeps no account; what runs in it (a gsub in a gsub) may take much more, so that is looked at.
local NESTED_MAX = 1000
local nested = 0 -- Right across waits too: these leave all resumes on their way up.

-- Coroutines that wait for the engine. Nobody else may resume them.
local waiting = setmetatable({}, { __mode = "k" })

local M = {
  create = create,
  running = native.coroutine.running,
  status = status,
  yield = yield,
  isyieldable = coroutine.isyieldable,
}

local hand_on

-- What a resume gave: the engine's token goes up, all else goes to the caller.
local function settle(co, ok, first, ...)
  if ok and first == token then
    return hand_on(co)
  end
  return ok, first, ...
end

local function leave(...)
  nested = nested - 1
  return ...
end

local function enter(co, ...)
  if nested == NESTED_MAX or nested > 0 and not has_room() then
    return false, "stack overflow: too many coroutines inside each other"
  end
  nested = nested + 1
  return leave(resume(co, ...))
end

local function hand_down(co, ...)
  waiting[co] = nil
  return settle(co, enter(co, ...))
end

function hand_on(co)
  waiting[co] = true
  return hand_down(co, yield(token))
end

--- As in Lua 5.1.
---@param co thread
---@return boolean ok
---@return any ...
function M.resume(co, ...)
  if waiting[co] then
    return false, "cannot resume a coroutine that waits for the runtime"
  end
  return settle(co, enter(co, ...))
end

-- An error passes through with the place it has; there is none to add to one that is no string.
local function results(ok, ...)
  if not ok then
    error((...), 0)
  end
  return ...
end

--- As in Lua 5.1.
---@param fn function
---@return fun(...: any): any
function M.wrap(fn)
  if type(fn) ~= "function" then
    error("wrap: argument 1 must be a function, got " .. type(fn), 2)
  end
  local co = create(fn)
  return function(...)
    return results(M.resume(co, ...))
  end
end

return M
