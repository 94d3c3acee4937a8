-- od.fetch, after the wait. C begins it (bindings/api/fetch.c) and cannot go on after a yield.
local _, native = ...

local begin, fail = native.fetch.begin, native.fetch.fail

--- Sends a request to a server anywhere and waits for its whole answer. Like all that leaves an
--- object it leaves when the writes before it are on disk. Six run at once in an object, others
--- wait.
---@param input string|Request a whole URL, http or https
---@param init? { method?: string, headers?: table|Headers, body?: string,
---  redirect?: "follow"|"error"|"manual", timeout?: number, stream?: boolean } timeout in ms:
---  30000, at most 600000. With stream the answer is there with its head, and its body is read with
---  `chunks`, `events` or whole
---@return Response raises at the caller's line: "fetch http://host/: could not connect (...)"
return function(input, init)
  local ok, result = begin(input, init)
  if not ok then
    fail(result)
  end
  return result
end
