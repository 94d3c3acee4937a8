-- The objects that spec/hostile attacks: an echo for honest users, and a room that floods whoever
-- asks for it.
local od = require "open-do"

local function accept(state)
  local client, server = od.WebSocketPair()
  state:acceptWebSocket(server)
  return od.Response(nil, { status = 101, webSocket = client })
end

local Echo = {}

function Echo:fetch(request)
  if request.headers:get("upgrade") then
    return accept(self.state)
  end
  return od.Response("ok " .. #request:text())
end

function Echo:webSocketMessage(ws, message, isBinary)
  ws:send(message, isBinary)
end

local Flood = { fetch = Echo.fetch }

function Flood:webSocketMessage()
  self.state:broadcast(("x"):rep(65536))
end

return { namespaces = { echo = Echo, flood = Flood } }
