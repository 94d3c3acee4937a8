-- RFC 6455, as strictly as the Autobahn test suite asks. A case says what the client sends and what
-- it must get back; the names begin with the numbers of the suite.
local Server = require "spec.support.server"
local websocket = require "spec.support.websocket"

local OPCODES = { text = 1, binary = 2, close = 8, ping = 9, pong = 10 }

-- What makes frames: (payload, fin).
local function frame_of(opcode)
  return function(payload, fin)
    return { opcode = opcode, payload = payload, fin = fin }
  end
end

local text, binary, more = frame_of "text", frame_of "binary", frame_of "continuation"
local ping, pong = frame_of "ping", frame_of "pong"

local function close(code, reason)
  local payload = code and string.char(math.floor(code / 256), code % 256) .. (reason or "") or ""
  return { opcode = "close", payload = payload }
end

local function with_bits(frame, rsv)
  frame.rsv = rsv
  return frame
end

local cases = {}

-- `case` = { frames to send, frames that come back, then = code of the close that comes, chop =
-- bytes a write }. Without `then` the connection must live on, and is closed by the client.
local function case(name, parts)
  cases[#cases + 1] = { name = name, send = parts[1], expect = parts[2] or {},
    code = parts.code, chop = parts.chop }
end

for i, size in ipairs { 0, 125, 126, 127, 128, 65535, 65536 } do
  case(("1.1.%d a text of %d bytes"):format(i, size), { { text(("*"):rep(size)) },
    { text(("*"):rep(size)) } })
  case(("1.2.%d a binary of %d bytes"):format(i, size), { { binary(("\254"):rep(size)) },
    { binary(("\254"):rep(size)) } })
end
case("1.1.8 a text in pieces of 997 bytes", { { text(("*"):rep(65536)) },
  { text(("*"):rep(65536)) }, chop = 997 })
case("1.2.8 a binary in pieces of 997 bytes", { { binary(("\254"):rep(65536)) },
  { binary(("\254"):rep(65536)) }, chop = 997 })

local LONGEST = ("\254"):rep(125)
case("2.1 a ping without payload", { { ping("") }, { pong("") } })
case("2.2 a ping", { { ping("Hello, world!") }, { pong("Hello, world!") } })
case("2.3 a ping of bytes", { { ping("\0\255\254\253\252\251\0\255") },
  { pong("\0\255\254\253\252\251\0\255") } })
case("2.4 a ping of 125 bytes", { { ping(LONGEST) }, { pong(LONGEST) } })
case("2.5 a ping of 126 bytes", { { ping(LONGEST .. "x") }, code = 1002 })
case("2.6 a ping of 125 bytes, byte by byte", { { ping(LONGEST) }, { pong(LONGEST) }, chop = 1 })
case("2.7 a pong nobody asked for", { { pong("") }, {} })
case("2.8 a pong nobody asked for, with payload", { { pong("unsolicited") }, {} })
case("2.9 such a pong, then a ping", { { pong("unsolicited"), ping("asked") }, { pong("asked") } })
local pings, pongs = {}, {}
for i = 1, 10 do
  pings[i], pongs[i] = ping("payload-" .. i), pong("payload-" .. i)
end
case("2.10 ten pings", { pings, pongs })
case("2.11 ten pings, byte by byte", { pings, pongs, chop = 1 })

for rsv = 1, 7 do
  case(("3.%d reserved bits %d of a text"):format(rsv, rsv), {
    { text("first"), with_bits(text("second"), rsv), ping("") }, { text("first") }, code = 1002 })
  case(("3.%d reserved bits %d of a ping, byte by byte"):format(rsv, rsv), {
    { text("first"), with_bits(ping("second"), rsv) }, { text("first") }, code = 1002, chop = 1 })
  case(("3.%d reserved bits %d of a close"):format(rsv, rsv), {
    { with_bits(close(1000), rsv) }, code = 1002 })
end

for _, opcode in ipairs { 3, 4, 5, 6, 7, 11, 12, 13, 14, 15 } do
  case(("4 opcode %d"):format(opcode), { { { opcode = opcode, payload = "" } }, code = 1002 })
  case(("4 opcode %d with payload, after a text, byte by byte"):format(opcode), {
    { text("Hello"), { opcode = opcode, payload = "x" }, ping("") }, { text("Hello") },
    code = 1002, chop = 1 })
end

case("5.1 a ping in two fragments", { { ping("a", false), more("b") }, code = 1002 })
case("5.2 a pong in two fragments", { { pong("a", false), more("b") }, code = 1002 })
for chop_name, chop in pairs { whole = false, ["byte by byte"] = 1 } do
  chop = chop or nil
  case("5.3 a text in two fragments, " .. chop_name, { { text("frag1", false), more("frag2") },
    { text("frag1frag2") }, chop = chop })
  case("5.6 a ping between fragments, " .. chop_name, {
    { text("frag1", false), ping("ping"), more("frag2") }, { pong("ping"), text("frag1frag2") },
    chop = chop })
  case("5.19 pings between five fragments, " .. chop_name, {
    { text("1", false), more("2", false), ping("a"), more("3", false), more("4", false), ping("b"),
      more("5") }, { pong("a"), pong("b"), text("12345") }, chop = chop })
end
for _, fin in ipairs { true, false } do
  case(("5.9 a continuation of nothing, fin %s"):format(tostring(fin)), {
    { more("x", fin), text("y") }, code = 1002 })
  case(("5.12 a continuation after a whole message, fin %s"):format(tostring(fin)), {
    { text("x"), more("y", fin) }, { text("x") }, code = 1002 })
end
case("5.15 a continuation after the last fragment", {
  { text("1", false), more("2"), more("3", false), text("4") }, { text("12") }, code = 1002 })
case("5.18 a text inside a text", { { text("1", false), text("2") }, code = 1002 })
case("5.18 a binary inside a text", { { text("1", false), binary("2", false) }, code = 1002 })
case("6.1.1 a text of nothing", { { text("") }, { text("") } })
case("6.1.2 three fragments of nothing", { { text("", false), more("", false), more("") },
  { text("") } })
case("6.1.3 a fragment between two of nothing", { { text("", false), more("x", false), more("") },
  { text("x") } })

local valid = {
  "Hello-µ@ßöäüàá-UTF-8!!", "κόσμε", "\0", "\194\128", "\224\160\128", "\240\144\128\128", "\127",
  "\223\191", "\239\191\191", "\244\143\191\191", "\237\159\191", "\238\128\128", "\239\191\189",
  "\239\191\190", "\239\187\191", "\240\159\191\191", "\243\176\128\128", "日本語", "🍣🍺",
}
for i, sample in ipairs(valid) do
  case(("6.2 valid UTF-8 (%d), byte by byte"):format(i), { { text(sample) }, { text(sample) },
    chop = 1 })
  local fragments = {}
  for j = 1, #sample do
    fragments[j] = (j == 1 and text or more)(sample:sub(j, j), j == #sample)
  end
  case(("6.2 valid UTF-8 (%d), a fragment a byte"):format(i), { fragments, { text(sample) } })
end

local invalid = {
  "\206\186\225\189\185\207\131\206\188\206\181\237\160\128edited", "\248\136\128\128\128",
  "\252\132\128\128\128\128", "\244\144\128\128", "\247\191\191\191", "\251\191\191\191\191",
  "\253\191\191\191\191\191", "\128", "\191", "\128\191", "\128\191\128", "\192 \193 \194 ",
  "\224 \225 ", "\240 ", "\192", "\224\128", "\240\128\128", "\192\175", "\224\128\175",
  "\240\128\128\175", "\193\191", "\224\159\191", "\240\143\191\191", "\192\128", "\224\128\128",
  "\237\160\128", "\237\173\191", "\237\174\128", "\237\190\128", "\237\191\191",
  "\237\160\128\237\176\128", "\254", "\255", "\254\254\255\255", "\245\128\128\128",
}
for i, sample in ipairs(invalid) do
  case(("6.3 invalid UTF-8 (%d)"):format(i), { { text(sample) }, code = 1007 })
  case(("6.3 invalid UTF-8 (%d), byte by byte"):format(i), { { text("ok " .. sample .. " x") },
    code = 1007, chop = 1 })
  case(("6.3 invalid UTF-8 (%d) in a message that has not ended"):format(i), {
    { text("ok", false), more(sample .. "x", false) }, code = 1007 })
end
case("6.4 invalid UTF-8 in a frame that has not ended", {
  { { raw = websocket.encode(text("\255" .. ("x"):rep(1000))):sub(1, 20) } }, code = 1007 })
case("6.4 half a character at the end of a message", { { text("\206\186\225\189") }, code = 1007 })

case("7.1.1 a message, then a close", { { text("Hello"), close(1000) }, { text("Hello") },
  code = 1000 })
case("7.1.2 two closes", { { close(1000), close(1000) }, code = 1000 })
case("7.1.3 a ping after the close", { { close(1000), ping("x") }, code = 1000 })
case("7.1.4 a text after the close", { { close(1000), text("x") }, code = 1000 })
case("7.1.5 a close inside a message", { { text("1", false), close(1000), more("2") },
  code = 1000 })
case("7.1.6 a long message, a close, a ping", {
  { text(("B"):rep(256 * 1024)), close(1000), ping("x") }, { text(("B"):rep(256 * 1024)) },
  code = 1000 })
case("7.3.1 a close without payload", { { close() }, code = 1005 })
case("7.3.2 a close of one byte", { { { opcode = "close", payload = "a" } }, code = 1002 })
case("7.3.3 a close with a code", { { close(1000) }, code = 1000 })
case("7.3.4 a close with a reason", { { close(1000, "Hello World!") }, code = 1000 })
case("7.3.5 a close with a reason of 123 bytes", { { close(1000, ("*"):rep(123)) }, code = 1000 })
case("7.3.6 a close of 126 bytes", { { close(1000, ("*"):rep(124)) }, code = 1002 })
case("7.5.1 a reason that is no UTF-8", { { close(1000, "\206\186\225\189\185\237\160\128") },
  code = 1007 })
for _, code in ipairs { 1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 3000, 3999, 4000,
  4999 } do
  case(("7.7 the close code %d"):format(code), { { close(code) }, code = code })
end
for _, code in ipairs { 0, 999, 1004, 1005, 1006, 1016, 1100, 2000, 2999, 5000, 65535 } do
  case(("7.9 the close code %d"):format(code), { { close(code) }, code = 1002 })
end

local MEGABYTE = 1024 * 1024
for _, size in ipairs { 64, 256, 1024, 4096, 8192, 16384 } do
  local payload = ("*"):rep(size * 1024)
  case(("9.1 a text of %d KiB"):format(size), { { text(payload) }, { text(payload) } })
  case(("9.2 a binary of %d KiB"):format(size), { { binary(payload) }, { binary(payload) } })
end
for _, size in ipairs { 64, 256, 1024, 4096, 65536, MEGABYTE, 4 * MEGABYTE } do
  local total, fragments, piece = math.min(4 * MEGABYTE, size * 4096), {}, ("*"):rep(size)
  for i = 1, total / size do
    fragments[i] = (i == 1 and binary or more)(piece, i == total / size)
  end
  case(("9.4 a binary of %d bytes in fragments of %d"):format(total, size), { fragments,
    { binary(("*"):rep(total)) } })
end
for _, chop in ipairs { 64, 512, 2048 } do
  case(("9.5 a text of 1 MiB in writes of %d"):format(chop), { { text(("*"):rep(MEGABYTE)) },
    { text(("*"):rep(MEGABYTE)) }, chop = chop })
end
case("10.1.1 a text of 65536 bytes in fragments of 1300", { (function()
  local fragments, payload = {}, ("*"):rep(65536)
  for at = 1, #payload, 1300 do
    fragments[#fragments + 1] = (at == 1 and text or more)(payload:sub(at, at + 1299),
      at + 1300 > #payload)
  end
  return fragments
end)(), { text(("*"):rep(65536)) } })

-- What the RFC asks beyond the suite.
case("an unmasked text (5.1)", { { { opcode = "text", payload = "x", masked = false } },
  code = 1002 })
case("an unmasked ping (5.1)", { { { opcode = "ping", payload = "", masked = false } },
  code = 1002 })
case("a length of 16 bits that needs 7 (5.2)", { { { raw = "\129\254\0\1\0\0\0\0x" } },
  code = 1002 })
case("a length of 64 bits that needs 16 (5.2)", {
  { { raw = "\129\255\0\0\0\0\0\0\1\0\0\0\0\0" } }, code = 1002 })
case("a length with its highest bit set (5.2)", {
  { { raw = "\129\255\128\0\0\0\0\0\0\1\0\0\0\0" } }, code = 1002 })
case("a length over the limit", {
  { { raw = "\129\255\0\0\0\0\2\0\0\1\0\0\0\0" } }, code = 1009 })
case("a text over the limit in fragments", { { binary(("x"):rep(31 * MEGABYTE), false),
  more(("x"):rep(2 * MEGABYTE)) }, code = 1009 })

describe("a WebSocket, by the letter:", function()
  local server = Server.once { script = "spec/conformance/echo.lua", workers = 2 }

  local function send(client, each)
    local bytes = {}
    for i, frame in ipairs(each.send) do
      bytes[i] = frame.raw or websocket.encode(frame)
    end
    bytes = table.concat(bytes)
    for at = 1, #bytes, each.chop or #bytes do
      -- It may be closed in the middle, rightly: what comes back tells.
      if not client.tcp:send(bytes, at, math.min(at + (each.chop or #bytes) - 1, #bytes)) then
        break
      end
    end
  end

  -- What comes before a mistake is told to the object, but its answer may be too late: the suite
  -- calls that NON-STRICT and lets it pass. Returns the code of a close that came instead.
  local function expect(client, expected, code)
    local frame, why = client:read_frame()
    assert(frame, "expected a frame, but: " .. tostring(why))
    if code and frame.opcode == OPCODES.close then
      return frame.payload:byte(1) * 256 + frame.payload:byte(2)
    end
    assert.equal(OPCODES[expected.opcode], frame.opcode)
    assert.is_true(frame.fin)
    assert.equal(0, frame.rsv)
    assert(expected.payload == frame.payload, "another payload came back")
  end

  for _, each in ipairs(cases) do
    it(each.name, function()
      local client = server:connect("/echo/" .. #each.name % 7)
      send(client, each)
      local is_mistake = each.code == 1002 or each.code == 1007
      for _, expected in ipairs(each.expect) do
        local code = expect(client, expected, is_mistake)
        if code then
          assert.equal(each.code, code)
          client:cut()
          return
        end
      end
      if not each.code then
        client:expect_silence()
        client:close(1000)
      end
      client.has_closed = true -- Whatever the client has to say was sent.
      local code = client:expect_close()
      assert.equal(each.code or 1000, code)
    end)
  end

  for i, size in ipairs { 0, 16, 64, 256, 1024, 4096 } do
    for kind, group in pairs { text = "9.7", binary = "9.8" } do
      local name = ("%s.%d 1000 messages of %d bytes, %s, one by one"):format(group, i, size, kind)
      it(name, function()
        local client, payload = server:connect("/echo/many"), ("*"):rep(size)
        for _ = 1, 1000 do
          client:send(payload, kind == "binary")
          client:expect(payload)
        end
        client:close(1000)
        client:expect_close(1000)
      end)
    end
  end

  it("5000 messages at once come back in order", function()
    local client, frames = server:connect("/echo/many"), {}
    for i = 1, 5000 do
      frames[i] = websocket.encode(text("message " .. i))
    end
    client:write(table.concat(frames))
    for i = 1, 5000 do
      client:expect("message " .. i)
    end
    client:close(1000)
    client:expect_close(1000)
  end)
end)
