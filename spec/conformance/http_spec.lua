-- RFC 9112 and 9110, case by case. A case is what a client sends and the answers that must come
-- back, in order; after a refusal nothing follows, whatever stands behind: so no request can be
-- smuggled in what two servers would cut differently.
local Server = require "spec.support.server"

local SOURCE = [[
local od = require "open-do"
local Room = {}
function Room:fetch(request)
  local body = request:text()
  local status = tonumber(request.query.status)
  if status then
    return od.Response(status == 200 and "body" or nil, { status = status })
  end
  return od.Response(("%s %s [%s]"):format(request.method, request.url, body),
    { headers = { ["x-host"] = request.headers:get("host") or "none",
      ["x-a"] = request.headers:get("x-a") or "none" } })
end
return { namespaces = { rooms = Room } }
]]

local GET = "GET /rooms/a HTTP/1.1\r\nHost: h\r\n"
local POST = "POST /rooms/a HTTP/1.1\r\nHost: h\r\n"
local CHUNKED = POST .. "Transfer-Encoding: chunked\r\n\r\n"
local SMUGGLED = "GET /rooms/smuggled HTTP/1.1\r\nHost: h\r\n\r\n"
local ECHO_A = "GET http://h/rooms/a []"

-- name -> { what is sent, answers: a status that refuses and ends it, or the body of a 200 }
local cases = {
  -- Lengths (RFC 9112, 6).
  ["both lengths, chunked first"] = {
    POST .. "Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n0\r\n\r\n" .. SMUGGLED, 400 },
  ["both lengths, chunked last"] = {
    POST .. "Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" .. SMUGGLED, 400 },
  ["two lengths that differ"] = {
    POST .. "Content-Length: 0\r\nContent-Length: 44\r\n\r\n" .. SMUGGLED, 400 },
  ["two equal lengths"] = { POST .. "Content-Length: 2\r\nContent-Length: 2\r\n\r\nab", 400 },
  ["a list of equal lengths"] = { POST .. "Content-Length: 2, 2\r\n\r\nab", 400 },
  ["a length with a sign"] = { POST .. "Content-Length: +2\r\n\r\nab", 400 },
  ["a negative length"] = { POST .. "Content-Length: -2\r\n\r\n" .. SMUGGLED, 400 },
  ["a hexadecimal length"] = { POST .. "Content-Length: 0x2\r\n\r\nab", 400 },
  ["a length with a fraction"] = { POST .. "Content-Length: 2.0\r\n\r\nab", 400 },
  ["an empty length"] = { POST .. "Content-Length:\r\n\r\n", 400 },
  ["a length in two words"] = { POST .. "Content-Length: 1 2\r\n\r\n", 400 },
  ["a length of too many digits"] = {
    POST .. "Content-Length: 18446744073709551618\r\n\r\nab", 400 },
  ["a length over the limit"] = { POST .. "Content-Length: 999999999999\r\n\r\n", 413 },
  ["a length with spaces around"] = {
    POST .. "Content-Length: \t 2 \t\r\n\r\nab" .. GET .. "\r\n",
    "POST http://h/rooms/a [ab]", ECHO_A },
  ["a length with zeros in front"] = {
    POST .. "Content-Length: 002\r\n\r\nab", "POST http://h/rooms/a [ab]" },
  ["a GET with a body"] = { GET .. "Content-Length: 3\r\n\r\nabc" .. GET .. "\r\n",
    "GET http://h/rooms/a [abc]", ECHO_A },
  ["a body nobody announced"] = { POST .. "\r\n" .. GET .. "\r\n",
    "POST http://h/rooms/a []", ECHO_A },

  -- Transfer codings.
  ["chunked twice"] = { POST .. "Transfer-Encoding: chunked, chunked\r\n\r\n", 501 },
  ["chunked in two headers"] = {
    POST .. "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 501 },
  ["chunked, then identity"] = {
    POST .. "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n", 501 },
  ["identity"] = { POST .. "Transfer-Encoding: identity\r\n\r\n" .. SMUGGLED, 501 },
  ["almost chunked"] = { POST .. "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n", 501 },
  ["chunked behind a vertical tab"] = {
    POST .. "Transfer-Encoding: \11chunked\r\n\r\n0\r\n\r\n", 400 },
  ["chunked in quotes"] = { POST .. "Transfer-Encoding: \"chunked\"\r\n\r\n0\r\n\r\n", 501 },
  ["no transfer coding at all"] = { POST .. "Transfer-Encoding:\r\n\r\n" .. SMUGGLED, 501 },
  ["chunked in capitals"] = { POST .. "TRANSFER-ENCODING: ChUnKeD\r\n\r\n2\r\nab\r\n0\r\n\r\n",
    "POST http://h/rooms/a [ab]" },
  ["chunked of an old client"] = {
    "POST /rooms/a HTTP/1.0\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400 },
  ["a space before the colon"] = {
    POST .. "Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n" .. SMUGGLED, 400 },
  ["a folded transfer coding"] = {
    POST .. "Transfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n" .. SMUGGLED, 400 },

  -- Chunks.
  ["chunks"] = { CHUNKED .. "2\r\nab\r\nA\r\n0123456789\r\n0\r\n\r\n" .. GET .. "\r\n",
    "POST http://h/rooms/a [ab0123456789]", ECHO_A },
  ["a chunk size with zeros in front"] = { CHUNKED .. "0002\r\nab\r\n000\r\n\r\n",
    "POST http://h/rooms/a [ab]" },
  ["a chunk with an extension"] = {
    CHUNKED .. "2;a=b;c=\"d\"\r\nab\r\n0\r\n\r\n", "POST http://h/rooms/a [ab]" },
  ["trailers, which are dropped"] = {
    CHUNKED .. "2\r\nab\r\n0\r\nX-A: 1\r\nContent-Length: 9\r\n\r\n" .. GET .. "\r\n",
    "POST http://h/rooms/a [ab]", ECHO_A },
  ["a chunk size with 0x"] = { CHUNKED .. "0x2\r\nab\r\n0\r\n\r\n", 400 },
  ["a chunk size with a sign"] = { CHUNKED .. "+2\r\nab\r\n0\r\n\r\n", 400 },
  ["a negative chunk size"] = { CHUNKED .. "-2\r\nab\r\n0\r\n\r\n", 400 },
  ["a chunk size behind a space"] = { CHUNKED .. " 2\r\nab\r\n0\r\n\r\n", 400 },
  ["a chunk size that overflows"] = { CHUNKED .. "10000000000000002\r\nab\r\n0\r\n\r\n", 400 },
  ["no chunk size"] = { CHUNKED .. "\r\nab\r\n0\r\n\r\n", 400 },
  ["a chunk size that ends in a bare line feed"] = { CHUNKED .. "2\nab\r\n0\r\n\r\n", 400 },
  ["a chunk that ends in a bare line feed"] = { CHUNKED .. "2\r\nab\n0\r\n\r\n", 400 },
  ["an extension with a bare line feed"] = {
    CHUNKED .. "2;\nxx\r\nab\r\n0\r\n\r\n" .. SMUGGLED, 400 },
  ["an extension with a bare carriage return"] = { CHUNKED .. "2;\rx\r\nab\r\n0\r\n\r\n", 400 },
  ["an extension that never ends"] = { CHUNKED .. "2;" .. ("x"):rep(5000) .. "\r\nab\r\n", 400 },
  ["a chunk longer than its size"] = { CHUNKED .. "2\r\nabc\r\n0\r\n\r\n", 400 },
  ["a last chunk without its end"] = { CHUNKED .. "0\r\nX-A: 1\n\r\n" .. SMUGGLED, 400 },

  -- Lines and fields (RFC 9112, 2.2, 3, 5).
  ["bare line feeds"] = { "GET /rooms/a HTTP/1.1\nHost: h\n\n", 400 },
  ["a bare line feed inside a head"] = { GET .. "X-A: 1\nX-B: 2\r\n\r\n", 400 },
  ["a bare carriage return inside a value"] = { GET .. "X-A: 1\r2\r\n\r\n", 400 },
  ["a carriage return too many"] = { GET .. "X-A: 1\r\r\n\r\n", 400 },
  ["a zero inside a value"] = { GET .. "X-A: 1\0\r\n\r\n", 400 },
  ["a folded value"] = { GET .. "X-A: 1\r\n\t2\r\n\r\n", 400 },
  ["a first field that is folded"] = { "GET /rooms/a HTTP/1.1\r\n Host: h\r\n\r\n", 400 },
  ["a space inside a name"] = { GET .. "X A: 1\r\n\r\n", 400 },
  ["a name with a control character"] = { GET .. "X\1A: 1\r\n\r\n", 400 },
  ["a name that is not ASCII"] = { GET .. "X\195\164: 1\r\n\r\n", 400 },
  ["an empty line in front"] = { "\r\n" .. GET .. "\r\n", ECHO_A },
  ["a value that is empty"] = { GET .. "X-A:\r\n\r\n", ECHO_A },
  ["a value of UTF-8"] = { GET .. "X-A: \195\164\r\n\r\n", ECHO_A },
  ["two spaces in the request line"] = { "GET  /rooms/a HTTP/1.1\r\nHost: h\r\n\r\n", 400 },
  ["a tab in the request line"] = { "GET\t/rooms/a HTTP/1.1\r\nHost: h\r\n\r\n", 400 },
  ["a space behind the version"] = { "GET /rooms/a HTTP/1.1 \r\nHost: h\r\n\r\n", 400 },
  ["a space inside the target"] = { "GET /rooms/a b HTTP/1.1\r\nHost: h\r\n\r\n", 400 },
  ["a version in small letters"] = { "GET /rooms/a http/1.1\r\nHost: h\r\n\r\n", 400 },
  ["a version of one number"] = { "GET /rooms/a HTTP/1\r\nHost: h\r\n\r\n", 400 },
  ["a version of more digits"] = { "GET /rooms/a HTTP/1.10\r\nHost: h\r\n\r\n", 400 },
  ["a version 2"] = { "GET /rooms/a HTTP/2.0\r\nHost: h\r\n\r\n", 505 },
  ["the preface of HTTP/2"] = { "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505 },
  ["a method of its own"] = { "BREW /rooms/a HTTP/1.1\r\nHost: h\r\n\r\n",
    "BREW http://h/rooms/a []" },
  ["a method in small letters"] = { "get /rooms/a HTTP/1.1\r\nHost: h\r\n\r\n",
    "get http://h/rooms/a []" },

  -- Targets and hosts (RFC 9112, 3.2).
  ["an absolute target, whose host counts"] = {
    "GET http://other:81/rooms/a?x=1 HTTP/1.1\r\nHost: h\r\n\r\n",
    "GET http://other:81/rooms/a?x=1 []" },
  ["an absolute target with a user"] = {
    "GET http://user@h/rooms/a HTTP/1.1\r\nHost: h\r\n\r\n", 400 },
  ["an absolute target without a host"] = {
    "GET http:///rooms/a HTTP/1.1\r\nHost: h\r\n\r\n", 400 },
  ["a target of another scheme"] = { "GET ftp://h/rooms/a HTTP/1.1\r\nHost: h\r\n\r\n", 400 },
  ["a target with a fragment"] = { "GET /rooms/a#b HTTP/1.1\r\nHost: h\r\n\r\n", 400 },
  ["a star for GET"] = { "GET * HTTP/1.1\r\nHost: h\r\n\r\n", 400 },
  ["a tunnel"] = { "CONNECT h:80 HTTP/1.1\r\nHost: h\r\n\r\n", 501 },
  ["no host"] = { "GET /rooms/a HTTP/1.1\r\n\r\n", 400 },
  ["two hosts"] = { GET .. "Host: h\r\n\r\n", 400 },
  ["a host with a path"] = { "GET /rooms/a HTTP/1.1\r\nHost: h/x\r\n\r\n", 400 },
  ["a host with a user"] = { "GET /rooms/a HTTP/1.1\r\nHost: u@h\r\n\r\n", 400 },
  ["a host with a list"] = { "GET /rooms/a HTTP/1.1\r\nHost: h, i\r\n\r\n", 400 },
  ["an address of IPv6 as host"] = { "GET /rooms/a HTTP/1.1\r\nHost: [::1]:80\r\n\r\n",
    "GET http://[::1]:80/rooms/a []" },
  ["an old client without a host"] = { "GET /rooms/a HTTP/1.0\r\n\r\n",
    "GET http://localhost/rooms/a []" },

  -- Sizes.
  ["a hundred headers"] = { GET .. ("X-B: 1\r\n"):rep(99) .. "\r\n", ECHO_A },
  ["a hundred and one"] = { GET .. ("X-B: 1\r\n"):rep(100) .. "\r\n", 431 },
  ["a large header"] = { GET .. "X-A: " .. ("a"):rep(15000) .. "\r\n\r\n", ECHO_A },
  ["a header that is too large"] = { GET .. "X-A: " .. ("a"):rep(17000) .. "\r\n\r\n", 431 },
  ["a target that is too long"] = { "GET /" .. ("a"):rep(17000) .. " HTTP/1.1\r\n", 414 },
  ["many requests at once"] = { (GET .. "\r\n"):rep(50), (function()
    local answers = {}
    for i = 1, 50 do
      answers[i] = ECHO_A
    end
    return unpack(answers)
  end)() },
}

describe("HTTP, by the letter:", function()
  local server = Server.once { source = SOURCE, workers = 2 }

  -- `first` is what the connection has asked before: a head is read by main, the next by a worker.
  local function try(case, first)
    local connection = server:open()
    if first then
      assert.equal(200, connection:request("GET", "/rooms/before").status)
    end
    connection:write(case[1])
    for i = 2, #case do
      local answer = connection:read_answer()
      if type(case[i]) == "number" then
        assert.equal(case[i], answer.status, answer.body)
        assert.equal("", connection:read_to_end())
      else
        assert.equal(case[i], answer.body)
      end
    end
    connection:close()
  end

  for name, case in pairs(cases) do
    it(name, function()
      try(case, false)
      try(case, true)
    end)
  end

  it("an absolute target says which host the object sees", function()
    local connection = server:open()
    connection:write("GET http://other/rooms/a HTTP/1.1\r\nHost: h\r\n\r\n")
    assert.equal("other", connection:read_answer().headers["x-host"])
  end)

  it("a HEAD is answered as a GET would be, without the body", function()
    local connection = server:open()
    for _ = 1, 2 do
      local answer = connection:request("HEAD", "/rooms/a?status=200")
      assert.equal(200, answer.status)
      assert.equal("4", answer.headers["content-length"])
    end
    assert.equal("body", connection:request("GET", "/rooms/a?status=200").body)
  end)

  it("204 and 304 have no body, and 204 no length", function()
    local connection = server:open()
    for _, status in ipairs { 204, 304, 204 } do
      local answer = connection:request("GET", "/rooms/a?status=" .. status)
      assert.equal(status, answer.status)
      assert.is_nil(status == 204 and answer.headers["content-length"] or nil)
      assert.is_nil(answer.headers["transfer-encoding"])
    end
    assert.equal("body", connection:request("GET", "/rooms/a?status=200").body)
  end)

  it("every answer has one date and one length", function()
    local answer = server:get("/rooms/a")
    local count = {}
    for _, header in ipairs(answer.all_headers) do
      count[header[1]] = (count[header[1]] or 0) + 1
    end
    assert.equal(1, count.date)
    assert.equal(1, count["content-length"])
    assert.matches("^%a%a%a, %d%d %a%a%a %d%d%d%d %d%d:%d%d:%d%d GMT$", answer.headers.date)
  end)

  it("an old client is closed after its answer, unless it asks otherwise", function()
    local connection = server:open()
    connection:write("GET /rooms/a HTTP/1.0\r\nHost: h\r\n\r\n")
    assert.equal(ECHO_A, connection:read_answer().body)
    assert.equal("", connection:read_to_end())
    local other = server:open()
    other:write("GET /rooms/a HTTP/1.0\r\nHost: h\r\nConnection: keep-alive\r\n\r\n")
    assert.equal(ECHO_A, other:read_answer().body)
    other:write(GET .. "Connection: close\r\n\r\n")
    assert.equal(ECHO_A, other:read_answer().body)
    assert.equal("", other:read_to_end())
  end)
end)
