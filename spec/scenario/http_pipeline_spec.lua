-- What one connection may ask ahead of its answers, and what is owed to one that has said all it
-- had to say: many requests in one send, and the half-closed connection.
local proc = require "spec.support.proc"
local workbench = require "spec.scenario.workbench"

local SOURCE = [[
local od = require "open-do"

local Room = require("workbench").room(function(self, request)
  if request.query.wait then
    od.sleep(20)
  end
  if request.query.write then
    self.state.storage:put("count", (self.state.storage:get("count") or 0) + 1)
  end
  if request.query.large then
    return od.Response(("x"):rep(1000000))
  end
  return od.Response(request.method .. " " .. #(request.body or ""))
end)

function Room:webSocketMessage(ws, message)
  self.state.storage:put("message", message)
  ws:send("heard " .. message)
end

function Room:webSocketClose(ws, code)
  od.sleep(20)
  ws:send("last words")
end

return { namespaces = { rooms = Room } }
]]

local GET = "GET /rooms/a%s HTTP/1.1\r\nHost: h\r\n\r\n"
local POST = "POST /rooms/a HTTP/1.1\r\nHost: h\r\n"
local BODY = ("b"):rep(100000)

local function chunked(body)
  local parts = {}
  for from = 1, #body, 7000 do
    local chunk = body:sub(from, from + 6999)
    parts[#parts + 1] = ("%x\r\n%s\r\n"):format(#chunk, chunk)
  end
  return table.concat(parts) .. "0\r\n\r\n"
end

describe("one connection", function()
  local server = workbench.once(SOURCE, { workers = 1 })

  local function worker_kilobytes()
    return proc.resident_kb(server.process:children()[1])
  end

  describe("with several requests in one send", function()
    it("gets an answer to each, also behind a body that does not fit into one read", function()
      local long = POST .. "Content-Length: 100000\r\n\r\n" .. BODY
      local pieces = POST .. "Transfer-Encoding: chunked\r\n\r\n" .. chunked(BODY)
      for _, second in ipairs { long, pieces } do
        for _, query in ipairs { "", "?write", "?wait" } do
          local ann = server:open()
          ann:write(GET:format(query) .. second .. GET:format("") .. second)
          assert.equal("GET 0", ann:read_answer().body)
          assert.equal("POST 100000", ann:read_answer().body)
          assert.equal("GET 0", ann:read_answer().body)
          assert.equal("POST 100000", ann:read_answer().body)
          ann:close()
        end
      end
    end)

    it("gets thousands of answers in order", function()
      local ann = server:open()
      ann:write(GET:format(""):rep(5000))
      for _ = 1, 5000 do
        assert.equal("GET 0", ann:read_answer().body)
      end
    end)

    -- One that asked for a megabyte again and again, and read nothing, once cost two gigabytes.
    it("and reads none of the answers, costs little; when it reads, it gets all", function()
      local before = worker_kilobytes()
      local ann = server:open()
      ann:write(GET:format("?large"):rep(200))
      local ben = server:open()
      for _ = 1, 200 do
        assert.equal("GET 0", ben:request("GET", "/rooms/b").body)
      end
      local grown = worker_kilobytes() - before
      assert.is_true(grown < 60000, grown .. " kB for one connection")
      for _ = 1, 200 do
        assert.equal(1000000, #ann:read_answer().body)
      end
    end)
  end)

  describe("that is half-closed", function()
    local function ask(text)
      local ann = server:open()
      ann:write(text)
      ann.tcp:shutdown("send")
      return ann
    end

    it("gets its answer, also when the handler writes or waits, and then the end", function()
      for _, query in ipairs { "", "?write", "?wait", "?large" } do
        local ann = ask(GET:format(query))
        local answer = ann:read_answer()
        assert.equal(200, answer.status)
        assert.equal("", ann:read_to_end())
        ann:close()
      end
    end)

    it("gets the answers to all it has asked", function()
      local long = POST .. "Content-Length: 100000\r\n\r\n" .. BODY
      local ann = ask(GET:format("?wait") .. long .. GET:format("?large") .. GET:format("?wait"))
      assert.equal("GET 0", ann:read_answer().body)
      assert.equal("POST 100000", ann:read_answer().body)
      assert.equal(1000000, #ann:read_answer().body)
      local last = ann:read_answer()
      assert.equal("GET 0", last.body)
      assert.equal("close", last.headers.connection)
      assert.equal("", ann:read_to_end())
    end)

    it("in the middle of a head or a body is told so", function()
      for _, half in ipairs {
        POST .. "Content-Length: 10\r\n\r\nhalf",
        POST .. "Transfer-Encoding: chunked\r\n\r\n5\r\nha",
        "POST /rooms/a HT",
        GET:format("") .. "GET /rooms/a HT",
        GET:format("?wait") .. POST .. "Content-Length: 10\r\n\r\nhalf",
      } do
        local ann = ask(half)
        local answer = ann:read_answer()
        if half:find("^GET") then
          assert.equal(200, answer.status)
          answer = ann:read_answer()
        end
        assert.equal(400, answer.status)
        assert.matches("ends in the middle", answer.body)
        assert.equal("", ann:read_to_end())
      end
      assert.equal("", ask(""):read_to_end())
    end)

    it("and is a WebSocket that has sent Close still gets last words and our Close", function()
      local ann = server:connect("/rooms/a")
      ann:close(1000, "going")
      ann.connection.tcp:shutdown("send")
      assert.equal("last words", ann:read_frame().payload)
      ann:expect_close(1000)
    end)
  end)
end)
