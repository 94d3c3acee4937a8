-- Commands of an operator that write (runtime/link/commands.h). They are events of the object like
-- any other: what they store is seen by its next event, and goes to disk with what the class does
-- about it in `storageChanged`.
local _, native = ...

local find_socket, null = native.command.socket, native.json.null
local error, select, type = error, select, type
local format = string.format

-- The instance may have some of it in its fields.
local function tell(self, keys)
  local changed = self.storageChanged
  if type(changed) == "function" then
    changed(self, keys)
  end
end

local function socket(number)
  return find_socket(number) or error(format("it has no socket %d", number), 0)
end

local commands = {}

commands["kv.put"] = function(state, self, ...)
  local keys = {}
  for i = 1, select("#", ...), 2 do
    local key, value = select(i, ...)
    state.storage:put(key, value)
    keys[#keys + 1] = key
  end
  tell(self, keys)
end

commands["kv.delete"] = function(state, self, ...)
  local keys = {}
  for i = 1, select("#", ...) do
    local key = select(i, ...)
    if state.storage:delete(key) then
      keys[#keys + 1] = key
    end
  end
  if #keys > 0 then
    tell(self, keys)
  end
  return #keys
end

-- Which keys that concerns nobody knows.
commands["sql"] = function(state, self, ...)
  local cursor = state.storage.sql:exec(...)
  local names, rows = cursor.columnNames, {}
  for row in cursor:raw() do
    for i = 1, #names do
      row[i] = row[i] == nil and null or row[i]
    end
    rows[#rows + 1] = row
  end
  tell(self, {})
  return names, rows, cursor.rowsRead, cursor.rowsWritten
end

commands["alarm.set"] = function(state, _, ms)
  state.storage:setAlarm(ms)
end

-- As if its time had come.
commands["alarm.run"] = function(state)
  state.storage:setAlarm(native.runtime.now())
end

commands["alarm.delete"] = function(state)
  state.storage:deleteAlarm()
end

commands["sockets.send"] = function(_, _, number, message, binary)
  socket(number):send(message, binary)
end

commands["sockets.close"] = function(_, _, number, code, reason)
  socket(number):close(code, reason)
end

return function(name, state, self, ...)
  return commands[name](state, self, ...)
end
