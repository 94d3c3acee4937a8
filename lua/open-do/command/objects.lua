-- The list of objects: page by page, where the place between two pages is a text that anybody may
-- keep; or the first of them in an order, for which all have to be looked at.
local od = require "open-do"
local server = require "open-do.command.server"
local words = require "open-do.command.words"

local base64url = od.base64url

local M = {}

local function label_of(object)
  return object.namespace .. "/" .. (object.name or "#" .. object.id)
end

local function by_label(a, b)
  return label_of(a) < label_of(b)
end

local function number(field)
  return function(object) return object[field] or 0 end
end

-- What asleep objects have none of is looked for among the living only.
local ORDERS = {
  name = { scope = "all" },
  bytes = { scope = "all", weight = number "bytes" },
  queue = { scope = "living", weight = number "queued" },
  sockets = { scope = "living", weight = number "sockets" },
  errors = { scope = "living", weight = number "errors" },
  busy = { scope = "living", weight = number "runUs" },
  slowest = { scope = "living", weight = number "slowestUs" },
  last = { scope = "living", weight = number "lastEventMs" },
}

local function order_of(word)
  local order = ORDERS[word]
  if order then
    return order
  end
  local known = {}
  for name in pairs(ORDERS) do
    known[#known + 1] = name
  end
  table.sort(known)
  words.usage("'%s' is no order; there are %s", word, table.concat(known, ", "))
end

local function comparison(weight)
  return weight and function(a, b)
    local left, right = weight(a), weight(b)
    if left == right then
      return by_label(a, b)
    end
    return left > right
  end or by_label
end

-- Sorts, and leaves the first [limit], each once.
local function cut(objects, limit, is_before)
  table.sort(objects, is_before)
  local seen, kept = {}, od.json.array {}
  for _, object in ipairs(objects) do
    if #kept == limit then
      break
    elseif not seen[object.id] then
      seen[object.id] = true
      kept[#kept + 1] = object
    end
  end
  return kept
end

local function first_of_all(query, word)
  local order = order_of(word)
  local objects, is_before = {}, comparison(order.weight)
  query.scope = query.scope == "awake" and "awake" or order.scope
  query.order = order.scope == "living" and word or nil
  for object in server.each_object(query) do
    objects[#objects + 1] = object
    if #objects > 2 * query.limit + 1000 then
      objects = cut(objects, query.limit, is_before)
    end
  end
  return cut(objects, query.limit, is_before)
end

local function write_cursor(at)
  if not at then
    return nil
  end
  local node = at.node > 0 and ("n%d."):format(at.node) or ""
  return ("%s%d.%d.%s"):format(node, at.workers or 0, at.worker, base64url.encode(at.place))
end

local function read_cursor(text)
  if type(text) ~= "string" then
    words.usage("a cursor is a text: take what a list ended with")
  end
  local node = text:match("^n(%d+)%.")
  local workers, worker, place =
    text:match(node and "^n%d+%.(%d+)%.(%d+)%.([%w_-]*)$" or "^(%d+)%.(%d+)%.([%w_-]*)$")
  local ok, bytes = pcall(base64url.decode, place or "?")
  if not workers or not ok or not bytes then
    words.usage("'%s' is no cursor: take what a list ended with", text)
  end
  return { node = tonumber(node or 0), workers = workers ~= "0" and tonumber(workers) or nil,
    worker = tonumber(worker), place = bytes }
end

-- Workers answer with what they can look at in a moment, which may be little or nothing.
local function page(query, cursor)
  local at, objects = cursor and read_cursor(cursor) or server.first_page(), {}
  while at and #objects < query.limit do
    local found
    found, at = server.page(query, at, query.limit - #objects)
    for _, object in ipairs(found) do
      objects[#objects + 1] = object
    end
  end
  return cut(objects, math.huge, by_label), write_cursor(at)
end

---@class Query
---@field space string Its namespace; empty: any.
---@field beginning string Of its name; empty: any.
---@field awake? boolean Only those with an instance.
---@field order? string The first of all in this order; else a page.
---@field limit number About how many; exactly, in an order.
---@field cursor? string Where the page before ended.

---@param query Query
---@return { objects: table, cursor?: string, missing?: string[] } found Without `cursor` there is
--- no more; `missing` are the nodes of a cluster that could not be asked, and why not.
function M.list(query)
  local asked = { space = query.space, beginning = query.beginning, limit = query.limit,
    scope = query.awake and "awake" or "all", bytes = true, missing = od.json.array {} }
  if query.order and query.cursor then
    words.usage("an order is over all objects: --cursor goes without it")
  end
  local found, cursor
  if query.order then
    found = first_of_all(asked, query.order)
  else
    found, cursor = page(asked, query.cursor)
  end
  return { objects = found, cursor = cursor, missing = asked.missing[1] and asked.missing or nil }
end

return M
