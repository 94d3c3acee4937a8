-- Commands of an operator that write (runtime/link/commands.h). They are events of the object like
-- any other: what they store is seen by its next event, and goes to disk with what the class does
-- about it in `storageChanged`.
local _, native = ...

local find_socket, null = native.command.socket, native.json.null
local error, select, type, unpack = error, select, type, unpack
local format = string.format

-- The instance may have some of it in its fields. An error in its `storageChanged` refuses the
-- change: nothing was written. [change] returns the keys; nil: nothing has changed.
local function write(state, self, change)
  state.storage:transaction(function()
    local keys, changed = change(state.storage), self.storageChanged
    if keys and type(changed) == "function" then
      changed(self, keys)
    end
  end)
end

local function socket(number)
  return find_socket(number) or error(format("it has no socket %d", number), 0)
end

local commands = {}

commands["kv.put"] = function(state, self, ...)
  local pairs, keys = { ... }, {}
  write(state, self, function(storage)
    for i = 1, #pairs, 2 do
      storage:put(pairs[i], pairs[i + 1])
      keys[#keys + 1] = pairs[i]
    end
    return keys
  end)
end

commands["kv.delete"] = function(state, self, ...)
  local wanted, keys = { ... }, {}
  write(state, self, function(storage)
    for i = 1, #wanted do
      if storage:delete(wanted[i]) then
        keys[#keys + 1] = wanted[i]
      end
    end
    return #keys > 0 and keys or nil
  end)
  return #keys
end

-- Which keys that concerns nobody knows.
commands["sql"] = function(state, self, ...)
  local statement, rows, cursor = { n = select("#", ...), ... }, {}, nil
  write(state, self, function(storage)
    cursor = storage.sql:exec(unpack(statement, 1, statement.n))
    return {}
  end)
  local names = cursor.columnNames
  for row in cursor:raw() do
    for i = 1, #names do
      row[i] = row[i] == nil and null or row[i]
    end
    rows[#rows + 1] = row
  end
  return names, rows, cursor.rowsRead, cursor.rowsWritten
end

local function check_rings(self)
  if self.alarm == nil then
    error("its class has no alarm(), so nothing would ring", 0)
  end
end

commands["alarm.set"] = function(state, self, ms)
  check_rings(self)
  state.storage:setAlarm(ms)
end

-- As if its time had come.
commands["alarm.run"] = function(state, self)
  check_rings(self)
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
