-- Modules that others wrote for any Lua, under lua_modules/, with the tests they come with. The
-- folder OPEN_DO_LUA_LIBRARIES has their repositories, each under its name; none is in this one.
-- What those of Debian do is also in scenario/foreign_spec.lua.
local json = require "dkjson"
local Server = require "spec.support.server"

local FOLDER = os.getenv("OPEN_DO_LUA_LIBRARIES")
local ROCKS = "lua_modules/share/lua/5.1/"

-- What busted gives to specs, as far as these ask for it; luassert is Debian's.
local BUSTED = [[
local M = { passed = 0, failed = {} }
local path, before = {}, { {} }
assert = require "luassert"
function describe(name, fn)
  path[#path + 1], before[#before + 1] = name, {}
  fn()
  path[#path], before[#before] = nil, nil
end
context = describe
function before_each(fn) table.insert(before[#before], fn) end
function it(name, fn)
  local ok, why = pcall(function()
    for _, list in ipairs(before) do
      for _, each in ipairs(list) do each() end
    end
    fn()
  end)
  M.passed = M.passed + (ok and 1 or 0)
  if not ok then table.insert(M.failed, path[#path] .. " " .. name) end
end
return M
]]

-- Penlight's own tests want to know where they lie.
local LFS = "return setmetatable({}, { __index = function() return function() end end })"

local SCRIPT = [[
local od = require "open-do"
local Try = {}
function Try:fetch(request)
  local busted = request.query.busted and require "busted" or { passed = 0, failed = {} }
  local ok, why = pcall(require, "tried")
  if not ok then table.insert(busted.failed, tostring(why)) end
  return od.Response.json { passed = busted.passed, failed = busted.failed }
end
return { namespaces = { tries = Try } }
]]

-- modules: copied to lua_modules. tests: each is run by itself, in busted or as a script. turn: of
-- its text. passes: so many of busted's. fails: what must, by a part of its name.
local LIBRARIES = {
  ["middleclass"] = { modules = { "middleclass.lua" }, passes = 108,
    tests = { "spec/class_spec", "spec/classes_spec", "spec/default_methods_spec",
      "spec/instances_spec", "spec/metamethods_spec", "spec/mixins_spec" },
    -- They ask for a collection, and look behind __metatable.
    fails = { "implements __mode", "__index if not overrided", "implements __mode",
      "__index if not overrided" } },
  ["inspect.lua"] = { modules = { "inspect.lua", "spec" }, passes = 46,
    tests = { "spec/inspect_spec" }, fails = { "weak tables" } }, -- It asks for a collection.
  ["basexx"] = { modules = { "lib/basexx.lua" }, passes = 28,
    tests = { "test/base32_spec", "test/base64_spec", "test/bit_spec", "test/crockford_spec",
      "test/hex_spec", "test/url64_spec", "test/z85_spec" } },
  ["lume"] = { modules = { "lume.lua", "test/util" }, tests = { "test/test" },
    turn = function(text) -- It shows lines of its own; nobody swaps modules here but open-do.
      return "function io.lines() return string.gmatch((' '):rep(999), ' ') end "
        .. text:gsub("package.path =", "local _ ="):gsub("tester.dotests",
          "tests['lume.hotswap'] = nil %0")
        .. "\nassert(tester.passcount > 200 and tester.failcount == 0)"
    end },
  ["LuLPeg"] = { modules = { "lulpeg.lua" }, tests = { "tests/lpeg.0.12.test" },
    turn = function(text) -- Its first 298 lines, with - -p for #p: LuaJIT asks the metamethod of
      -- a userdata only, of which scripts can make none. In one of them that is not the same.
      local till = assert(text:find('assert(m.match(("ab" * #m.P"c")', 1, true))
      return "arg, package = { 'lulpeg' }, { loaded = {} } "
        .. text:sub(1, till - 1):gsub("^#[^\n]*", ""):gsub("\n[^\n]*#m%.P%(b%)[^\n]*", "\n")
          :gsub("#(m%.P)", "- -%1")
        .. "\n_assert(test_success > 100 and test_failure == 0, test_failure)"
    end },
  ["pure_lua_SHA"] = { modules = { "sha2.lua" }, tests = { "sha2_test" },
    turn = function(text) return (text:gsub("\n%-%- BENCHMARK.*", "")) end },
  ["dkjson"] = { modules = { "dkjson.lua" }, tests = { "jsontest" },
    turn = function(text)
      return "function os.setlocale() end local function main(...)" .. text .. "end main 'dkjson'"
    end },
  ["Penlight"] = { modules = { "lua/pl" }, -- Of its 38 tests those that need no files.
    tests = { "tests/test-__vector", "tests/test-class", "tests/test-class3", "tests/test-class4",
      "tests/test-compat", "tests/test-comprehension", "tests/test-config", "tests/test-data",
      "tests/test-data2", "tests/test-date", "tests/test-func", "tests/test-lexer",
      "tests/test-list", "tests/test-list2", "tests/test-map", "tests/test-orderedmap",
      "tests/test-pretty", "tests/test-seq", "tests/test-sip", "tests/test-stringio",
      "tests/test-tablex", "tests/test-tablex3", "tests/test-template", "tests/test-template2",
      "tests/test-url" },
    fails = { "test-pretty" } }, -- Strings keep their methods.
}

local function read(path)
  local file = assert(io.open(path, "rb"), path)
  local text = file:read("*a")
  file:close()
  return text
end

local function run(command)
  assert(os.execute(command) == 0, command)
end

-- { passed =, failed = { name, ... } } of one test of the library.
local function try(name, library, test)
  local server = Server.start { source = SCRIPT, workers = 1,
    args = { "--event-limit-ms", "600000" }, files = { [ROCKS .. "busted.lua"] = BUSTED,
      [ROCKS .. "lfs.lua"] = LFS } }
  local rocks = server:path(ROCKS)
  run(("cp -r /usr/share/lua/5.1/luassert /usr/share/lua/5.1/say %s"):format(rocks))
  for _, module in ipairs(library.modules) do
    run(("cp -r %s/%s/%s %s"):format(FOLDER, name, module, rocks))
  end
  local text = read(("%s/%s/%s.lua"):format(FOLDER, name, test))
  server:save(library.turn and library.turn(text) or text, ROCKS .. "tried.lua")
  local answer = server:get("/tries/it" .. (library.passes and "?busted=1" or ""))
  assert(answer.status == 200, answer.body)
  server:stop()
  return json.decode(answer.body)
end

describe("the tests of", function()
  for name, library in pairs(LIBRARIES) do
    it(name .. " pass", function()
      if not FOLDER then
        return pending "OPEN_DO_LUA_LIBRARIES does not name a folder with the libraries"
      end
      local passed, failed = 0, {}
      for _, test in ipairs(library.tests) do
        local result = try(name, library, test)
        passed = passed + result.passed
        for _, each in ipairs(result.failed) do
          failed[#failed + 1] = test .. ": " .. each
        end
      end
      assert.equal(library.passes or 0, passed)
      local fails = library.fails or {}
      assert.equal(#fails, #failed, table.concat(failed, "\n"))
      for at, part in ipairs(fails) do
        assert.matches(part, failed[at], 1, true)
      end
    end)
  end
end)
