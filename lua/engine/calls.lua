-- Methods that need Lua: what waits inside a call of the script's own function, what waits and then
-- may fail, and what makes a Response. C cannot go on after a yield; it begins these, and they end
-- here.
local _, native = ...

local error, pcall, rawset, setmetatable, type, xpcall = error, pcall, rawset, setmetatable, type,
  xpcall
local bookmarks = native.bookmarks
local section, sql, transaction = native.section, native.sql, native.transaction
local begin_fetch, begin_call, is_method = native.stub.begin_fetch, native.stub.begin_call,
  native.stub.is_method
local read_failure = native.failure.read
local is_a = native.http.is_a

local new_response = require("open-do.response").new
local event_response = require("open-do.response").of_events
local accept_websocket, make_pair = native.sockets.accept, native.socket.pair
local accept_events = native.events.accept
local connect = native.outside.connect
local new_headers = require("open-do.headers").new
local check_state = require("open-do.colon")("state", "userdata")
local check_storage = require("open-do.colon")("storage", "userdata")

local M = { state = {}, storage = {} }

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
  return leave_section(section.enter(self, fn), xpcall(fn, section.note_error))
end

--- Hands a WebSocket to the runtime: the second end of a pair, or what stub:fetch answered. Given a
--- request it does all of it: makes the pair, accepts its second end, and answers with the first.
---@param ws WebSocket|Request
---@param tags? string[] at most 10, of 256 bytes
---@return Response? response of a request, to be returned: 426 when it asks for no WebSocket
---@return WebSocket? server of a request: the object's end; nil with 426
function M.state:acceptWebSocket(ws, tags)
  if type(ws) ~= "table" or not is_a("Request", ws) then
    return accept_websocket(self, ws, tags)
  elseif not ws:isWebSocketUpgrade() then
    return new_response("This needs a WebSocket client\n", { status = 426 }, 2), nil
  end
  local client, server = make_pair()
  accept_websocket(self, server, tags)
  return new_response(nil, { status = 101, webSocket = client }, 2), server
end

--- Accepts the client of a request as the reader of an event stream (server-sent events), which
--- outlives sleep, reloads and dead workers as a WebSocket does.
---@param request Request
---@param tags? string[] as for acceptWebSocket
---@param options? { retry?: number } in how many ms a client is to come back that lost it
---@return Response response to be returned: `return self.state:acceptEventStream(request)`
---@return EventStream? stream nil for HEAD, which has no body
function M.state:acceptEventStream(request, tags, options)
  check_state(self, "acceptEventStream")
  if not is_a("Request", request) then
    error("acceptEventStream: argument 1 must be a Request, got " .. type(request), 2)
  end
  if request.method == "HEAD" then
    return event_response(nil), nil
  end
  local stream = accept_events(self, tags, options)
  return event_response(stream), stream
end

--- Opens a WebSocket to a place outside and keeps it there: the wish is stored, like an alarm, so
--- it is dialled again after its connection has broken, after a restart, and while the object
--- sleeps.
--- `webSocketOpen(ws, isReconnect)` says when it is connected; from then on it is a socket like any
--- other, with the handlers of any. Each connection has a `ws` of its own; the next one takes over
--- tags and attachment. `ws:close()` ends the wish.
---@param url string "ws://host/path" or "wss://host/path"; with wss certificates are verified
---@param options? { tags?: string[], protocols?: string|string[], headers?: table|Headers,
---  reconnect?: { min?: number, max?: number } } reconnect: the pause before the first and, doubled
---  each time, the longest before another attempt, in ms: 500 and 60000. Half of each is chance
---@return WebSocket ws that connects (readyState 0): nothing can be sent before webSocketOpen
function M.state:connect(url, options)
  local headers = type(options) == "table" and options.headers
  return connect(self, url, options, headers and new_headers(headers, 3) or nil)
end

local function end_transaction(number, ok, ...)
  if not ok then
    transaction.drop(number)
    error((...), 0)
  end
  transaction.keep(number)
  return ...
end

local function run_transaction(fn, number, txn)
  return end_transaction(number, xpcall(fn, transaction.note_error, txn))
end

--- Runs [fn] as a critical section in which all writes, also those made directly on the storage,
--- belong together: when it returns they are stored as a whole; an error in it, which goes on to
--- the caller, or `txn:rollback()` undoes all of them.
---@param fn fun(txn: Transaction): any
---@return any ... what [fn] returns
function M.storage:transaction(fn)
  return run_transaction(fn, transaction.begin(self, fn))
end

-- Cloudflare's name for one whose function does not wait. Here it may.
M.storage.transactionSync = M.storage.transaction

--- A bookmark of all that the object has written until now; waits until it is on disk. It may be
--- kept anywhere. Strings compare as their times do.
---@return string bookmark raises without --history
function M.storage:getCurrentBookmark()
  bookmarks.sync(self, "getCurrentBookmark")
  return bookmarks.current(self, "getCurrentBookmark")
end

--- Makes all that is stored what it was at [bookmark], when the next instance is made: after
--- `state:abort()`, a reload, sleep, a restart.
---@param bookmark string
---@return string bookmark of now, with which that is undone; raises when [bookmark] is of another
---  object, or of a time that is not kept
function M.storage:onNextSessionRestoreBookmark(bookmark)
  bookmarks.wish(self, bookmark)
  return bookmarks.current(self, "onNextSessionRestoreBookmark")
end

local function run_step(storage, step, number)
  if type(step) == "function" then
    step(storage.sql)
  else
    local ok, problem = pcall(storage.sql.exec, storage.sql, step)
    if not ok then -- The line is that of `migrate`, whichever step it is.
      error((problem:gsub("exec: ", ("migrate: step %d: "):format(number), 1)), 0)
    end
  end
  sql.set_version(storage.sql, number)
end

--- Brings the database into the shape the script needs: runs the steps that it has not had yet, in
--- order, each once and as a whole, with the keys it writes. Steps are only ever added at the end.
---@param steps (string|fun(sql: Sql))[] statements, or a function that is given `storage.sql`
---@return integer count how many were run
function M.storage:migrate(steps)
  check_storage(self, "migrate")
  if type(steps) ~= "table" then
    error("migrate: argument 1 must be a table of steps, got " .. type(steps), 2)
  end
  local had = sql.version(self.sql):one().user_version
  if had > #steps then
    error(("migrate: the database has had %d steps, and the script knows %d; an older script "
      .. "cannot use it"):format(had, #steps), 2)
  end
  for number = had + 1, #steps do
    local kind = type(steps[number])
    if kind ~= "string" and kind ~= "function" then
      error(("migrate: step %d must be a string of SQL or a function, got %s"):format(number, kind),
        2)
    end
    self:transaction(function() run_step(self, steps[number], number) end)
  end
  return #steps - had
end

-- Stubs whose object was reset while a call went through them, with the failure: they promised that
-- their calls arrive in order, and no call can come after those that were lost.
local broken = setmetatable({}, { __mode = "k" })

local function fail(stub, record)
  local failure, is_reset = read_failure(record)
  if is_reset then
    broken[stub] = record
  end
  error(failure, 0)
end

local function finish(stub, ok, ...)
  if not ok then
    fail(stub, (...))
  end
  return ...
end

-- Methods are made when they are first asked for; the same closure serves all stubs.
local function make_method(methods, name)
  if not is_method(methods, name) then
    return nil
  end
  local function method(self, ...)
    if broken[self] then
      fail(self, broken[self])
    end
    return finish(self, begin_call(self, name, ...))
  end
  rawset(methods, name, method)
  return method
end

M.stub = setmetatable({}, {
  __index = setmetatable({}, { __mode = "v", __index = make_method }),
})

--- Sends a request to the object behind the stub and waits for its answer.
---@param request Request|string a request or a URL; of a URL like "/path" the host is made up
---@param init? table fields of od.Request
---@return Response raises an error with `message` and `remote` when the object fails
function M.stub:fetch(request, init)
  if broken[self] then
    fail(self, broken[self])
  end
  return finish(self, begin_fetch(self, request, init))
end

return M
