-- Sends each message back as it came.
local od = require "open-do"

local Echo = {}

function Echo:fetch()
  local client, server = od.WebSocketPair()
  self.state:acceptWebSocket(server)
  return od.Response(nil, { status = 101, webSocket = client })
end

function Echo:webSocketMessage(ws, message, isBinary)
  ws:send(message, isBinary)
end

return { namespaces = { echo = Echo } }
