// Empty: LuaJIT's FFI knows these types.
