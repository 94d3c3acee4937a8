-- The types that authors get (lua/types) and what a script really sees are the same. The program
-- says what there is: a server for tests knows all names a script can reach.
local json = require "dkjson"
local Server = require "spec.support.server"
local shell = require "spec.support.shell"

-- Where the program has it, and the class that describes it, with its file.
local CLASSES = {
  { "od", "od", "open-do" }, { "od.json", "od.json", "open-do" }, { "od.url", "od.url", "open-do" },
  { "od.base64", "od.base64", "open-do" }, { "od.base64url", "od.base64url", "open-do" },
  { "od.hex", "od.hex", "open-do" }, { "od.log", "od.log", "open-do" },
  { "od.Response", "od.Response", "open-do" }, { "od.cookies", "od.cookies", "open-do" },
  { "od.html", "od.html", "open-do" }, { "od.password", "od.password", "open-do" },
  { "od.utf8", "od.utf8", "open-do" }, { "od.jwt", "od.jwt", "open-do" },
  { "cjson", "cjson", "cjson" },
  { "Headers", "Headers", "http" }, { "Request", "Request", "http" },
  { "Response", "Response", "http" },
  { "state", "State", "object" }, { "storage", "Storage", "object" },
  { "txn", "Transaction", "object" },
  { "storage.sql", "Sql", "object" }, { "cursor", "Cursor", "object" },
  { "ws", "WebSocket", "object" }, { "env.NAMESPACE", "Namespace", "object" },
  { "id", "Id", "object" }, { "stub", "Stub", "object" },
  { "stream", "Stream", "http" }, { "env.assets", "Assets", "object" },
  { "events", "EventStream", "object" }, { "connection", "Connection", "open-do" },
}

-- Being built: they may be there or not. The list is to be empty.
local COMING = {}

-- Names a types file declares for a class: its functions and its fields.
local function declared(class, file)
  local text, functions, fields = shell.read("lua/types/" .. file .. ".lua"), {}, {}
  local pattern = class:gsub("%p", "%%%0")
  for name in text:gmatch("\nfunction " .. pattern .. "[.:]([%w_]+)%(") do
    functions[name] = true
  end
  for name in text:gmatch("\n" .. pattern .. "%.([%w_]+) = {}") do
    functions[name] = true
  end
  local block = text:match("\n%-%-%-@class " .. pattern .. "\n(.-)\n[^%-]") or ""
  for name in ("\n" .. block):gmatch("\n%-%-%-@field ([%w_]+)") do
    fields[name] = true
  end
  return functions, fields
end

describe("the types", function()
  local surface

  setup(function()
    local server = Server.start { source = "return { namespaces = { things = {} } }" }
    surface = assert(json.decode(server:get("/.open-do-test/surface").body))
    server:stop()
  end)

  -- `there` is a list of names, `known` a set.
  local function compare(label, there, known, file, problems)
    local set = {}
    for _, name in ipairs(there) do
      set[name] = true
      if not known[name] and not COMING[label .. "." .. name] then
        problems[#problems + 1] = ("scripts see %s.%s: describe it in %s"):format(label, name, file)
      end
    end
    return set
  end

  it("describe all that scripts see, and nothing else", function()
    local problems = {}
    for _, row in ipairs(CLASSES) do
      local label, class, file = unpack(row)
      local path = "lua/types/" .. file .. ".lua"
      local functions, fields = declared(class, file)
      local known = setmetatable({}, { __index = function(_, name)
        return functions[name] or fields[name]
      end })
      local there = compare(label, surface[label], known, path, problems)
      for name in pairs(functions) do
        if not there[name] and not COMING[label .. "." .. name] then
          problems[#problems + 1] = ("%s describes %s.%s, which scripts do not see: take it out")
            :format(path, label, name)
        end
      end
    end
    assert.same({}, problems)
  end)

  it("leave out no part of module open-do", function()
    local known = {}
    for _, row in ipairs(CLASSES) do
      known[row[1]] = true
    end
    for label in pairs(surface) do
      if label:match("^od") then
        assert.is_true(known[label], label .. ": add it to CLASSES in spec/lint/types_spec.lua, "
          .. "and a class of that name to lua/types/open-do.lua")
      end
    end
  end)

  it("give luacheck exactly the globals that scripts have", function()
    local std = dofile("lua/types/luacheck.lua").read_globals
    local problems, file = {}, "lua/types/luacheck.lua"
    compare("_G", surface.globals, std, file, problems)
    for name, value in pairs(std) do
      local there = surface["globals." .. name]
      if value.fields and not there then
        problems[#problems + 1] = file .. " has the library " .. name .. ", which is not there"
      elseif value.fields then
        local set = compare(name, there, value.fields, file, problems)
        for field in pairs(value.fields) do
          if not set[field] then
            problems[#problems + 1] = ("%s has %s.%s, which is not there"):format(file, name, field)
          end
        end
      end
    end
    assert.same({}, problems)
  end)

  it("name every handler a class can have", function()
    local functions = declared("DurableObject", "object")
    local problems = {}
    for name in shell.read("bindings/engine/class.c"):gmatch("%[OD_HANDLER_[A-Z]+%] = \"(%w+)\"") do
      if not functions[name] then
        problems[#problems + 1] = name .. ": describe it in lua/types/object.lua"
      end
    end
    assert.same({}, problems)
  end)

  it("describe module open-do.test", function()
    local functions, problems = declared("t", "test"), {}
    for name in shell.read("lua/open-do/test/init.lua"):gmatch("[ \n,]M%.(%w+)") do
      if not functions[name] then
        problems[#problems + 1] = ("t.%s: describe it in lua/types/test.lua"):format(name)
      end
    end
    for class, path in pairs { App = "app", TestSocket = "socket", TestStub = "stub" } do
      local source = shell.read("lua/open-do/test/" .. path .. ".lua")
      for name in pairs((declared(class, "test"))) do
        if not source:match("\nfunction %u%l+:" .. name .. "%(") then
          problems[#problems + 1] = ("lua/types/test.lua describes %s:%s, which is not in %s.lua")
            :format(class, name, path)
        end
      end
    end
    assert.same({}, problems)
  end)
end)
