-- Bodies that come piece by piece: what Request and Response share. Such a message has a body of
-- the engine in `_stream` (bindings/api/stream.c); once it is read whole, it is in `body` like any.
local module_name = ...
assert(module_name == "open-do.body")

local concat, error, rawget, setmetatable, type = table.concat, error, rawget, setmetatable, type
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

return M
