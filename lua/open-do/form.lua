-- request:formData(): what a form of a page sends, urlencoded or multipart (RFC 7578). The body is
-- a stranger's: all that is not as it should be is refused, with the place in it.
local module_name, native = ...
assert(module_name == "open-do.form")

local byte, find, gsub, lower, match, sub = string.byte, string.find, string.gsub, string.lower,
  string.match, string.sub
local error, setmetatable, type = error, setmetatable, type
local query_pairs = native.url.query_pairs

local FIELDS_MAX = 1000
local PART_HEAD_BYTES_MAX = 16384
local BOUNDARY_BYTES_MAX = 70 -- RFC 2046, section 5.1.1.
local MULTIPART, URLENCODED = "multipart/form-data", "application/x-www-form-urlencoded"

--- The fields of a form, in the order in which they came. A field is a text or a file.
---@class FormData
local FormData = {}

local metatable = { __metatable = false, __index = FormData }

local function check_name(name, call)
  if type(name) ~= "string" then
    error(("%s: argument 1 must be a string, got %s"):format(call, type(name)), 3)
  end
end

--- The first value of a name.
---@param name string
---@return string|FormFile|nil
function FormData:get(name)
  check_name(name, "get")
  for at = 1, #self, 2 do
    if self[at] == name then
      return self[at + 1]
    end
  end
end

--- All values of a name, in their order.
---@param name string
---@return (string|FormFile)[]
function FormData:getAll(name)
  check_name(name, "getAll")
  local values = {}
  for at = 1, #self, 2 do
    if self[at] == name then
      values[#values + 1] = self[at + 1]
    end
  end
  return values
end

---@param name string
---@return boolean
function FormData:has(name)
  check_name(name, "has")
  return FormData.get(self, name) ~= nil
end

--- Iterates over names and values, in their order.
---@return fun(): string?, string|FormFile|nil
function FormData:entries()
  local at = -1
  return function()
    at = at + 2
    return self[at], self[at + 1]
  end
end

--- A file of a form.
---@class FormFile
---@field name string as the client calls it: never use it as a path
---@field type string as the client says; "application/octet-stream" when it says nothing
---@field size integer bytes
---@field body string
local FormFile = {}

--- The content.
---@return string
function FormFile:text()
  return self.body
end

local file_metatable = { __metatable = false, __index = FormFile }

-- In what follows nil comes with a reason.

-- The parameters behind the first word of a header: `; name="a"; filename=b`. What browsers escape
-- in quotes is %22, %0D and %0A, what others do is \".
local function parameters_of(text, at)
  local found = {}
  while at <= #text do
    local _, last, name = find(text, "^[ \t]*;[ \t]*([%w!#$&*+.^_`|~-]+)=", at)
    if not last then
      return find(text, "^[ \t;]*$", at) and found or nil
    end
    local value, stop
    if byte(text, last + 1) == 34 then
      stop = last + 2
      while true do
        stop = find(text, '"', stop, true)
        if not stop then
          return nil
        end
        if byte(text, stop - 1) ~= 92 or stop == last + 2 then
          break
        end
        stop = stop + 1
      end
      value = gsub(sub(text, last + 2, stop - 1), '\\"', '"')
    else
      _, stop, value = find(text, "^([^%s;\"]*)", last + 1)
    end
    name = lower(name)
    if found[name] then
      return nil
    end
    found[name], at = value, stop + 1
  end
  return found
end

local function word_of(text)
  local _, last, word = find(text, "^[ \t]*([^%s;]+)")
  return word and lower(word), (last or 0) + 1
end

local function boundary_of(content_type, at)
  local parameters = parameters_of(content_type, at)
  local boundary = parameters and parameters.boundary
  if not boundary or #boundary == 0 or #boundary > BOUNDARY_BYTES_MAX
    or find(boundary, "[^%w'()+_,./:=? -]") or byte(boundary, -1) == 32 then
    return nil, "the header content-type has no boundary that can be one"
  end
  return boundary
end

local ESCAPES = { ["%22"] = '"', ["%0D"] = "\r", ["%0A"] = "\n" }

local function unescape(text)
  return text and (gsub(text, "%%[02][2DA]", ESCAPES))
end

-- The headers of a part that count, from the lines of its head.
local function head_of(head)
  local fields = {}
  for line in (head .. "\r\n"):gmatch("(.-)\r\n") do
    local name, value = match(line, "^([%w!#$&*+.^_`|~-]+):[ \t]*(.-)[ \t]*$")
    if not name or fields[lower(name)] then
      return nil, "a part has a broken header"
    end
    fields[lower(name)] = value
  end
  return fields
end

local PLAIN_ENCODINGS = { ["7bit"] = true, ["8bit"] = true, binary = true }

-- Name, and for files their name and type.
local function describe(head)
  local fields, problem = head_of(head)
  if not fields then
    return nil, problem
  end
  local encoding = fields["content-transfer-encoding"]
  if encoding and not PLAIN_ENCODINGS[lower(encoding)] then
    return nil, "a part is encoded as " .. encoding .. ", which no browser does"
  end
  local word, at = word_of(fields["content-disposition"] or "")
  local parameters = word == "form-data" and parameters_of(fields["content-disposition"], at)
  if not parameters or not parameters.name then
    return nil, "a part has no name (content-disposition: form-data; name=\"...\")"
  end
  return unescape(parameters.name), unescape(parameters.filename), fields["content-type"]
end

local function file_of(name, kind, body)
  return setmetatable({ name = name, type = kind or "application/octet-stream", size = #body,
    body = body }, file_metatable)
end

-- What stands between two boundaries.
local function add_part(form, body, first, last)
  local head_end = find(body, "\r\n\r\n", first, true)
  if not head_end or head_end > last then
    return "a part has no end of its headers"
  end
  if head_end - first > PART_HEAD_BYTES_MAX then
    return ("the headers of a part have more than %d bytes"):format(PART_HEAD_BYTES_MAX)
  end
  local name, file_name, kind = describe(sub(body, first, head_end - 1))
  if not name then
    return file_name
  end
  local content = sub(body, head_end + 4, last)
  form[#form + 1] = name
  form[#form + 1] = file_name and file_of(file_name, kind, content) or content
end

-- Where the line of the boundary that ends before [at] goes on: at a part, or not at all (0) as it
-- was the last one; nil when it is neither.
local function after_boundary(body, at)
  local _, stop = find(body, "^[ \t]*\r\n", at)
  return stop and stop + 1 or sub(body, at, at + 1) == "--" and 0 or nil
end

-- Each byte is looked at once: a boundary begins with what cannot be inside of one.
local function read_multipart(body, boundary)
  local form, delimiter = setmetatable({}, metatable), "\r\n--" .. boundary
  local opening = sub(delimiter, 3)
  local from = sub(body, 1, 2) == "\r\n" and 3 or 1
  if sub(body, from, from + #opening - 1) ~= opening then
    return nil, "it does not begin with the boundary of the header content-type"
  end
  local at = after_boundary(body, from + #opening)
  while at and at > 0 do
    if #form >= 2 * FIELDS_MAX then
      return nil, ("it has more than %d fields"):format(FIELDS_MAX)
    end
    local start, stop = find(body, delimiter, at, true)
    if not start then
      return nil, "its end is missing, the last boundary"
    end
    local problem = add_part(form, body, at, start - 1)
    if problem then
      return nil, ("near byte %d: %s"):format(at, problem)
    end
    at = after_boundary(body, stop + 1)
  end
  if not at then
    return nil, "something stands behind a boundary, on its line"
  end
  return form
end

local function read_urlencoded(body)
  local at, count = 0, 0
  repeat
    at, count = find(body, "&", at + 1, true), count + 1
    if count > FIELDS_MAX then
      return nil, ("it has more than %d fields"):format(FIELDS_MAX)
    end
  until not at
  return setmetatable(query_pairs(body), metatable)
end

local M = {}

--- The form of a body, or nil with what is wrong.
---@param content_type? string the header
---@param body string
---@return FormData?
---@return string? problem
function M.read(content_type, body)
  local word, at = word_of(content_type or "")
  if word == URLENCODED then
    return read_urlencoded(body)
  end
  if word ~= MULTIPART then
    return nil, ("is no form: its content-type is %s, not %s or %s"):format(
      content_type and ('"%s"'):format(content_type) or "missing", MULTIPART, URLENCODED)
  end
  local boundary, problem = boundary_of(content_type, at)
  if not boundary then
    return nil, problem
  end
  return read_multipart(body, boundary)
end

return M
