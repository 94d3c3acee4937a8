-- How userdata of the engine find their fields. In Lua rather than C, because compiled code can
-- look into it: `ws:send(...)` in a loop stays one loop.

--- Makes the __index of a kind of userdata.
---@param methods table<string, function>
---@param property fun(object: userdata, key: any): any what is no method; raises for unknown names
---@return fun(object: userdata, key: any): any
return function(methods, property)
  return function(object, key)
    local method = methods[key]
    if method then
      return method
    end
    return property(object, key)
  end
end
