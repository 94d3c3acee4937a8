-- The beginning of a packet whose end has not come: MQTT's packets and WebSocket's frames do not
-- begin and end together. It waits in the socket's attachment, or in storage if it is long, for
-- the object may fall asleep in between.
local M = {}

local ATTACHMENT_BYTES_MAX = 4000

-- What was kept for [ws] and then [bytes]; nothing is kept any more.
function M.join(ws, storage, bytes)
  local kept = ws:deserializeAttachment()
  if not kept.cut then
    return bytes
  end
  local first = kept.cut
  if kept.cut_key then
    first = storage:get(kept.cut_key)
    storage:delete(kept.cut_key)
  end
  kept.cut, kept.cut_key = nil, nil
  ws:serializeAttachment(kept)
  return first .. bytes
end

function M.keep(ws, storage, bytes)
  local kept = ws:deserializeAttachment()
  kept.cut = bytes
  if #bytes > ATTACHMENT_BYTES_MAX then
    kept.cut, kept.cut_key = true, "cut:" .. math.random(2 ^ 52)
    storage:put(kept.cut_key, bytes)
  end
  ws:serializeAttachment(kept)
end

return M
