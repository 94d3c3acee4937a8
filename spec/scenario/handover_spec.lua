-- What is handed over while it goes on: a worker that is replaced by wish, and (upgrade_spec) the
-- whole program. Nobody is closed, whatever he is in the middle of, and nothing is lost, doubled
-- or out of order.

local handover = require "spec.scenario.handover"
local survival = require "spec.scenario.survival"

-- Bodies that are read while they come: by a handler, and by the client it passes them on to.
local BASIN = [[
local od = require "open-do"
local Basin = { streamBody = true }

function Basin:fetch(request)
  if request.query.mirror then
    return od.Response(request:chunks())
  end
  local total = 0
  for piece in request:chunks() do
    total = total + #piece
    od.log.info("got " .. total .. ".")
  end
  return od.Response("total: " .. total)
end

return { namespaces = { basins = Basin } }
]]

local function replace_all(server)
  for worker = 0, (server.options.workers or 2) - 1 do
    local code, said = server:asking("restart-worker", tostring(worker))
    assert.equal(0, code, said)
    local closed = said:match("^worker " .. worker
      .. " is back after %d+ ms, %d+ sockets? given back, (%d+) closed\n$")
    assert.equal("0", closed, said)
  end
end

describe("open-do restart-worker", function()
  local server

  after_each(function()
    server:stop()
  end)

  handover.specs(it, function() return server end, function(started) server = started end,
    replace_all)

  it("refuses what is no worker", function()
    server = survival.start { workers = 2 }
    for _, number in ipairs { "2", "x", "", "1x" } do
      local code, said = server:asking("restart-worker", number)
      assert.equal(1, code)
      assert.equal("open-do: there is no worker of that number\n", said)
    end
  end)

  it("gives what has not ended in time no longer, and answers its request 503", function()
    server = handover.start { workers = 1 }
    local ann = survival.person(server, "a", "ann")
    local slow = server:open()
    slow:send_request("GET", "/rooms/s?ask=sleep&rest=60000")
    server:wait_log("sleeps")
    server:turn_clock(200)
    local asking = server:begin_asking("restart-worker", "0")
    server:wait_log("worker 0 hands over when what runs has ended, within 20 s")
    ann:ask("who", ann:identity()) -- It serves meanwhile.
    server:turn_clock(20100)
    server:wait_log("worker 0 hands over\n")
    server:turn_clock(5100)
    assert.equal(0, asking:wait_exit(10))
    assert.equal(503, slow:read_answer().status)
    ann:ask("who", ann:identity())
  end)

  -- No client was read any more, so these waited for bytes until they were cut, and all others for
  -- them.
  it("reads to its end the body that is waited for", function()
    server = survival.start { source = BASIN, workers = 1 }
    local function hand_over()
      server:turn_clock(200)
      local asking = server:begin_asking("restart-worker", "0")
      server:wait_log("worker 0 hands over when what runs has ended, within 20 s")
      server:turn_clock(20100)
      server:wait_log("worker 0 hands over\n")
      return asking
    end
    local function begin(path)
      local client = server:open()
      client:write(("POST %s HTTP/1.1\r\nHost: x\r\nContent-Length: 8\r\n\r\none "):format(path))
      return client
    end
    local passed_on = begin("/basins/a?mirror=1")
    assert.equal(200, passed_on:read_head().status)
    assert.equal("one ", passed_on:read_piece())
    local asking = hand_over()
    passed_on:write("last")
    assert.equal("last", passed_on:read_piece())
    assert.is_nil(passed_on:read_piece())
    assert.equal(0, asking:wait_exit(10))
    local read = begin("/basins/a")
    server:wait_log("got 4%.")
    asking = hand_over()
    read:write("last")
    assert.equal("total: 8", read:read_answer().body)
    assert.equal(0, asking:wait_exit(10))
    assert.equal("total: 2", read:request("POST", "/basins/c", { body = "ab" }).body)
  end)
end)
