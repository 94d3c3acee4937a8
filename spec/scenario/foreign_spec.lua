-- Modules that others wrote for any Lua, in lua_modules/ beside the script as LuaRocks fills it.
-- Debian has some of them (spec/support/packages.sh); what the others do at their beginning is done
-- here by hand.
local workbench = require "spec.scenario.workbench"

local ROCKS = "lua_modules/share/lua/5.1/"

describe("modules in lua_modules", function()
  local server

  before_each(function()
    server = workbench.start(nil, { workers = 1 })
    assert(os.execute(("mkdir -p %s"):format(server:path(ROCKS .. "own"))) == 0)
  end)

  after_each(function()
    server:stop()
  end)

  local function install(...)
    for _, name in ipairs { ... } do
      assert(os.execute(("cp -rL /usr/share/lua/5.1/%s %s"):format(name, server:path(ROCKS))) == 0)
    end
  end

  local function ask(code)
    return workbench.ask(server, "a", code)
  end

  it("are found behind those beside the script, and reloaded with it", function()
    server:save("return 'a rock'", ROCKS .. "thing.lua")
    server:save("return { name = ... }", ROCKS .. "own/init.lua")
    server:save("return 'not this'", ROCKS .. "open-do.lua")
    assert.equal("a rock", ask "return require 'thing'")
    assert.equal("own", ask "return require('own').name")
    assert.is_true(ask "return require('open-do') == od")
    assert.equal("a rock", ask "return package.loaded.thing")
    local problem = workbench.refusal(server, "a", "require 'nothing'")
    assert.is_truthy(problem:find("no file '" .. ROCKS .. "nothing.lua' beside the script", 1,
      true))
    server:save("return 'mine'", "thing.lua")
    server.process:signal("HUP")
    server:wait_version(2)
    assert.equal("mine", ask "return require 'thing'")
  end)

  it("have globals of their own, which they may write and others do not see", function()
    server:save([[
      counter = 1
      table.pack = table.pack or function() end
      function table.mine() return "mine" end
      local M = {}
      function M.count() counter = counter + 1 return counter end
      function M.same() return rawget(_G, "unpack") == unpack, rawget(table, "concat") ~= nil,
        _G.table == table, string.format == ("").format end
      return M
    ]], ROCKS .. "first.lua")
    server:save("return { seen = counter, mine = table.mine() }", ROCKS .. "second.lua")
    assert.same({ 2, 3 }, ask "local m = require 'first' return { m.count(), m.count() }")
    assert.same({ true, true, true, true }, ask "return { require('first').same() }")
    assert.same({ seen = 3, mine = "mine" }, ask "return require 'second'")
    assert.is_nil(ask "return counter")
    assert.is_nil(ask "return table.mine")
  end)

  it("find what they look at", function()
    server:save([[
      assert(package.config:sub(1, 1) == "/" and package.path:find "lua_modules")
      assert(package.loaded.string == require "string")
      assert(package.searchpath("x", package.path) == nil)
      assert(require "debug" == debug and debug.traceback("x"):find "^x\nstack traceback")
      assert(debug.getinfo(1, "S").short_src:find "looks.lua" and debug.getinfo(1).func == nil)
      assert(string.dump(function() end):sub(2, 4) == "Lua" and not load(string.dump()))
      assert(not pcall(require, "jit") and not pcall(require, "ffi") and jit == nil)
      assert(getfenv(1) == _G and getfenv() == _G)
      local chunk = assert(loadstring "x = 1 return y")
      assert(setfenv(chunk, { y = 2 })() == 2 and x == nil)
      assert(load("z = 1") and pcall(load "z = 1") and z == 1)
      assert(not pcall(setfenv, require("open-do").sleep, {}))
      assert(not pcall(setfenv, require("open-do").html.escape, {}))
      assert(getfenv(require("open-do").html.escape) == _G)
      assert(debug.gethook() == nil and debug.sethook() == nil)
      assert(debug.setmetatable("", nil) == "" and ("x"):upper() == "X")
      io.stderr:write("a warning", 7, "\n")
      local p = setmetatable({}, setmetatable({}, { __index = function() error "no" end }))
      for _ in pairs(p) do end
      return true
    ]], ROCKS .. "looks.lua")
    assert.is_true(ask "return require 'looks'")
    server:wait_log("a warning7")
    for code, problem in pairs {
      ["package.path = ''"] = "the table 'package' is read%-only: 'path' cannot be set",
      ["package.loaded.x = 1"] = "package.loaded is read%-only",
      ["package.preload = {}"] = "the table 'package' is read%-only",
    } do
      assert.matches(problem, workbench.refusal(server, "a", code))
    end
    assert.is_nil(ask "return io or setfenv or debug") -- Scripts themselves have nothing of it.
  end)

  it("called MessagePack, basexx, inspect and dkjson do their work", function()
    install("MessagePack.lua", "basexx.lua", "inspect.lua", "dkjson.lua")
    assert.is_true(ask [[
      local mp = require "MessagePack"
      for _, value in ipairs { 1, -1, 1.5, 2 ^ 40, "text", ("x"):rep(70000), true, 0 / 0 } do
        local back = mp.unpack(mp.pack(value))
        assert(back == value or (value ~= value and back ~= back))
      end
      local back = mp.unpack(mp.pack { 1, { a = { b = "c" } } })
      assert(back[1] == 1 and back[2].a.b == "c")
      assert(od.hex.encode(mp.pack { a = 1 }) == "81a16101")
      local basexx = require "basexx"
      assert(basexx.to_base64 "hello" == od.base64.encode "hello")
      assert(basexx.from_base32(basexx.to_base32 "hello") == "hello")
      assert(basexx.from_z85(basexx.to_z85 "12345678") == "12345678")
      local inspect = require "inspect"
      assert(inspect { 1, 2, a = { "b" } } == '{ 1, 2,\n  a = { "b" }\n}')
      local json = require "dkjson"
      assert(json.encode({ 1, { a = json.null } }) == '[1,{"a":null}]')
      local value, _, problem = json.decode "[1, 2"
      assert(value == nil and problem:find "unterminated")
      return true]])
  end)

  it("called Penlight do their work, where that needs no files", function()
    install("pl")
    assert.is_true(ask [[
      local names = { "array2d", "class", "compat", "comprehension", "config", "data", "Date",
        "func", "import_into", "input", "lapp", "lexer", "List", "luabalanced", "Map", "MultiMap",
        "operator", "OrderedMap", "permute", "pretty", "seq", "Set", "sip", "strict", "stringio",
        "stringx", "tablex", "template", "text", "types", "url", "utils", "xml" }
      for _, name in ipairs(names) do
        assert(require("pl." .. name))
      end
      local List, Set, Map = require "pl.List", require "pl.Set", require "pl.Map"
      assert(tostring(List { 1, 2, 3 }:map(function(x) return x * x end)) == "{1,4,9}")
      assert((Set { 1, 2 } + Set { 2, 3 }) == Set { 1, 2, 3 })
      assert(Map { a = 1, b = 2 }:keys():sort():join "," == "a,b")
      local stringx, tablex = require "pl.stringx", require "pl.tablex"
      assert(stringx.split("a,b,c", ",")[3] == "c" and stringx.strip "  x " == "x")
      assert(tablex.deepcompare(tablex.deepcopy { 1, { 2 } }, { 1, { 2 } }))
      local class = require "pl.class"
      local Animal = class()
      function Animal:_init(name) self.name = name end
      local Cat = class(Animal)
      assert(Cat("Tom").name == "Tom" and Cat("Tom"):is_a(Animal))
      assert(require("pl.pretty").write({ 1 }, "") == "{1}")
      assert(require("pl.pretty").read("{ 1, { a = 'b' } }")[2].a == "b" and ("x"):rep(2) == "xx")
      assert(require("pl.template").substitute("$(x) is\n# if x then\nyes\n# end\n", { x = 1 })
        == "1 is\nyes\n")
      assert(require("pl.xml").parse("<a b='1'>x</a>"):get_attribs().b == "1")
      local C = require("pl.comprehension").new()
      assert(C "x ^ 2 for x" ({ 3 })[1] == 9)
      local fields = {}
      assert(require("pl.sip").match("$v = $d", "n = 7", fields) and fields[2] == 7)
      assert(require("pl.seq").sum { 1, 2, 3 } == 6)
      return true]])
    assert.matches("pl.path requires LuaFileSystem", workbench.refusal(server, "a",
      "require 'pl.path'"))
  end)
end)
