-- A room that uses the modules beside it: who is there, and what was said while one was away.
--
--   WebSocket /rooms/NAME?name=ann&since=17    {"number": 18, "entry": {...}}, {"online": [...]},
--                                              {"anew": true} first when there was too much
local od = require "open-do"
local history = require "history"
local presence = require "presence"

local TEXT_BYTES_MAX = 4000

local Room = {}

function Room:say(entry)
  local number = history.add(self.state.storage, entry, 100)
  self.state:broadcast(od.json.encode { number = number, entry = entry })
end

function Room:tell_who(except)
  self.state:broadcast(od.json.encode { online = od.json.array(presence.list(self.state, except)) },
    { except = except })
end

function Room:fetch(request)
  local client, ws = od.WebSocketPair()
  self.state:acceptWebSocket(ws)
  local missed, is_whole = history.since(self.state.storage, tonumber(request.query.since) or 0)
  if not is_whole then
    ws:send(od.json.encode { anew = true })
  end
  for _, one in ipairs(missed) do
    ws:send(od.json.encode(one))
  end
  if presence.join(self.state, ws, request.query.name or "somebody") then
    self:tell_who()
  end
  return od.Response(nil, { status = 101, webSocket = client })
end

function Room:webSocketMessage(ws, text, isBinary)
  if isBinary or #text > TEXT_BYTES_MAX then -- Bytes that JSON refuses would stay in the history.
    return ws:close(1007, "send a text of 4000 bytes at most")
  end
  self:say { who = ws:deserializeAttachment().presence, text = text }
end

function Room:webSocketClose(ws)
  if presence.leave(self.state, ws) then
    self:tell_who(ws)
  end
end

return { namespaces = { rooms = Room } }
