-- ws:send as compiled code can run it. A C function that is called by way of Lua's stack ends a
-- compiled trace, and entering and leaving it costs more than what it does; a call of the FFI is a
-- mere call. So [try] sends to the socket whose event runs; all else, and every mistake, is
-- [send]'s.
local _, native = ...

local ffi, type = package.loaded.ffi, type
local send = native.send.call
local engine = ffi.cast("void *", native.send.engine)
local try = ffi.cast("bool (*)(void *, void *, const char *, size_t, bool)", native.send.try)

local M = {}

--- Sends a message (lua/types/object.lua).
---@param message string
---@param isBinary? boolean
function M:send(message, isBinary)
  if
    type(self) == "userdata"
    and type(message) == "string"
    and (not isBinary or isBinary == true)
    and try(engine, self, message, #message, isBinary == true)
  then
    return
  end
  return send(self, message, isBinary)
end

return M
