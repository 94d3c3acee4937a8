-- What is no proper HTTP gets a proper answer, and nobody else notices. Each case is tried as the
-- first request of a connection, which the main process reads, and behind another one, which a
-- worker reads.
local Server = require "spec.support.server"

local SOURCE = [[
local od = require "open-do"

local Room = {}

function Room:fetch(request)
  return od.Response("body " .. request:text())
end

return { namespaces = { rooms = Room } }
]]

local GET = "GET /rooms/a HTTP/1.1\r\nHost: h\r\n"
local POST = "POST /rooms/a HTTP/1.1\r\nHost: h\r\n"
local LONG = ("a"):rep(17000)

describe("malformed HTTP", function()
  local server, bystander

  setup(function()
    server = Server.start { source = SOURCE }
  end)

  teardown(function()
    server:stop()
  end)

  before_each(function()
    bystander = server:open()
    assert.equal("body ", bystander:request("GET", "/rooms/b").body)
  end)

  after_each(function()
    assert.equal("body still", bystander:request("POST", "/rooms/b", { body = "still" }).body)
    assert.equal(200, server:get("/rooms/c").status)
    bystander:close()
  end)

  -- The end of a refused connection: an answer of `status` that explains itself, then nothing.
  local function expect_refusal(connection, status)
    local answer = connection:read_answer()
    assert.equal(status, answer.status, answer.body)
    assert.equal("close", answer.headers.connection)
    assert.matches("%a+ %a+", answer.body)
    assert.equal("", connection:read_to_end())
    connection:close()
  end

  local function refuse(status, request)
    local first = server:open()
    first:write(request)
    expect_refusal(first, status)

    local later = server:open()
    assert.equal(200, later:request("GET", "/rooms/a").status)
    later:write(request)
    expect_refusal(later, status)
  end

  local cases = {
    ["a request line that is too long"] = { 414, "GET /" .. LONG .. " HTTP/1.1\r\n" },
    ["a head that is too long"] = { 431, GET .. "X-A: " .. LONG .. "\r\n\r\n" },
    ["a head that never ends"] = { 431, GET .. "X-A: " .. LONG },
    ["too many headers"] = { 431, GET .. ("X: 1\r\n"):rep(101) .. "\r\n" },
    ["bare line feeds"] = { 400, "GET /rooms/a HTTP/1.1\nHost: h\n\n" },
    ["a space before a colon"] = { 400, GET .. "X-A : 1\r\n\r\n" },
    ["a folded header"] = { 400, GET .. "X-A: 1\r\n 2\r\n\r\n" },
    ["a header without a colon"] = { 400, GET .. "X-A\r\n\r\n" },
    ["a header without a name"] = { 400, GET .. ": 1\r\n\r\n" },
    ["a control character in a header"] = { 400, GET .. "X-A: 1\0002\r\n\r\n" },
    ["a carriage return in a header"] = { 400, GET .. "X-A: 1\r2\r\n\r\n" },
    ["both lengths"] = { 400, POST .. "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n" },
    ["two lengths"] = { 400, POST .. "Content-Length: 3\r\nContent-Length: 3\r\n\r\n" },
    ["a length that is none"] = { 400, POST .. "Content-Length: +3\r\n\r\n" },
    ["a negative length"] = { 400, POST .. "Content-Length: -1\r\n\r\n" },
    ["a list of lengths"] = { 400, POST .. "Content-Length: 3, 3\r\n\r\n" },
    ["two hosts"] = { 400, GET .. "Host: i\r\n\r\n" },
    ["no host"] = { 400, "GET /rooms/a HTTP/1.1\r\n\r\n" },
    ["an impossible host"] = { 400, "GET /rooms/a HTTP/1.1\r\nHost: a b\r\n\r\n" },
    ["an unknown transfer encoding"] = { 501, POST .. "Transfer-Encoding: gzip, chunked\r\n\r\n" },
    ["a transfer encoding not chunked"] = { 501, POST .. "Transfer-Encoding: gzip\r\n\r\n" },
    ["another version"] = { 505, "GET /rooms/a HTTP/2.0\r\nHost: h\r\n\r\n" },
    ["a version that is none"] = { 400, "GET /rooms/a HTTQ/1.1\r\nHost: h\r\n\r\n" },
    ["a request line without a version"] = { 400, "GET /rooms/a\r\n\r\n" },
    ["a method that is no token"] = { 400, "G(T /rooms/a HTTP/1.1\r\nHost: h\r\n\r\n" },
    ["a target that is no path"] = { 400, "GET rooms/a HTTP/1.1\r\nHost: h\r\n\r\n" },
    ["a target with raw bytes"] = { 400, "GET /rooms/\195\164 HTTP/1.1\r\nHost: h\r\n\r\n" },
    ["the wish for a tunnel"] = { 501, "CONNECT h:443 HTTP/1.1\r\nHost: h\r\n\r\n" },
    ["an unknown expectation"] = { 417, POST .. "Expect: mercy\r\nContent-Length: 3\r\n\r\n" },
    ["a TLS greeting"] = { 400, "\22\3\1\0\200\1\0\0\196\3\3" },
    ["a chunk without a size"] = { 400, POST .. "Transfer-Encoding: chunked\r\n\r\nxyz\r\n" },
    ["a chunk longer than it says"] = {
      400, POST .. "Transfer-Encoding: chunked\r\n\r\n3\r\nabcd\r\n0\r\n\r\n",
    },
  }

  for what, case in pairs(cases) do
    it(("is refused with %d for %s"):format(case[1], what), function()
      refuse(case[1], case[2])
    end)
  end

  it("in the form of a head that comes too slowly is refused with 408", function()
    local ann = server:open()
    ann:write("GET /rooms/a HTT")
    local ben = server:open()
    assert.equal(200, ben:request("GET", "/rooms/a").status)
    ben:write("GET /rooms/a HTT")
    bystander:request("GET", "/rooms/b")
    assert.equal(200, server:get("/rooms/b").status)

    server:turn_clock(11000)

    expect_refusal(ann, 408)
    expect_refusal(ben, 408)
  end)

  it("in the form of a body that does not come is refused with 408", function()
    local ann = server:open()
    ann:write(POST .. "Content-Length: 10\r\nExpect: 100-continue\r\n\r\n")
    assert.equal(100, ann:read_answer().status)

    server:turn_clock(31000)

    expect_refusal(ann, 408)
  end)

  it("in the form of a body that ends early leaves no trace", function()
    for _, framing in ipairs {
      "Content-Length: 10\r\n\r\nhello", "Transfer-Encoding: chunked\r\n\r\n5\r\nhel",
    } do
      local ann = server:open()
      ann:write(POST .. framing)
      ann:close()
    end
    assert.equal("body ", server:get("/rooms/a").body)
  end)

  it("may not smuggle a request behind a refused one", function()
    local ann = server:open()
    ann:write(POST .. "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
      .. "GET /rooms/a HTTP/1.1\r\nHost: h\r\n\r\n")
    expect_refusal(ann, 400)
  end)
end)
