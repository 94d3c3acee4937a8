-- od.connect and what waits for its connections. C does what can be done now
-- (bindings/api/pipe.c) and cannot go on after a yield.
local _, native = ...

local begin, opened = native.pipe.begin, native.pipe.opened
local put, take = native.pipe.put, native.pipe.take
local secure, secured = native.pipe.secure, native.pipe.secured

local methods = {}

--- Reads: a number of bytes, or a line without its end, or without an argument what is there.
--- Waits for it. One handler reads at a time.
---@param what? integer|"line" at most 1 MiB, a line 64 KiB
---@return string? bytes nil when the peer has ended, and nothing is left
function methods:read(what)
  local is_there, bytes
  repeat
    is_there, bytes = take(self, what)
  until is_there
  return bytes
end

--- Sends. Like all that leaves an object it leaves when the writes to storage before it are on
--- disk. Waits while the peer is slow.
---@param bytes string
function methods:write(bytes)
  local at = 0
  repeat
    at = put(self, bytes, at) or at
  until at == #bytes
end

--- Begins TLS, where the protocol has agreed on it, and waits for that. The certificate is verified
--- for the host of `od.connect`.
function methods:startTls()
  secure(self)
  repeat
    local is_there = secured(self)
  until is_there
end

--- Connects to a place outside, and waits for that.
---@param host string
---@param port integer
---@param options? { tls?: boolean, timeout?: number }
---@return Connection
local function connect(host, port, options)
  local connection = begin(host, port, options)
  repeat
    local is_there = opened(connection)
  until is_there
  return connection
end

return { connect = connect, methods = methods }
