-- od.fetch, after the wait. C begins it (bindings/api/fetch.c) and cannot go on after a yield.
local _, native = ...

local begin, fail = native.fetch.begin, native.fetch.fail
local require = require

-- In a server of `open-do test`, what a spec has put in place of the world. (Not before it is
-- needed: it requires the module of which this is a part.)
local function mocked(input, init)
  return native.test and require "engine.mocks".fetch(input, init)
end

--- Sends a request to a server anywhere and waits for its whole answer. Like all that leaves an
--- object it leaves when the writes before it are on disk. Six run at once in an object, others
--- wait.
---@param input string|Request a whole URL, http or https
---@param init? { method?: string, headers?: table|Headers, body?: string,
---  redirect?: "follow"|"error"|"manual", timeout?: number } timeout in ms: 30000, at most 600000
---@return Response raises at the caller's line: "fetch http://host/: could not connect (...)"
return function(input, init)
  local response = mocked(input, init)
  if response then
    return response
  end
  local ok, result = begin(input, init)
  if not ok then
    fail(result)
  end
  return result
end
