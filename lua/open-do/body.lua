-- The body of a message: what Request and Response share. One that comes piece by piece is a body
-- of the engine in `_stream` (bindings/api/stream.c); once read whole, it is in `body` like any.
local module_name, native = ...
assert(module_name == "open-do.body")

local concat, error, rawget, setmetatable, type = table.concat, error, rawget, setmetatable, type
local try_decode = native.json.try_decode
local new_check = require "open-do.colon"
local getmetatable = debug.getmetatable -- Theirs is hidden.

local READ_BYTES_MAX = 32 * 1024 * 1024

local M = {}

local function next_piece(stream)
  local piece
  repeat
    piece = stream:read()
  until piece ~= nil
  return piece or nil
end

-- What `chunks` returns: an iterator that can also stand as the body of another message, which gets
-- what is not read yet. A body that is here already is one piece.
local Chunks = {
  __metatable = false,
  __call = function(chunks)
    if chunks._stream then
      return next_piece(chunks._stream)
    end
    local piece = chunks._body
    chunks._body = nil
    return piece
  end,
}

function M.of_stream(stream)
  return setmetatable({ _stream = stream }, Chunks)
end

---@return fun(): string?
function M.chunks(message)
  local stream = rawget(message, "_stream")
  return setmetatable({ _stream = stream, _body = not stream and message.body or nil }, Chunks)
end

--- The body that is meant by [value], such an iterator or itself one; and its stream, when it is
--- not here yet.
function M.of(value)
  if type(value) == "table" and getmetatable(value) == Chunks then
    return value._body, value._stream
  end
  return value, nil
end

--- The whole of a body that comes in pieces; nil when there is none.
function M.read(message, level)
  local stream = rawget(message, "_stream")
  if not stream then
    return nil
  end
  local pieces, size = {}, 0
  for piece in M.chunks(message) do
    size = size + #piece
    if size > READ_BYTES_MAX then
      error("the body has more than 32 MiB; read it piece by piece, with chunks()", level + 1)
    end
    pieces[#pieces + 1] = piece
  end
  message._stream = nil
  local body = concat(pieces)
  if body ~= "" then
    message.body = body
    return body
  end
end

--- Gives the [class] its methods text, chunks and json. [name]: "request" or "response".
function M.give(class, name)
  local owner, check_self = "the " .. name .. "'s body: ", new_check(name, "table")

  --- The body; "" when there is none. It may be read more than once.
  ---@return string
  function class:text()
    check_self(self, "text")
    return self.body or ""
  end

  --- Reads the body piece by piece: `for piece in message:chunks() do`. Waits for each; raises
  --- when the body is cut. Pieces are as they come, not as they were written; a request's come so
  --- when the class (or the script, for its own fetch) says `streamBody = true`. What is left
  --- unread of a response when the handler ends is not sent any more.
  ---@return fun(): string?
  function class:chunks()
    check_self(self, "chunks")
    return M.chunks(self)
  end

  --- The body as JSON. Raises at the caller's line when it is none, with line and column.
  ---@return any
  function class:json()
    check_self(self, "json")
    local value, problem = try_decode(self.body or "")
    if problem then
      error(owner .. problem, 2)
    end
    return value
  end
end

return M
