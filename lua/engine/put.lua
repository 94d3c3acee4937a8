-- storage:put as compiled code can run it, as send.lua does for ws:send: [try] puts a string, by a
-- call of the FFI; all else, and every mistake, is [put]'s.
local _, native = ...

local ffi, type = package.loaded.ffi, type
local put = native.put.call
local engine = ffi.cast("void *", native.put.engine)
local try = ffi.cast(
  "bool (*)(void *, void *, const char *, size_t, const char *, size_t)", native.put.try)

local M = {}

--- Stores a value under a key, or a table of them (lua/types/object.lua).
---@param key string | table<string, any>
---@param value? any
---@param options? PutOptions
function M:put(key, value, options)
  if
    type(self) == "userdata"
    and type(key) == "string"
    and type(value) == "string"
    and options == nil
    and try(engine, self, key, #key, value, #value)
  then
    return
  end
  return put(self, key, value, options)
end

return M
