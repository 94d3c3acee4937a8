-- A method in Lua that is called with a dot has no self, or its first argument in its place. It is
-- told in the words of the methods in C.
local error, type = error, type

--- What a method begins with: raises at its caller's line unless [self] can be its object.
---@param owner string as it is called in examples: "headers"
---@param kind "table"|"userdata" what it is
---@return fun(self: any, method: string)
return function(owner, kind)
  return function(self, method)
    if type(self) ~= kind then
      error(("%s: call it with a colon, as in %s:%s(...)"):format(method, owner, method), 3)
    end
  end
end
