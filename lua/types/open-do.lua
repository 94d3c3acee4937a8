---@meta open-do
-- Module "open-do": what a script gets from `require "open-do"`. Misuse raises an error at the
-- caller's line that names the function and the argument.

---@class od
---@field version string of the program
local od = {}

-- Web ---------------------------------------------------------------------------------------------

---New headers, from a table or a copy of others.
---@param fields? table<string, string|number>|Headers
---@return Headers
function od.Headers(fields) end

---A request for `stub:fetch` or `od.fetch`.
---@param input string|Request a URL, or a path ("/rooms?x=1") where the host does not matter
---@param init? RequestInit wins over the fields of a request
---@return Request
function od.Request(input, init) end

---@class od.Response
---@overload fun(body?: Body, init?: ResponseInit): Response
od.Response = {}

---A response whose body is [value] as JSON. Raises with the path of what has no JSON.
---@param value any see `od.json.encode`
---@param init? ResponseInit
---@return Response
function od.Response.json(value, init) end

---@param body string a page; the content type is text/html
---@param init? { status?: integer, headers?: table<string, string|number>|Headers }
---@return Response
function od.Response.html(body, init) end

---@param url string "/path" or a whole one
---@param status? integer 301, 302 (when nil), 303, 307 or 308
---@return Response
function od.Response.redirect(url, status) end

---The two ends of a WebSocket: the first goes into a response with status 101, the second to
---`state:acceptWebSocket`.
---@return WebSocket client
---@return WebSocket server
function od.WebSocketPair() end

---An HTTP request to somewhere else; yields until the answer is there. Redirects are followed,
---certificates checked. It leaves when the writes before it are on disk; six run at once in an
---object, others wait. Raises a string when there is no answer (no such host, refused, too late,
---more than 32 MiB); any status is an answer.
---@param input string|Request a whole URL, http or https
---@param init? FetchInit
---@return Response
function od.fetch(input, init) end

---@class ConnectInit
---@field tls? boolean from the first byte on; the certificate must be valid for the host
---@field timeout? number ms, 30000 without it, at most 600000: to connect, and of each wait after

---A connection of bytes. It belongs to the instance that has opened it, and ends with that; it
---keeps nobody awake.
---@class Connection
local Connection = {}

---A number of bytes, a line without its end, or what there is. Yields until it has come. Raises
---when the peer ends in the middle of it, when the connection breaks, and after the timeout.
---@param what? integer|"line" at most 1 MiB; a line has at most 64 KiB
---@return string? bytes nil when the peer has ended, and nothing is left
function Connection:read(what) end

---Sends, when the writes to storage before it are on disk. Yields while the peer is slow.
---@param bytes string
function Connection:write(bytes) end

---Begins TLS on a connection without, where its protocol has just agreed on that; yields until it
---is there, and raises why not. The certificate is verified for the host of `od.connect`. What has
---come before must have been read.
function Connection:startTls() end

---Ends it, behind what was written.
function Connection:close() end

---Connects to a place outside; yields until that is done, and raises a string when it cannot be. An
---object has at most 64 connections.
---@param host string a name or an address
---@param port integer
---@param options? ConnectInit
---@return Connection
function od.connect(host, port, options) end

-- Time --------------------------------------------------------------------------------------------

---@return number ms since 1970
function od.now() end

---Bytes that `sql:exec` binds as a BLOB. (A string is bound as TEXT, whatever it holds.)
---@class Blob

---@param bytes string
---@return Blob
function od.blob(bytes) end

---Yields; other events of the object are handled meanwhile.
---@param ms number from 0 on
function od.sleep(ms) end

---Runs functions side by side and waits for all of them. The first error gives up the others, whose
---calls are cancelled, and is raised here. Not inside `blockConcurrencyWhile` or a transaction.
---@generic T
---@param functions (fun(): T)[] at most 1000
---@return T[] results in the order of the functions: the first value of each
function od.all(functions) end

---The same, but waits until each function has returned or failed.
---@param functions (fun(): any)[] at most 1000
---@return { status: "fulfilled"|"rejected", value?: any, reason?: any }[] outcomes in their order
function od.allSettled(functions) end

---Runs functions side by side until the first of them has returned or failed; the others are given
---up, and their calls are cancelled.
---@param functions (fun(): any)[] 1 to 1000
---@return any ... what the first returned; its error is raised here
function od.race(functions) end

---Runs [fn] once, as an event of this object, at the earliest after [ms]. It is lost with the
---instance; for what must happen see `storage:setAlarm`.
---@param fn function
---@param ms? number 0 without it
---@param ... any arguments for [fn]
---@return integer id for `clearTimeout`
function od.setTimeout(fn, ms, ...) end

---@param id? integer one that is over or unknown is passed over
function od.clearTimeout(id) end

---As `setTimeout`, again and again.
---@param fn function
---@param ms? number
---@param ... any
---@return integer id for `clearInterval`
function od.setInterval(fn, ms, ...) end

---@param id? integer
function od.clearInterval(id) end

-- Bytes -------------------------------------------------------------------------------------------

---@return string uuid version 4
function od.randomUUID() end

---@param count integer 0 to 65536
---@return string bytes fit for secrets
function od.randomBytes(count) end

---@param data string
---@return string digest 32 raw bytes; for text see `od.hex`
function od.sha256(data) end

---@param key string
---@param data string
---@return string digest 32 raw bytes
function od.hmacSha256(key, data) end

---Takes as long for wrong secrets as for right ones.
---@param a string
---@param b string
---@return boolean
function od.timingSafeEqual(a, b) end

---RFC 4648. `decode` raises on anything else and takes texts without padding too.
---@class od.base64
od.base64 = {}

---@param bytes string
---@return string text
function od.base64.encode(bytes) end

---@param text string
---@return string bytes
function od.base64.decode(text) end

---With - and _ and without padding.
---@class od.base64url
od.base64url = {}

---@param bytes string
---@return string text
function od.base64url.encode(bytes) end

---@param text string
---@return string bytes
function od.base64url.decode(text) end

---Lower case; reads both.
---@class od.hex
od.hex = {}

---@param bytes string
---@return string text
function od.hex.encode(bytes) end

---@param text string
---@return string bytes
function od.hex.decode(text) end

---JSON, strict in both directions (RFC 8259).
---@class od.json
---@field null lightuserdata JSON's null, also as a stored value
od.json = {}

---Numbers come back as they were; an empty table is `{}` unless it is an `array`.
---@param value any
---@return string text raises with the path of what has no JSON: "a function at .users[3].x"
function od.json.encode(value) end

---@param text string
---@return any value raises with line and column; arrays are marked as by `array`
function od.json.decode(text) end

---Marks a table (or a new one) as an array, so that it is written as `[]` when it is empty.
---@generic T: table
---@param items? T
---@return T
function od.json.array(items) end

---@class od.url
od.url = {}

---All but letters, digits and `-_.!~*'()`, as encodeURIComponent.
---@param text string
---@return string
function od.url.encode(text) end

---What is no `%XX` stays as it is. The result may be any bytes.
---@param text string
---@return string
function od.url.decode(text) end

---@param query string "a=1&b=x+y", without "?"
---@return table<string, string> of a repeated name the first value
function od.url.parseQuery(query) end

---@param query string
---@return table<string, string[]> all values of each name, in their order
function od.url.parseQueryAll(query) end

---@param fields table<string, string|number|boolean|table> an array gives its name several times
---@return string query names sorted
function od.url.buildQuery(fields) end

---The parts of a URL, named as in a browser.
---@class od.url.Parts
---@field href string
---@field origin string
---@field protocol string "https:"
---@field username string
---@field password string
---@field host string
---@field hostname string
---@field port string "" for the usual one
---@field pathname string
---@field search string "?a=1"
---@field hash string "#top"
---@field query table<string, string> the search as a table

---As URL.parse: nil and the reason for what is no whole URL.
---@param text string
---@param base? string what a relative URL is relative to
---@return od.url.Parts? url
---@return string? problem
function od.url.parse(text, base) end

---What a part cannot hold is percent-encoded; a host or port that is none raises.
---@param parts table `query` (a table) wins over `search`; without `protocol` it is https
---@return string
function od.url.build(parts) end

---Text in pages.
---@class od.html
od.html = {}

---& < > " and ' become entities: for text between tags and in quoted attributes.
---@param text string|number
---@return string
function od.html.escape(text) end

---As the library utf8 of Lua 5.3, strict as in 5.4.
---@class od.utf8
---@field charpattern string one character, of text that is UTF-8
od.utf8 = {}

---@param ... integer code points
---@return string
function od.utf8.char(...) end

---@param text string
---@param first? integer byte, 1
---@param last? integer byte, -1
---@return integer? count nil when it is no UTF-8
---@return integer? place then: of the first byte that is wrong
function od.utf8.len(text, first, last) end

---@param text string
---@param first? integer byte, 1
---@param last? integer byte, [first]
---@return integer ... code points
function od.utf8.codepoint(text, first, last) end

---@param text string
---@param n integer
---@param start? integer byte
---@return integer? place where the [n]th character from [start] on begins
function od.utf8.offset(text, n, start) end

---@param text string
---@return fun(): integer?, integer? iterator of place, code point
function od.utf8.codes(text) end

---@class od.password
od.password = {}

---Makes of a password what may be stored: scrypt, its parameters in the hash. Yields, for some
---tenths of a second; the work is done on another thread.
---@param password string at most 4096 bytes
---@return string hash "$scrypt$ln=14,r=8,p=5$..."
function od.password.hash(password) end

---Yields. Raises when [hash] is none.
---@param password string
---@param hash string
---@return boolean
function od.password.verify(password, hash) end

---Signs a message. Raises when the key is none for the algorithm.
---@param algorithm "HS256"|"RS256"|"ES256"|"EdDSA"
---@param key string|table a secret, or a private key in PEM; a JSON Web Key of a secret
---@param message string
---@return string signature raw bytes; of ES256 R and S, 32 bytes each
function od.sign(algorithm, key, message) end

---@param algorithm "HS256"|"RS256"|"ES256"|"EdDSA"
---@param key string|table the secret, a public key or a certificate in PEM, or a JSON Web Key
---@param message string
---@param signature string
---@return boolean
function od.verify(algorithm, key, message, signature) end

---@class od.jwt
od.jwt = {}

---A JSON Web Token. How it is signed is said by the key.
---@param claims table what is to be said; times (`exp`, `nbf`, `iat`) are seconds, as in all tokens
---@param key string|table a secret, or a private key in PEM
---@param options? { expiresIn?: number, kid?: string } expiresIn in ms: sets `exp`
---@return string token
function od.jwt.sign(claims, key, options) end

---What a token says, if it is signed with the key and holds now; nil and why not otherwise. Yields
---when the keys are a set that has to be fetched.
---@param token string
---@param keys string|table|JwtKeySet a secret, a public key in PEM, a JSON Web Key; several of
---them; a key set, as a table or of `jwt.keys`
---@param options? { issuer?: string|string[], audience?: string|string[], leeway?: number }
---leeway in ms: by how much clocks may differ
---@return table? claims
---@return table|string header_or_reason "malformed", "algorithm", "unknown key", "signature",
---"expired", "not yet valid", "issuer" or "audience"
function od.jwt.verify(token, keys, options) end

---The key set at a URL, for `verify`: fetched when it is needed, and kept for ten minutes.
---@param url string
---@return JwtKeySet
function od.jwt.keys(url) end

---@class JwtKeySet

---@class od.cookies
od.cookies = {}

---@param header? string the header Cookie; nil gives an empty table
---@return table<string, string> values percent-decoded; of a repeated name the first
function od.cookies.parse(header) end

---@class CookieOptions
---@field path? string
---@field domain? string
---@field maxAge? integer seconds
---@field expires? number ms since 1970
---@field sameSite? "strict"|"lax"|"none"
---@field secure? boolean
---@field httpOnly? boolean
---@field partitioned? boolean

---For `headers:append("set-cookie", ...)`.
---@param name string
---@param value string|number percent-encoded, so it may be anything
---@param options? CookieOptions
---@return string
function od.cookies.serialize(name, value, options) end

---A value that shows whether somebody has changed it, for `serialize`. Anybody can read it. Valid
---for a cookie of this name only.
---@param name string
---@param value string
---@param secrets string|string[] of 16 bytes or more; of several the first signs
---@return string signed
function od.cookies.sign(name, value, secrets) end

---@param name string
---@param signed string
---@param secrets string|string[] the present one, and former ones that still count
---@return string? value nil when it is not signed with one of them
function od.cookies.unsign(name, signed, secrets) end

-- Log ---------------------------------------------------------------------------------------------

---Lines in the server's log, with the name of the object; arguments as for `print`. A text and a
---table of names, `("joined", { user = 7 })`, are a text with fields for machines.
---@class od.log
od.log = {}

---@param ... any
function od.log.debug(...) end

---@param ... any
function od.log.info(...) end

---@param ... any
function od.log.warn(...) end

---@param ... any
function od.log.error(...) end

---The global `print`: `od.log.info`.
---@param ... any
function od.print(...) end

return od
