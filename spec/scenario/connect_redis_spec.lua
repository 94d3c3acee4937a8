-- A client of Redis's protocol in pure Lua over od.connect, with Debian's redis-server at the other
-- end: what people will do with it.
local daemon = require "spec.scenario.daemon"
local workbench = require "spec.scenario.workbench"

-- RESP2: https://redis.io/docs/latest/develop/reference/protocol-spec/
local CLIENT = [[
local od = require "open-do"

local Redis = {}
Redis.__index = Redis

function Redis.connect(host, port)
  return setmetatable({ wire = od.connect(host, port) }, Redis)
end

local function command(...)
  local parts = { ("*%d\r\n"):format(select("#", ...)) }
  for i = 1, select("#", ...) do
    local text = tostring((select(i, ...)))
    parts[#parts + 1] = ("$%d\r\n%s\r\n"):format(#text, text)
  end
  return table.concat(parts)
end

-- A text in pieces, as more than 1 MiB is not read at once.
local function read_bytes(wire, size)
  local pieces = {}
  while size > 0 do
    local piece = wire:read(math.min(size, 512 * 1024))
    pieces[#pieces + 1] = piece
    size = size - #piece
  end
  return table.concat(pieces)
end

function Redis:answer()
  local line = assert(self.wire:read("line"), "Redis has gone")
  local kind, rest = line:sub(1, 1), line:sub(2)
  if kind == "+" then
    return rest
  elseif kind == "-" then
    return nil, rest
  elseif kind == ":" then
    return tonumber(rest)
  elseif kind == "$" then
    return tonumber(rest) >= 0 and read_bytes(self.wire, rest + 2):sub(1, -3) or nil
  end
  assert(kind == "*", "not Redis: " .. line)
  local list = {}
  for i = 1, tonumber(rest) do
    list[i] = self:answer()
  end
  return list
end

function Redis:call(...)
  self.wire:write(command(...))
  return self:answer()
end

-- Many at once: answers come in the order of the commands.
function Redis:pipeline(commands)
  local texts, answers = {}, {}
  for i, one in ipairs(commands) do
    texts[i] = command(unpack(one))
  end
  self.wire:write(table.concat(texts))
  for i = 1, #commands do
    answers[i] = self:answer()
  end
  return answers
end

return Redis
]]

local SOURCE = [[
local od = require "open-do"
local Redis = require "redis"
local Thing = require("workbench").thing()

-- One connection for the instance; after a sleep there is another.
function Thing:redis(port)
  self.client = self.client or Redis.connect("127.0.0.1", port)
  return self.client
end

return { namespaces = { things = Thing } }
]]

describe("a client of Redis over od.connect", function()
  local server = workbench.once(SOURCE, { workers = 1, files = { ["redis.lua"] = CLIENT } })
  local redis = daemon.once {
    argv = function(port, directory)
      return { "redis-server", "--port", port, "--bind", "127.0.0.1", "--save", "",
        "--appendonly", "no", "--dir", directory }
    end,
    ready = "Ready to accept connections",
    signal = "KILL",
  }

  local function with(code)
    return ("local redis = self:redis(%d) "):format(redis.port) .. code
  end

  local function ask(code, name)
    return workbench.ask(server, name or "a", with(code))
  end

  it("sets, gets, counts and hears of its mistakes", function()
    assert.same({ "PONG", "OK", "a\r\nb", "nil", 2, "false ERR" }, ask [[
      local ok, why = redis:call("NONSENSE")
      redis:call("INCR", "count")
      return { redis:call("PING"), redis:call("SET", "key", "a\r\nb"), redis:call("GET", "key"),
        tostring(redis:call("GET", "none")), redis:call("INCR", "count"),
        tostring(ok or false) .. " " .. why:match("^%u+") }]])
  end)

  it("sends a thousand commands at once", function()
    assert.same({ 1000, "1", "1000" }, ask [[
      local commands = {}
      for i = 1, 1000 do
        commands[i] = { "RPUSH", "list", i }
      end
      local answers = redis:pipeline(commands)
      local list = redis:call("LRANGE", "list", 0, -1)
      return { answers[1000], list[1], list[1000] }]])
  end)

  it("carries a value of 8 MB, byte for byte", function()
    assert.is_true(ask [[
      local value = {}
      for i = 1, 1024 do
        value[i] = ("%04d"):format(i):rep(2048)
      end
      value = table.concat(value)
      redis:call("SET", "large", value)
      return redis:call("GET", "large") == value]])
  end)

  it("hears what is published, while another handler publishes", function()
    local hears = workbench.begin(server, "b", with [[
      redis:call("SUBSCRIBE", "news")
      print "subscribed"
      return redis:answer()]])
    server:wait_log("subscribed")
    assert.equal(1, ask [[return redis:call("PUBLISH", "news", "hello")]])
    assert.same({ "message", "news", "hello" }, workbench.outcome(hears))
  end)

  it("connects anew when its object has slept", function()
    local first = ask([[return redis:call("CLIENT", "ID")]], "c")
    workbench.fall_asleep(server)
    assert.is_true(ask([[return redis:call("CLIENT", "ID")]], "c") > first)
  end)
end)
