-- A queue with acknowledgement, in the storage of an object. Who takes an item has it for a time;
-- if it is not acknowledged by then it is there for others again, and after several tries it is a
-- dead letter. An item comes at least once, in order of when it may.
--
--   queue.push(storage, value, { delay = ms })
--   for _, item in ipairs(queue.take(storage, 10, { visible = 30000 })) do
--     -- item is { id =, value =, try = }
--     queue.ack(storage, item.id)        -- done; or queue.fail(storage, item.id, "why")
--   end
--   queue.dead(storage)                  -- { { id =, value =, why = }, ... }
--   queue.revive(storage, id)
local od = require "open-do"

local M = {}

local TRIES, VISIBLE_MS, PAUSE_MS = 5, 30000, 1000

-- Two rows an item: itself, by its number, and its place in the order of time.
local function item_key(id)
  return ("queue:item:%015d"):format(id)
end

local function time_key(at, id)
  return ("queue:time:%015d:%015d"):format(at, id)
end

local function move(storage, id, item, at)
  storage:delete(time_key(item.at, id))
  item.at = at
  storage:put { [item_key(id)] = item, [time_key(at, id)] = id }
end

--- Returns the item's number.
function M.push(storage, value, options)
  local id = (storage:get("queue:last") or 0) + 1
  local at = od.now() + (options and options.delay or 0)
  storage:put { ["queue:last"] = id, [item_key(id)] = { value = value, tries = 0, at = at },
    [time_key(at, id)] = id }
  return id
end

local function bury(storage, id, item, why)
  storage:delete { item_key(id), time_key(item.at, id) }
  storage:put(("queue:dead:%015d"):format(id), { value = item.value, why = why })
end

--- Up to [limit] items that are due, which nobody else gets for `visible` ms.
function M.take(storage, limit, options)
  local now, taken = od.now(), {}
  for _, id in storage:list { prefix = "queue:time:", ["end"] = time_key(now + 1, 0) } do
    local item = storage:get(item_key(id))
    if item.tries >= TRIES then
      bury(storage, id, item, item.why or "it was never acknowledged")
    elseif #taken < limit then
      item.tries = item.tries + 1
      move(storage, id, item, now + (options and options.visible or VISIBLE_MS))
      taken[#taken + 1] = { id = id, value = item.value, try = item.tries }
    end
  end
  return taken
end

--- False when it is not there any more.
function M.ack(storage, id)
  local item = storage:get(item_key(id))
  return item ~= nil and storage:delete { item_key(id), time_key(item.at, id) } > 0
end

--- It did not work out: it is there again after a pause that doubles, or dead.
function M.fail(storage, id, why)
  local item = storage:get(item_key(id))
  if not item then
    return false
  elseif item.tries >= TRIES then
    bury(storage, id, item, why)
  else
    item.why = why
    move(storage, id, item, od.now() + PAUSE_MS * 2 ^ (item.tries - 1))
  end
  return true
end

function M.dead(storage)
  local found = {}
  for name, item in storage:list { prefix = "queue:dead:" } do
    found[#found + 1] = { id = tonumber(name:match("%d+")), value = item.value, why = item.why }
  end
  return found
end

--- A dead letter is an item like any other again; returns its new number, nil when there is none.
function M.revive(storage, id)
  local key = ("queue:dead:%015d"):format(id)
  local item = storage:get(key)
  return item and storage:delete(key) and M.push(storage, item.value) or nil
end

return M
