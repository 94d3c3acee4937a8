-- What was said, in order, for those who come back: each entry has a number, and who says which
-- number was the last gets what it has missed. Kept in the object's own storage.
--
--   local number = history.add(storage, entry)
--   local missed, is_whole = history.since(storage, last)     -- { { number =, entry = }, ... }
local M = {}

local KEPT = 1000

local function key(number)
  return ("history:%015d"):format(number)
end

--- Returns the number of the entry. Older ones than the last [kept] (1000) are dropped.
function M.add(storage, entry, kept)
  local number = (storage:get("history") or 0) + 1
  storage:put { history = number, [key(number)] = entry }
  storage:delete(key(number - (kept or KEPT)))
  return number
end

--- The entries behind number [last], at most [limit] (1000) of them. The second result is false
--- when some of what was missed is kept no longer: then the client has to begin anew. A number that
--- was never given comes from another life of the data, and is such a case, too.
function M.since(storage, last, limit)
  local found, newest = {}, storage:get("history") or 0
  if last > newest then
    return M.since(storage, 0, limit), false
  end
  for name, entry in storage:list { prefix = "history:", start = key(last + 1),
    limit = limit or KEPT } do
    found[#found + 1] = { number = tonumber(name:match("%d+")), entry = entry }
  end
  return found, last == newest or (found[1] ~= nil and found[1].number == last + 1)
end

return M
