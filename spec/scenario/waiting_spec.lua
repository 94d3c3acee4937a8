-- What has come and is not handled yet is bounded: in messages and bytes of a socket, and in bytes
-- of all sockets. A message of a few bytes can be a large one when it is inflated.
local proc = require "spec.support.proc"
local socket = require "socket"
local workbench = require "spec.scenario.workbench"
local zlib = require "spec.support.zlib"

local SOURCE = [[
local od = require "open-do"
local Thing = { fetch = require("workbench").fetch }
function Thing:webSocketMessage(ws, message)
  if #message < 1000 then
    od.sleep(tonumber(message))
  end
  ws:send(tostring(#message))
end
return { namespaces = { things = Thing } }
]]

local SECONDS = 90
local MEGABYTE = 1024 * 1024
local SIZE = 8 * MEGABYTE -- A few of them lie in one piece of what is read.

describe("messages that wait", function()
  local server, bomb

  setup(function()
    server = workbench.start(SOURCE, { workers = 1 })
    bomb = zlib.deflate(("\0"):rep(SIZE))
  end)

  teardown(function()
    server:stop()
  end)

  local function bomber(name)
    local client = server:connect("/things/" .. name, { extensions = "permessage-deflate" })
    client:send("60000") -- Its handler sleeps; what follows waits.
    return client
  end

  local function throw(client, count)
    for _ = 1, count do
      client:send_frame { opcode = "binary", rsv = 4, payload = bomb }
    end
  end

  local function resident_mb()
    return proc.resident_kb(server.process:children()[1]) / 1024
  end

  -- A socket that sent sixty of them held a gigabyte, and each of its neighbours could, too.
  it("of one socket stop it from being read, until they are handled", function()
    local mallory, before = bomber("a"), resident_mb()
    throw(mallory, 24)
    workbench.ask(server, "a", "return 1")
    server:turn_clock(100)
    workbench.ask(server, "b", "return 1")
    assert.is_true(resident_mb() - before < 120, "it holds " .. resident_mb() .. " MiB")
    server:turn_clock(61000)
    mallory:expect("5")
    for _ = 1, 24 do
      mallory:expect(tostring(SIZE))
    end
    mallory:cut()
  end)

  it("of all sockets cost the next one its connection, when they are too much", function()
    local crowd, connections = {}, {}
    for i = 1, 40 do -- Thirty-one fit into 256 MiB.
      crowd[i] = bomber("c")
      throw(crowd[i], 1)
      connections[i] = crowd[i].tcp
    end
    -- Three hundred megabytes are inflated first, and nobody said whose come last.
    local closed = #socket.select(connections, nil, SECONDS)
    assert.is_true(closed >= 1 and closed <= 9, closed .. " were closed")
    server:turn_clock(61000)
    for _, each in ipairs(crowd) do
      each:cut()
    end
    assert.equal(1, workbench.ask(server, "d", "return 1"))
  end)
end)
