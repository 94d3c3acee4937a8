-- One class of objects; each has a name, its own storage, and one event at a time.
local od = require "open-do"

---@class Thing: DurableObject
local Thing = {}

function Thing:fetch()
  local count = (self.state.storage:get("count") or 0) + 1
  self.state.storage:put("count", count)
  return od.Response(("%s has been asked %d times\n"):format(self.state.id.name, count))
end

-- /things/NAME is the object of that name.
return { namespaces = { things = Thing } }
