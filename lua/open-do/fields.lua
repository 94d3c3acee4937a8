-- Tables of options: a misspelt field must be an error, as it would be one that nobody sees.
local module_name, native = ...
assert(module_name == "open-do.fields")

local error, ipairs, next, tostring = error, ipairs, next, tostring
local unknown = native.http.unknown

local M = {}

--- Which fields there are, for `check`.
---@param names string[]
---@return table
function M.of(names)
  local known = {}
  for _, name in ipairs(names) do
    known[name] = true
  end
  return { names = names, known = known }
end

--- Raises at [level] when [options] has another field, naming it and the nearest there is.
---@param options table
---@param fields table of `of`
---@param what string "the init of a Response"
---@param level integer
function M.check(options, fields, what, level)
  local known = fields.known
  for name in next, options do
    if not known[name] then
      error(unknown(what .. " has no field", tostring(name), fields.names), level)
    end
  end
end

return M
