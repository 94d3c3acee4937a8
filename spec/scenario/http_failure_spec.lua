-- Handlers that fail: the client learns nothing of the inside, the author all of it, and the object
-- lives on.
local Server = require "spec.support.server"

local SOURCE = [[
local od = require "open-do"

local Room = {}

function Room:constructor()
  self.boot = od.randomUUID()
end

local function measure(thing)
  return thing.secret_length + 1 -- Here it goes wrong.
end

function Room:wrong()
  local result = measure(nil)
  return od.Response(tostring(result))
end

function Room:raise()
  error("password is hunter2", 0)
end

function Room:object()
  error { message = "an error of its own", code = 7 }
end

function Room:nothing() end

function Room:number() return 42 end

function Room:string() return "a plain string" end

function Room:table() return { status = 200, body = "looks like one" } end

function Room:status()
  local response = od.Response("x", { status = 99 })
  return response
end

function Room:body()
  local response = od.Response({})
  return response
end

function Room:inject()
  local response = od.Response("x", { headers = { ["x-a"] = "1\r\nset-cookie: evil=1" } })
  return response
end

function Room:behind()
  local response = od.Response("x")
  response.headers = { ["x-a"] = "1\r\nset-cookie: evil=1" }
  return response
end

function Room:lonely()
  local text = od.json.decode(nil)
  return text
end

function Room:unhashed()
  local hash = od.sha256({})
  return hash
end

function Room:caught(request)
  local tries = {}
  for i, value in ipairs { "1\r\n2", "1\n2", "1\0002", "1\r2" } do
    local ok, problem = pcall(od.Response, "x", { headers = { ["x-a"] = value } })
    tries[i] = (ok and "passed" or problem) .. "\n"
  end
  local headers = od.Headers()
  for i, name in ipairs { "a b", "a:b", "a\r\nb", "" } do
    local ok, problem = pcall(headers.set, headers, name, "1")
    tries[4 + i] = (ok and "passed" or problem) .. "\n"
  end
  return od.Response(table.concat(tries))
end

function Room:forever()
  print("falls silent")
  od.sleep(3600 * 1000)
  return od.Response("nobody waits any more")
end

function Room:loops()
  print("loops gently")
  while true do od.sleep(1000) end
end

function Room:evil()
  error(setmetatable({}, { __tostring = function() error("in the error") end }))
end

function Room:foreign()
  return od.Response(JSON.stringify({}))
end

function Room:dotted(request)
  local text = request.text()
  return od.Response(text)
end

function Room:greeting()
  return self.word
end

function Room:undotted()
  local text = self.greeting()
  return od.Response(text)
end

function Room:queried(request)
  return od.Response(request.query:get("x"))
end

function Room:pathless(request)
  return od.Response(request.url.pathname:upper())
end

function Room:elsewhere()
  return od.Response(self.env.roomz:getByName("x"):fetch("/"))
end

function Room:boots()
  return od.Response(self.boot)
end

function Room:fetch(request)
  return self[request.path:match("[^/]+$")](self, request)
end

local Tail = { fetch = function(_, request)
  if request.query.x then
    return od.Response("x", { status = 99 })
  end
  return od.Response({})
end }

local function sum(n)
  return n == 0 and nothing.at_all or 1 + sum(n - 1)
end

function Room:deep()
  return od.Response(tostring(sum(15000)))
end

return { namespaces = { rooms = Room, tails = Tail, mutes = {} } }
]]

describe("a handler that fails", function()
  local server = Server.once { source = SOURCE }

  local function expect_failure(what)
    local boot = server:get("/rooms/a/boots").body
    local ann = server:open()
    local answer = ann:request("GET", "/rooms/a/" .. what)
    assert.equal(500, answer.status)
    assert.equal("Internal Server Error\n", answer.body)
    assert.is_nil(answer.headers["set-cookie"])
    assert.is_nil(answer.headers["x-a"])
    -- The connection, the object and its instance are as before.
    assert.equal(boot, ann:request("GET", "/rooms/a/boots").body)
    ann:close()
  end

  it("tells its author object, file, line, the line itself and how it got there", function()
    expect_failure("wrong")
    server:wait_log("ERROR rooms/a  fetch: script%.lua:10: attempt to index local 'thing' "
      .. "%(a nil value%)")
    server:wait_log("> +10 |   return thing%.secret_length %+ 1 %-%- Here it goes wrong%.")
    server:wait_log("in function 'measure' %(script%.lua:10%)")
    server:wait_log("called from fetch %(script%.lua:%d+%)")
    assert.not_matches("%.c:%d", server:log())
    assert.not_matches("[C]", server:log(), 1, true)
  end)

  it("deep in a recursion tells both ends, and does not walk over all of it", function()
    expect_failure("deep")
    server:wait_log("in function 'sum' %(script%.lua:%d+%)")
    server:wait_log(" about 1[45]%d%d%d times")
    server:wait_log("called from fetch %(script%.lua:%d+%)")
  end)

  it("by an error without a place, or one that is a table, is told as well", function()
    expect_failure("raise")
    server:wait_log("rooms/a  fetch: password is hunter2")
    expect_failure("object")
    server:wait_log("rooms/a  fetch: .-an error of its own")
    expect_failure("evil")
    server:wait_log("rooms/a  fetch: ")
  end)

  it("to return a response is told what it returned", function()
    expect_failure("nothing")
    server:wait_log("rooms/a  fetch: script%.lua:%d+: fetch returned nothing; "
      .. "it must return an od%.Response")
    expect_failure("number")
    server:wait_log("fetch returned a number; it must return an od%.Response")
    expect_failure("string")
    server:wait_log("fetch returned a string; it must return an od%.Response")
    expect_failure("table")
    server:wait_log("fetch returned a table; it must return an od%.Response")
  end)

  it("to make a proper response is told at its own line", function()
    expect_failure("status")
    server:wait_log("rooms/a  fetch: script%.lua:35: .-status")
    expect_failure("body")
    server:wait_log("rooms/a  fetch: script%.lua:40: .-body")
  end)

  it("to be there at all is told how it is written", function()
    assert.equal(500, server:get("/mutes/a").status)
    server:wait_log("mutes/a  Handler does not export a fetch%(%) function%. "
      .. ".-CLASS:fetch%(request%)")
  end)

  it("to call the library properly is told function, argument and its own line", function()
    expect_failure("lonely")
    server:wait_log("script%.lua:%d+: json%.decode: argument 1 must be a string, got nil")
    expect_failure("unhashed")
    server:wait_log("script%.lua:%d+: sha256: argument 1 must be a string, got a table")
  end)

  it("by a habit from JavaScript is told what to write here", function()
    expect_failure("foreign")
    server:wait_log("global 'JSON' %(a nil value%).-hint: od%.json%.encode%(value%)")
    expect_failure("dotted")
    server:wait_log("text: call it with a colon, as in request:text.-> +%d+ |   local text = ")
    expect_failure("undotted")
    server:wait_log("> +%d+ |   return self%.word.-hint: call it with a colon")
    expect_failure("queried")
    server:wait_log("hint: request%.query is a table: request%.query%.NAME\n")
    expect_failure("pathless")
    server:wait_log("hint: request%.url is a string; its path is request%.path")
  end)

  it("to find a namespace is told which there are", function()
    expect_failure("elsewhere")
    server:wait_log("hint: env has no 'roomz'; namespaces: [^;\n]*rooms")
  end)

  it("to keep line ends out of headers is told at its own line, and nothing is injected", function()
    expect_failure("inject")
    server:wait_log("rooms/a  fetch: script%.lua:45: "
      .. '.-"x%-a" cannot have CR, LF or NUL in its value')
    expect_failure("behind")
    server:wait_log("rooms/a  fetch: .-headers")
    local answer = server:get("/rooms/a/caught")
    assert.equal(200, answer.status)
    local refused = 0
    for problem in answer.body:gmatch("[^\n]+") do
      assert.not_matches("passed", problem, 1, true)
      refused = refused + 1
    end
    assert.is_true(refused >= 8)
  end)

  it("to answer at all is cut off after 30 seconds, and the others need not wait", function()
    local ann = server:open()
    ann:send_request("GET", "/rooms/quiet/forever")
    server:wait_log("rooms/quiet  falls silent")
    local ben = server:open()
    ben:send_request("GET", "/rooms/quiet/loops")
    server:wait_log("rooms/quiet  loops gently")
    assert.equal(200, server:get("/rooms/quiet/boots").status)
    assert.is_false(ann:has_news())

    server:turn_clock(31000)

    for _, client in ipairs { ann, ben } do
      local answer = client:read_answer()
      assert.equal(504, answer.status)
      assert.equal("Gateway Timeout\n", answer.body)
      assert.equal(200, client:request("GET", "/rooms/quiet/boots").status)
    end
    server:wait_log("rooms/quiet  fetch has not answered within 30000 ms; the client gets a 504")
  end)

  -- It had no line at all: a handler has left the stack when what it returns with is called.
  it("in what it returns with is shown the lines that can have been it", function()
    assert.equal(500, server:get("/tails/a").status)
    server:wait_log("ERROR tails/a  fetch: the body of a Response must be .-"
      .. '\n +> %d+ |     return od%.Response%("x", { status = 99 }%)'
      .. "\n +> %d+ |   return od%.Response%({}%)"
      .. "\n +in fetch %(script%.lua:%d+%), by one of its 2 `return f%(%.%.%.%)`")
  end)

  it("and whose client has left disturbs nobody", function()
    local ann = server:open()
    ann:send_request("GET", "/rooms/left/forever")
    server:wait_log("rooms/left  falls silent")
    ann:close()
    assert.equal(200, server:get("/rooms/left/boots").status)
    server:turn_clock(31000)
    assert.equal(200, server:get("/rooms/left/boots").status)
  end)
end)

describe("a helper that fails in what it returns with", function()
  -- A helper that ends with `return f(...)` was not named at all, or its name stood at another.
  it("is named, with its line if it has one such", function()
    local helped = Server.start { workers = 1, files = { ["helper.lua"] = [[
      local od = require "open-do"
      local M = {}
      function M.inner(value)
        local field = value.nothing.here
        return field
      end
      function M.outer(value)
        return M.inner(value)
      end
      function M.answer()
        return od.Response({})
      end
      function M.append() return M.inner({}) end
      return M ]] }, source = [[
      local helper = require "helper"
      local Room = {}
      function Room:own()
        return helper.inner({})
      end
      function Room:fetch(request)
        local what, result = request.query.what
        if what == "answer" then result = helper.answer()
        elseif what == "outer" then result = helper.outer({})
        elseif what == "own" then result = self:own()
        else result = request.headers:append({}) end
        return result
      end
      return { namespaces = { rooms = Room } } ]] }
    for what, words in pairs {
      answer = "\n +> 11 | +return od%.Response%({}%)\n"
        .. " +in function 'answer' %(helper%.lua:10%), by its `return f%(%.%.%.%)`.-\n"
        .. " +called from fetch %(script%.lua:8%)",
      outer = "in function 'M%.inner' %(helper%.lua:4%)\n"
        .. " +called from function 'outer' %(helper%.lua:7%), by its `return f%(%.%.%.%)`.-\n"
        .. " +called from fetch %(script%.lua:9%)",
      own = "in function 'M%.inner' %(helper%.lua:4%)\n"
        .. " +called from function 'own' %(script%.lua:3%), by its",
      another = "in fetch %(script%.lua:11%)", -- Not M.append, which has that name, too.
    } do
      helped:get("/rooms/a?what=" .. what)
      helped:wait_log(words)
    end
    helped:stop()
  end)
end)
