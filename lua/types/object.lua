---@meta
-- Objects: what a script returns, what a class has, and what it gets.

---What a script returns.
---@class Script
---@field namespaces table<string, DurableObject> name -> class
---@field crons? table<string, fun(info: CronInfo, env: Env, ctx: Context)> by cron string
---@field renamed? table<string, string> Name before -> name in `namespaces`: its objects stay.
---@field deleted? string[] Former namespaces, whose objects go with all they have.
---@field fetch? fun(request: Request, env: Env, ctx: Context): Response the entry: without it the
---path /NAMESPACE/NAME[/...] names the object
---@field streamBody? boolean the entry is called when the head of a request is there
---@field assets? string|AssetsOptions a folder beside the script, whose files are served first

---@class AssetsOptions
---@field directory string
---@field notFound? "single-page-application"|"404-page"
---@field scriptFirst? string[] paths for which the script is asked before, like "/api/*"

---A Namespace for each namespace, a string for each variable of --var, --var-file and --env-file,
---and `assets` where there are some. Say which ones yours has, and editors know them:
---`---@class Env`, and a line `---@field rooms Namespace` for each.
---@class Env
---@field [string] any

---@class Context
local Context = {}

---Runs [fn] after the answer.
---@param fn function
function Context:waitUntil(fn) end

---A class: `---@class Room: DurableObject` above `local Room = {}` tells editors that it is one.
---Any other function whose name does not begin with _ can be called on a stub.
---@class DurableObject
---@field state State set before the constructor
---@field env Env
---@field streamBody? boolean its fetch is called when the head of a request is there
local DurableObject = {}

---Before the first event of an instance.
---@param state State
---@param env Env
function DurableObject:constructor(state, env) end

---@param request Request
---@return Response
function DurableObject:fetch(request) end

---A whole message; one at a time for each socket, in order.
---@param ws WebSocket
---@param message string
---@param isBinary boolean
function DurableObject:webSocketMessage(ws, message, isBinary) end

---A WebSocket to outside (`state:connect`) is connected; each connection has a `ws` of its own.
---@param ws WebSocket
---@param isReconnect boolean the wish is older: it was connected before, or the program restarted
function DurableObject:webSocketOpen(ws, isReconnect) end

---The peer has closed (answered with the same code afterwards), has vanished (1006), has
---answered our close, or was too slow a reader (1013).
---@param ws WebSocket
---@param code integer
---@param reason string
---@param wasClean boolean
function DurableObject:webSocketClose(ws, code, reason, wasClean) end

---What came was no protocol, no UTF-8, a message over the limit, late, or too much with all
---others; no webSocketClose follows. Or the first attempt to reach a place outside that
---failed since it was connected last (readyState 0: it is tried on).
---@param ws WebSocket
---@param err string
function DurableObject:webSocketError(ws, err) end

---The reader of an event stream has gone, or `stream:close()` has ended it.
---@param stream EventStream
function DurableObject:eventStreamClose(stream) end

---The alarm is due. When it raises, it is tried again, up to six times.
---@param info AlarmInfo
function DurableObject:alarm(info) end

---An operator has written to its storage (`open-do kv put`, `sql`), in this same event. When it
---raises, nothing was written.
---@param keys string[] None when it was SQL.
function DurableObject:storageChanged(keys) end

---@class AlarmInfo
---@field retryCount integer 0 the first time
---@field isRetry boolean
---@field scheduledTime number ms since 1970

---Given to the method of a schedule; [scheduledTime] is the last of its times so far.
---@class ScheduleInfo: AlarmInfo
---@field name string
---@field missed integer how many times before that have passed without a run

---Given to a function of the script's `crons`.
---@class CronInfo: AlarmInfo
---@field cron string
---@field missed integer how many times before that have passed without a run

---@class State
---@field id Id
---@field storage Storage
local State = {}

---Hands the second end of a pair to the runtime. Given a request it does all of it: makes the pair,
---accepts its second end, and answers with the first.
---@param ws WebSocket
---@param tags? string[] at most 10, of 256 bytes
---@overload fun(self: State, request: Request, tags?: string[]): Response, WebSocket?
function State:acceptWebSocket(ws, tags) end

---@param tag? string oldest first with a tag, newest first without
---@return WebSocket[]
function State:getWebSockets(tag) end

---Opens a WebSocket to a place outside and keeps it there, until `ws:close()`: the wish is stored,
---so it is dialled again after it breaks, after a restart, and while the object sleeps. The next
---connection takes over tags and attachment. At most 1,000 in an object.
---@param url string "ws://host/path" or "wss://host/path"; with wss certificates are verified
---@param options? { tags?: string[], protocols?: string|string[],
---  headers?: table<string, string>|Headers, reconnect?: { min?: number, max?: number } }
---  reconnect: the first pause before another attempt and, doubled each time, the longest, in ms:
---  500 and 60000; half of each is chance
---@return WebSocket ws it connects: nothing can be sent before webSocketOpen
function State:connect(url, options) end

---Accepts the client of a request as the reader of an event stream (server-sent events), which
---outlives sleep, reloads and dead workers as a WebSocket does.
---@param request Request
---@param tags? string[] at most 10, of 256 bytes
---@param options? { retry?: number } in how many ms a client is to come back that lost it
---@return Response response to be returned
---@return EventStream? stream nil for HEAD
function State:acceptEventStream(request, tags, options) end

---@param tag? string oldest first with a tag, newest first without
---@return EventStream[]
function State:getEventStreams(tag) end

---@param ws WebSocket|EventStream
---@return string[]
function State:getTags(ws) end

---In place of those it has; kept through sleep, reload and crash as these are.
---@param ws WebSocket|EventStream an accepted one
---@param tags string[] at most 10, of 256 bytes
function State:setTags(ws, tags) end

---@param message string
---@param options? { tag?: string, except?: WebSocket|EventStream, isBinary?: boolean,
---  event?: string, id?: string } event and id are for event streams, which get no binary message
---@return integer count of sockets it went to
function State:broadcast(message, options) end

---A message with exactly this text is answered without waking the object; without arguments no
---more.
---@param request? string at most 2,048 bytes
---@param response? string at most 2,048 bytes
function State:setWebSocketAutoResponse(request, response) end

---@return string? request
---@return string? response
function State:getWebSocketAutoResponse() end

---@param ws WebSocket
---@return number? ms since 1970; nil: never answered so
function State:getWebSocketAutoResponseTimestamp(ws) end

---@param ms? integer how long a handler of a socket's event may take; nil: no limit of its own
function State:setHibernatableWebSocketEventTimeout(ms) end

---@return integer? ms
function State:getHibernatableWebSocketEventTimeout() end

---No other event until [fn] has returned; 30 s. An error in it resets the object.
---@generic T
---@param fn fun(): T
---@return T
function State:blockConcurrencyWhile(fn) end

---Runs [fn] after the event and keeps the instance meanwhile.
---@param fn function
function State:waitUntil(fn) end

---Drops writes that are not committed, the sockets (1006) and the instance. Cannot be caught.
---@param reason? string
---@param options? table
function State:abort(reason, options) end

---A value is a boolean, number, string, int64 or uint64 cdata, od.json.null, or a table of those
---under string or number keys, at most 2 MiB. It is copied on the way in and out.
---@class Storage
---@field sql Sql the database of the object
---@field kv Storage the same storage, under Cloudflare's other name
local Storage = {}

---@overload fun(self: Storage, keys: string[]): table<string, any>
---@param key string at most 2,048 bytes
---@return any value nil: not there
function Storage:get(key) end

---@overload fun(self: Storage, values: table<string, any>, options?: PutOptions)
---@param key string
---@param value any raises with the path of what cannot be stored: "a function at users[3]"
---@param options? PutOptions
function Storage:put(key, value, options) end

---@class PutOptions
---@field allowUnconfirmed? boolean what follows does not wait for the disk

---@overload fun(self: Storage, keys: string[]): integer
---@param key string
---@return boolean existed
function Storage:delete(key) end

---@class ListOptions
---@field prefix? string
---@field start? string from here on
---@field startAfter? string behind here
---@field ["end"]? string before here
---@field reverse? boolean
---@field limit? integer

---A large one is read and gone through in parts, between which other objects have a go; nothing of
---its own object runs meanwhile.
---@param options? ListOptions
---@return fun(): string?, any iterator of key, value in byte order, as of now
function Storage:list(options) end

---Keys, the database and the alarm.
function Storage:deleteAll() end

---Runs [fn] while nothing else of the object runs, for at most 30 s; all it writes is stored as a
---whole. An error in it, which goes on to the caller, or `txn:rollback()` undoes all of that.
---@generic T
---@param fn fun(txn: Transaction): T
---@return T
function Storage:transaction(fn) end

---The same, under Cloudflare's other name.
---@generic T
---@param fn fun(txn: Transaction): T
---@return T
function Storage:transactionSync(fn) end

---Runs the steps that the database has not had yet, in order, each once and as a whole with the
---keys it writes. Steps are only ever added at the end.
---@param steps (string|fun(sql: Sql))[] statements, or a function
---@return integer count how many were run
function Storage:migrate(steps) end

---Returns when all writes so far are on disk.
function Storage:sync() end

---A bookmark of all that the object has written until now; waits until it is on disk. It may be
---kept anywhere; strings compare as their times do. Raises without `--history`.
---@return string bookmark
function Storage:getCurrentBookmark() end

---That of a moment. Raises when it is not kept any more (`--history`) or still to come.
---@param ms number since 1970
---@return string bookmark
function Storage:getBookmarkForTime(ms) end

---Makes keys, database, alarm and schedules what they were at [bookmark], when the next instance
---is made: call `state:abort()` next (in `waitUntil`, if somebody waits for an answer), or wait for
---a reload, sleep or restart. What is written until then goes with it; deleteAll does not take the
---wish back, another bookmark replaces it. While what is kept cannot be read events fail and the
---next tries again; what is not kept any more, is damaged or too much then changes nothing, and the
---log says so. Raises when the bookmark is of another object, or of a time that is not kept.
---@param bookmark string
---@return string bookmark of now, with which that is undone
function Storage:onNextSessionRestoreBookmark(bookmark) end

---@return number? ms since 1970; nil: none is set
function Storage:getAlarm() end

---The one alarm of the object; replaces the one before.
---@param ms number since 1970, as `od.now() + 60000`; what has passed means at once
---@param options? PutOptions
function Storage:setAlarm(ms, options) end

---@param options? PutOptions
function Storage:deleteAlarm(options) end

---When a schedule comes: one of [at], [every] and [cron].
---@class When
---@field at? number ms since 1970; what has passed means at once
---@field every? number ms, from 1000 to 8.64e15
---@field cron? string "minute hour day month weekday"
---@field zone? string of [cron], like "Europe/Berlin"; default UTC

---@class Schedule: When
---@field name string
---@field time number ms since 1970: when it comes next
---@field method string
---@field arguments any[]

---Calls `self:method(info, ...)` at that time, or again and again. A name that is set again is
---replaced; the same again changes nothing, so it may be done in each constructor.
---@param name string 1 to 256 bytes
---@param when When
---@param method string of the class; it may begin with `_`
---@param ... any copied like stored values, at most 16 KiB
function Storage:schedule(name, when, method, ...) end

---@param name string
---@return boolean existed
function Storage:unschedule(name) end

---@return Schedule[] by name
function Storage:schedules() end

---@alias SqlValue nil|boolean|number|string|Blob|ffi.cdata* as a binding

---SQLite in the object's own storage, in one batch with its keys and its alarm.
---@class Sql
---@field databaseSize integer bytes, without what is free
local Sql = {}

---Runs at once and to the end; a mistake raises with the SQL and a caret. The bindings (`?`, `?1`)
---belong to the last statement.
---@param statements string at most 100,000 bytes
---@param ... SqlValue at most 100
---@return Cursor
function Sql:exec(statements, ...) end

---The rows of a query, as of when it ran; up to 64 MiB. Rows are tables by column name, of numbers,
---strings, and int64 beyond 2^53; NULL is nil.
---@class Cursor
---@field columnNames string[]
---@field rowsRead integer about: rows given, and steps of whole scans
---@field rowsWritten integer without rows of indices
---@overload fun(): table<string, any>?
local Cursor = {}

---@return table<string, any>? row nil: no more
function Cursor:next() end

---@return table<string, any>[] rows those that are left
function Cursor:toArray() end

---@return table<string, any> row raises unless there is exactly one
function Cursor:one() end

---@return fun(): any[]? iterator of arrays; NULL leaves a hole
function Cursor:raw() end

---What the function of a transaction is given. Its methods are those of the storage and raise when
---it is rolled back or over; deleteAll cannot be part of one.
---@class Transaction
local Transaction = {}

---@overload fun(self: Transaction, keys: string[]): table<string, any>
---@param key string
---@return any value nil: not there
function Transaction:get(key) end

---@overload fun(self: Transaction, values: table<string, any>, options?: PutOptions)
---@param key string
---@param value any
---@param options? PutOptions
function Transaction:put(key, value, options) end

---@overload fun(self: Transaction, keys: string[]): integer
---@param key string
---@return boolean existed
function Transaction:delete(key) end

---A large one is read and gone through in parts, between which other objects have a go; nothing of
---its own object runs meanwhile.
---@param options? ListOptions
---@return fun(): string?, any iterator of key, value in byte order, as of now
function Transaction:list(options) end

---Always raises.
function Transaction:deleteAll() end

---@return number? ms since 1970; nil: none is set
function Transaction:getAlarm() end

---@param ms number since 1970
---@param options? PutOptions
function Transaction:setAlarm(ms, options) end

---@param options? PutOptions
function Transaction:deleteAlarm(options) end

---@param name string 1 to 256 bytes
---@param when When
---@param method string of the class; it may begin with `_`
---@param ... any copied like stored values, at most 16 KiB
function Transaction:schedule(name, when, method, ...) end

---@param name string
---@return boolean existed
function Transaction:unschedule(name) end

---@return Schedule[] by name
function Transaction:schedules() end

---Undoes what it wrote; its function goes on, and no error comes of it.
function Transaction:rollback() end

---@class WebSocket
---@field readyState integer 0 connecting, 1 open, 2 closing, 3 closed
---@field protocol string the one that was chosen, or ""
---@field url string
---@field outgoing boolean it was dialled by `state:connect`
---@field bufferedAmount integer bytes that wait to be sent
local WebSocket = {}

---@param message string
---@param isBinary? boolean
function WebSocket:send(message, isBinary) end

---One to outside is not dialled again.
---@param code? integer 3000 to 4999 are yours; of the protocol's, 1000 to 1003 and 1007 to 1014
---@param reason? string at most 123 bytes
function WebSocket:close(code, reason) end

---Stays with the socket when the instance goes.
---@param value any at most 16,384 bytes
function WebSocket:serializeAttachment(value) end

---@return any value a fresh copy, or nil
function WebSocket:deserializeAttachment() end

---The reader of server-sent events, as `acceptEventStream` gives it.
---@class EventStream
---@field readyState integer 1 open, 2 closing, 3 closed
---@field url string
---@field protocol string ""
---@field bufferedAmount integer bytes that have not left yet
local EventStream = {}

---@param data string UTF-8
---@param options? { event?: string, id?: string } without line breaks
function EventStream:send(data, options) end

---Ends it behind what was sent. Browsers come back, unless they are answered 204.
function EventStream:close() end

---Stays with the stream when the instance goes.
---@param value any at most 16,384 bytes
function EventStream:serializeAttachment(value) end

---@return any value a fresh copy, or nil
function EventStream:deserializeAttachment() end

---The script's files: `env.assets`.
---@class Assets
local Assets = {}

---What a client would be answered for a path, also where the script is asked first; not_found
---pages, too. 404 when there is no such file.
---@param request string|Request a path ("/index.html") or a request
---@param init? RequestInit
---@return Response
function Assets:fetch(request, init) end

---@class Namespace
local Namespace = {}

---@param name string
---@return Id
function Namespace:idFromName(name) end

---Hints of where an object should live are for Cloudflare, and do nothing here.
---@alias Hints { locationHint?: string, routingMode?: string }

---@return Id
function Namespace:newUniqueId() end

---@param hex string 64 hex digits of an id of this namespace
---@return Id
function Namespace:idFromString(hex) end

---@param id Id
---@param options? Hints
---@return Stub
function Namespace:get(id, options) end

---@param name string
---@param options? Hints
---@return Stub
function Namespace:getByName(name, options) end

---`tostring(id)` is 64 hex digits; ids of the same object are equal.
---@class Id
---@field name? string
local Id = {}

---Any other name is a method of the object: its results come back as copies, its error is raised
---as a Failure. Calls through one stub arrive in order.
---@class Stub
---@field id Id
---@field name? string
---@field [string] fun(self: Stub, ...: any): any
local Stub = {}

---@param request Request|string of a URL like "/path" the host is made up
---@param init? RequestInit
---@return Response
function Stub:fetch(request, init) end

---What a failed call raises; `tostring` of it is the message. Fields of a table that was raised
---come along.
---@class Failure
---@field message string
---@field remote boolean it happened in another object
---@field durableObjectId? string
---@field durableObjectReset? boolean the object was reset: make a new stub
---@field overloaded? boolean
---@field retryable? boolean
local Failure = {}
