-- `pairs` of scripts: as in Lua 5.1, and for what has a __pairs (Headers, say) as in Lua 5.2. A
-- plain table gets `next` itself, so that loops over it are compiled as ever.
local getmetatable, next, type = debug.getmetatable, next, type
local error, rawget = error, rawget

return function(value)
  local metatable = getmetatable(value)
  local own = type(metatable) == "table" and rawget(metatable, "__pairs")
  if own then
    return own(value)
  end
  if type(value) ~= "table" then
    local hint = type(value) == "function"
      and "; an iterator, as of storage:list, is used without pairs: for key, value in it do" or ""
    error(("bad argument #1 to 'pairs' (table expected, got %s)%s"):format(
      value == nil and "nil" or type(value), hint), 2)
  end
  return next, value, nil
end
