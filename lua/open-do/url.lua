-- od.url: what URLs are made of. The byte work is in C (bindings/value/url.c).
local module_name, native = ...
assert(module_name == "open-do.url")

local parts_of = require "open-do.url_parts"

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

-- For functions that scripts call: 3 is their caller.
local function checked_pairs(text)
  if type(text) ~= "string" then
    error(("a query must be a string, got %s"):format(type(text)), 3)
  end
  return query_pairs(text)
end

--- A query such as "a=1&b=x+y" (without "?") as a table; of a repeated name the first value.
---@param text string
---@return table<string, string>
function M.parseQuery(text)
  local list, query = checked_pairs(text), {}
  for at = 1, #list, 2 do
    if query[list[at]] == nil then
      query[list[at]] = list[at + 1]
    end
  end
  return query
end

--- The same with all values of each name, in their order.
---@param text string
---@return table<string, string[]>
function M.parseQueryAll(text)
  local list, query = checked_pairs(text), {}
  for at = 1, #list, 2 do
    local values = query[list[at]] or {}
    values[#values + 1] = list[at + 1]
    query[list[at]] = values
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

local function build_query(fields, level)
  if type(fields) ~= "table" then
    error(("buildQuery takes a table, not a %s"):format(type(fields)), level)
  end
  local parts = {}
  for name, value in pairs(fields) do
    local prefix = encode(tostring(name)) .. "="
    local places = {}
    for at, one in ipairs(type(value) == "table" and value or { value }) do
      places[at] = prefix .. text_of(name, one, level + 1)
    end
    parts[#parts + 1] = places[1] and concat(places, "&")
  end
  sort(parts)
  return concat(parts, "&")
end

--- The opposite: names sorted; an array gives its name several times.
---@param fields table<string, string|number|boolean|table>
---@return string query
function M.buildQuery(fields)
  local query = build_query(fields, 3)
  return query
end

--- A URL as its parts, named as in a browser: `href`, `origin`, `protocol` ("https:"), `username`,
--- `password`, `host`, `hostname`, `port` ("" for the usual one), `pathname`, `search` ("?a=1"),
--- `hash` ("#top"), and `query`, the search as a table. As URL.parse it gives nil for what is no
--- whole URL, with the reason.
---@param text string
---@param base? string what a relative URL is relative to
---@return table? url
---@return string? problem
function M.parse(text, base)
  local url, problem = parts_of.parse(text, base, 3)
  return url, problem
end

--- The opposite: `od.url.build { hostname = "example.org", pathname = "/a", query = { b = 1 } }`.
--- What a part cannot hold is percent-encoded; a host or port that is none raises.
---@param parts table `query` (a table) wins over `search`; without `protocol` it is https
---@return string
function M.build(parts)
  local function query_of(fields)
    local query = build_query(fields, 5)
    return query
  end
  local href = parts_of.build(parts, query_of, 3)
  return href
end

return M
