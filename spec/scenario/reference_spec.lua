-- The reference for authors (lua/README.md) says nothing that is not so: its whole scripts load,
-- and its other blocks run in an object, where `EXPRESSION --> VALUE` is what must come out.
-- Scripts of other pages do what these say; blocks of COMING-FROM-CLOUDFLARE.md are Lua at least.
local json = require "dkjson"
local Server = require "spec.support.server"
local shell = require "spec.support.shell"

-- Blocks { line =, kind =, text = } of a page.
local function blocks_of(path)
  local blocks, open, number = {}, nil, 0
  for line in (shell.read(path) .. "\n"):gmatch("(.-)\n") do
    number = number + 1
    local kind = line:match("^```lua ?(%w*)$")
    if open and line == "```" then
      open.text = table.concat(open, "\n")
      blocks[#blocks + 1], open = open, nil
    elseif open then
      open[#open + 1] = line
    elseif kind then
      open = { line = number, kind = kind }
    end
  end
  return blocks
end

-- `a --> b` becomes a comparison; the lines keep their numbers.
local function with_checks(block)
  local lines = {}
  for at, line in ipairs(block) do
    local expression, value = line:match("^(.-) %-%-> (.*)$")
    lines[at] = expression and ("check(%d, %s, (%s))"):format(block.line + at, value, expression)
      or line
  end
  return table.concat(lines, "\n")
end

local FRAME = [[
local od = require "open-do"

local function same(a, b)
  if type(a) ~= "table" or type(b) ~= "table" then
    return a == b
  end
  for key, value in pairs(a) do
    if not same(value, b[key]) then return false end
  end
  for key in pairs(b) do
    if a[key] == nil then return false end
  end
  return true
end

local function check(line, expected, got)
  if not same(expected, got) then
    error("line " .. line .. ": " .. tostring(got), 0)
  end
end

local blocks = {}
%s
local Room = {}

function Room:alarm() end

function Room:sendDigest() end

function Room:add(a, b) return a + b end

function Room:refuse() error({ message = "not today", code = 7 }) end

function Room:fetch(request)
  local at = tonumber(request.path:match("(%%d+)$"))
  if request.headers:get("upgrade") then
    local client, server = od.WebSocketPair()
    self.state:acceptWebSocket(server, { "everyone" })
    return od.Response(nil, { status = 101, webSocket = client })
  end
  if not at then return od.Response("a page\n") end
  local state = self.state
  local ok, problem = pcall(blocks[at], self, state, state.storage, state:getWebSockets()[1],
    self.env)
  return od.Response(ok and "well" or tostring(problem))
end

return { namespaces = { rooms = Room } }
]]

describe("the reference", function()
  it("has whole scripts that load", function()
    local count = 0
    for _, block in ipairs(blocks_of("lua/README.md")) do
      if block.kind == "" and block.text:match("\nreturn { namespaces") then
        count = count + 1
        Server.start { source = block.text }:stop()
      end
    end
    assert.equal(3, count)
  end)

  it("has lines that give what it says", function()
    local parts, rooms = {}, {}
    for number, block in ipairs(blocks_of("lua/README.md")) do
      if block.kind == "" and not block.text:match("\nreturn { namespaces") then
        rooms[number] = block.text:find("lobby", 1, true) and "lobby" or "room-" .. number
        parts[#parts + 1] = ("blocks[%d] = function(self, state, storage, ws, env)\n%s\nend")
          :format(number, with_checks(block))
      end
    end
    local server = Server.start { source = FRAME:format(table.concat(parts, "\n")) }
    for number, room in pairs(rooms) do
      server:connect("/rooms/" .. room)
      assert.equal("well", server:get(("/rooms/%s/%d"):format(room, number)).body)
    end
    server:stop()
  end)

  it("has a cookbook of scripts that load", function()
    local count = 0
    for _, block in ipairs(blocks_of("lua/COOKBOOK.md")) do
      count = count + 1
      Server.start { source = block.text }:stop()
    end
    assert.equal(8, count)
  end)

  it("has files in the cookbook that come back as they were", function()
    local server = Server.start { source = blocks_of("lua/COOKBOOK.md")[6].text, workers = 1 }
    assert.equal(404, server:get("/files/a").status)
    for _, size in ipairs { 3000000, 0, 70000 } do
      local body = ("film "):rep(size / 5)
      assert.equal(204, server:open():request("PUT", "/files/a", { body = body }).status)
      assert.is_true(server:get("/files/a").body == body)
    end
    server:stop()
  end)

  it("has a script that tries again where that helps", function()
    local server = Server.start { source = blocks_of("lua/ERRORS.md")[1].text, workers = 1 }
    assert.equal("100\n", server:get("/?id=a").body)
    server:fault("commit.fail", { times = 1 })
    server:get("/?id=b")
    assert.equal("200\n", server:get("/?id=b").body)
    assert.equal("200\n", server:get("/?id=a").body)
    server:stop()
  end)

  it("has scripts that bring what is stored into shape", function()
    local keys, sql = unpack(blocks_of("lua/CHANGING-DATA.md"))
    assert.same({ "keys", "sql" }, { keys.kind, sql.kind })
    local server = Server.start { args = { "--watch" }, source = [[
      local Profile = {}
      function Profile:fetch()
        self.state.storage:put { name = "Ann Lee", tags = { "a", "b" } }
        return require("open-do").Response "ok"
      end
      return { namespaces = { profiles = Profile } }]] }
    assert.equal("ok", server:get("/profiles/ann").body)
    server:save(keys.text)
    server:wait_version(2)
    for _ = 1, 2 do
      assert.same({ last = "Lee", tags = { "a", "b" } },
        json.decode(server:get("/profiles/ann").body))
      server:restart()
    end
    server:stop()
    Server.start { source = sql.text }:stop()
  end)

  it("has a spec that authors can run", function()
    local page = shell.read("lua/README.md")
    assert(loadstring(page:match("```lua spec\n(.-)```")))
  end)

  it("compares with Cloudflare in Lua that compiles", function()
    local page = shell.read("lua/COMING-FROM-CLOUDFLARE.md")
    local count = 0
    for code in page:gmatch("```lua\n(.-)```") do
      count = count + 1
      assert(loadstring(code))
    end
    assert.equal(5, count)
  end)
end)
