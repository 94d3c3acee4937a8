-- Fills a data directory: POST /heaps/NAME?mib=N stores N MiB, in values of 64 kB and 1 kB.
local od = require "open-do"
local Heap = {}

local KIB = 1024

function Heap:fetch(request)
  local storage = self.state.storage
  local first = storage:get("mib") or 0
  local last = first + tonumber(request.query.mib)
  for mib = first + 1, last do
    local text = od.randomBytes(64 * KIB)
    for i = 1, 15 do
      storage:put(("large %d %d"):format(mib, i), text)
    end
    for i = 1, 64 do
      storage:put(("small %d %d"):format(mib, i), text:sub(i, i + KIB - 1))
    end
    storage:put("mib", mib)
    od.sleep(0) -- Others have a turn, and what is on its way to the disk is not all of it.
  end
  return od.Response(tostring(last))
end

return { namespaces = { heaps = Heap } }
