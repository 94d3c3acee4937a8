local core = require "spec.support.core"
local C = core.load("codec/http_answer.h")
local ffi = core.ffi

local NOON = 784111777000 -- Sun, 06 Nov 1994 08:49:37 GMT, the example of RFC 9110.
local DATE = "Date: Sun, 06 Nov 1994 08:49:37 GMT\r\n"

-- A response as an object gives it: a status, a list of { name, value } and a body.
local function with_response(status, headers, body, use)
  local bytes, response = ffi.new("struct od_bytes"), ffi.new("struct od_response")
  local mark = C.od_response_begin(bytes, status)
  for _, header in ipairs(headers) do
    C.od_headers_put(bytes, core.slice(header[1]), core.slice(header[2]))
  end
  C.od_response_end(bytes, mark, #headers, core.slice(body))
  assert.is_true(C.od_response_read(C.od_bytes_slice(bytes), response))
  local result = use(response)
  C.od_bytes_deinit(bytes)
  return result
end

-- The bytes on the wire, or nil and why not; what was in the buffer before stays there in any case.
local function answer(status, headers, body, manner)
  local out, err = ffi.new("struct od_bytes"), ffi.new("struct od_error")
  C.od_bytes_put_slice(out, core.slice("before|"))
  local ok = with_response(status, headers, body, function(response)
    return C.od_http_answer_put(out, response, ffi.new("struct od_http_manner",
      manner or { keeps_alive = true, version_minor = 1 }), NOON, err)
  end)
  local text = core.string(out)
  C.od_bytes_deinit(out)
  assert.equal("before|", text:sub(1, 7))
  if ok then
    return text:sub(8)
  end
  assert.equal("before|", text)
  return nil, ffi.string(err.text)
end

describe("an object answers", function()
  it("with status, headers and a body whose length we count", function()
    assert.equal("HTTP/1.1 200 OK\r\n" .. DATE .. "content-type: text/plain\r\nx: \r\n"
      .. "Content-Length: 5\r\n\r\nhello",
      answer(200, { { "content-type", "text/plain" }, { "x", "" } }, "hello"))
  end)

  it("with an empty body, whose length is said too", function()
    assert.equal("HTTP/1.1 404 Not Found\r\n" .. DATE .. "Content-Length: 0\r\n\r\n",
      answer(404, {}, ""))
  end)

  it("with a status that has no name", function()
    assert.equal("HTTP/1.1 299 \r\n", answer(299, {}, ""):match("^.-\r\n"))
  end)

  it("with several cookies, in one header each", function()
    assert.matches("set%-cookie: a=1; Path=/\r\nset%-cookie: b=2\r\n",
      answer(200, { { "set-cookie", "a=1; Path=/" }, { "set-cookie", "b=2" } }, ""))
  end)

  it("and cannot say how long the body is, or when the connection ends", function()
    local text = answer(200, { { "content-length", "99" }, { "Content-Length", "98" },
      { "transfer-encoding", "chunked" }, { "connection", "upgrade" }, { "keep-alive", "x" },
      { "proxy-connection", "x" }, { "upgrade", "h2c" }, { "trailer", "x" }, { "date", "never" },
      { "x-kept", "y" } }, "abc")
    assert.equal("HTTP/1.1 200 OK\r\n" .. DATE .. "x-kept: y\r\nContent-Length: 3\r\n\r\nabc", text)
  end)

  it("and tells who needs another protocol which one is spoken, and proxies to keep out", function()
    local text = answer(426, { { "upgrade", "h2c" } }, "abc")
    assert.equal("HTTP/1.1 426 Upgrade Required\r\n" .. DATE ..
      "Upgrade: websocket\r\nConnection: Upgrade\r\nContent-Length: 3\r\n\r\nabc", text)
  end)

  it("without a body where there is none", function()
    for _, status in ipairs({ 204, 304 }) do
      local text = answer(status, {}, "ignored")
      assert.is_nil(text:find("Content-Length", 1, true))
      assert.equal("\r\n\r\n", text:sub(-4))
    end
    assert.matches("Content%-Length: 0\r\n\r\n$", (answer(205, {}, "ignored")))
  end)

  it("HEAD with the length alone", function()
    local text = answer(200, {}, "hello", { is_head = true, keeps_alive = true, version_minor = 1 })
    assert.matches("Content%-Length: 5\r\n\r\n$", text)
  end)

  it("and the client knows whether the connection stays", function()
    assert.matches("\r\nConnection: close\r\n", answer(200, {}, "", { version_minor = 1 }))
    assert.matches("\r\nConnection: close\r\n", answer(200, {}, "", { version_minor = 0 }))
    assert.matches("\r\nConnection: keep%-alive\r\n", answer(200, {}, "", { keeps_alive = true }))
    assert.is_nil(answer(200, {}, ""):find("Connection", 1, true))
  end)
end)

describe("a response that cannot be sent", function()
  it("has a status that is none, and is not sent in part", function()
    for _, status in ipairs({ 0, 99, 100, 101, 199, 600, 999, 65535 }) do
      local text, why = answer(status, {}, "")
      assert.is_nil(text)
      assert.matches("a response cannot have the status " .. status, why)
    end
  end)

  it("has a name that is no token", function()
    for _, name in ipairs({ "", "a b", "a:", "a\r\nb", "a\0", "caf\195\169", " a" }) do
      local text, why = answer(200, { { "ok", "ok" }, { name, "v" } }, "body")
      assert.is_nil(text)
      assert.matches("^a response header cannot be named ", why)
    end
  end)

  it("has a value that would be more than one line", function()
    for _, value in ipairs({ "a\r\nSet-Cookie: x=y", "a\n", "a\r", "a\0b", "\27[0m", "\127" }) do
      local text, why = answer(200, { { "location", value } }, "body")
      assert.is_nil(text)
      assert.matches('^the response header "location" has a line end', why)
      assert.is_nil((answer(200, { { "content-length", value } }, ""))) -- Also one that is dropped.
    end
  end)
end)

describe("the server itself answers", function()
  local function fault(status, text, manner)
    local out = ffi.new("struct od_bytes")
    C.od_http_answer_put_fault(out, ffi.new("struct od_http_fault", status, text),
      ffi.new("struct od_http_manner", manner), NOON)
    local sent = core.string(out)
    C.od_bytes_deinit(out)
    return sent
  end

  it("a bad request with why, and closes", function()
    assert.equal("HTTP/1.1 400 Bad Request\r\n" .. DATE
      .. "Content-Type: text/plain; charset=utf-8\r\n"
      .. "Content-Length: 4\r\nConnection: close\r\n\r\nwhy\n",
      fault(400, "why", { version_minor = 1 }))
  end)

  it("a WebSocket of another version with the one it speaks", function()
    assert.matches("\r\nSec%-WebSocket%-Version: 13\r\n", fault(426, "why", { version_minor = 1 }))
  end)

  it("HEAD without a body", function()
    assert.equal("\r\n\r\n", fault(503, "why", { is_head = true }):sub(-4))
  end)

  it("100 to those who wait for it", function()
    local out = ffi.new("struct od_bytes")
    C.od_http_answer_put_continue(out)
    assert.equal("HTTP/1.1 100 Continue\r\n\r\n", core.string(out))
    C.od_bytes_deinit(out)
  end)
end)

describe("the manner of an answer", function()
  it("is what the request said", function()
    local function manner_of(text)
      local head = ffi.new("struct od_http_head")
      assert.equal(tonumber(C.OD_HTTP_DONE), tonumber(C.od_http_head_parse(head, text, #text)))
      local manner = C.od_http_manner_of(head)
      return { manner.is_head, manner.keeps_alive, manner.version_minor }
    end
    assert.same({ true, true, 1 }, manner_of("HEAD / HTTP/1.1\r\nHost: h\r\n\r\n"))
    assert.same({ false, false, 0 }, manner_of("GET / HTTP/1.0\r\n\r\n"))
  end)
end)

describe("the date", function()
  it("is right on all the days that calendars get wrong", function()
    local out = ffi.new("struct od_bytes")
    for time, date in pairs({ [0] = "Thu, 01 Jan 1970 00:00:00",
      [951782400] = "Tue, 29 Feb 2000 00:00:00",
      [4107542399] = "Sun, 28 Feb 2100 23:59:59", [1735689599] = "Tue, 31 Dec 2024 23:59:59" }) do
      C.od_bytes_clear(out)
      C.od_http_answer_put_status(out, 200, time * 1000 + 999)
      assert.equal("HTTP/1.1 200 OK\r\nDate: " .. date .. " GMT\r\n", core.string(out))
    end
    C.od_bytes_deinit(out)
  end)
end)
