-- Who is there, by the sockets of an object. A name may have several; it comes with the first and
-- goes with the last. What is known of a socket is in its attachment, so it outlives sleep, reloads
-- and the death of workers, and nothing has to be tidied up.
--
--   if presence.join(state, ws, "ann") then ... end      -- in the handler that learns the name
--   if presence.leave(state, ws) then ... end            -- in webSocketClose
--   for _, name in ipairs(presence.list(state)) do ... end
local M = {}

local function count(state, name, except)
  local found = 0
  for _, ws in ipairs(state:getWebSockets()) do
    local attached = ws ~= except and ws:deserializeAttachment()
    if attached and attached.presence == name then
      found = found + 1
    end
  end
  return found
end

--- True when [name] was not there before.
function M.join(state, ws, name)
  local attached = ws:deserializeAttachment() or {}
  attached.presence = name
  ws:serializeAttachment(attached)
  return count(state, name, ws) == 0
end

--- The name that has gone with this socket; nil: others of it are there, or it never had one.
function M.leave(state, ws)
  local attached = ws:deserializeAttachment()
  local name = attached and attached.presence
  return name and count(state, name, ws) == 0 and name or nil
end

--- Names, in order. [except]: a socket that is closing, which is still listed.
function M.list(state, except)
  local names, seen = {}, {}
  for _, ws in ipairs(state:getWebSockets()) do
    local attached = ws ~= except and ws:deserializeAttachment()
    local name = attached and attached.presence
    if name and not seen[name] then
      seen[name] = true
      names[#names + 1] = name
    end
  end
  table.sort(names)
  return names
end

return M
