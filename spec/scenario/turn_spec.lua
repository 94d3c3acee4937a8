-- Who costs a worker much time does not keep the others from theirs: between two messages that are
-- large when inflated, or two events that take long, everybody else has a go.
local workbench = require "spec.scenario.workbench"
local zlib = require "spec.support.zlib"

-- The watch looks at what has been handled again and again, and each look is a turn of the worker:
-- it counts what the others got done in between.
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

local Watch = {}

function Watch:peek()
  return handled
end

function Watch:fetch(request)
  local total = tonumber(request.query.total)
  local other = self.env.watches:getByName("other")
  local seen, most, turns = 0, 0, 0
  while seen < total do
    local now = other:peek()
    most = math.max(most, now - seen)
    seen = now
    turns = turns + 1
  end
  handled = 0
  return od.Response(("most %d turns %d"):format(most, turns))
end

return { namespaces = { things = Thing, watches = Watch } }
]]

local SIZE = 2 * 1024 * 1024

describe("a turn", function()
  local server

  setup(function()
    server = workbench.start(SOURCE, { workers = 1 })
  end)

  teardown(function()
    server:stop()
  end)

  -- Asks the watch to look until [total] are handled, then does [act].
  local function watch(total, act)
    local client = server:open()
    client:write(("GET /watches/w?total=%d HTTP/1.1\r\nHost: h\r\n\r\n"):format(total))
    act()
    local most, turns = client:read_answer().body:match("most (%d+) turns (%d+)")
    return tonumber(most), tonumber(turns)
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
    assert.is_true(most <= 2, most .. " between two looks")
    assert.is_true(turns > 24 * 3, turns .. " looks")
  end)

  it("leaves an object that takes long for the others", function()
    local busy = server:connect("/things/busy")
    local most, turns = watch(20, function()
      for _ = 1, 20 do
        busy:send("5")
      end
    end)
    assert.is_true(most <= 2, most .. " between two looks")
    assert.is_true(turns > 20 * 2, turns .. " looks")
  end)
end)
