-- od.fetch, after the wait. C begins it (bindings/api/fetch.c) and cannot go on after a yield.
local _, native = ...

local all = require("engine.branches").all
local body_of_stream = require("open-do.body").of_stream

local begin, fail = native.fetch.begin, native.fetch.fail
local open, close = native.stream.open, native.stream.close
local error, pairs, pcall, require, type = error, pairs, pcall, require, type

-- Another table, as this one is the caller's.
local function with_body(init, body)
  local copy = {}
  for name, value in pairs(init) do
    copy[name] = value
  end
  copy.body = body
  return copy
end

-- The function that writes the body runs beside the fetch that sends it. What it raises is what
-- went wrong; but not that nobody reads it, as the answer says why.
local function begin_writing(ask, input, init)
  local write, body, problem, has_asked, ok, result = init.body
  all {
    function()
      local stream
      stream, body = open()
      local is_whole, why = pcall(write, stream)
      if close(is_whole) and not is_whole then
        problem = { why }
      end
    end,
    function()
      has_asked, ok, result = pcall(ask, input, with_body(init, body_of_stream(body)))
    end,
  }
  if problem then
    error(problem[1], 0)
  elseif not has_asked then
    error(ok, 0)
  end
  return ok, result
end

-- In a server of `open-do test`, who answers in place of the world; nil: it is to be asked. (Not
-- required before it is needed: it requires the module of which this is a part.)
local function mock_of(input, init)
  return native.test and require "engine.mocks".find(input, init) or nil
end

--- Sends a request to a server anywhere and waits for its whole answer. Like all that leaves an
--- object it leaves when the writes before it are on disk. Six run at once in an object, others
--- wait.
---@param input string|Request a whole URL, http or https
---@param init? { method?: string, headers?: table|Headers, body?: string|fun(stream: Stream),
---  redirect?: "follow"|"error"|"manual", timeout?: number, stream?: boolean } timeout in ms:
---  30000, at most 600000. With stream the answer is there with its head, and its body is read with
---  `chunks`, `events` or whole. A function as the body writes it while it is sent
---@return Response raises at the caller's line: "fetch http://host/: could not connect (...)"
return function(input, init)
  local ask = mock_of(input, init) or begin
  local ok, result
  if type(init) == "table" and type(init.body) == "function" then
    ok, result = begin_writing(ask, input, init)
  else
    ok, result = ask(input, init)
  end
  if not ok then
    fail(result)
  end
  return result
end
