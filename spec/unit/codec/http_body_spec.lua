local core = require "spec.support.core"
local pieces = require "spec.unit.codec.pieces"
local C = core.load("codec/http_body.h")
local ffi = core.ffi

-- What a server with [limit] makes of [text] behind a head with [length] ("chunked" or a number):
-- the body and how many bytes it took, or "400 why", or "more".
local function decode(length, text, limit)
  local head = ffi.new("struct od_http_head")
  head.is_chunked = length == "chunked"
  head.content_length = length == "chunked" and 0 or length
  return pieces.same_in_all(text, function(parts)
    local body, out = ffi.new("struct od_http_body"), ffi.new("struct od_bytes")
    local consumed, taken, outcome = ffi.new("size_t[1]"), 0, nil
    C.od_http_body_init(body, head, limit or 1000000)
    for _, part in ipairs(parts) do
      pieces.with_copy(part, function(at, size)
        outcome = C.od_http_body_decode(body, ffi.new("od_slice", at, size), consumed, out)
        taken = taken + tonumber(consumed[0])
        assert.is_true(outcome ~= C.OD_HTTP_MORE or tonumber(consumed[0]) == size)
      end)
      if outcome ~= C.OD_HTTP_MORE then
        break
      end
    end
    local decoded = core.string(out)
    C.od_bytes_deinit(out)
    if outcome == C.OD_HTTP_BAD then
      return body.fault.status .. " " .. ffi.string(body.fault.text)
    end
    return outcome == C.OD_HTTP_DONE and { decoded, taken } or "more"
  end)
end

-- [result] is a refusal with [status]; [what] was said.
local function refused(status, result, what)
  assert.equal(status, tostring(result):sub(1, 3), what)
end

describe("a body with Content-Length", function()
  it("is whole after so many bytes, and takes no byte of what follows", function()
    assert.same({ "hello", 5 }, decode(5, "helloGET / HTTP/1.1"))
    assert.same({ "", 0 }, decode(0, "GET / HTTP/1.1"))
    assert.equal("more", decode(5, "hell"))
  end)

  it("of any bytes and of many", function()
    local blob = ("\0\r\n\255"):rep(50000)
    assert.same({ blob, #blob }, decode(#blob, blob .. "x"))
  end)

  it("is refused before it is read when it is too large", function()
    assert.same({ "12345", 5 }, decode(5, "12345", 5))
    assert.equal("413 the request body is too large", decode(6, "1", 5))
    assert.equal("413 the request body is too large", decode(6, "", 5))
    assert.equal("413 the request body is too large", decode(999999999999999999, "x", 5))
    assert.same({ "", 0 }, decode(0, "", 0))
  end)
end)

describe("a body in chunks", function()
  it("is put together, and takes no byte of what follows", function()
    local text = "4\r\nWiki\r\n5\r\npedia\r\n0\r\n\r\n"
    assert.same({ "Wikipedia", #text }, decode("chunked", text .. "GET / HTTP/1.1\r\n"))
    assert.same({ "", 5 }, decode("chunked", "0\r\n\r\n"))
    for size = 0, #text - 1 do
      assert.equal("more", decode("chunked", text:sub(1, size)))
    end
  end)

  it("has sizes in hexadecimal, of either case, with zeros in front", function()
    local chunk = ("x"):rep(0xaf)
    assert.equal(chunk .. chunk,
      decode("chunked", "aF\r\n" .. chunk .. "\r\n00000000000000Af\r\n" .. chunk
        .. "\r\n000\r\n\r\n")[1])
  end)

  it("is refused with a size that is no such number", function()
    for _, size in ipairs({ "", "g", "-1", "+1", " 1", "1 ", "0x1", "1g", "1 a", ";a", "1,2",
      "00000000000000001", "10000000000000000" }) do
      refused("400", decode("chunked", size .. "\r\nx\r\n0\r\n\r\n"), size)
    end
  end)

  it("is refused when a line does not end with CR LF", function()
    for _, text in ipairs({ "1\nx\r\n0\r\n\r\n", "1\rx\r\n", "1\r\nx\n0\r\n\r\n", "1\r\nx0\r\n\r\n",
      "1\r\nxx\r\n", "1\r\nxy\n0\r\n\r\n", "1\r\nx\r0\r\n", "0\n\r\n", "0\r\n\n", "0\r\n\rx",
      "0\r\nA: b\n\r\n", "0\r\nA: b\r\r\n" }) do
      refused("400", decode("chunked", text), text)
    end
  end)

  it("may have extensions, which are passed over within a bound", function()
    assert.same("x", decode("chunked", "1;a=b;c=\"d\"\r\nx\r\n0;last\r\n\r\n")[1])
    assert.same("x", decode("chunked", "1;" .. ("e"):rep(253) .. "\r\nx\r\n0\r\n\r\n")[1])
    refused("400", decode("chunked", "1;" .. ("e"):rep(254) .. "\r\nx\r\n0\r\n\r\n"))
    refused("400", decode("chunked", "1;a\0\r\nx\r\n0\r\n\r\n"))
    refused("400", decode("chunked", "1;a\nx\r\n0\r\n\r\n"))
  end)

  it("may have blanks before an extension, and nowhere else in the line", function()
    assert.same("abc", decode("chunked", "3 ;a=b\r\nabc\r\n0\r\n\r\n")[1])
    assert.same("abc", decode("chunked", "3 \t ; a = b\r\nabc\r\n0\t;\r\n\r\n")[1])
    for _, line in ipairs({ " 3", "3 ", "3 4", "3 a=b", " ;a", "3\0;a",
      "3" .. (" "):rep(300) .. ";" }) do
      refused("400", decode("chunked", line .. "\r\nabc\r\n0\r\n\r\n"), line)
    end
  end)

  it("has a name and a colon in each trailer", function()
    for _, line in ipairs({ "nonsense", "a b: c", "a : b", " a: b", ": b", "a", "A: b\r\nnonsense",
      "A: b\r\n folded" }) do
      refused("400", decode("chunked", "0\r\n" .. line .. "\r\n\r\n"), line)
    end
    assert.same("", decode("chunked", "0\r\nA:\r\nb:c: d\r\n\r\n")[1])
  end)

  it("may have trailers, which are passed over within a bound", function()
    local text = "1\r\nx\r\n0\r\nA: b\r\nContent-Length: 99\r\n\r\n"
    assert.same({ "x", #text }, decode("chunked", text .. "next"))
    refused("431", decode("chunked", "0\r\nA: " .. ("b"):rep(4100)))
    refused("431", decode("chunked", "0\r\n" .. ("A: b\r\n"):rep(1000)))
    refused("400", decode("chunked", "0\r\nA: \0\r\n\r\n"))
  end)

  it("is refused before a chunk is read with which it is too large", function()
    assert.equal("12345", decode("chunked", "3\r\n123\r\n2\r\n45\r\n0\r\n\r\n", 5)[1])
    refused("413", decode("chunked", "3\r\n123\r\n3\r\n", 5))
    refused("413", decode("chunked", "ffffffffffffffff\r\n", 5))
    refused("413", decode("chunked", "1\r\nx\r\nffffffffffffffff\r\n", 5))
    refused("413", decode("chunked", "1\r\n", 0))
  end)
end)

describe("any bytes at all", function()
  it("give one result in any pieces", function()
    local parts = { "1\r\nx\r\n", "0\r\n", "\r\n", "5\r\nhello\r\n", "\n", "\r", "A: b\r\n", ";e",
      "f", "\0" }
    for seed = 1, 300 do
      math.randomseed(seed)
      local text = {}
      for i = 1, math.random(1, 8) do
        text[i] = parts[math.random(#parts)]
      end
      decode("chunked", table.concat(text), 8)
    end
  end)
end)
