-- Methods that need Lua: what waits inside a call of the script's own function, and what waits and
-- then may fail. C cannot go on after a yield; it begins these, and they end here.
local _, native = ...

local error, xpcall = error, xpcall
local section, begin_fetch = native.section, native.stub.begin_fetch

local M = { state = {}, stub = {} }

local function leave_section(number, ok, ...)
  if not ok then
    section.fail(number, ...)
  end
  section.leave(number)
  return ...
end

--- Runs [fn] while nothing else of the object runs: no event, no timer, no other handler that
--- waits. An error in it resets the object and cannot be caught here; so does more than 30 s.
---@param fn fun(): any
---@return any ... what [fn] returns; raises when calls are nested 64 deep
function M.state:blockConcurrencyWhile(fn)
  return leave_section(section.enter(self, fn), xpcall(fn, section.blame))
end

local function response_or_error(ok, result)
  if not ok then
    error(result, 0)
  end
  return result
end

--- Sends a request to the object behind the stub and waits for its answer.
---@param request Request|string a request or a URL; of a URL like "/path" the host is made up
---@param init? table fields of od.Request
---@return Response raises an error with `message` and `remote` when the object fails
function M.stub:fetch(request, init)
  -- Not a tail call: `self` must stay alive while the engine reads its name.
  local response = response_or_error(begin_fetch(self, request, init))
  return response
end

return M
