-- What waits for the receiver's acknowledgement, in order, one queue for each session that lasts.
-- A message's place in the queue is, in 16 bits, the number of its packet.
local od = require "open-do"

local M = {}

local LENGTH_MAX = 1000

local function prefix_of(id)
  return "queue:" .. od.hex.encode(id) .. ":"
end

local function place_of(key)
  return tonumber(key:match("%d+$"), 10)
end

local function number_of(key)
  return (place_of(key) - 1) % 65535 + 1
end

-- Returns the packet number, or nil when the queue is full.
function M.push(storage, id, message)
  local prefix, first, last = prefix_of(id), nil, 0
  for key in storage:list { prefix = prefix, reverse = true, limit = 1 } do
    last = place_of(key)
  end
  for key in storage:list { prefix = prefix, limit = 1 } do
    first = place_of(key)
  end
  if first and last - first + 1 >= LENGTH_MAX then
    od.log.warn("the queue of ", id, " is full")
    return nil
  end
  local key = ("%s%012d"):format(prefix, last + 1)
  storage:put(key, { topic = message.topic, payload = message.payload })
  return number_of(key)
end

function M.acknowledge(storage, id, number)
  for key in storage:list { prefix = prefix_of(id) } do
    if number_of(key) == number then
      storage:delete(key)
      return
    end
  end
end

-- An iterator of packet number and message.
function M.each(storage, id)
  local next_entry = storage:list { prefix = prefix_of(id) }
  return function()
    local key, message = next_entry()
    if key then
      return number_of(key), message
    end
  end
end

function M.clear(storage, id)
  for key in storage:list { prefix = prefix_of(id) } do
    storage:delete(key)
  end
end

return M
