-- Ways out of a LuaJIT sandbox that are known, each tried: none leads anywhere, and what objects
-- share stays as it was. The list grows with every way somebody finds.
local workbench = require "spec.scenario.workbench"

local SOURCE = [[
local od = require "open-do"
local workbench = require "workbench"
local Thing, Other = { fetch = workbench.fetch }, { fetch = workbench.fetch }
local Thrower = {}
function Thrower:fetch(request)
  error(load("local self, state = ... return " .. request:text())(self, self.state))
end
return { namespaces = { things = Thing, others = Other, throwers = Thrower } }
]]

describe("a hostile script", function()
  local server = workbench.once(SOURCE, { workers = 1 })

  -- What the code returned, or raised, as text.
  local function try(code)
    return workbench.ask(server, "mallory", ([[
      local function attempt(...) %s end
      local answer = { pcall(attempt) }
      return tostring(answer[1]) .. " " .. tostring(answer[2])
    ]]):format(code))
  end

  -- Everything an honest object uses still does what it says.
  local function expect_sound()
    local sound = workbench.ask(server, "honest", [[
      storage:put("k", { 1, "two" })
      local headers = od.Headers { a = "1" }
      return table.concat({ ("x"):rep(3), ("%d"):format(7), ("A"):lower(), string.upper("b"),
        math.floor(1.5), table.concat({ 1, 2 }, "-"), headers:get("a"), storage:get("k")[2],
        od.json.encode { n = 1 }, tostring(od.json.null), select("#", 1, 2), type(od.now()),
        od.Response("body"):text(), tostring(rawget(_G, "x")), type(self.env.things),
        type(self.env.others) }, " ")
    ]])
    assert.equal('xxx 7 a B 1 1-2 1 two {"n":1} userdata: NULL 2 number body nil userdata '
      .. "userdata", sound)
  end

  local cases = {
    -- Bytecode.
    ["dumps a function by a method of strings"] = {
      "return ('').dump(function() end)", "^false .*dump" },
    ["loads bytecode piece by piece"] = { [[
        local pieces = { "\27", "LJ\2\10" }
        return select(2, load(function() return table.remove(pieces, 1) end))
      ]], "^true attempt to load chunk with wrong mode" },
    ["names a mode that allows bytecode"] = {
      "return select(2, load('\\27LJ\\2\\10', 'x', 'b'))", "wrong mode" },
    ["loads bytecode as a module"] = {
      "return require('bytecode')", "^false .*module 'bytecode' not found" },

    -- Metatables of others.
    ["takes the metatable of strings"] = { "return getmetatable('')", "^true false$" },
    ["takes the metatable of an int64"] = {
      "return getmetatable(getmetatable(1LL)) or 'none'", "^true none$" },
    ["looks for a library inside an int64"] = {
      "return (1LL).new or (1LL).C", "^false .*no member" },
    ["calls an int64"] = { "return (1LL)()", "^false .*not callable" },
    ["changes the metatable of a userdata"] = { "return setmetatable(state, {})", "^false " },
    ["sets a protected metatable"] = { "return setmetatable(_G, {})", "^false .*protected" },
    ["takes the metatable of a response"] = {
      "return tostring(getmetatable(od.Response('x')))", "^true false$" },
    ["takes the metatable of a request"] = {
      "return tostring(getmetatable(request))", "^true false$" },
    ["takes the metatable of headers"] = {
      "return tostring(getmetatable(request.headers))", "^true false$" },
    ["takes the metatable of state"] = { "return tostring(getmetatable(state))", "^true false$" },
    ["takes the metatable of a namespace"] = {
      "return tostring(getmetatable(self.env.things))", "^true false$" },
    ["takes the metatable of null"] = {
      "return type(getmetatable(od.json.null))", "^true [nb]" },
    ["makes an object with a collector's method"] = { [[
        setmetatable({}, { __gc = function() error("collected") end })
        local t = {} for i = 1, 1e5 do t[i] = {} end
        return "nothing"
      ]], "^true nothing" },

    -- Shared tables.
    ["writes into a library"] = { "string.format = nil", "^false .*read%-only" },
    ["writes into a library raw"] = { "rawset(string, 'format', 1)", "^false .*read%-only" },
    ["writes into the globals"] = { "_G.print = nil", "^false .*not declared" },
    ["writes into the globals raw"] = { "rawset(_G, 'x', 1)", "^false .*read%-only" },
    ["writes into open-do"] = { "od.Response = nil", "^false .*read%-only" },
    ["writes into open-do raw"] = { "rawset(od, 'Response', 1)", "^false .*read%-only" },
    ["writes into a part of open-do"] = { "od.json.encode = nil", "^false .*read%-only" },
    -- Of a frozen table only numbered places can be filled, which nobody reads.
    ["appends to a library"] = { "table.insert(string, print) return string.insert", "^true nil" },
    ["appends to the globals"] = { "table.insert(_G, print) return type(print)", "^true function" },
    ["sorts a library"] = { "table.sort(string) return type(string.rep)", "^true function" },
    ["changes env"] = { "self.env.things = nil", "^false .*read%-only" },
    ["changes env raw"] = { "rawset(self.env, 'things', 1)", "^false .*read%-only" },

    -- Environments.
    ["gives a chunk an environment that is none"] = {
      "return load('return x', 'n', 't', 'env')", "^false " },
    ["finds more in the environment of a chunk"] = {
      "return load('return io or ffi or debug')()", "^true nil$" },
    ["finds more in the environment of a coroutine"] = {
      "return coroutine.wrap(function() return load('return type(rawget(_G, \"io\"))')() end)()",
      "^true nil" },

    -- Modules.
    ["requires what is open-do's alone"] = {
      "return require('engine.coroutine')", "^false .*not found" },
    ["requires a path"] = { "return require('./workbench')", "^false " },
    ["requires a path upward"] = { "return require('a..b')", "^false " },
    ["requires a name with a zero"] = { "return require('workbench\\0x')", "^false " },
    ["requires a name of great length"] = { "return require(('a.'):rep(1e5))", "^false " },

    -- Stacks.
    ["recurs through gsub"] = {
      "local f f = function() return (('x'):gsub('.', f)) end return f()", "stack overflow" },
    ["recurs through sort"] = { [[
        local f f = function(a, b) table.sort({ 3, 2, 1 }, f) return a < b end return f(1, 2)
      ]], "stack overflow" },
    ["recurs through coroutines"] = {
      "local f f = function() return coroutine.wrap(f)() end return f()", "stack overflow" },
    ["recurs through coroutines inside gsub"] = { [[
        local f
        local function g() return coroutine.wrap(function() return f() end)() end
        f = function(n)
          n = n or 0
          return (('x'):gsub('.', function() return n < 3000 and f(n + 1) or g() end))
        end
        return f()
      ]], "stack overflow" },
    ["recurs through tostring"] = { [[
        local t = setmetatable({}, { __tostring = function(t) return (tostring(t)) end })
        return tostring(t)
      ]], "stack overflow" },
    ["recurs in the handler of an error"] = { [[
        local f f = function() return 1 + f() end
        return tostring(xpcall(f, f))
      ]], "^true false" },
    ["recurs through load"] = {
      "local f f = function() return load(f) end return f()", "stack overflow" },
    ["nests parentheses"] = {
      "return select(2, load(('('):rep(1e5)))", "too many syntax levels" },
    ["nests tables that are encoded"] = { [[
        local t = {} for i = 1, 2e5 do t = { t } end return od.json.encode(t)
      ]], "^false .*inside each other" },
    ["nests tables that are stored"] = { [[
        local t = {} for i = 1, 2e5 do t = { t } end return storage:put("k", t)
      ]], "^false .*inside each other" },
    ["nests arrays that are decoded"] = {
      "return od.json.decode(('['):rep(1e6))", "^false .*inside each other" },

    -- Sizes.
    ["repeats a string"] = { "return #('x'):rep(2 ^ 53)", "^true 0$" },
    ["unpacks too much"] = { "return unpack({}, 1, 1e8)", "too many results" },
    ["asks for a place beyond all tables"] = {
      "return #table.concat({}, 'x', 1, 2 ^ 53)", nil },
    ["asks for an impossible date"] = { "return type(os.date('*t', 1e300))", "^true nil" },
    ["asks for bits that are none"] = { "return bit.lshift(1, 1e300)", "^true " },

    -- Errors.
    ["raises nothing"] = { "error()", "^false nil" },
    ["raises what cannot be told"] = {
      "error(setmetatable({}, { __tostring = function() error('again') end }))", nil },
    ["yields to nobody"] = { "return coroutine.yield(1)", nil },
    ["resumes what waits for the runtime"] = { [[
        local co = coroutine.create(function() od.sleep(1) return "slept" end)
        return select(2, coroutine.resume(co))
      ]], "^true slept" },

    -- Objects of the engine.
    ["calls a method without its object"] = { "return state.acceptWebSocket({})", "^false " },
    ["calls a method on another kind"] = { "return storage.put(state, 'a', 1)", "^false " },
    ["calls a method on a kind that waits"] = { "return state.getTags(storage)", "^false " },
  }

  for what, case in pairs(cases) do
    it("that " .. what .. " gets nowhere", function()
      local ok, outcome = pcall(try, case[1])
      if case[2] then
        assert(ok, outcome)
        assert.matches(case[2], outcome)
      end
      expect_sound()
    end)
  end

  it("that keeps the state of another object cannot use it", function()
    workbench.ask(server, "mallory", "self.kept = state return true")
    assert.equal(1, workbench.ask(server, "mallory", "return 1"))
  end)

  it("that raises odd things from a handler costs itself an answer, nobody else", function()
    for _, thrown in ipairs {
      "nil", "{}", "print", "coroutine.create(print)", "state", "1LL", "('x'):rep(1e7)",
      "'\\0\\255'",
      "setmetatable({}, { __tostring = function() return 1 end })",
      "setmetatable({}, { __index = function() error('i') end })",
      "setmetatable({ message = {} }, { __tostring = function() error('t') end })",
    } do
      assert.equal(500, server:post("/throwers/a", thrown).status, thrown)
      expect_sound()
    end
  end)
end)

describe("a hostile pattern", function()
  it("costs its worker when it runs over the limit, and nobody else anything", function()
    local server = workbench.start(SOURCE, { workers = 2, args = { "--event-limit-ms", "300" } })
    server:expect_mishap("another one is started")
    local honest = server:connect("/things/honest")
    workbench.begin(server, "mallory", "return ('a'):rep(1e4):find(('a-'):rep(40) .. 'b')")
    server:wait_log("has run for more than 300 ms")
    honest:expect_silence()
    server:stop()
  end)
end)
