-- The parts of a URL, under the names they have in browsers (the class URL), and a URL of parts.
-- C parses (runtime/codec/url.h), as browsers do and as od.fetch does. Only URLs with a host are
-- known.
local module_name, native = ...
assert(module_name == "open-do.url_parts")

local error, pairs, tostring, type = error, pairs, tostring, type
local find, gsub, lower, match, sub = string.find, string.gsub, string.lower, string.match,
  string.sub
local format, byte = string.format, string.byte
local parse, query_pairs = native.url.parse, native.url.query_pairs

local URL_BYTES_MAX = 65536

local M = {}

local function percent(char)
  return format("%%%02X", byte(char))
end

local UNSAFE_IN_USER = "[%c \"<>`{}|/:;=@%[%]\\^?#\128-\255]"

local function add_query(url)
  local list, query = query_pairs(sub(url.search, 2)), {}
  for at = 1, #list, 2 do
    if query[list[at]] == nil then
      query[list[at]] = list[at + 1]
    end
  end
  url.query = query
end

-- "" or "user:password@".
local function credentials_of(url)
  if url.username == "" and url.password == "" then
    return ""
  end
  return url.username .. (url.password ~= "" and ":" .. url.password or "") .. "@"
end

-- Fields that follow from others. `tail` is search and hash as they stand in the whole: an empty
-- one keeps its sign there.
local function complete(url, tail)
  url.host = url.hostname .. (url.port ~= "" and ":" .. url.port or "")
  url.origin = url.protocol .. "//" .. url.host
  url.href = url.protocol .. "//" .. credentials_of(url) .. url.host .. url.pathname .. tail
  add_query(url)
  return url
end

local function read(text, base)
  local url, problem = parse(text, base)
  if not url then
    return nil, problem
  end
  url.protocol = url.protocol .. ":"
  local mark = url.search
  url.search = mark == "?" and "" or mark
  local end_mark = url.hash
  url.hash = end_mark == "#" and "" or end_mark
  return complete(url, mark .. end_mark)
end

local function checked_text(text, what, level)
  if type(text) ~= "string" then
    error(format("url.parse: %s must be a string, got %s", what, type(text)), level)
  end
end

--- The parts of [text], a whole URL or, with [base], one relative to it.
---@param text string
---@param base? string a whole URL
---@return table? url nil when it is none
---@return string? problem
function M.parse(text, base, level)
  checked_text(text, "argument 1", level + 1)
  if base ~= nil then
    checked_text(base, "argument 2", level + 1)
  end
  if #text > URL_BYTES_MAX then
    return nil, format("the URL is longer than %d bytes", URL_BYTES_MAX)
  end
  return read(text, base)
end

local FIELDS = {
  protocol = true, username = true, password = true, hostname = true, port = true,
  pathname = true, search = true, query = true, hash = true, host = true, origin = true,
  href = true,
}

local function part(fields, name, fallback, level)
  local value = fields[name]
  if value == nil then
    return fallback
  end
  if type(value) == "number" and name == "port" then
    value = format("%.14g", value)
  end
  if type(value) ~= "string" then
    error(format("url.build: %s must be a string, got %s", name, type(value)), level)
  end
  return value
end

local function checked_fields(fields, level)
  if type(fields) ~= "table" then
    error(format("url.build: argument 1 must be a table of parts, got %s", type(fields)), level)
  end
  for name in pairs(fields) do
    if not FIELDS[name] then
      error(format("url.build: there is no part '%s'", tostring(name)), level)
    end
  end
end

local function with_front(text, front)
  return (text == "" or sub(text, 1, 1) == front) and text or front .. text
end

--- A whole URL of its parts. `query`, a table, wins over `search`; `host`, `origin` and `href`,
--- which follow from the others, are not looked at, so what `parse` gave can be changed and built.
---@param fields table
---@param build_query fun(fields: table): string
---@return string
function M.build(fields, build_query, level)
  checked_fields(fields, level + 1)
  local scheme = match(lower(part(fields, "protocol", "https:", level + 1)), "^(%a[%w+.-]*):?$")
  local hostname = part(fields, "hostname", "", level + 1)
  local port = part(fields, "port", "", level + 1)
  local front = scheme and scheme .. "://"
  -- Each by itself first: a host with a slash in it would end where the slash is.
  local problem = not scheme and "protocol"
    or (hostname == "" or find(hostname, "[/\\?#@%c ]") or find(hostname, "^[^%[].*:")
      or not parse(front .. hostname .. "/")) and "hostname"
    or (find(port, "[^%d]") or not parse("http://h:" .. port .. "/")) and "port"
  if problem then
    error(format("url.build: %s is not valid", problem), level)
  end
  local user = { username = gsub(part(fields, "username", "", level + 1), UNSAFE_IN_USER, percent),
    password = (gsub(part(fields, "password", "", level + 1), UNSAFE_IN_USER, percent)) }
  local search = part(fields, "search", "", level + 1)
  if fields.query ~= nil then
    search = build_query(fields.query)
  end
  local pathname = gsub(part(fields, "pathname", "/", level + 1), "[?#]", percent)
  search = gsub(with_front(search, "?"), "#", percent)
  return read(front .. credentials_of(user) .. hostname .. (port ~= "" and ":" .. port or "")
    .. with_front(pathname, "/") .. (search == "?" and "" or search)
    .. with_front(part(fields, "hash", "", level + 1), "#")).href
end

return M
