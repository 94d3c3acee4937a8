-- The rooms of spec/bench/people.c. Each socket counts its messages in its attachment; the answer
-- says whose it is, how many messages it has brought, the message, and the version of the code.
local od = require "open-do"

local VERSION = "0"

local Room = {}

function Room:fetch(request)
  local number = request.query.number
  local client, server = od.WebSocketPair()
  self.state:acceptWebSocket(server, { "n" .. number })
  server:serializeAttachment { number = number, count = 0 }
  return od.Response(nil, { status = 101, webSocket = client })
end

function Room:webSocketMessage(ws, message)
  local facts = ws:deserializeAttachment()
  facts.count = facts.count + 1
  ws:serializeAttachment(facts)
  assert(self.state:getTags(ws)[1] == "n" .. facts.number, "a socket has the tags of another")
  ws:send(("%s %d %s %s"):format(facts.number, facts.count, message, VERSION))
end

return { namespaces = { rooms = Room } }
