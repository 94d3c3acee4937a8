-- od.url: what URLs are made of. The byte work is in C (bindings/lib_url.c).
local module_name, native = ...
assert(module_name == "open-do.url")

local error, ipairs, pairs, tostring, type = error, ipairs, pairs, tostring, type
local concat, sort = table.concat, table.sort
local encode, query_pairs = native.url.encode, native.url.query_pairs

---@class od.url
local M = {}

--- Percent-encodes all but letters, digits and `-_.!~*'()`, as encodeURIComponent.
---@type fun(text: string): string
M.encode = encode

--- Percent-decodes; what is no `%XX` stays as it is. The result may be any bytes.
---@type fun(text: string): string
M.decode = native.url.decode

--- A query such as "a=1&b=x+y" (without "?") as a table; of a repeated name the first value.
---@param text string
---@return table<string, string>
function M.parseQuery(text)
  local list, query = query_pairs(text), {}
  for at = 1, #list, 2 do
    if query[list[at]] == nil then
      query[list[at]] = list[at + 1]
    end
  end
  return query
end

local function text_of(name, value, level)
  local kind = type(value)
  if kind ~= "string" and kind ~= "number" and kind ~= "boolean" then
    error(("the value of %q must be a string, number or boolean, not a %s"):format(
      tostring(name), kind), level)
  end
  return encode(tostring(value))
end

--- The opposite: names sorted; an array gives its name several times.
---@param fields table<string, string|number|boolean|table>
---@return string query
function M.buildQuery(fields)
  if type(fields) ~= "table" then
    error(("buildQuery takes a table, not a %s"):format(type(fields)), 2)
  end
  local parts = {}
  for name, value in pairs(fields) do
    local prefix = encode(tostring(name)) .. "="
    local places = {}
    for at, one in ipairs(type(value) == "table" and value or { value }) do
      places[at] = prefix .. text_of(name, one, 3)
    end
    parts[#parts + 1] = places[1] and concat(places, "&")
  end
  sort(parts)
  return concat(parts, "&")
end

return M
