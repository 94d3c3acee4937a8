-- How values read in the log. `tostring` of a table is an address, of which nobody has learned
-- anything yet; so print and od.log show what is in it, as one line of Lua. What has a __tostring
-- says itself what it is.
local concat, format, gsub, sort = table.concat, string.format, string.gsub, table.sort
local getmetatable, next = debug.getmetatable, next
local rawget, tostring, type = rawget, tostring, type

local DEPTH_MAX, ITEMS_MAX = 4, 200 -- Then "...": a log line is for reading.

local put

local function names_itself(value)
  local metatable = getmetatable(value)
  return type(value) ~= "table" or type(metatable) == "table" and metatable.__tostring ~= nil
end

local function by_name(a, b)
  return tostring(a) < tostring(b)
end

local function put_key(key)
  if type(key) == "string" and key:find("^[%a_][%w_]*$") then
    return key .. " = "
  end
  return format("[%s] = ", type(key) == "string" and format("%q", key) or tostring(key))
end

-- The items of [value] into [items].
local function put_items(value, items, so_far, depth)
  local names, size = {}, #value
  for key in next, value do
    if type(key) ~= "number" or key < 1 or key > size or key % 1 ~= 0 then
      names[#names + 1] = key
    end
  end
  sort(names, by_name)
  for i = 1, size + #names do
    so_far.count = so_far.count + 1
    if so_far.count > ITEMS_MAX then
      items[#items + 1] = "..."
      return
    end
    local key = i > size and names[i - size] or i
    local text = put(rawget(value, key), so_far, depth + 1)
    items[#items + 1] = i > size and put_key(key) .. text or text
  end
end

function put(value, so_far, depth)
  if type(value) == "string" then
    return (gsub(format("%q", value), "\\\n", "\\n"))
  elseif names_itself(value) then
    return tostring(value)
  elseif so_far[value] or depth > DEPTH_MAX then
    return "{...}"
  end
  so_far[value] = true -- While we are inside it: a cycle is not for ever.
  local items = {}
  put_items(value, items, so_far, depth)
  so_far[value] = nil
  return items[1] and "{ " .. concat(items, ", ") .. " }" or "{}"
end

--- What the log shows of a value.
---@param value any
---@return string
return function(value)
  if names_itself(value) then
    return tostring(value)
  end
  return put(value, { count = 0 }, 1)
end
