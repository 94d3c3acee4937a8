---@meta open-do.test
-- Module "open-do.test", for specs under `open-do test`. Whatever waits has a deadline, and its
-- error shows the last lines of the server's log.

---@class open-do.test
local t = {}

---@class AppOptions
---@field workers? integer 2
---@field vars? table<string, string> as --var
---@field args? string[] further options of `open-do run`

---Starts a server with [script], which is sought beside the spec, beside its folder, and where
---`open-do test` was called. Nothing is stored. It is stopped at the end of the test.
---@param script string
---@param options? AppOptions
---@return App
function t.start(script, options) end

---Runs [fn] inside the object, beside its instance. The function travels, with copies of what it
---uses from around it; arguments and results are copied. Its error is raised with its line.
---@param stub TestStub
---@param fn fun(instance: DurableObject, state: State, ...: any): any
---@param ... any
---@return any ...
function t.runInObject(stub, fn, ...) end

---Runs the object's alarm now; returns when it has run.
---@param stub TestStub
---@return boolean was_set
function t.runObjectAlarm(stub) end

---@param namespace TestNamespace
---@return TestId[] of all objects that have something stored
function t.listObjectIds(namespace) end

---A running server.
---@class App
---@field env table<string, TestNamespace> the namespaces of the script
---@field url string "http://127.0.0.1:PORT"
local App = {}

---A request as a client makes it.
---@param request string|Request a path or a URL
---@param init? RequestInit
---@return Response
function App:fetch(request, init) end

---@param path string
---@param options? { protocols?: string[], headers?: table<string, string> }
---@return TestSocket
function App:connect(path, options) end

---Opens an event stream; fails when the answer is none.
---@param path string
---@param options? { headers?: table<string, string> }
---@return TestEvents
function App:connectEvents(path, options) end

---Turns all clocks forward in one step and returns when what is due by then has been done. What is
---set meanwhile counts from the new time.
---@param ms integer
function App:advance(ms) end

---Returns when nothing is left to do, and no answer to od.fetch is awaited.
function App:settle() end

---A request of od.fetch to [url] is answered by no server. What is given may be a text; a Response;
---`{ status =, headers =, body = }`, or `json =` in place of the body; a function of the request,
---which runs inside the server with copies of what it uses; false: nobody is there. nil: the world
---answers again. Of several that fit the one with the whole URL counts, then the longest.
---@param url string a whole one; it may end with *
---@param answer string|Response|table|fun(request: Request): (Response|string)|false|nil
---@return Mock
function App:mockFetch(url, answer) end

---@class Mock
local Mock = {}

---@return { method: string, url: string, headers: table<string, string>, body: string? }[] so far
function Mock:requests() end

---The instance goes when its events have ended; sockets and storage stay.
---@param stub TestStub
function App:hibernate(stub) end

---The instance goes at once, with what it has not committed; those who wait get an error.
---@param stub TestStub
function App:evict(stub) end

---@param count? integer of commits that fail from now on; 1
function App:failCommits(count) end

---Kills a worker and returns when another has taken its place.
---@param index? integer from 0; without it all
function App:restartWorker(index) end

---Stops the server and starts it over the same data.
function App:restart() end

---The same by kill -9.
function App:crash() end

---Loads the script anew; returns what `open-do reload` says, or raises it.
---@return string
function App:reload() end

---@return table status what `open-do status --json` says
function App:status() end

---@return string text of the log so far
function App:log() end

---Waits until the log has a line that matches; returns its captures.
---@param pattern string a Lua pattern
---@return string ...
function App:waitLog(pattern) end

---Before the end of the test.
function App:stop() end

---@class TestNamespace
local TestNamespace = {}

---@param name string
---@return TestId
function TestNamespace:idFromName(name) end

---@return TestId
function TestNamespace:newUniqueId() end

---@param hex string
---@return TestId
function TestNamespace:idFromString(hex) end

---@param id TestId
---@return TestStub
function TestNamespace:get(id) end

---@param name string
---@return TestStub
function TestNamespace:getByName(name) end

---@class TestId
---@field name? string
local TestId = {}

---Methods of the object are called as on a stub in a script.
---@class TestStub
---@field id TestId
---@field name? string
---@field [string] fun(self: TestStub, ...: any): any
local TestStub = {}

---@param request string|Request
---@param init? RequestInit
---@return Response
function TestStub:fetch(request, init) end

---Opens a WebSocket by the object's fetch.
---@param url? string "/"
---@param options? { protocols?: string[], headers?: table<string, string> }
---@return TestSocket
function TestStub:connect(url, options) end

---The client's end of a WebSocket.
---@class TestSocket
---@field protocol? string
local TestSocket = {}

---@param message string
---@param isBinary? boolean
function TestSocket:send(message, isBinary) end

---@param value any
function TestSocket:sendJson(value) end

---@param ms? integer 10,000
---@return string message
---@return boolean isBinary
function TestSocket:receive(ms) end

---@param ms? integer 10,000
---@return any value
function TestSocket:receiveJson(ms) end

---The next message must be this.
---@param message string
function TestSocket:expect(message) end

---Nothing has come.
function TestSocket:expectSilence() end

---@param code? integer
---@param reason? string
function TestSocket:close(code, reason) end

---Waits for the end of the connection; 1006 stands for an end without Close.
---@param code? integer
---@param reason? string
---@return integer code
---@return string reason
function TestSocket:expectClose(code, reason) end

---Ends the connection without a word.
function TestSocket:cut() end

---A reader of server-sent events.
---@class TestEvents
---@field headers table<string, string> of the answer, by lower-case names
local TestEvents = {}

---@param ms? integer 10,000
---@return ServerSentEvent
function TestEvents:receive(ms) end

---The next event must have this as its data.
---@param data string
---@return ServerSentEvent
function TestEvents:expect(data) end

---Nothing has come.
function TestEvents:expectSilence() end

---The next that comes is the end.
function TestEvents:expectEnd() end

---Ends the connection without a word.
function TestEvents:cut() end

return t
