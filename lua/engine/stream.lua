-- stream:write, after its waits. C puts what there is room for (bindings/api/stream.c) and cannot
-- go on after a yield.
local _, native = ...

local put = native.stream.put

local M = {}

--- Sends a piece of the body. Like all that leaves an object it leaves when the writes before it
--- are on disk. Waits while the client is slow: a piece of any size costs only itself. Several
--- tasks of the object may write; each of their pieces stays whole.
---@param bytes string
function M:write(bytes)
  local at = 0
  repeat
    at = put(self, bytes, at) or at
  until at == #bytes
end

return M
