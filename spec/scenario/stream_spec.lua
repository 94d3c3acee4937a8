-- Bodies of answers that are written while they are sent.
local proc = require "spec.support.proc"
local Server = require "spec.support.server"
local http = require "spec.support.http"
local process = require "spec.support.process"

local SOURCE = [[
local od = require "open-do"

local Tap = {}
local streams = {}

function Tap:count(request)
  return od.Response(function(stream)
    for i = 1, tonumber(request.query.n) do
      stream:write(i .. "\n")
    end
  end, { headers = { ["content-type"] = "text/csv" } })
end

-- Begins when the client has ended at least his half of the connection.
function Tap:halved(request)
  local has_ended = false
  request:onAbort(function() has_ended = true end)
  while not has_ended do od.sleep(1) end
  return self:count(request)
end

-- Each piece rests on a write.
function Tap:stored(request)
  return od.Response(function(stream)
    for i = 1, 3 do
      self.state.storage:put("n", i)
      stream:write("stored " .. i .. "\n")
      od.sleep(1)
    end
  end)
end

-- One piece for each request to /go.
function Tap:steps()
  return od.Response(function(stream)
    while true do
      while not self.next do
        od.sleep(1)
      end
      local piece = self.next
      self.next = nil
      if piece == "end" then
        return
      elseif piece == "fail" then
        error("the tap is broken")
      end
      stream:write(piece)
    end
  end)
end

function Tap:go(request)
  self.next = request.query.piece
  return od.Response("gone\n")
end

function Tap:counted(request)
  return od.Response(function(stream)
    stream:write("12345")
    local ok, problem = pcall(stream.write, stream, request.query.more or "67890")
    self.problem = problem
  end, { headers = { ["content-length"] = request.query.length or "10" } })
end

function Tap:problem_of()
  return od.Response(tostring(self.problem))
end

function Tap:huge(request)
  return od.Response(function(stream)
    self.written = 0
    local piece = ("x"):rep(1000)
    for _ = 1, tonumber(request.query.pieces) do
      stream:write(piece)
      self.written = self.written + #piece
    end
  end)
end

function Tap:atOnce(request)
  return od.Response(function(stream)
    stream:write(("0123456789"):rep(1000000))
  end)
end

function Tap:written_of()
  return od.Response(tostring(self.written))
end

function Tap:wrong(request)
  return od.Response(function(stream)
    local value
    if request.query.what == "number" then value = 42 end
    local ok, problem = pcall(stream.write, stream, value)
    stream:write("")
    stream:write(tostring(problem))
  end)
end

function Tap:late()
  return od.Response(function(stream)
    self.stream = stream
    stream:write("all")
  end)
end

function Tap:late_write()
  local ok, problem = pcall(self.stream.write, self.stream, "more")
  return od.Response(tostring(problem))
end

-- Two tasks write, each pieces that are larger than what may be on its way.
function Tap:two()
  return od.Response(function(stream)
    od.all {
      function() for _ = 1, 3 do stream:write(("a"):rep(300000) .. "\n") end end,
      function() for _ = 1, 3 do stream:write(("b"):rep(300000) .. "\n") end end,
    }
  end)
end

function Tap:nothing()
  return od.Response(function() end)
end

function Tap:head_of(request)
  return od.Response(function(stream)
    self.called = true
    stream:write("body")
  end, { headers = { ["content-length"] = "4" } })
end

function Tap:called_of()
  return od.Response(tostring(self.called))
end

function Tap:resets()
  return od.Response(function(stream)
    stream:write("before\n")
    od.sleep(1)
    self.state:blockConcurrencyWhile(function() error("no more") end)
  end)
end

-- Says what it hears of its client.
function Tap:told(request)
  self.heard = {}
  request:onAbort(function() table.insert(self.heard, "gone") end)
  return od.Response(function(stream)
    stream:write("hello")
    while #self.heard == 0 do od.sleep(1) end
    local ok, problem = pcall(stream.write, stream, "more")
    table.insert(self.heard, (problem:gsub("^.*: ", "")))
  end)
end

function Tap:waits(request)
  self.heard = {}
  request:onAbort(function() table.insert(self.heard, "gone") end)
  request:onAbort(function() table.insert(self.heard, "really") end)
  while #self.heard < 2 do od.sleep(1) end
  return od.Response("to nobody")
end

function Tap:heard_of()
  return od.Response(table.concat(self.heard or {}, ", "))
end

function Tap:fetch(request)
  return self[request.path:match("[^/]*$")](self, request)
end

-- As a client of what the spec names in ?url=.
function Tap:reads(request)
  local answer = od.fetch(request.query.url, { stream = true })
  local total = 0
  for piece in answer:chunks() do total = total + #piece end
  return od.Response(answer.status .. " " .. total)
end

function Tap:relays(request)
  local answer = od.fetch(request.query.url, { stream = true })
  answer.headers:set("x-relayed", "yes")
  return answer
end

function Tap:whole(request)
  return od.Response("whole: " .. od.fetch(request.query.url, { stream = true }):text())
end

function Tap:listens(request)
  local heard = {}
  for event in od.fetch(request.query.url, { stream = true }):events() do
    table.insert(heard, ("%s/%s/%s"):format(event.event, event.data, event.id or "-"))
  end
  return od.Response(table.concat(heard, "|"))
end

function Tap:broken(request)
  local answer = od.fetch(request.query.url, { stream = true })
  local got = {}
  local ok, problem = pcall(function()
    for piece in answer:chunks() do table.insert(got, piece) end
  end)
  return od.Response(table.concat(got) .. ": " .. tostring(problem))
end

-- Writes the body of its request.
function Tap:uploads(request)
  local pieces = tonumber(request.query.pieces)
  return od.fetch(request.query.url, { method = "PUT", body = function(stream)
    for i = 1, pieces do
      stream:write(("p"):rep(1000))
      if i == 3 and request.query.fail then error("no more of it") end
    end
  end })
end

-- Takes one piece and no more.
function Tap:sips(request)
  local answer = od.fetch(request.query.url, { stream = true })
  answer:chunks()()
  return od.Response("enough")
end

function Tap:speaks()
  return od.Response(function(stream)
    for piece in ("id: 1\ndata: one\n\n:a comment\nevent: add\r\ndata: two\r\ndata:lines\r\n\r"
      .. "\ndata: three\rid: 3\r\rdata: lost"):gmatch(".") do
      stream:write(piece)
    end
  end)
end

-- Bodies of requests, which come while the handler runs.
local Basin = { streamBody = true }

function Basin:total(request)
  self.got = 0
  for piece in request:chunks() do self.got = self.got + #piece end
  return od.Response("total: " .. self.got)
end

function Basin:got_of()
  return od.Response(tostring(self.got))
end

function Basin:text(request)
  return od.Response("text: " .. request:text() .. " " .. tostring(request.body))
end

function Basin:json(request)
  return od.Response.json(request:json())
end

function Basin:ignores()
  return od.Response("ignored")
end

-- Sends on what comes while it comes.
function Basin:upper(request)
  return od.Response(function(stream)
    for piece in request:chunks() do stream:write(piece:upper()) end
  end)
end

function Basin:mirror(request)
  return od.Response(request:chunks(), { headers = { ["x-mirror"] = "yes" } })
end

function Basin:forward(request)
  return od.fetch(request.query.url, { method = "POST", body = request:chunks() })
end

function Basin:resend(request)
  return od.fetch(od.Request(request.query.url, request))
end

function Basin:cut(request)
  self.got = ""
  local ok, problem = pcall(function()
    for piece in request:chunks() do self.got = self.got .. piece end
  end)
  self.got = self.got .. ": " .. tostring(problem)
end

function Basin:holds(request)
  local next_piece = request:chunks()
  self.first = #next_piece()
  while not self.go do od.sleep(1) end
  for piece in next_piece do self.first = self.first + #piece end
  return od.Response("held: " .. self.first)
end

function Basin:first_of() return od.Response(tostring(self.first)) end

function Basin:release() self.go = true return od.Response("released") end

function Basin:fetch(request)
  return self[request.path:match("[^/]*$")](self, request)
end

-- Passes answers on, and reads some itself.
local function entry(request, env)
  local space, name = request.path:match("^/([^/]*)/([^/]*)")
  local stub = env[space]:getByName(name)
  local mode = request.query.entry
  if mode == "read" then
    local response = stub:fetch(request)
    return od.Response("read: " .. response:text())
  elseif mode == "init" then
    return stub:fetch("/" .. request.path:match("[^/]*$"), request)
  elseif mode == "chunks" then
    local total = 0
    for piece in stub:fetch(request):chunks() do total = total + #piece end
    return od.Response("total: " .. total)
  elseif mode == "drop" then
    stub:fetch(request)
    return od.Response("dropped")
  elseif mode == "part" then
    local response = stub:fetch(request)
    response:chunks()()
    return response
  end
  return stub:fetch(request)
end

return { namespaces = { taps = Tap, basins = Basin }, fetch = entry, streamBody = true }
]]

local server

setup(function() server = Server.start { source = SOURCE, workers = 2 } end)
teardown(function() server:stop() end)

local function open(path, version, method)
  local client = server:open()
  client:write(("%s %s HTTP/1.%d\r\nHost: x\r\n\r\n"):format(method or "GET", path, version or 1))
  return client
end

describe("a body that is written while it is sent", function()
  it("arrives whole, in chunks, and the connection goes on", function()
    for _, name in ipairs { "a", "b", "c", "d" } do
      local client = server:open()
      local answer = client:request("GET", "/taps/" .. name .. "/count?n=1000")
      assert.equal("chunked", answer.headers["transfer-encoding"])
      assert.is_nil(answer.headers["content-length"])
      assert.equal("text/csv", answer.headers["content-type"])
      local lines = {}
      for i = 1, 1000 do lines[i] = i .. "\n" end
      assert.equal(table.concat(lines), answer.body)
      assert.equal("", client:request("GET", "/taps/" .. name .. "/nothing").body)
      assert.equal("1\n", client:request("GET", "/taps/" .. name .. "/count?n=1").body)
    end
  end)

  it("comes piece by piece, as it is written", function()
    local client = open("/taps/a/steps")
    assert.equal(200, client:read_head().status)
    for _, piece in ipairs { "one", "two", "three" } do
      server:get("/taps/a/go?piece=" .. piece)
      assert.equal(piece, client:read_piece())
    end
    server:get("/taps/a/go?piece=end")
    assert.is_nil(client:read_piece())
  end)

  it("has no chunks for HTTP/1.0: the connection ends behind it", function()
    local client = open("/taps/a/count?n=3", 0)
    local head, body = client:read_to_end():match("^(.-\r\n)\r\n(.*)$")
    assert.is_nil(head:lower():find("transfer-encoding", 1, true))
    assert.matches("Connection: close", head)
    assert.equal("1\n2\n3\n", body)
  end)

  it("has the length that the script says", function()
    local answer = server:get("/taps/a/counted")
    assert.equal("10", answer.headers["content-length"])
    assert.is_nil(answer.headers["transfer-encoding"])
    assert.equal("1234567890", answer.body)
  end)

  it("is not written for HEAD", function()
    local client = server:open()
    local answer = client:request("HEAD", "/taps/h/head_of")
    assert.equal("4", answer.headers["content-length"])
    assert.equal("nil", client:request("GET", "/taps/h/called_of").body)
    assert.equal("body", client:request("GET", "/taps/h/head_of").body)
    assert.equal("true", client:request("GET", "/taps/h/called_of").body)
  end)

  it("leaves piece by piece when the writes before are on disk", function()
    server:fault("commit.hold")
    local client = open("/taps/gate/stored")
    assert.equal(200, client:read_head().status)
    assert.equal("go on", "go on")
    server:get("/taps/other-gate/nothing")
    assert.is_false(client:has_news())
    server:clear_fault("commit.hold")
    assert.equal("stored 1\n", client:read_piece())
    assert.equal("stored 2\n", client:read_piece())
    assert.equal("stored 3\n", client:read_piece())
    assert.is_nil(client:read_piece())
  end)

  it("may be written by two tasks, whose pieces stay whole", function()
    local body = server:get("/taps/a/two").body
    local counts = { a = 0, b = 0 }
    for line in body:gmatch("(.-)\n") do
      assert.equal(300000, #line)
      assert.equal(line:sub(1, 1):rep(300000), line)
      counts[line:sub(1, 1)] = counts[line:sub(1, 1)] + 1
    end
    assert.same({ a = 3, b = 3 }, counts)
  end)

  it("may be one piece of many megabytes", function()
    assert.equal(("0123456789"):rep(1000000), server:get("/taps/a/atOnce").body)
  end)
end)

describe("a body that goes wrong", function()
  it("is cut by an error, never ended as if whole", function()
    for _, version in ipairs { 1, 0 } do
      local client = open("/taps/e/steps", version)
      client:read_head()
      server:get("/taps/e/go?piece=part")
      if version == 1 then
        assert.equal("part", client:read_piece())
        server:get("/taps/e/go?piece=fail")
        assert.has_error(function() client:read_piece() end, "the body is cut: closed")
      else
        server:get("/taps/e/go?piece=fail")
        client.tcp:settimeout(10)
        local _, why, partial = client.tcp:receive("*a")
        assert.equal("closed", why) -- A reset; an end of the stream would be no error.
        assert.is_true(partial == "part" or partial == "")
      end
      server:wait_log("taps/e +fetch: script.lua:%d+: the tap is broken")
    end
  end)

  it("is cut by a reset", function()
    local client = open("/taps/r/resets")
    client:read_head()
    assert.equal("before\n", client:read_piece())
    assert.has_error(function() client:read_piece() end, "the body is cut: closed")
  end)

  it("is cut when it is shorter than its length, and cannot be longer", function()
    local client = open("/taps/a/counted?length=11")
    assert.equal("11", client:read_head().headers["content-length"])
    local _, why, partial = client.tcp:receive(11)
    assert.same({ "closed", "1234567890" }, { why, partial })
    server:wait_log("lacks 1 bytes of what content%-length says: it is cut")
    client = open("/taps/a/counted?length=9")
    client:read_head()
    _, why, partial = client.tcp:receive(9)
    assert.same({ "closed", "12345" }, { why, partial })
    assert.matches("script.lua:%d+: write: 5 bytes are more than content%-length says: 4 are left",
      server:get("/taps/a/problem_of").body)
  end)

  it("takes strings only, and nothing when it has ended", function()
    assert.matches("write: argument 1 must be a string, got nil",
      server:get("/taps/a/wrong").body)
    assert.matches("write: argument 1 must be a string, got a number",
      server:get("/taps/a/wrong?what=number").body)
    assert.equal("all", server:get("/taps/l/late").body)
    assert.matches("script.lua:%d+: write: the body has ended",
      server:get("/taps/l/late_write").body)
  end)
end)

describe("a reader of a body", function()
  it("that is slow slows the writer", function()
    local client = http.open { host = server.address.host, port = server.address.port,
      receive_buffer = 4096 }
    client:write("GET /taps/slow/huge?pieces=100000 HTTP/1.1\r\nHost: x\r\n\r\n")
    client:read_head()
    local written, before = 0, -1
    while written ~= before do -- Until nothing more goes into the buffers of the system.
      before = written
      for _ = 1, 20 do server:get("/taps/other/nothing") end
      written = tonumber(server:get("/taps/slow/written_of").body)
    end
    assert.is_true(written < 50000000, "written without a reader: " .. written)
    assert.equal(100000000, #client:read_pieces())
    client:close()
  end)

  it("that leaves is told to the writer", function()
    for name in ("abcd"):gmatch(".") do -- In both workers, and through the entry in one of them.
      local client = open("/taps/" .. name .. "/told")
      client:read_head()
      assert.equal("hello", client:read_piece())
      client:close()
      local heard
      repeat
        heard = server:get("/taps/" .. name .. "/heard_of").body
      until heard:find(",")
      assert.equal("gone, the client has gone", heard)
    end
  end)

  it("that leaves before the answer is told to the handler", function()
    for name in ("abcd"):gmatch(".") do
      local client = open("/taps/" .. name .. "/waits")
      server:get("/taps/" .. name .. "/nothing")
      client:close()
      local heard
      repeat
        heard = server:get("/taps/" .. name .. "/heard_of").body
      until heard:find(",")
      assert.equal("gone, really", heard)
    end
  end)

  it("that has ended his half of the connection before gets all of it", function()
    local client = open("/taps/a/halved?n=3")
    client.tcp:shutdown("send")
    assert.equal("1\n2\n3\n", client:read_answer("GET").body)
  end)

  it("that leaves while nobody writes ends the function at last", function()
    local client = open("/taps/idle/steps")
    client:read_head()
    client:close()
    server:get("/taps/idle/nothing")
    while not server:log():find("has gone on for 30000 ms", 1, true) do
      server:turn_clock(1000)
      server:get("/taps/idle/nothing")
    end
    server:wait_log("taps/idle +the function of a response has gone on for 30000 ms")
  end)

  it("that is an entry passes it on, reads it or leaves it", function()
    assert.equal("read: 1\n2\n3\n", server:get("/taps/a/count?n=3&entry=read").body)
    assert.equal("total: 3000000", server:get("/taps/a/huge?pieces=3000&entry=chunks").body)
    assert.equal("dropped", server:get("/taps/a/huge?pieces=3000&entry=drop").body)
    assert.equal(500, server:get("/taps/a/huge?pieces=3000&entry=part").status)
    server:wait_log("the body has been read in part")
  end)
end)

describe("an answer of od.fetch that is taken piece by piece", function()
  local function ask(what, of)
    return server:get(("/taps/client/%s?url=%s/taps/%s"):format(what, server.url, of))
  end

  it("is there with its head, and has no limit", function()
    assert.equal("200 40000000", ask("reads", "far/huge%3Fpieces=40000").body)
    assert.equal("200 0", ask("reads", "far/nothing").body)
    assert.equal("200 5", ask("reads", "near/go%3Fpiece=x").body)
    assert.equal("whole: 1\n2\n", ask("whole", "far/count%3Fn=2").body)
  end)

  it("can be passed on as it comes", function()
    local client = open(("/taps/client/relays?url=%s/taps/far/steps"):format(server.url))
    assert.equal("yes", client:read_head().headers["x-relayed"])
    for _, piece in ipairs { "one", "two" } do
      server:get("/taps/far/go?piece=" .. piece)
      assert.equal(piece, client:read_piece())
    end
    server:get("/taps/far/go?piece=fail")
    assert.has_error(function() client:read_piece() end, "the body is cut: closed")
  end)

  it("is read as events, however it is cut", function()
    assert.equal("message/one/1|add/two\nlines/1|message/three/3",
      ask("listens", "far/speaks").body)
  end)

  it("raises when it is cut", function()
    server:get("/taps/far/go?piece=fail")
    assert.matches("^: script.lua:%d+: the body has been cut", ask("broken", "far/steps").body)
  end)

  it("is not read any further than its reader does", function()
    assert.equal("enough", ask("sips", "sipped/told").body)
    repeat until server:get("/taps/sipped/heard_of").body == "gone, the client has gone"
  end)
end)

describe("a request whose body is read while it comes", function()
  -- To both workers, from an entry in one of them.
  local NAMES = { "a", "b", "c", "d" }

  local function begin(path, length)
    local client = server:open()
    client:write(("POST %s HTTP/1.1\r\nHost: x\r\n%s\r\n\r\n"):format(path,
      length and "Content-Length: " .. length or "Transfer-Encoding: chunked"))
    return client
  end

  local function chunk(client, text)
    client:write(("%x\r\n%s\r\n"):format(#text, text))
  end

  it("may be larger than what is held at once", function()
    local piece = ("x"):rep(100000)
    for _, name in ipairs(NAMES) do
      local client = begin("/basins/" .. name .. "/total", 400 * #piece)
      for _ = 1, 400 do client:write(piece) end
      assert.equal("total: 40000000", client:read_answer("POST").body)
      assert.equal("text: ab ab", client:request("POST", "/basins/" .. name .. "/text",
        { body = "ab" }).body)
      assert.equal('{"a":[1]}', client:request("POST", "/basins/" .. name .. "/json",
        { body = '{ "a": [1] }' }).body)
      assert.equal("text:  nil", client:request("GET", "/basins/" .. name .. "/text").body)
    end
  end)

  it("is answered while it comes", function()
    for _, name in ipairs(NAMES) do
      local client = begin("/basins/" .. name .. "/upper")
      assert.equal(200, client:read_head().status)
      for _, word in ipairs { "one", "two" } do
        chunk(client, word)
        assert.equal(word:upper(), client:read_piece())
      end
      client:write("0\r\n\r\n")
      assert.is_nil(client:read_piece())
    end
  end)

  -- stub:fetch(url, request) wanted the body whole, and to wait for it where nothing can wait.
  it("is passed on by a stub that is given the request for its options", function()
    for _, name in ipairs(NAMES) do
      local client = begin("/basins/" .. name .. "/upper?entry=init")
      assert.equal(200, client:read_head().status)
      chunk(client, "one")
      assert.equal("ONE", client:read_piece())
      client:write("0\r\n\r\n")
      assert.is_nil(client:read_piece())
    end
  end)

  it("can be the body of the answer", function()
    local client = begin("/basins/a/mirror")
    assert.equal("yes", client:read_head().headers["x-mirror"])
    chunk(client, "seen")
    assert.equal("seen", client:read_piece())
    client:write("0\r\n\r\n")
    assert.is_nil(client:read_piece())
  end)

  it("can be the body of the answer until its client leaves or sends what is no body", function()
    local before = server:status().workers
    for _, ending in ipairs {
      function(client) client:close() end,
      function(client)
        client.tcp:setoption("linger", { on = true, timeout = 0 })
        client:close()
      end,
      function(client)
        client.tcp:shutdown "send"
        client:read_to_end()
      end,
      function(client)
        client:write "no chunk\r\n"
        client:read_to_end()
      end,
      function(client)
        chunk(client, "more")
        client:close()
      end,
    } do
      for i = 1, 10 do
        local client = begin("/basins/" .. i .. "/mirror")
        client:read_head()
        chunk(client, "seen")
        assert.equal("seen", client:read_piece())
        ending(client)
      end
    end
    for i, worker in ipairs(server:status().workers) do
      assert.equal(before[i].pid, worker.pid)
    end
    local client = begin("/basins/a/total", 4)
    client:write "four"
    assert.equal("total: 4", client:read_answer("POST").body)
  end)

  it("can be sent on by od.fetch, with or without a length", function()
    for _, how in ipairs { "forward", "resend" } do
      local path = ("/basins/a/%s?url=%s/basins/b/total"):format(how, server.url)
      local piece = ("y"):rep(100000)
      local client = begin(path, 100 * #piece)
      for _ = 1, 100 do client:write(piece) end
      assert.equal("total: 10000000", client:read_answer("POST").body)
      client = begin(path)
      for _ = 1, 100 do chunk(client, piece) end
      client:write("0\r\n\r\n")
      assert.equal("total: 10000000", client:read_answer("POST").body)
    end
  end)

  it("that is cut is never taken for whole", function()
    for _, name in ipairs(NAMES) do
      local client = begin("/basins/" .. name .. "/cut", 100)
      client:write("half")
      client:close()
      local got
      repeat got = server:get("/basins/" .. name .. "/got_of").body until got:find(":", 1, true)
      assert.matches("^half: script.lua:%d+: the body has been cut", got)
    end
    local client = begin("/basins/a/cut")
    chunk(client, "good")
    client:write("zz\r\n")
    assert.equal(500, client:read_answer("POST").status) -- It returned nothing.
    assert.matches("^good: .*the body has been cut", server:get("/basins/a/got_of").body)
  end)

  it("is not read further than the handler does", function()
    local client = begin("/basins/held/holds", 100000000)
    local piece, sent = ("z"):rep(1000000), 0
    client.tcp:settimeout(0.2)
    while sent < 100000000 do
      local whole, _, part = client.tcp:send(piece)
      sent = sent + (whole or part)
      if not whole then break end
    end
    assert.is_true(sent < 50000000, "sent to nobody: " .. sent)
    client.tcp:settimeout(30)
    server:get("/basins/held/release")
    while sent < 100000000 do -- Each send has the time to itself.
      local part = piece:sub(1, 100000000 - sent)
      client:write(part)
      sent = sent + #part
    end
    assert.equal("held: 100000000", client:read_answer("POST").body)
  end)

  it("may take long, as long as it comes and is read", function()
    local function come(client, i)
      chunk(client, "piece")
      repeat until server:get("/basins/long/got_of").body == tostring(5 * i)
    end
    local client = begin("/basins/long/total")
    for i = 1, 3 do
      come(client, i)
      server:turn_clock(20000)
      server:get("/basins/long/got_of")
    end
    come(client, 4)
    -- The body's end, and that of the handler's time, are found in one turn.
    for _, pid in ipairs(server.process:children()) do process.send_signal(pid, "STOP") end
    client:write("0\r\n\r\n")
    server:turn_clock(20000)
    for _, pid in ipairs(server.process:children()) do process.send_signal(pid, "CONT") end
    assert.equal("total: 20", client:read_answer("POST").body)
    client = begin("/basins/long/holds", 1000)
    client:write("some")
    repeat until server:get("/basins/long/first_of").body == "4"
    for _ = 1, 2 do
      server:turn_clock(31000)
      server:get("/basins/long/got_of")
    end
    assert.equal(504, client:read_answer("POST").status)
    server:get("/basins/long/release")
  end)

  it("may be left unread", function()
    local client = begin("/basins/a/ignores", 50000000)
    client:write(("w"):rep(1000))
    local answer = client:read_answer("POST")
    assert.equal("ignored", answer.body)
    assert.equal("close", answer.headers.connection)
    client = server:open()
    assert.equal("ignored", client:request("POST", "/basins/a/ignores", { body = "small" }).body)
    assert.equal("ignored", client:request("POST", "/basins/a/ignores", { body = "small" }).body)
  end)

  it("waits for leave to send when it asked for that", function()
    local client = server:open()
    client:write("POST /basins/a/total HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\n"
      .. "Content-Length: 3\r\n\r\n")
    assert.equal(100, client:read_answer("POST").status)
    client:write("abc")
    assert.equal("total: 3", client:read_answer("POST").body)
  end)
end)

describe("a request whose body is written by a function", function()
  local function ask(query)
    return server:get(("/taps/client/uploads?url=%s/basins/far/%s"):format(server.url, query))
  end

  it("is sent while it is written", function()
    assert.equal("total: 40000000", ask("total&pieces=40000").body)
    assert.equal("total: 0", ask("total&pieces=0").body)
    assert.equal("ignored", ask("ignores&pieces=2").body)
  end)

  it("fails with what its function raises", function()
    assert.equal(500, ask("cut&pieces=9&fail=yes").status)
    server:wait_log("taps/client +fetch: script.lua:%d+: no more of it")
    repeat local got = server:get("/basins/far/got_of").body until got:find("has been cut", 1, true)
  end)
end)

describe("a body of 256 MB", function()
  local SIZE, MORE_KB_MAX = 256000000, os.getenv("OPEN_DO_SANITIZED") and 400000 or 32768

  -- The most memory that each process of the server has had.
  local function peaks()
    local list = {}
    for _, pid in ipairs(server.process:children()) do
      table.insert(list, proc.status(pid, "VmHWM"))
    end
    return list
  end

  -- Both ways, so that one goes through two workers.
  it("goes through an object in either direction, and none is held", function()
    local before, piece = peaks(), ("u"):rep(1000000)
    for _, name in ipairs { "a", "b" } do
      local client = open("/taps/" .. name .. "/huge?pieces=256000")
      client:read_head()
      local size = 0
      for part in function() return client:read_piece() end do size = size + #part end
      assert.equal(SIZE, size)
      client = server:open()
      client:write(("POST /basins/%s/total HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n")
        :format(name, SIZE))
      for _ = 1, 256 do client:write(piece) end
      assert.equal("total: " .. SIZE, client:read_answer("POST").body)
    end
    for i, peak in ipairs(peaks()) do
      local more = peak - before[i]
      assert.is_true(more < MORE_KB_MAX, ("process %d took %d kB more"):format(i, more))
    end
  end)
end)

describe("a body that is passed on", function()
  local NAMES = { "a", "b", "c", "d" } -- In both workers, from an entry in one of them.
  local upstream

  before_each(function() upstream = require("spec.support.upstream").listen() end)
  after_each(function() upstream:stop() end)

  -- Of a place outside that sends the rest while the worker is about to go.
  local function is_whole(name, ...)
    local client = open(("/taps/%s/relays?url=http://127.0.0.1:%d/"):format(name, upstream.port))
    local place = upstream:take()
    place:write("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n"
      .. "5\r\nfirst\r\n")
    assert.equal("yes", client:read_head().headers["x-relayed"])
    assert.equal("first", client:read_piece())
    local words = "hands over"
    local _, before = server:log():gsub(words, "")
    local asking = server:begin_asking(...)
    repeat
      local _, now = server:log():gsub(words, "")
    until now > before
    place:write "4\r\nlast\r\n0\r\n\r\n"
    assert.equal("last", client:read_piece())
    assert.is_nil(client:read_piece())
    assert.equal(0, (asking:wait_exit(30)), asking:output())
  end

  it("is whole when a worker is replaced meanwhile", function()
    for _, name in ipairs(NAMES) do
      is_whole(name, "restart-worker", "0")
      is_whole(name, "restart-worker", "1")
    end
  end)

  it("is whole when another program takes over meanwhile", function()
    for _, name in ipairs(NAMES) do
      is_whole(name, "upgrade")
    end
  end)
end)

describe("the death of a worker", function()
  -- Whichever worker it is: that of the writer, of the client, or of both.
  it("cuts the bodies that go through it", function()
    local clients = {}
    server:expect_mishap("another one is started")
    for _, version in ipairs { 0, 1 } do
      for name in ("abcdefgh"):gmatch(".") do
        local client = server:open()
        client:write(("GET /taps/%s%d/steps HTTP/1.%d\r\nHost: x\r\n\r\n"):format(name, version,
          version))
        client:read_head()
        server:get(("/taps/%s%d/go?piece=one"):format(name, version))
        if version == 1 then
          assert.equal("one", client:read_piece())
        else
          assert.equal("on", client.tcp:receive(2)) -- Behind the rest an end would be no error.
        end
        clients[#clients + 1] = { client = client, version = version }
      end
    end
    for _, pid in ipairs(server.process:children()) do
      process.send_signal(pid, "KILL")
      server:wait_log("is back after")
    end
    for _, each in ipairs(clients) do
      local text, why, partial = each.client.tcp:receive("*a")
      if each.version == 1 then
        assert.equal("", text or partial)
      else
        assert.same({ "closed", "e" }, { why, partial }) -- A reset: it must not seem whole.
      end
    end
  end)
end)
