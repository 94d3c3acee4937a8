-- The parts of a URL, under the names they have in browsers (the class URL), and a URL of parts.
-- Only URLs with a host are known: "scheme://host...".
local module_name, native = ...
assert(module_name == "open-do.url_parts")

local error, pairs, tonumber, tostring, type = error, pairs, tonumber, tostring, type
local find, gsub, lower, match, sub = string.find, string.gsub, string.lower, string.match,
  string.sub
local concat, remove = table.concat, table.remove
local format, byte = string.format, string.byte
local query_pairs = native.url.query_pairs

local URL_BYTES_MAX = 65536
local DEFAULT_PORTS = { http = "80", https = "443", ws = "80", wss = "443", ftp = "21" }

local M = {}

local function percent(char)
  return format("%%%02X", byte(char))
end

-- What a browser would send as it is, stays.
local function escaped(text, unsafe)
  return (gsub(text, unsafe, percent))
end

local UNSAFE_IN_PATH = "[%c \"<>`{}\128-\255]"
local UNSAFE_IN_QUERY = "[%c \"<>'\128-\255]"
local UNSAFE_IN_HASH = "[%c \"<>`\128-\255]"
local UNSAFE_IN_USER = "[%c \"<>`{}|/:;=@%[%]\\^?#\128-\255]"

local function checked_port(port, scheme)
  if port == "" or tonumber(port) == nil then
    return port == "" and "" or nil
  end
  if not find(port, "^%d+$") or #port > 5 or tonumber(port) > 65535 then
    return nil
  end
  port = tostring(tonumber(port))
  return port == DEFAULT_PORTS[scheme] and "" or port
end

local function checked_host(host)
  if find(host, "^%[[%x:.]+%]$") then
    return lower(host)
  end
  if host == "" or find(host, "[^%w%-._~!$&'()*+,;=]") then
    return nil
  end
  return lower(host)
end

-- "." and ".." as steps (RFC 3986, section 5.2.4).
local function without_dots(path)
  local steps = {}
  for step in path:gmatch("/([^/]*)") do
    local plain = gsub(lower(step), "%%2e", ".")
    if plain == ".." then
      remove(steps)
    end
    if plain ~= "." and plain ~= ".." then
      steps[#steps + 1] = step
    end
  end
  local last = gsub(lower(match(path, "[^/]*$")), "%%2e", ".")
  if last == "." or last == ".." then
    steps[#steps + 1] = ""
  end
  return "/" .. concat(steps, "/")
end

-- "user:password@host:port" into the fields of [url].
local function read_authority(url, authority, scheme)
  local user_info, host_port = match(authority, "^(.*)@([^@]*)$")
  host_port = host_port or authority
  local host, port = match(host_port, "^(%[[^%]]*%]):?(%d*)$")
  if not host then
    host, port = match(host_port, "^([^:]*):?(.*)$")
  end
  url.hostname, url.port = checked_host(host), checked_port(port, scheme)
  if not url.hostname then
    return format("%q cannot be a host", host)
  end
  if not url.port then
    return format("%q cannot be a port", port)
  end
  local user, password = match(user_info or "", "^([^:]*):?(.*)$")
  url.username, url.password = escaped(user, UNSAFE_IN_USER), escaped(password, UNSAFE_IN_USER)
end

local function read_rest(url, rest)
  local before_hash, hash = match(rest, "^([^#]*)(.*)$")
  local path, search = match(before_hash, "^([^?]*)(.*)$")
  url.pathname = without_dots(path == "" and "/" or escaped(path, UNSAFE_IN_PATH))
  url.search = search == "?" and "" or escaped(search, UNSAFE_IN_QUERY)
  url.hash = hash == "#" and "" or escaped(hash, UNSAFE_IN_HASH)
end

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

-- Fields that follow from others.
local function complete(url)
  url.host = url.hostname .. (url.port ~= "" and ":" .. url.port or "")
  url.origin = url.protocol .. "//" .. url.host
  url.href = url.protocol .. "//" .. credentials_of(url) .. url.host .. url.pathname .. url.search
    .. url.hash
  add_query(url)
  return url
end

-- In URLs of the web browsers take "\\" for "/", so who compares hosts must too.
local function with_slashes(text)
  local scheme, before, after = match(text, "^(%a[%w+.-]*):([^?#]*)(.*)$")
  if scheme and DEFAULT_PORTS[lower(scheme)] then
    return scheme .. ":" .. gsub(before, "\\", "/") .. after
  end
  return text
end

local function parse_whole(text)
  text = with_slashes(text)
  local scheme, authority, rest = match(text, "^(%a[%w+.-]*)://([^/?#]*)(.*)$")
  if not scheme then
    return nil, format("%q is not a whole URL, like \"http://host/path\"", sub(text, 1, 200))
  end
  local url = { protocol = lower(scheme) .. ":" }
  local problem = read_authority(url, authority, lower(scheme))
  if problem then
    return nil, problem
  end
  read_rest(url, rest)
  return complete(url)
end

-- The whole URL that [text] means on the page [base].
local function resolved(text, base)
  if text == "" or sub(text, 1, 1) == "#" then
    return base.origin .. base.pathname .. base.search .. text
  elseif sub(text, 1, 2) == "//" then
    return base.protocol .. text
  elseif sub(text, 1, 1) == "/" then
    return base.origin .. text
  elseif sub(text, 1, 1) == "?" then
    return base.origin .. base.pathname .. text
  end
  return base.origin .. match(base.pathname, "^.*/") .. text
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
  text = match(text, "^[%c ]*(.-)[%c ]*$")
  if base == nil or find(text, "^%a[%w+.-]*:") then
    return parse_whole(text)
  end
  local base_url, problem = parse_whole(base)
  if not base_url then
    return nil, "the base: " .. problem
  end
  return parse_whole(resolved(text, base_url))
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
  local hostname = checked_host(part(fields, "hostname", "", level + 1))
  local port = checked_port(part(fields, "port", "", level + 1), scheme)
  if not (scheme and hostname and port) then
    error(format("url.build: %s is not valid", not scheme and "protocol" or not hostname
      and "hostname" or "port"), level)
  end
  local url = { protocol = scheme .. ":", hostname = hostname, port = port }
  url.username = escaped(part(fields, "username", "", level + 1), UNSAFE_IN_USER)
  url.password = escaped(part(fields, "password", "", level + 1), UNSAFE_IN_USER)
  local search = part(fields, "search", "", level + 1)
  if fields.query ~= nil then
    search = build_query(fields.query)
  end
  local pathname = gsub(part(fields, "pathname", "/", level + 1), "[?#]", percent)
  search = gsub(with_front(search, "?"), "#", percent)
  read_rest(url, with_front(pathname, "/") .. search
    .. with_front(part(fields, "hash", "", level + 1), "#"))
  return complete(url).href
end

return M
