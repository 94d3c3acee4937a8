-- Bodies in pieces of which one side does not do what it should: it says nothing, too much, too
-- late, or what is no piece; it does not read, or stops.
local Server = require "spec.support.server"
local http = require "spec.support.http"

local SOURCE = [[
local od = require "open-do"

local Tap = {}

local writers = {}

function writers.never(self)
  while not self.is_told do od.sleep(1) end
end

-- At the first byte it has what it writes, and may not have room for it.
function writers.gigabyte(_, stream)
  stream:write("begun\n")
  stream:write(("x"):rep(2 ^ 30))
end

function writers.large(_, stream, size)
  stream:write(("0123456789abcdef"):rep(size / 16))
end

-- One of two fails in the middle.
function writers.torn(_, stream)
  od.all {
    function() for _ = 1, 100 do stream:write(("a"):rep(100000)) end end,
    function() stream:write("b") od.sleep(1) error "one of two" end,
  }
end

-- The function has ended, and one that it began has not.
function writers.left_behind(self, stream)
  self.state:waitUntil(function()
    od.sleep(1)
    self.state.storage:put("problem", select(2, pcall(stream.write, stream, "more")))
  end)
  stream:write("all")
end

function writers.endless(self, stream)
  self.written = 0
  while true do
    local ok, problem = pcall(stream.write, stream, ("x"):rep(1000))
    if not ok then
      self.state.storage:put("problem", problem) -- The instance may go before somebody asks.
      return
    end
    self.written = self.written + 1000
  end
end

local asks = {}

function asks.problem(self) return self.state.storage:get("problem") or "none" end
function asks.written(self) return self.written or 0 end
function asks.boot(self) return self.boot end
function asks.told(self) return self.told or "nothing" end

-- Whole bodies, as if they came in pieces.
function asks.mirror(_, request) return od.Response(request:chunks()) end
function asks.rest(_, request)
  local pieces = request:chunks()
  local first = pieces()
  return od.Response(pieces, { headers = { ["x-first"] = tostring(first) } })
end
function asks.forward(_, request)
  return od.fetch(request.query.url, { method = "POST", body = request:chunks() })
end
function asks.across(self, request)
  return self.env.taps:getByName("beyond"):fetch("/x?ask=mirror",
    { method = "POST", body = request:chunks() })
end

function Tap:constructor() self.boot = od.randomUUID() end

function Tap:fetch(request)
  local query = request.query
  if query.ask then
    local answer = asks[query.ask](self, request)
    return type(answer) == "table" and answer or od.Response(tostring(answer))
  end
  request:onAbort(function() self.told, self.is_told = "gone", true end)
  return od.Response(function(stream) writers[query.write](self, stream, tonumber(query.size)) end)
end

return { namespaces = { taps = Tap } }
]]

local server

setup(function() server = Server.start { source = SOURCE, workers = 2 } end)
teardown(function() server:stop() end)

local function open(path, options)
  options = options or {}
  options.host, options.port = server.address.host, server.address.port
  local client = http.open(options)
  client:send_request("GET", path)
  client:read_head()
  return client
end

local function ask(name, what)
  return server:get(("/taps/%s?ask=%s"):format(name, what)).body
end

local function wait_for(expected, name, what)
  local value
  repeat value = ask(name, what) until value:find(expected)
  return value
end

describe("a function that writes a body", function()
  it("may write nothing for as long as somebody waits, and is told when nobody does", function()
    local client = open("/taps/quiet?write=never")
    for _ = 1, 3 do
      server:turn_clock(31000)
      assert.equal("nothing", ask("quiet", "told"))
    end
    assert.is_false(client:has_news())
    client:close()
    wait_for("gone", "quiet", "told")
  end)

  it("cannot write more than its script may hold, and harms nobody else with that", function()
    local neighbours = {}
    for name in ("abcd"):gmatch(".") do neighbours[name] = ask(name, "boot") end
    local client = open("/taps/full?write=gigabyte")
    assert.equal("begun\n", client:read_piece())
    assert.has_error(function() client:read_piece() end, "the body is cut: closed")
    server:wait_log("taps/full +fetch: .*not enough memory")
    for name, boot in pairs(neighbours) do assert.equal(boot, ask(name, "boot")) end
    assert.equal("none", ask("full", "problem"))
  end)

  it("can write many megabytes at once; what is held of them is little", function()
    local size = 48000000
    local client = open("/taps/large?write=large&size=" .. size)
    assert.equal(size, #client:read_pieces())
  end)

  it("that has failed in one of two tasks cuts what the other writes", function()
    local client = open("/taps/torn?write=torn")
    assert.has_error(function() client:read_pieces() end, "the body is cut: closed")
    server:wait_log("taps/torn +fetch: script.lua:%d+: one of two")
  end)

  it("has ended when it returns, whoever still wants to write", function()
    assert.equal("all", server:get("/taps/left?write=left_behind").body)
    assert.matches("script.lua:%d+: write: the body has ended",
      wait_for("write", "left", "problem"))
  end)
end)

describe("a reader of a body", function()
  it("that stops, and stays, holds the writer and nobody else, and not for ever", function()
    local client = open("/taps/stopped?write=endless", { receive_buffer = 4096 })
    local written, before = 0, -1
    while written ~= before do
      before = written
      for _ = 1, 20 do ask("other", "boot") end
      written = tonumber(ask("stopped", "written"))
    end
    assert.equal("none", ask("stopped", "problem"))
    repeat -- A minute after he has last taken something.
      server:turn_clock(31000)
      local problem = ask("stopped", "problem")
    until problem:find("write: the client has gone", 1, true)
    assert.has_error(function() client:read_pieces() end, "the body is cut: closed")
  end)
end)

describe("a body that is here already", function()
  it("can be passed on as if it came in pieces", function()
    local function post(what, body)
      return server:post("/taps/whole?ask=" .. what, body)
    end
    assert.equal("whole", post("mirror", "whole").body)
    assert.equal("", post("mirror", "").body)
    local rest = post("rest", "whole")
    assert.same({ "", "whole" }, { rest.body, rest.headers["x-first"] })
    assert.equal("whole", post("across", "whole").body)
    assert.equal("whole",
      post(("forward&url=%s/taps/far%%3Fask=mirror"):format(server.url), "whole").body)
  end)
end)
