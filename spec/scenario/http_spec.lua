-- HTTP as ordinary clients speak it: requests and answers in all their forms.
local json = require "dkjson"
local Server = require "spec.support.server"

local SOURCE = [[
local od = require "open-do"

local Echo = {}

-- What the object saw of a request.
function Echo:mirror(request)
  local seen = {}
  for name, value in request.headers:entries() do
    seen[name] = value
  end
  return od.Response.json { method = request.method, path = request.path, url = request.url,
    query = request.query, headers = seen, body = request:text(), peer = request.peer }
end

function Echo:size(request)
  return od.Response(tostring(#request:text()))
end

function Echo:back(request)
  return od.Response(request:text(), { headers = { ["content-type"] = "application/x-bytes" } })
end

function Echo:json(request)
  return od.Response.json({ got = request:json() }, { status = 201 })
end

function Echo:status(request)
  return od.Response(request.query.body, { status = tonumber(request.query.status) })
end

function Echo:cookies()
  local headers = od.Headers { ["X-Kind"] = "cookies" }
  headers:append("Set-Cookie", "a=1; Path=/")
  headers:append("set-cookie", "b=2, or not")
  return od.Response("eat", { headers = headers })
end

function Echo:slow(request)
  od.sleep(tonumber(request.query.ms))
  return od.Response("slow " .. request.query.ms)
end

function Echo:large(request)
  return od.Response(("x"):rep(tonumber(request.query.bytes)))
end

function Echo:fetch(request)
  return self[request.path:match("^/echo/[^/]+/(%w+)")](self, request)
end

return { namespaces = { echo = Echo } }
]]

describe("over HTTP", function()
  local server = Server.once { source = SOURCE }

  local function mirror_of(answer)
    assert.equal(200, answer.status, answer.body)
    return assert(json.decode(answer.body))
  end

  describe("a request", function()
    it("arrives with its method, address, query, headers and body", function()
      local seen = mirror_of(server:post("/echo/a/mirror/%41?x=1&y=a%20b+c&flag", "hello",
        { ["X-One"] = "eins", ["Content-Type"] = "text/plain" }))
      assert.equal("POST", seen.method)
      assert.equal("/echo/a/mirror/%41", seen.path)
      assert.equal("1", seen.query.x)
      assert.equal("a b c", seen.query.y)
      assert.equal("", seen.query.flag)
      assert.equal("eins", seen.headers["x-one"])
      assert.equal("text/plain", seen.headers["content-type"])
      assert.equal("hello", seen.body)
      assert.matches("^http://127%.0%.0%.1.-/echo/a/mirror/%%41%?x=1&y=a%%20b%+c&flag$", seen.url)
      assert.matches("127.0.0.1", seen.peer, 1, true)
    end)

    it("may have any method that is a token", function()
      for _, method in ipairs { "PUT", "DELETE", "PATCH", "OPTIONS", "PURGE" } do
        assert.equal(method, mirror_of(server:open():request(method, "/echo/a/mirror")).method)
      end
    end)

    it("may name the whole address, which wins over Host", function()
      local ann = server:open()
      ann:write("GET http://example.org:99/echo/a/mirror?x=1 HTTP/1.1\r\nHost: else.where\r\n\r\n")
      assert.equal("http://example.org:99/echo/a/mirror?x=1", mirror_of(ann:read_answer()).url)
    end)

    it("may repeat a header, and the object reads both values", function()
      local ann = server:open()
      ann:write("GET /echo/a/mirror HTTP/1.1\r\nHost: h\r\nX-A: 1\r\nx-a:  2 \r\n\r\n")
      assert.equal("1, 2", mirror_of(ann:read_answer()).headers["x-a"])
    end)

    it("may have bytes of any value in its body", function()
      local all = {}
      for byte = 0, 255 do
        all[#all + 1] = string.char(byte)
      end
      local body = table.concat(all):rep(300)
      assert.equal(body, server:post("/echo/a/back", body).body)
    end)

    it("may come in chunks, with extensions and trailers, byte by byte", function()
      local ann = server:open()
      local request = "POST /echo/a/mirror HTTP/1.1\r\nHost: h\r\n"
        .. "Transfer-Encoding: chunked\r\n\r\n4\r\nWiki\r\n"
        .. "6;name=\"v\"\r\npedia \r\n0A\r\nin chunks.\r\n0\r\nX-Trailer: 1\r\n\r\n"
      for byte in request:gmatch(".") do
        ann:write(byte)
      end
      local seen = mirror_of(ann:read_answer())
      assert.equal("Wikipedia in chunks.", seen.body)
      assert.is_nil(seen.headers["transfer-encoding"])
      assert.equal("20", ann:request("POST", "/echo/a/size", { body = ("x"):rep(20) }).body)
    end)

    it("with JSON is read as such", function()
      local answer = server:post("/echo/a/json", '{"n":[1,2.5,"ü",null,true]}')
      assert.equal(201, answer.status)
      assert.matches("application/json", answer.headers["content-type"], 1, true)
      assert.equal('{"got":{"n":[1,2.5,"ü",null,true]}}', answer.body)
    end)

    it("waits for leave to send its body, and gets it", function()
      local ann = server:open()
      ann:write("POST /echo/a/mirror HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\n"
        .. "Content-Length: 5\r\n\r\n")
      assert.equal(100, ann:read_answer().status)
      ann:write("hello")
      assert.equal("hello", mirror_of(ann:read_answer()).body)
    end)

    it("gets an answer to HEAD that is that to GET without its body", function()
      local ann = server:open()
      local got = ann:request("GET", "/echo/a/status?status=200&body=hello")
      local headed = ann:request("HEAD", "/echo/a/status?status=200&body=hello")
      assert.equal(200, headed.status)
      assert.equal("5", headed.headers["content-length"])
      assert.equal(got.headers["content-type"], headed.headers["content-type"])
      assert.equal("hello", ann:request("GET", "/echo/a/status?status=200&body=hello").body)
    end)
  end)

  describe("an answer", function()
    it("has the handler's status, body and headers", function()
      for _, status in ipairs { 200, 201, 302, 404, 418, 503, 599 } do
        local answer = server:get("/echo/a/status?body=text&status=" .. status)
        assert.equal(status, answer.status)
        assert.equal("text", answer.body)
      end
      local answer = server:get("/echo/a/status?body=text&status=200")
      assert.matches("^text/plain", answer.headers["content-type"])
      assert.matches("^%a%a%a, %d%d %a%a%a %d%d%d%d %d%d:%d%d:%d%d GMT$", answer.headers.date)
    end)

    it("keeps several cookies apart", function()
      local cookies = {}
      for _, field in ipairs(server:get("/echo/a/cookies").all_headers) do
        if field[1] == "set-cookie" then
          cookies[#cookies + 1] = field[2]
        end
      end
      assert.same({ "a=1; Path=/", "b=2, or not" }, cookies)
    end)

    it("of 204 or 304 has no body, and the next one on the connection is right", function()
      local ann = server:open()
      for _, status in ipairs { 204, 304 } do
        assert.equal(status, ann:request("GET", "/echo/a/status?status=" .. status).status)
        assert.equal("next", ann:request("GET", "/echo/a/status?status=200&body=next").body)
      end
      assert.is_nil(ann:request("GET", "/echo/a/status?status=204").headers["content-length"])
    end)

    it("may be empty", function()
      local answer = server:get("/echo/a/status?status=200&body=")
      assert.equal("0", answer.headers["content-length"])
    end)

    it("may be 32 MiB long, as may a body, and no longer", function()
      local limit = 32 * 1024 * 1024
      assert.equal(limit, #server:get("/echo/a/large?bytes=" .. limit).body)
      assert.equal(tostring(limit), server:post("/echo/a/size", ("x"):rep(limit)).body)
      assert.equal(500, server:get("/echo/a/large?bytes=" .. limit + 1).status)
      server:wait_log("the body has 33554433 bytes, the limit is 33554432")
    end)
  end)

  describe("a body beyond the limit", function()
    local function refuse(request)
      local ann = server:open()
      ann:write(request)
      local answer = ann:read_answer()
      assert.equal(413, answer.status)
      assert.equal("close", answer.headers.connection)
      ann:read_to_end()
      assert.equal(200, server:get("/echo/a/mirror").status)
    end

    it("is refused by its announced length alone", function()
      refuse("POST /echo/a/size HTTP/1.1\r\nHost: h\r\nContent-Length: 33554433\r\n\r\n")
    end)

    it("is refused instead of being asked for", function()
      refuse("POST /echo/a/size HTTP/1.1\r\nHost: h\r\nContent-Length: 99999999999\r\n"
        .. "Expect: 100-continue\r\n\r\n")
    end)

    it("is refused by the announced size of a chunk", function()
      refuse("POST /echo/a/size HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
        .. "4\r\nWiki\r\n1fffffd\r\n")
    end)
  end)

  describe("a connection", function()
    it("serves one request after another", function()
      local ann = server:open()
      for i = 1, 20 do
        assert.equal(tostring(i), ann:request("POST", "/echo/a/size", { body = ("x"):rep(i) }).body)
      end
    end)

    it("answers pipelined requests in their order, whichever object is quicker", function()
      local ann = server:open()
      local requests, expected = {}, {}
      for i = 1, 12 do
        local ms = i % 3 == 1 and 3 or 0
        requests[i] = ("POST /echo/n%d/slow?ms=%d HTTP/1.1\r\nHost: h\r\n"
          .. "Content-Length: 3\r\n\r\nabc"):format(i, ms)
        expected[i] = "slow " .. ms
      end
      ann:write(table.concat(requests))
      for i = 1, 12 do
        assert.equal(expected[i], ann:read_answer().body)
      end
    end)

    it("ends after an answer when the client asks for that", function()
      local ann = server:open()
      local answer = ann:request("GET", "/echo/a/mirror", { headers = { connection = "close" } })
      assert.equal("close", answer.headers.connection)
      assert.equal("", ann:read_to_end())
    end)

    it("of HTTP/1.0 ends after an answer, unless asked to stay", function()
      local ann = server:open()
      ann:write("GET /echo/a/mirror HTTP/1.0\r\n\r\n")
      assert.equal(200, ann:read_answer().status)
      assert.equal("", ann:read_to_end())

      local ben = server:open()
      ben:write("GET /echo/a/mirror HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
      local answer = ben:read_answer()
      assert.equal("keep-alive", answer.headers.connection)
      ben:write("GET /echo/a/mirror HTTP/1.0\r\n\r\n")
      assert.equal(200, ben:read_answer().status)
    end)

    it("may begin a request with an empty line", function()
      local ann = server:open()
      ann:write("\r\nGET /echo/a/mirror HTTP/1.1\r\nHost: h\r\n\r\n")
      assert.equal(200, ann:read_answer().status)
    end)
  end)
end)
