local core = require "spec.support.core"
local frames = require "spec.unit.codec.client_frames"
local stage_of = require "spec.unit.net.stage"
local C = stage_of.C

local UPGRADE = "GET /room HTTP/1.1\r\nHost: a.example\r\nUpgrade: websocket\r\n"
  .. "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
  .. "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
local OPEN, CLOSING, CLOSED = 1, 2, 3
local VANISHED = "1006 WebSocket disconnected without sending Close frame. unclean\n"

-- A Close frame of ours.
local function close_frame(code, reason)
  return "\136" .. string.char(2 + #reason, math.floor(code / 256), code % 256) .. reason
end

describe("A WebSocket", function()
  local stage = stage_of.each()

  -- A client with an open WebSocket, number 1; the head of the answer is read.
  local function open(options)
    local ann = stage:client(UPGRADE .. "\r\n")
    stage:turn()
    assert.equal("request 1 GET /room \n", stage:story())
    assert.is_true(stage:upgrade(1, 1, options))
    stage:turn()
    assert.matches("^HTTP/1.1 101 .*s3pPLMBiTxaQ9kYGzzhZRbK%+xOo=.*\r\n\r\n$", ann:read())
    return ann, (options and options.to or stage):websocket(1)
  end

  local function send(websocket, text)
    C.od_websocket_send(websocket, core.slice(text), false)
  end

  local function state(websocket)
    return tonumber(C.od_websocket_ready_state(websocket))
  end

  it("carries messages both ways", function()
    local ann, socket = open()
    ann:send(frames.frame("text", "hello") .. frames.frame("binary", "\1\255"))
    stage:turn()
    assert.equal("text 1 hello\nbinary 1 \1\255\n", stage:story())
    send(socket, "one")
    send(socket, "two")
    assert.equal(10, tonumber(C.od_websocket_buffered_bytes(socket)))
    assert.equal("", ann:read())
    stage:turn()
    assert.equal("\129\3one\129\3two", ann:read())
    assert.equal("http://a.example/room", core.string(C.od_websocket_url(socket)))
  end)

  it("keeps what is sent before it has a connection, behind the answer", function()
    local ann = stage:client(UPGRADE .. "\r\n" .. frames.frame("text", "early bird"))
    stage:turn()
    local socket = stage:new_websocket(1)
    send(socket, "welcome")
    assert.is_true(stage:upgrade(1, 1))
    stage:turn()
    assert.matches("^HTTP/1.1 101 .*\r\n\r\n\129\7welcome$", ann:read())
    assert.equal("request 1 GET /room \ntext 1 early bird\n", stage:story())
  end)

  it("agrees on a subprotocol that was offered, and on no other", function()
    stage:client(UPGRADE .. "Sec-WebSocket-Protocol: chat, game\r\n\r\n")
    stage:turn()
    assert.is_false(stage:upgrade(1, 1, { protocol = "mail" }))
    assert.is_true(stage:upgrade(1, 1, { protocol = "game" }))
    assert.equal("game", core.string(C.od_websocket_protocol(stage:websocket(1))))
  end)

  -- Each of the two is cut at each place; between the pieces the other one is read, and a third.
  it("is read in pieces while others are, and each hears its own", function()
    local clients = {}
    for number = 1, 3 do
      clients[number] = stage:client(UPGRADE .. "\r\n")
      stage:turn()
      assert.is_true(stage:upgrade(number, number))
    end
    stage:turn()
    stage:story()
    local ann, bob, cid = unpack(clients)
    local one = frames.frame("text", "of ", { fin = false }) .. frames.frame("continuation", "ann")
    local two = frames.frame("binary", "of bob's")
    for cut = 1, math.max(#one, #two) - 1 do
      for _, said in ipairs { one, two } do
        (said == one and ann or bob):send(said:sub(1, cut))
        cid:send(frames.frame("text", "whole"))
        stage:turn()
      end
      local heard = stage:story()
      ann:send(one:sub(cut + 1))
      stage:turn()
      bob:send(two:sub(cut + 1))
      stage:turn()
      heard = heard .. stage:story()
      assert.equal(2, select(2, heard:gsub("text 3 whole\n", "")))
      assert.equal(1, select(2, heard:gsub("text 1 of ann\n", "")), cut)
      assert.equal(1, select(2, heard:gsub("binary 2 of bob's\n", "")), cut)
    end
  end)

  it("moves to another worker, in the middle of a frame, and tells the old one nothing", function()
    local other = stage_of.new()
    local hello = frames.frame("text", "hello")
    local ann = stage:client(UPGRADE .. "\r\n" .. hello:sub(1, 4))
    stage:turn()
    stage:story()
    assert.is_true(stage:upgrade(1, 1, { to = other }))
    stage:turn()
    assert.is_true(C.od_net_is_idle(stage:net()))
    ann:send(hello:sub(5))
    other:turn()
    assert.matches("^HTTP/1.1 101 ", ann:read())
    send(other:websocket(1), "from there")
    stage:turn()
    other:turn()
    assert.equal("\129\10from there", ann:read())
    assert.equal("text 1 hello\n", other:story())
    assert.equal("", stage:story())
    other:stop()
  end)

  -- The exchange had read one of them, and stopped reading.
  for _, goes in ipairs { "stays", "moves" } do
    it("that " .. goes .. " hears all that came while the request was handled", function()
      local to = goes == "moves" and stage_of.new() or stage
      local ann = stage:client(UPGRADE .. "\r\n")
      stage:turn()
      for _, text in ipairs { "one", "two", "three" } do
        ann:send(frames.frame("text", text))
        stage:turn()
      end
      ann:send_end()
      stage:turn()
      assert.equal("request 1 GET /room \n", stage:story())
      assert.is_true(stage:upgrade(1, 1, { to = to }))
      for _ = 1, 4 do
        to:turn()
      end
      assert.equal("text 1 one\ntext 1 two\ntext 1 three\nclosed 1 " .. VANISHED, to:story())
      assert.matches("^HTTP/1.1 101 .*\r\n\r\n$", ann:read())
      assert.is_nil(ann:read())
      if goes == "moves" then
        to:stop()
      end
    end)
  end

  it("answers every ping", function()
    local ann = open()
    ann:send(frames.frame("ping", "a") .. frames.frame("ping", "b"))
    stage:turn()
    assert.equal("\138\1a\138\1b", ann:read())
    assert.equal("", stage:story())
  end)

  it("lets the object send after the peer closed, then closes with the same code", function()
    local ann, socket = open()
    ann:send(frames.close(3001, "bye") .. frames.frame("text", "too late"))
    stage:turn()
    assert.equal("closed 1 3001 bye clean\n", stage:story())
    assert.equal(CLOSING, state(socket))
    send(socket, "last words")
    C.od_websocket_finish_close(socket)
    assert.equal(CLOSED, state(socket))
    stage:turn()
    assert.equal("\129\10last words" .. close_frame(3001, ""), ann:read())
    assert.is_nil(ann:read())
  end)

  it("answers a Close without a code by one without", function()
    local ann, socket = open()
    ann:send(frames.close())
    stage:turn()
    assert.equal("closed 1 1005  clean\n", stage:story())
    C.od_websocket_finish_close(socket)
    stage:turn()
    assert.equal("\136\0", ann:read())
  end)

  it("closes once, and hears the peer out until its Close", function()
    local ann, socket = open()
    C.od_websocket_close(socket, 4001, core.slice("enough"))
    C.od_websocket_close(socket, 4002, core.slice("again"))
    send(socket, "dropped")
    assert.equal(CLOSING, state(socket))
    ann:send(frames.frame("text", "on its way"))
    stage:turn()
    assert.equal(close_frame(4001, "enough"), ann:read())
    ann:send(frames.close(4001, "enough"))
    stage:turn()
    assert.equal("text 1 on its way\nclosed 1 4001 enough clean\n", stage:story())
    assert.equal(CLOSED, state(socket))
    assert.is_nil(ann:read())
  end)

  it("does not wait for ever for the peer's Close", function()
    local ann, socket = open()
    C.od_websocket_close(socket, 1000, core.slice(""))
    stage:turn()
    ann:read()
    stage:pass_ms(10001)
    assert.equal("closed 1 " .. VANISHED, stage:story())
    assert.is_nil(ann:read())
    assert.equal(CLOSED, state(socket))
  end)

  it("says once that a peer vanished, with or without a connection", function()
    local ann = open()
    ann:leave()
    stage:turn()
    assert.equal("closed 1 " .. VANISHED, stage:story())
    local early = stage:new_websocket(2)
    C.od_websocket_vanish(early)
    C.od_websocket_vanish(early)
    assert.equal("closed 2 " .. VANISHED, stage:story())
  end)

  it("says nothing more when a peer that closed vanishes", function()
    local ann, socket = open()
    ann:send(frames.close(1000, ""))
    stage:turn()
    ann:leave()
    stage:turn()
    assert.equal("closed 1 1000  clean\n", stage:story())
    assert.equal(CLOSED, state(socket))
    C.od_websocket_finish_close(socket)
  end)

  it("tells a peer that breaks the protocol why, and ends", function()
    local ann, socket = open()
    ann:send(frames.frame("text", "\255"))
    stage:turn()
    assert.matches("^failed 1 %S", stage:story())
    assert.equal(CLOSED, state(socket))
    assert.matches("^\136.\3\239", ann:read()) -- 1007
    assert.is_nil(ann:read())
  end)

  it("refuses a message that is too large", function()
    stage:limits().message_bytes_max = 10
    local ann = open()
    ann:send(frames.frame("text", ("x"):rep(11)))
    stage:turn()
    assert.matches("^failed 1 ", stage:story())
    assert.matches("^\136.\3\241", ann:read()) -- 1009
  end)

  it("gives up a reader whose queue is too long, and lets it read that far", function()
    stage:limits().socket_send_queue_bytes_max = 100000
    local ann, socket = open()
    for _ = 1, 100 do
      send(socket, ("x"):rep(10000))
    end
    assert.equal("closed 1 1013 The reader is too slow unclean\n", stage:story())
    assert.equal(CLOSED, state(socket))
    local read = ""
    for _ = 1, 100 do
      stage:turn(1)
      read = read .. (ann:read() or "")
    end
    assert.equal(close_frame(1013, "The reader is too slow"), read:sub(-26))
    assert.equal(0, (#read - 26) % 10004)
  end)

  it("does not mind a queue that is long for one turn, when the peer reads", function()
    stage:limits().socket_send_queue_bytes_max = 1000
    local _, socket = open()
    for _ = 1, 10 do
      send(socket, ("x"):rep(1000))
    end
    assert.equal("", stage:story())
    assert.equal(OPEN, state(socket))
  end)

  it("does not read while it is paused", function()
    local ann, socket = open()
    C.od_websocket_pause(socket)
    ann:send(frames.frame("text", "patience"))
    stage:turn(3)
    assert.equal("", stage:story())
    C.od_websocket_resume(socket)
    stage:turn(3)
    assert.equal("text 1 patience\n", stage:story())
  end)

  it("ends for the client although the keeper holds a duplicate", function()
    local ann, socket = open()
    local kept = C.od_websocket_duplicate_fd(socket)
    C.od_websocket_abort(socket)
    stage:turn()
    assert.is_nil(ann:read())
    assert.equal("", stage:story())
    core.ffi.C.close(kept)
  end)

  it("may be aborted before it has a connection, which is then cut", function()
    local ann = stage:client(UPGRADE .. "\r\n")
    stage:turn()
    C.od_websocket_abort(stage:new_websocket(1))
    assert.is_true(stage:upgrade(1, 1))
    stage:turn()
    assert.is_nil(ann:read())
  end)
end)
