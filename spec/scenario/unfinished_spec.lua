-- What all clients of a worker have begun to send, and have not read, is bounded together, and in
-- time. Forty of them once took 1.3 GB, each within what one may.
local proc = require "spec.support.proc"
local websocket = require "spec.support.websocket"
local workbench = require "spec.scenario.workbench"

local SOURCE = [[
local od = require "open-do"
local Thing = { fetch = require("workbench").fetch }
function Thing:webSocketMessage(ws, message)
  ws:send(tostring(#message))
end
local Large = {}
function Large:fetch(request)
  return od.Response(("x"):rep(30 * 1024 * 1024))
end
return { namespaces = { things = Thing, larges = Large } }
]]

local MEGABYTE = 1024 * 1024
local CROWD = 14 -- Eight of them fit into 256 MiB.
local PART = ("p"):rep(30 * MEGABYTE)

describe("clients that do not finish", function()
  local server, before

  local function resident_mb()
    return proc.resident_kb(server.process:children()[1]) / 1024
  end

  before_each(function()
    server = workbench.start(SOURCE, { workers = 1 })
    before = resident_mb()
  end)

  after_each(function()
    server:stop()
  end)

  -- The others are served, and the worker has not grown beyond its limit and what it works with.
  local function expect_calm()
    assert.equal(1, workbench.ask(server, "calm", "return 1"))
    local ann = server:connect("/things/calm")
    ann:send("hello")
    ann:expect("5")
    ann:close(1000)
    ann:expect_close(1000)
    local grown = resident_mb() - before
    assert.is_true(grown < 450, "it holds " .. grown .. " MiB more")
  end

  -- Who was told no, of a crowd of which each has sent what it wanted to.
  local function refused(crowd)
    local count = 0
    for _, client in ipairs(crowd) do
      count = count + (client:has_news() and 1 or 0)
    end
    return count
  end

  local function enter_crowd(begin)
    local crowd = {}
    for i = 1, CROWD do
      crowd[i] = server:open()
      crowd[i]:write(begin)
      crowd[i].tcp:send(PART) -- It may be refused in the middle.
      workbench.ask(server, "turn", "return 'all of it was read'")
    end
    return crowd
  end

  it("with their bodies are refused with 503 beyond 256 MiB", function()
    local crowd = enter_crowd("POST /things/a HTTP/1.1\r\nHost: h\r\n"
      .. "Content-Length: 33000000\r\n\r\n")
    local count = refused(crowd)
    assert.is_true(count >= 4 and count <= 7, count .. " were refused")
    local answer = crowd[CROWD]:read_answer()
    assert.equal(503, answer.status)
    assert.equal("1", answer.headers["retry-after"])
    expect_calm()
  end)

  it("with their messages are closed with 1013 beyond 256 MiB", function()
    local crowd, closed = {}, 0
    local frame = websocket.encode { opcode = "binary", payload = PART, fin = false }
    for i = 1, CROWD do
      crowd[i] = server:connect("/things/a")
      crowd[i].tcp:send(frame)
      workbench.ask(server, "turn", "return 'all of it was read'")
    end
    for _, client in ipairs(crowd) do
      if client.connection:has_news() then
        client:expect_close(1013)
        closed = closed + 1
      end
    end
    assert.is_true(closed >= 4 and closed <= 7, closed .. " were closed")
    expect_calm()
  end)

  it("to read get 503 beyond 256 MiB, and are cut when others need the room", function()
    local crowd = {}
    for i = 1, CROWD do
      crowd[i] = require("spec.support.http").open {
        host = server.address.host, port = server.address.port, receive_buffer = 4096,
      }
      crowd[i]:send_request("GET", "/larges/" .. i)
      workbench.ask(server, "turn", "return 1")
    end
    assert.equal(503, server:get("/larges/a").status)
    expect_calm()
    server:turn_clock(5001)
    local answer = server:get("/larges/a")
    assert.equal(200, answer.status)
    assert.equal(#PART, #answer.body)
    expect_calm()
    for _, client in ipairs(crowd) do
      client:close()
    end
  end)

  it("but send a little now and then have 30 seconds, and more for what they sent", function()
    local ann = server:open()
    ann:write("POST /things/a HTTP/1.1\r\nHost: h\r\nContent-Length: 100000\r\n\r\nret")
    local ben = server:connect("/things/a")
    ben.tcp:send(websocket.encode({ opcode = "text", payload = ("x"):rep(1000) }):sub(1, 10))
    workbench.ask(server, "b", "return 1")
    for _ = 1, 3 do
      server:turn_clock(10000)
      ann:write("urn")
      ben.tcp:send("x")
      workbench.ask(server, "b", "return 1")
    end
    server:turn_clock(100)
    assert.equal(408, ann:read_answer().status)
    ben:expect_close(1008, "The message was not sent in time")
    local cleo = server:open() -- Of whom a lot has come by then.
    cleo:write("POST /things/a HTTP/1.1\r\nHost: h\r\nContent-Length: 100008\r\n\r\n")
    cleo:write((" "):rep(90000))
    workbench.ask(server, "b", "return 1")
    server:turn_clock(20000)
    cleo:write((" "):rep(10000))
    workbench.ask(server, "b", "return 1")
    server:turn_clock(20000)
    cleo:write("return 1")
    assert.equal(200, cleo:read_answer().status)
  end)
end)
