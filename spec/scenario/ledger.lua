-- What is written to while it is killed (crash_spec.lua, worker_crash_spec.lua): a number and its
-- twin, one batch; the watchers hear of it before the writer does.
return [[
local od = require "open-do"
local Ledger = {}

function Ledger:fetch(request)
  if request.headers:get("upgrade") then
    local client, server = od.WebSocketPair()
    self.state:acceptWebSocket(server, { request.query.role })
    return od.Response(nil, { status = 101, webSocket = client })
  elseif request.query.listen then
    return self.state:acceptEventStream(request, { "watcher" })
  end
  local storage = self.state.storage
  return od.Response(("%d %d"):format(storage:get("last") or 0, storage:get("twin") or 0))
end

function Ledger:webSocketMessage(ws, message)
  local storage = self.state.storage
  storage:put("last", tonumber(message))
  storage:put("twin", tonumber(message))
  self.state:broadcast(message, { tag = "watcher" })
  ws:send(message)
end

return { namespaces = { rooms = Ledger } }
]]
