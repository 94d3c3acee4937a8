-- How a state finds its fields (members.lua), and state.storage and state.id so that compiled code
-- does not end there: what was asked for before is in a table, in a place that [find] tells; all
-- else is [property]'s.
local _, native = ...

local ffi = package.loaded.ffi
local parts, kept = native.parts, native.parts_kept
local engine = ffi.cast("void *", native.part.engine)
local find = ffi.cast("int (*)(void *, void *, int)", native.part.try)

---@param methods table<string, function>
---@param property fun(state: State, key: any): any
---@return fun(state: State, key: any): any
return function(methods, property)
  return function(state, key)
    local method = methods[key]
    if method then
      return method
    end
    local part = parts[key]
    return part and kept[find(engine, state, part)] or property(state, key)
  end
end
