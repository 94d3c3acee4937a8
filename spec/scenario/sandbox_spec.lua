-- What a script cannot do: leave its state, reach the machine, or break what it shares with others.
local workbench = require "spec.scenario.workbench"

describe("the sandbox", function()
  local server, ask, refusal = workbench.once(nil, { args = { "--script-memory-mb", "64" } })

  it("has no way to files, processes, C or the debugger", function()
    for _, name in ipairs {
      "io", "ffi", "debug", "jit", "os.execute", "os.exit", "os.remove", "os.rename", "os.tmpname",
      "os.getenv", "os.setlocale", "dofile", "loadfile", "newproxy", "setfenv", "getfenv", "module",
      "string.dump", "package.loadlib", "package.cpath", "package.preload",
    } do
      local table_name = name:match("^(%w+)%.")
      local code = table_name and ("return type(%s and %s)"):format(table_name, name)
        or ("return type(%s)"):format(name)
      assert.equal("nil", ask(([[
        local ok, kind = pcall(function() %s end)
        return ok and kind or "nil"
      ]]):format(code)), name)
    end
  end)

  it("has the safe part of the standard library", function()
    for _, name in ipairs {
      "assert", "error", "ipairs", "next", "pairs", "pcall", "xpcall", "print", "rawequal",
      "rawget", "rawset", "require", "select", "setmetatable", "getmetatable", "tonumber",
      "tostring", "type", "unpack", "coroutine.wrap", "math.floor", "os.time", "os.date",
      "os.clock", "os.difftime", "string.format", "string.gsub", "table.concat", "table.sort",
      "bit.band",
    } do
      assert.equal("function", ask("return type(" .. name .. ")"), name)
    end
  end)

  it("tells how much memory is in use, and leaves the collector alone", function()
    assert.equal("number", ask("return type(collectgarbage('count'))"))
    for _, option in ipairs { "stop", "collect", "setpause", "step" } do
      refusal(("collectgarbage('%s', 1)"):format(option))
    end
  end)

  it("refuses bytecode, however it comes", function()
    local bytecode = string.dump(function() return 1 end)
    local literal = bytecode:gsub(".", function(byte)
      return ("\\%03d"):format(byte:byte())
    end)
    for _, call in ipairs {
      "load('%s')", "load('%s', 'x', 'b')", "load('%s', 'x', 'bt')", "(loadstring or load)('%s')",
      "load(function() local text = part part = nil return text end)",
    } do
      local code = ("local part = '%s' local chunk, problem = %s return { type(chunk), problem }")
        :format(literal, call:format(literal))
      assert.equal("nil", ask(code)[1], call)
    end
    assert.equal(7, ask("return load('return 3 + 4')()"))
  end)

  it("does not load C modules or files from elsewhere", function()
    for _, name in ipairs { "socket.core", "lfs", "ffi", "../up", "/etc/passwd", "..up", "" } do
      refusal(("return require('%s')"):format(name))
    end
  end)

  it("keeps the strings of all objects as they are", function()
    ask([[
      local meta = getmetatable("")
      pcall(function() meta.__index = function() return "poisoned" end end)
      pcall(function() meta.__index.upper = function() return "poisoned" end end)
      pcall(function() string.upper = function() return "poisoned" end end)
      pcall(rawset, string, "lower", function() return "poisoned" end)
      pcall(setmetatable, "", { __index = {} })
    ]])
    assert.equal("HELLO", workbench.ask(server, "b", "return ('hello'):upper()"))
    assert.equal("HELLO", workbench.ask(server, "b", "return string.upper('hello')"))
    assert.equal("hello", workbench.ask(server, "b", "return ('HELLO'):lower()"))
    assert.equal("x=1", workbench.ask(server, "b", "return ('x=%d'):format(1)"))
  end)

  it("keeps open-do's own functions as they are", function()
    ask([[
      pcall(function() od.Response = nil end)
      pcall(function() od.WebSocketPair = function() return "poisoned" end end)
      pcall(function() getmetatable(od.Response("x")).__index = nil end)
      pcall(function() getmetatable(state).__index = function() return "poisoned" end end)
      pcall(function() getmetatable(storage).__index = nil end)
      pcall(function() state.storage = nil end)
    ]])
    assert.equal("string", workbench.ask(server, "b", "return type(tostring(state.id))"))
    assert.equal(1, workbench.ask(server, "b", "storage:put('k', 1) return state.storage:get('k')"))
    local ann = server:connect("/things/b")
    ann:expect_silence()
    ann:cut()
  end)

  it("names the variable and the line of a global that nobody declared", function()
    local problem = refusal("local x = 1\nforgotten = x")
    assert.matches("code:2:", problem, 1, true)
    assert.matches("forgotten", problem, 1, true)
    assert.equal("nil", workbench.ask(server, "b", "return type(rawget(_G, 'forgotten'))"))
  end)

  it("turns a memory bomb into an error, and everybody else lives on", function()
    assert.matches("not enough memory", refusal(
      "local t = {} for i = 1, 1e7 do t[i] = ('x'):rep(1e6) .. i end"))
    assert.equal(1, ask("return 1"))
    assert.matches("not enough memory", refusal("return ('x'):rep(1e9)"))
    assert.equal(1, workbench.ask(server, "b", "return 1"))
  end)

  it("survives endless recursion, deep patterns and errors in errors", function()
    assert.matches("stack overflow", refusal("local function f() return 1 + f() end return f()"))
    refusal("return ('a'):rep(3e5):find(('a?'):rep(3e5) .. 'b')")
    assert.equal(500, server:post("/things/a",
      "error(setmetatable({}, { __tostring = function() error('again') end }))").status)
    assert.equal(1, ask("return 1"))
  end)
end)
