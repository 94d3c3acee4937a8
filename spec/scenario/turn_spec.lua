-- Who costs a worker much time does not keep the others from theirs: between two messages that are
-- large when inflated, or two events that take long, everybody else has a go.
local workbench = require "spec.scenario.workbench"
local zlib = require "spec.support.zlib"

-- Watches ask an object beside them again and again. The question is handled in one turn of the
-- worker and the answer in the next: in both they look how much was handled since anybody's last
-- look. They are several, since one that the system stops for a while owes the worker that time
-- itself; and they say that they look before it begins, since who connects goes through main and
-- what is to be compared with it does not.
local SOURCE = [[
local od = require "open-do"
local handled = 0
local Thing = { fetch = require("workbench").fetch }

local function work(ms)
  local ends = os.clock() + ms / 1000
  repeat until os.clock() > ends
end

function Thing:webSocketMessage(ws, message)
  work(#message < 10 and tonumber(message) or 0)
  handled = handled + 1
  ws:send(tostring(handled))
end

local seen, most
local Watch = { fetch = Thing.fetch }

function Watch:look()
  most = math.max(most, handled - seen)
  seen = handled
end

function Watch:webSocketMessage(ws, total)
  local other = self.env.watches:getByName(self.state.id.name .. ", the other")
  handled, seen, most = 0, 0, 0
  other:look()
  ws:send "looking"
  local turns = 0
  while handled < tonumber(total) do
    other:look()
    self:look()
    turns = handled == 0 and 0 or turns + 2 -- From the first that is handled on.
  end
  ws:send(most .. " " .. turns)
end

return { namespaces = { things = Thing, watches = Watch } }
]]

local WATCHES = 3
local SIZE = 2 * 1024 * 1024

describe("a turn", function()
  local server = workbench.once(SOURCE, { workers = 1 })

  -- Asks the watches to look until [total] are handled, then does [act].
  local function watch(total, act)
    local watches, most, turns = {}, 0, 0
    for i = 1, WATCHES do
      watches[i] = server:connect("/watches/" .. i)
      watches[i]:send(tostring(total))
      assert.equal("looking", watches[i]:receive())
    end
    act()
    for i = 1, WATCHES do
      local told = watches[i]:receive()
      most = math.max(most, tonumber(told:match("^%d+")))
      turns = math.max(turns, tonumber(told:match("%d+$")))
    end
return most, turns
  end

  it("inflates one large message and then leaves some turns to others", function()
    local bomb = zlib.deflate(("\0"):rep(SIZE))
    local clients = {}
    for i = 1, 4 do
      clients[i] = server:connect("/things/" .. i, { extensions = "permessage-deflate" })
    end
    local most, turns = watch(24, function()
      for _, client in ipairs(clients) do
        for _ = 1, 6 do -- All of them in one piece of what is read.
          client:send_frame { opcode = "binary", rsv = 4, payload = bomb }
        end
      end
    end)
    -- A turn inflates two pieces, so at most two messages end in it; and a look may come first in
    -- one turn and last in the next.
    assert.is_true(most <= 4, most .. " between two looks")
    assert.is_true(turns > 24 * 3, turns .. " looks")
  end)

  it("leaves an object that takes long for the others", function()
    local busy = server:connect("/things/busy")
    local most, turns = watch(20, function()
      for _ = 1, 20 do
        busy:send("5")
      end
    end)
    assert.is_true(most <= 2, most .. " between two looks") -- One a turn.
    assert.is_true(turns > 20 * 2, turns .. " looks")
  end)
end)
