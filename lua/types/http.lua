---@meta
-- Requests, responses and their headers, as handlers get and make them.

---@alias Body string|fun(stream: Stream)|(fun(): string?) A text; a function that writes it while
---it is sent; or what `chunks` of a message returned, which is passed on as it comes.

---@class RequestInit
---@field method? string "GET" without it
---@field headers? table<string, string|number>|Headers
---@field body? string|(fun(): string?) not with GET or HEAD; a function is what `chunks` returned

---@class FetchInit: RequestInit
---@field body? Body
---@field redirect? "follow"|"error"|"manual" "follow" without it, at most 20
---@field timeout? number ms, 30000 without it, at most 600000; with `stream` until the head is here
---@field stream? boolean the answer is there with its head; see `chunks` and `events`

---@class ResponseInit
---@field status? integer 200 to 599 (200), or 101 with a webSocket
---@field headers? table<string, string|number>|Headers
---@field webSocket? WebSocket with 101: the first of a WebSocketPair

---Names are case-insensitive; values cannot hold CR, LF or NUL.
---@class Headers
local Headers = {}

---@param name string
---@return string? value several are joined by ", ", those of Cookie by "; "
function Headers:get(name) end

---@return string[] values of all Set-Cookie
function Headers:getSetCookie() end

---@param name string
---@return boolean
function Headers:has(name) end

---@param name string
---@param value string|number
function Headers:set(name, value) end

---@param name string
---@param value string|number
function Headers:append(name, value) end

---@param name string
function Headers:delete(name) end

---@return fun(): string?, string? iterator of name, value
function Headers:entries() end

---A form of a page, its fields in the order in which they came.
---@class FormData
local FormData = {}

---@param name string
---@return string|FormFile|nil value the first
function FormData:get(name) end

---@param name string
---@return (string|FormFile)[]
function FormData:getAll(name) end

---@param name string
---@return boolean
function FormData:has(name) end

---@return fun(): string?, string|FormFile|nil iterator of name, value
function FormData:entries() end

---A file in a form.
---@class FormFile
---@field name string as the client calls it: never use it as a path
---@field type string as the client says; "application/octet-stream" when it says nothing
---@field size integer bytes
---@field body string
local FormFile = {}

---@return string
function FormFile:text() end

---@class RequestTls
---@field version string "TLSv1.2" or "TLSv1.3"; of a proxy that does not say which: "TLS"
---@field serverName? string the name that the client asked for (SNI)

---@class Request
---@field method string as sent; methods are case-sensitive
---@field url string absolute, not decoded: "http://host/rooms/a%20b?x=1"
---@field path string "/rooms/a%20b", not decoded; see `od.url.decode`
---@field query table<string, string> decoded; of a repeated name the first
---@field headers Headers
---@field body? string nil when there is none
---@field peer string address of the client, without port; "" when an object made the request
---@field tls? RequestTls how the client's TLS ended here; nil when it did not
local Request = {}

---@return string body "" when there is none; may be read more than once
function Request:text() end

---Piece by piece, as they come when the class says `streamBody = true`. Yields for each; raises
---when the body is cut.
---@return fun(): string?
function Request:chunks() end

---@return any value raises at the caller's line when the body is no JSON
function Request:json() end

---@param name string
---@return string[] values of that name in the query, in their order
function Request:queryAll(name) end

---The body as the form of a page: urlencoded or multipart, with files. Raises when it is none, is
---broken, or has more than 1000 fields.
---@return FormData
function Request:formData() end

---[fn] is called when the client has gone before it had all of the answer: as an event of its own,
---beside the handler, which runs on.
---@param fn fun()
function Request:onAbort(fn) end

---@return boolean whether it asks for a WebSocket, in any letter case
function Request:isWebSocketUpgrade() end

---What the function of a response writes the body to.
---@class Stream
local Stream = {}

---Sends a piece of the body, when the writes before it are on disk. Yields while the client is
---slow. Raises when he has gone, or the body has ended.
---@param bytes string
function Stream:write(bytes) end

---@class Response
---@field status integer 101, or 200 to 599
---@field ok boolean whether status is 200 to 299
---@field headers Headers
---@field body? string nil when there is none; yields when it comes piece by piece
---@field webSocket? WebSocket of an answer with status 101
local Response = {}

---@return string body "" when there is none; may be read more than once
function Response:text() end

---Piece by piece, as they come: `for piece in response:chunks() do`. Yields for each; raises when
---the body is cut.
---@return fun(): string?
function Response:chunks() end

---@class ServerSentEvent
---@field event string "message" without one
---@field data string
---@field id? string the last that came
---@field retry? integer ms, the last that came

---The server-sent events of the answer, as browsers read them. Yields for each.
---@return fun(): ServerSentEvent?
function Response:events() end

---@return any value raises at the caller's line when the body is no JSON
function Response:json() end
