-- An HTTP client for specs: whole answers with a deadline, and raw connections for what no decent
-- client sends. It trusts nothing: an answer whose length does not add up is an error.
--
--   local answer = http.get(address, "/rooms/lobby")   --> answer.status, .headers, .body
--   local raw = http.open(address); raw:write("GET / HTT"); raw:read_answer()

local socket = require "socket"

local M = {}

local SECONDS = 10 * (tonumber(os.getenv("OPEN_DO_TEST_PATIENCE")) or 1) -- As in process.lua.

local Connection = {}
Connection.__index = Connection

-- Opens a connection to `address` = { host =, port = } and optionally { from = a local address,
-- receive_buffer = bytes that the system takes for us before we read them; else it decides }.
function M.open(address)
  local tcp = assert(address.receive_buffer and socket.tcp4() or socket.tcp())
  tcp:settimeout(SECONDS)
  if address.from then
    assert(tcp:bind(address.from, 0))
  end
  if address.receive_buffer then
    assert(tcp:setoption("recv-buffer-size", address.receive_buffer))
  end
  assert(tcp:connect(address.host, address.port))
  tcp:setoption("tcp-nodelay", true)
  return setmetatable({ tcp = tcp }, Connection)
end

function Connection:write(text)
  local sent, why = self.tcp:send(text)
  assert(sent, "cannot send: " .. tostring(why))
end

function Connection:close()
  self.tcp:close()
end

Connection.cut = Connection.close

-- Bytes until the other side closes; fails when it does not within `seconds`.
function Connection:read_to_end(seconds)
  self.tcp:settimeout(seconds or SECONDS)
  local data, why, partial = self.tcp:receive("*a")
  assert(data or why == "closed", "the connection was not closed: " .. tostring(why))
  return data or partial
end

-- Whether something has arrived already, an answer or the end. Only good behind an event that
-- proves that it would be here by now.
function Connection:has_news()
  return #socket.select({ self.tcp }, nil, 0) > 0
end

local function read_head(tcp)
  local line, why = tcp:receive("*l")
  assert(line, "no answer: " .. tostring(why))
  local version, status, reason = line:match("^(HTTP/1%.[01]) (%d%d%d) ?(.*)$")
  assert(status, "not a status line: " .. line)
  local answer = { version = version, status = tonumber(status), reason = reason,
    headers = {}, all_headers = {} }
  for field in function() return tcp:receive("*l") end do
    if field == "" then
      return answer
    end
    local name, value = field:match("^([^%s:]+):%s*(.-)%s*$")
    assert(name, "not a header: " .. field)
    answer.headers[name:lower()] = value
    table.insert(answer.all_headers, { name:lower(), value })
  end
  error("the head of the answer ends in the middle")
end

-- The head of an answer; its body is for read_piece, or for who knows its length.
function Connection:read_head()
  self.tcp:settimeout(SECONDS)
  return read_head(self.tcp)
end

-- The next piece of a body in chunks, as it was sent; nil at its end, and an error when it is cut.
function Connection:read_piece()
  local line, why = self.tcp:receive("*l")
  local size = tonumber(assert(line, "the body is cut: " .. tostring(why)), 16)
  assert(size, "not the size of a chunk: " .. line)
  local piece = size == 0 and "" or assert(self.tcp:receive(size))
  assert(self.tcp:receive(2) == "\r\n", "a chunk does not end with its line")
  return size > 0 and piece or nil
end

-- All of it.
function Connection:read_pieces()
  local pieces = {}
  for piece in function() return self:read_piece() end do
    pieces[#pieces + 1] = piece
  end
  return table.concat(pieces)
end

-- Reads one answer to a request of `method`; interim answers (100) are returned as such.
function Connection:read_answer(method)
  self.tcp:settimeout(SECONDS)
  local answer = read_head(self.tcp)
  local length = tonumber(answer.headers["content-length"])
  answer.body = ""
  answer.is_chunked = answer.headers["transfer-encoding"] == "chunked"
  if method == "HEAD" or answer.status < 200 or answer.status == 204 or answer.status == 304 then
    return answer
  end
  if answer.is_chunked then
    answer.body = self:read_pieces()
    return answer
  end
  assert(length, "an answer without content-length")
  if length > 0 then
    local body, why = self.tcp:receive(length)
    answer.body = assert(body, "the body ends early: " .. tostring(why))
  end
  return answer
end

-- Sends one request on this connection; its answer is for read_answer.
function Connection:send_request(method, path, options)
  options = options or {}
  local lines = { ("%s %s HTTP/1.1"):format(method, path) }
  local headers = { host = "127.0.0.1" }
  if options.body then
    headers["content-length"] = tostring(#options.body)
  end
  for name, value in pairs(options.headers or {}) do
    headers[name:lower()] = value
  end
  for name, value in pairs(headers) do
    lines[#lines + 1] = ("%s: %s"):format(name, value)
  end
  self:write(table.concat(lines, "\r\n") .. "\r\n\r\n" .. (options.body or ""))
end

-- Sends one request on this connection and reads its answer.
function Connection:request(method, path, options)
  self:send_request(method, path, options)
  return self:read_answer(method)
end

-- One request on a connection of its own.
function M.request(address, method, path, options)
  local connection = M.open(address)
  local answer = connection:request(method, path, options)
  connection:close()
  return answer
end

return M
