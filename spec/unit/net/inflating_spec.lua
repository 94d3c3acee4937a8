-- Compressed messages that become large: they are inflated in pieces, in a line with others, and
-- neither a socket in the line nor one beside it waits for one of them to be whole.
local frames = require "spec.unit.codec.client_frames"
local stage_of = require "spec.unit.net.stage"
local zlib = require "spec.support.zlib"
local C = stage_of.C

local UPGRADE = "GET / HTTP/1.1\r\nHost: a.example\r\nUpgrade: websocket\r\n"
  .. "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
  .. "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
  .. "Sec-WebSocket-Extensions: permessage-deflate\r\n\r\n"
local MEGABYTE = 1024 * 1024

describe("A message that becomes large", function()
  local stage = stage_of.each()
  local count

  before_each(function()
    count = 0
  end)

  -- A client whose WebSocket has the next number, from 1 on.
  local function open()
    local client = stage:client(UPGRADE)
    stage:turn()
    count = count + 1
    assert.is_true(stage:upgrade(count, count))
    stage:turn()
    client:read()
    stage:story()
    return client
  end

  local function compressed(name, size)
    local payload = zlib.deflate(name .. ("x"):rep(size - #name))
    return frames.frame("text", payload, { rsv = 4 })
  end

  -- Turns until [count_max] have passed or [text] was told; the names told and the turns it took.
  local function turn_until(text, count_max)
    local told = {}
    for turn = 1, count_max do
      stage:turn(1)
      for name in stage:story():gmatch("(%a+ %d+ [^x\n]*)[^\n]*\n") do
        told[#told + 1] = name
        if name == text then
          return told, turn
        end
      end
    end
    local found = table.concat(told, "; ")
    error(("%s was not told in %d turns, but: %s"):format(text, count_max, found))
  end

  it("takes many turns, and those without one wait for none of them", function()
    local mallory, ann = open(), open()
    mallory:send(compressed("bomb", 4 * MEGABYTE))
    stage:turn(3)
    for i = 1, 5 do
      ann:send(frames.frame("text", "hello " .. i))
      assert.same({ "text 2 hello " .. i }, (turn_until("text 2 hello " .. i, 2)))
    end
    local _, turns = turn_until("text 1 bomb", 100)
    assert.is_true(turns > 20, turns .. " turns")
  end)

  it("lets a small one of another socket pass, for all in the line go on in turns", function()
    local bombers = { open(), open(), open() }
    local ann = open()
    for _, bomber in ipairs(bombers) do
      bomber:send(compressed("bomb", 4 * MEGABYTE))
    end
    stage:turn(3)
    ann:send(compressed("hello", 200000))
    local told, turns = turn_until("text 4 hello", 20)
    assert.same({ "text 4 hello" }, told)
    assert.is_true(turns < 15, turns .. " turns")
    assert.same({ "text 1 bomb", "text 2 bomb", "text 3 bomb" }, (turn_until("text 3 bomb", 200)))
  end)

  it("is told before what its socket sent behind it", function()
    local mallory = open()
    mallory:send(compressed("first", MEGABYTE) .. frames.frame("text", "second ")
      .. compressed("third", MEGABYTE) .. frames.frame("text", "fourth "))
    assert.same({ "text 1 first", "text 1 second ", "text 1 third", "text 1 fourth " },
      (turn_until("text 1 fourth ", 100)))
  end)

  it("is made whole before others go on, when much is on its way already", function()
    local bomb, most = compressed("bomb", 30 * MEGABYTE), 0
    for _ = 1, 5 do
      open():send(bomb)
    end
    local told, left = {}, 5
    for _ = 1, 3000 do
      stage:turn(1)
      most = math.max(most, stage:inflating_bytes())
      for number in stage:story():gmatch("text (%d) bomb") do
        told[#told + 1] = number
        left = left - 1
      end
      if left == 0 then
        break
      end
    end
    assert.equal(5, #told)
    assert.is_true(most > 60 * MEGABYTE and most <= 96 * MEGABYTE, most / MEGABYTE .. " MiB")
    assert.equal(0, stage:inflating_bytes())
  end)

  it("may be the last of a peer that leaves meanwhile", function()
    local mallory = open()
    mallory:send(compressed("bomb", 2 * MEGABYTE))
    stage:turn(3)
    mallory:leave()
    local told = turn_until("text 1 bomb", 100)
    assert.same({ "text 1 bomb" }, told)
    stage:turn(3)
    assert.matches("^closed 1 1006 ", stage:story())
  end)

  it("is forgotten with its socket", function()
    local mallory = open()
    mallory:send(compressed("bomb", 2 * MEGABYTE) .. frames.frame("text", "more"))
    stage:turn(3)
    assert.is_true(stage:inflating_bytes() > 0)
    stage:free_websocket(1)
    stage:turn(50)
    assert.equal("", stage:story())
    assert.equal(0, stage:inflating_bytes())
    assert.is_nil(mallory:read())
  end)

  it("waits while its socket is paused", function()
    local mallory = open()
    mallory:send(compressed("bomb", 2 * MEGABYTE))
    stage:turn(3)
    C.od_websocket_pause(stage:websocket(1))
    stage:turn(50)
    assert.equal("", stage:story())
    C.od_websocket_resume(stage:websocket(1))
    assert.same({ "text 1 bomb" }, (turn_until("text 1 bomb", 50)))
  end)

  it("is refused at its first byte that is no text, not at its end", function()
    local mallory = open()
    local payload = zlib.deflate(("x"):rep(MEGABYTE) .. "\255" .. ("x"):rep(20 * MEGABYTE))
    mallory:send(frames.frame("text", payload, { rsv = 4 }))
    assert.same({ "failed 1 Te" }, (turn_until("failed 1 Te", 40)))
    assert.matches("^\136.\3\239Text is not valid UTF%-8$", mallory:read())
  end)

  it("is refused when it is larger than the limit, or damaged behind a good beginning", function()
    local mallory, oscar = open(), open()
    mallory:send(compressed("bomb", 32 * MEGABYTE + 1))
    local payload = zlib.deflate(("x"):rep(MEGABYTE)) .. "\6\6\6"
    oscar:send(frames.frame("text", payload, { rsv = 4 }))
    turn_until("failed 1 Message is too large", 1000)
    assert.matches("^\136.\3\241Message is too large$", mallory:read())
    assert.matches("^\136.\3\239Compressed data is corrupt$", oscar:read())
    assert.equal(0, stage:inflating_bytes())
  end)
end)
