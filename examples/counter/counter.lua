-- A number that remembers. Each object of this class is one counter: a request adds one to it and
-- is answered with the count, and the answer leaves only when the new count is on disk.
local od = require "open-do"

local Counter = {}

function Counter:fetch()
  local count = (self.state.storage:get("count") or 0) + 1
  self.state.storage:put("count", count)
  return od.Response(count .. "\n")
end

return { namespaces = { counters = Counter } }
