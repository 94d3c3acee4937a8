-- Methods that need Lua: what waits inside a call of the script's own function, and what waits and
-- then may fail. C cannot go on after a yield; it begins these, and they end here.
local _, native = ...

local error = error
local check_block, begin_fetch = native.state.check_block, native.stub.begin_fetch

local M = { state = {}, stub = {} }

--- Runs [fn] before any event is delivered, and returns what it returns.
---@param fn fun(): any
---@return any ...
function M.state:blockConcurrencyWhile(fn)
  check_block(self, fn)
  return fn()
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
