-- Scripts: what is said about those that cannot be served, modules beside them, and what they get
-- from outside and into the log.
local json = require "dkjson"
local Server = require "spec.support.server"
local survival = require "spec.scenario.survival"

local RETURN = " return { namespaces = { rooms = Room } }"

describe("a script that cannot be served", function()
  -- The program ends with 1 and says all of `parts`, which are plain text.
  local function refuse(source, parts, options)
    options = options or {}
    options.source = source
    local code, output = Server.refuse(options)
    assert.equal(1, code, output)
    for _, part in ipairs(parts) do
      assert.matches(part, output, 1, true)
    end
    assert.not_matches("listening on", output, 1, true)
    assert.not_matches("panic", output, 1, true)
    return output
  end

  it("for its syntax is shown with file, line and the line itself", function()
    refuse("local Room = {}\n\nfunction Room:fetch(\n  local x = 1\nend\n" .. RETURN,
      { "script.lua:4:", "'local'", "> 4 |   local x = 1\n    |   ^^^^^\n" })
  end)

  it("for being no source text is told what it is", function()
    refuse(string.dump(function() end), { "script.lua: this is bytecode" })
    refuse("\255\254r\0e\0t\0", { "script.lua: this is UTF-16; save it as UTF-8" })
  end)

  it("for an error is shown with file, line, the line itself and the way there", function()
    refuse("local function deep(t)\n  return t.x.y\nend\nlocal n = deep({})\nreturn n",
      { "script.lua:2:", "attempt to index field 'x' (a nil value)",
        "> 2 |   return t.x.y\n    |            ^\n",
        "'deep'", "script.lua:4" })
  end)

  it("for an error in a module is shown with the module's file", function()
    refuse("local odd = require 'lib.odd'\nreturn odd",
      { "lib/odd.lua:2:", "> 2 | error 'no luck'" },
      { files = { ["lib/odd.lua"] = "-- Unlucky.\nerror 'no luck'\n" } })
  end)

  it("for a missing module is told where it was looked for", function()
    refuse("local x = require 'lib.missing'", {
      "script.lua:1:", "lib.missing", "lib/missing.lua", "lib/missing/init.lua", "> 1 | local x",
    })
  end)

  it("for modules that require each other is told which one is waited for", function()
    refuse("local one = require 'one'\nreturn one", {
      "two.lua:1:", "'one' is being loaded already: modules require each other in a circle",
      "> 1 | local one = require 'one'",
    }, { files = {
      ["one.lua"] = "local two = require 'two'\nreturn two",
      ["two.lua"] = "local one = require 'one'\nreturn one",
    } })
  end)

  it("for the name of a module is told what a name is", function()
    refuse("local x = require(nil)",
      { "script.lua:1: require: argument 1 must be a string, got nil" })
    refuse("local x = require {}", { "require: argument 1 must be a string, got a table" })
    refuse("local x = require '../up'", { "'../up' is not the name of a module", "as in 'lib.x'" })
  end)

  it("for a module that is no file is told so", function()
    refuse("local x = require 'lib'", { "lib.lua: not a file" },
      { files = { ["lib.lua/inner.lua"] = "" } })
  end)

  it("for a file without end is told how much it may have", function()
    refuse("local x = require 'big'", { "big.lua: larger than 16777216 bytes" },
      { files = { ["big.lua"] = ("-"):rep(2 ^ 24 + 1) } })
  end)

  it("for yielding while it is loaded is told that it must not", function()
    refuse("coroutine.yield()", { "script.lua", "yield" })
  end)

  it("for a variable with the name of a namespace is told to rename one of them", function()
    refuse("local Room = {}" .. RETURN, {
      "the variable 'rooms' (--var or --env-file) has the name of a namespace; rename one of them",
    }, { args = { "--var", "rooms=7" } })
  end)

  it("for C modules is told that there are none", function()
    for _, name in ipairs { "ffi", "jit", "socket", "lfs", "io", "debug" } do
      refuse(("local x = require '%s'"):format(name), { "script.lua:1:", name })
    end
  end)

  it("for what it returns is told what it must return", function()
    local room = "local Room = { fetch = function() end } "
    local cases = {
      [""] = "returns nil",
      ["return 42"] = "number",
      ["return {}"] = "namespaces",
      ["return { namespaces = 1 }"] = "namespaces",
      ["return { namespaces = {} }"] = "namespaces",
      ["return { namespaces = { rooms = 7 } }"] = "rooms",
      ["return { namespaces = { ['my rooms'] = {} } }"] = "my rooms",
      ["return { namespaces = { ['2nd'] = {} } }"] = "2nd",
      ["return { namespaces = { [''] = {} } }"] = "name of a namespace",
      ["return { namespaces = { {} } }"] = "name of a namespace",
      ["return { namespaces = { " .. ("n"):rep(65) .. " = {} } }"] = ("n"):rep(65),
      ["return { namespaces = { rooms = { fetch = 'no' } } }"] = "rooms.fetch",
      [room .. "return { namespaces = { rooms = Room }, fetch = 5 }"] = "fetch",
    }
    for source, part in pairs(cases) do
      refuse(source, { "script.lua", part })
    end
  end)

  it("for a handler that nothing would call is told how it is written", function()
    refuse("local Room = {} function Room:websocketMessage() end" .. RETURN,
      { "websocketMessage", "webSocketMessage" })
  end)

  it("for a global it did not declare is told name and line", function()
    refuse("local Room = {}\ncounter = 1\n" .. RETURN,
      { "script.lua:2:", "counter", "> 2 | counter = 1" })
    refuse("local Room = {}\nfunction helper() end\n" .. RETURN, { "script.lua:2:", "helper" })
  end)

  it("for its absence is told so", function()
    local code, output = Server.refuse { script = "/nowhere/at/all.lua" }
    assert.equal(1, code)
    assert.matches("/nowhere/at/all.lua", output, 1, true)
  end)

  it("for running forever or eating memory at its start does not hang the program up", function()
    refuse("local t = {} for i = 1, 1e9 do t[i] = ('x'):rep(1e6) .. i end", { "not enough memory" },
      { args = { "--script-memory-mb", "64" } })
  end)
end)

describe("a script", function()
  local server

  after_each(function()
    server:stop()
  end)

  it("finds modules beside it, once, in files and in folders", function()
    server = Server.start {
      source = [[
        local od = require "open-do"
        local one, again, pack = require "lib.one", require("lib.one"), require "pack"
        local Room = {}
        function Room:fetch()
          return od.Response(("%s %s %s"):format(one.name, tostring(one == again), pack.name))
        end
        return { namespaces = { rooms = Room } }
      ]],
      files = {
        ["lib/one.lua"] = "return { name = 'one of ' .. ... }",
        ["pack/init.lua"] = "return { name = 'pack with ' .. require 'pack.inner' }",
        ["pack/inner.lua"] = "return 'inner'",
      },
    }
    assert.equal("one of lib.one true pack with inner", server:get("/rooms/a").body)
  end)

  it("may say that a module has nothing to return, and be written on Windows", function()
    server = Server.start {
      source = "\239\187\191#!/usr/bin/env open-do run\n" .. [[
        local od = require "open-do"
        local nothing = require "nothing"
        local Room = {}
        function Room:fetch()
          return od.Response(tostring(nothing))
        end
        return { namespaces = { rooms = Room } }
      ]],
      files = { ["nothing.lua"] = "local unused = 1" },
    }
    assert.equal("true", server:get("/rooms/a").body)
  end)

  it("gets variables of the command line and of files, and its namespaces, in env", function()
    local source = [[
      local od = require "open-do"
      local Room = {}
      function Room:fetch(request)
        local env = self.env
        return od.Response.json { A = env.A, B = env.B, C = env.C, D = env.D, E = env.E,
          is_self = env.rooms:idFromName("a") == self.state.id }
      end
      return { namespaces = { rooms = Room } }
    ]]
    local path = os.tmpname()
    local file = assert(io.open(path, "w"))
    file:write("# Comment\n\nB=from file\nC=\"quoted # text\"\nexport D=exported\nA=overruled\n")
    file:close()
    server = Server.start { source = source,
      args = { "--env-file", path, "--var", "A=1=2", "--var", "E=" } }
    os.remove(path)
    local seen = json.decode(server:get("/rooms/a").body)
    assert.equal("1=2", seen.A)
    assert.equal("from file", seen.B)
    assert.equal("quoted # text", seen.C)
    assert.equal("exported", seen.D)
    assert.equal("", seen.E)
    assert.is_true(seen.is_self)
  end)

  it("takes variables from its environment and from files, which no list of processes shows",
    function()
      local path = os.tmpname()
      local file = assert(io.open(path, "w"))
      file:write("secret = of a file \r\n")
      file:close()
      server = Server.start { env = { SECRET_A = "of the environment" },
        args = { "--var", "SECRET_A", "--var-file", "SECRET_B=" .. path }, source = [[
          local od = require "open-do"
          local Room = {}
          function Room:fetch()
            return od.Response(self.env.SECRET_A .. "|" .. self.env.SECRET_B)
          end
          return { namespaces = { rooms = Room } }
        ]] }
      os.remove(path)
      assert.equal("of the environment|secret = of a file ", server:get("/rooms/a").body)
    end)

    -- Each new worker read the file again, and ended: nobody was served any more.
    it("and what it held stays when it is gone and the worker is replaced", function()
      local path = os.tmpname()
      local file = assert(io.open(path, "w"))
      file:write("of a file\n")
      file:close()
      server = Server.start { args = { "--workers", "1", "--var-file", "SECRET=" .. path },
        source = [[
        local od = require "open-do"
        local Room = {}
        function Room:fetch() return od.Response(self.env.SECRET) end
        return { namespaces = { rooms = Room } }
      ]] }
      os.remove(path)
      server:expect_mishap("another one is started")
      survival.kill_one(server)
      server:wait_log("another one is started")
      assert.equal("of a file", server:get("/rooms/a").body)
      assert.equal(0, server:asking("reload"))
    end)

  it("writes into the log with the object's name, and cannot forge a line of it", function()
    server = Server.start {
      source = [[
        local od = require "open-do"
        local Room = {}
        function Room:fetch()
          print("one", 2, nil, true)
          od.log.info("informed")
          od.log.warn("warned")
          od.log.error("failed")
          od.log.debug("never seen at this level")
          print("first\n12:00:00.000 ERROR rooms/b  second\27[31m")
          return od.Response("done")
        end
        return { namespaces = { rooms = Room } }
      ]],
    }
    server:get("/rooms/lobby")
    server:wait_log("INFO  rooms/lobby  one\t2\tnil\ttrue\n")
    server:wait_log("INFO  rooms/lobby  informed\n")
    server:wait_log("WARN  rooms/lobby  warned\n")
    server:wait_log("ERROR rooms/lobby  failed\n")
    server:wait_log("INFO  rooms/lobby  first\n +12:00:00")
    assert.not_matches("\27", server:log(), 1, true)
    assert.not_matches("never seen", server:log(), 1, true)
  end)

  it("whose handlers fail on a socket keeps process, object and socket", function()
    server = Server.start {
      source = [[
        local od = require "open-do"
        local Room = {}
        function Room:fetch(request)
          local client, socket = od.WebSocketPair()
          self.state:acceptWebSocket(socket)
          return od.Response(nil, { status = 101, webSocket = client })
        end
        function Room:webSocketMessage(ws, message)
          self.count = (self.count or 0) + 1
          if message == "fail" then
            local nothing
            nothing.at_all = 1
          end
          ws:send(message .. " " .. self.count)
        end
        function Room:webSocketClose()
          error("close failed")
        end
        return { namespaces = { rooms = Room } }
      ]],
    }
    local ann, ben = server:connect("/rooms/a"), server:connect("/rooms/a")
    ann:send("hello")
    ann:expect("hello 1")
    ann:send("fail")
    ann:send("again")
    ann:expect("again 3")
    server:wait_log("rooms/a  webSocketMessage: script%.lua:12: .-'nothing'")
    ann:close(1000)
    ann:expect_close(1000)
    server:wait_log("rooms/a  webSocketClose: script%.lua:17: close failed")
    ben:send("still here")
    ben:expect("still here 4")
  end)

  it("whose handler is misspelt hears it when the first event has none, and once", function()
    server = Server.start {
      source = [[
        local Room = {}
        function Room:fetch(request) return (self.state:acceptWebSocket(request)) end
        function Room:webSocketMesage(ws, message) ws:send(message) end
        function Room:webSocketCloseAll() end
        return { namespaces = { rooms = Room } }
      ]],
    }
    local ann = server:connect("/rooms/a")
    ann:send("one")
    ann:send("two")
    ann:expect_silence()
    ann:close(1000)
    ann:expect_close(1000)
    server:wait_log("WARN  rooms/a  the class has no webSocketMessage; is its function "
      .. "'webSocketMesage' a misspelt one%?\n")
    server:connect("/rooms/a") -- Behind the end of the other.
    assert.equal(1, select(2, server:log():gsub("the class has no", "")), server:log())
  end)
end)
