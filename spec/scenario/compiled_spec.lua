-- Compiled code reaches the storage without C functions of Lua (lua/engine/put.lua, parts.lua). A
-- script must not notice: each line here has run often enough to be compiled before it is given
-- something else.
local workbench = require "spec.scenario.workbench"

local SOURCE = [[
local Thing = require("workbench").thing()
local kept = {}

-- What `f` says to each of the odd arguments, when it has been called with the good ones.
function Thing:attempt(f, good, odd)
  local problems = {}
  local function attempt(arguments)
    return select(2, pcall(f, arguments[1], arguments[2], arguments[3], arguments[4]))
  end
  for _ = 1, 200 do
    attempt(good)
  end
  for i, arguments in ipairs(odd) do
    problems[i] = tostring(attempt(arguments)):gsub("^%S+:%d+: ", "")
  end
  return problems
end

-- Things of one object that another gets into its hands.
function Thing:lend()
  kept[self.state.id.name] = self.state
end

function Thing:lent(name)
  return kept[name]
end

return { namespaces = { things = Thing } }
]]

describe("in compiled code", function()
  local server = workbench.start(SOURCE, { workers = 1 })
  teardown(function()
    server:stop()
  end)

  local function ask(name, code)
    return workbench.ask(server, name, code)
  end

  it("what put refuses is refused as ever, and what it takes is there", function()
    ask("other", "self:lend()")
    local problems = ask("put", [[
      local put, null = storage.put, od.json.null
      return self:attempt(put, { storage, "k", "good" }, {
        { storage, 5, "v" }, { storage, "k" }, { storage, "k", print }, { storage, "k", "v", 5 },
        { storage, ("k"):rep(2049), "v" }, { storage, "k", ("v"):rep(2 ^ 21) },
        { nil, "k", "v" }, { "x", "k", "v" }, { {}, "k", "v" }, { put, "k", "v" },
        { null, "k", "v" }, { state, "k", "v" }, { self:lent("other").storage, "k", "v" },
      })
    ]])
    local colon = "put: call it with a colon, as in storage:put(...)"
    assert.same({
      "put: argument 1 must be a string or a table, got a number",
      "put() called with undefined value (nil); storage:delete removes a key",
      "put: the value of 'k': cannot store a function",
      "put: argument 3 must be a table of options, got a number",
      "Keys cannot be larger than 2048 bytes. A key of size 2049 was provided.",
      "Values cannot be larger than 2097152 bytes. A value of size 2097158 was provided.",
      colon, colon, colon, colon, colon, colon,
      "put: this belongs to the object things/other and can be used in its own handlers only",
    }, problems)
    assert.equal("good 1 2 3", ask("put", [[
      local values = { "1", "2", "3" }
      for i = 1, 200 do
        storage:put("key" .. i % 3 + 1, values[i % 3 + 1])
      end
      return storage:get("k") .. " " .. storage:get("key1") .. " " .. storage:get("key2") .. " " ..
        storage:get("key3")
    ]]))
    assert.is_true(ask("other", "return storage:get('k') == nil"))
  end)

  it("values are what they were, of any length", function()
    assert.equal("", ask("lengths", [[
      local text, wrong = ("\0\255x"):rep(50000), {}
      local function each(f)
        for size = 0, 300 do f("k" .. size, text:sub(1, size)) end
        for _, size in ipairs { 16383, 16384, 2 ^ 17 } do f("k" .. size, text:sub(1, size)) end
      end
      each(function(key, value) storage:put(key, value) end)
      each(function(key, value)
        if storage:get(key) ~= value then wrong[#wrong + 1] = key end
      end)
      return table.concat(wrong, " ")
    ]]))
  end)

  it("a transaction that is taken back takes back what was put", function()
    assert.equal("before", ask("transaction", [[
      storage:put("k", "before")
      pcall(function()
        storage:transaction(function()
          for _ = 1, 200 do storage:put("k", "within") end
          error("as asked")
        end)
      end)
      return storage:get("k")
    ]]))
  end)

  it("too much for one stretch is an error of the line that puts it; the rest is kept", function()
    local why = ask("much", [[
      local value = ("v"):rep(2 ^ 18)
      local ok, why = pcall(function()
        for i = 1, 200 do
          storage:put("k" .. i, value)
        end
      end)
      return not ok and why
    ]])
    assert.matches("^code:4: put: the writes of one stretch without a yield are more than", why)
    local count = "local n = 0 for _ in storage:list() do n = n + 1 end return n"
    assert.equal(127, ask("much", count))
  end)

  it("a state has its own storage and id, whoever was asked before", function()
    ask("ann", "self:lend() storage:put('who', 'ann')")
    ask("ben", "self:lend() storage:put('who', 'ben')")
    assert.same({ "ann", "ben", "ann" }, ask("ann", [[
      local names, states = {}, { self:lent("ann"), self:lent("ben"), self:lent("ann") }
      for _ = 1, 200 do
        for i = 1, 3 do names[i] = states[i].id.name end
      end
      assert(state.storage == self.state.storage)
      assert(self:lent("ben").storage ~= state.storage)
      assert(state.storage:get("who") == "ann")
      return names
    ]]))
    local problems = ask("ann", [[
      local function field(key) return state[key] end
      return self:attempt(field, { "storage" }, { { "id" }, { "storag" }, { 5 } })
    ]])
    assert.matches("^%x+$", problems[1])
    assert.matches("a state has no field 'storag'; did you mean 'storage'?", problems[2], 1, true)
    assert.matches("a state has no field '5'", problems[3], 1, true)
  end)

  it("a state whose instance is gone does not lead to who has its place now", function()
    ask("gone", "self:lend() storage:put('who', 'gone')")
    pcall(ask, "gone", "state:abort('as asked')")
    for _, name in ipairs { "next", "nearest" } do
      assert.same({ "true", "nil" }, ask(name, [[
        local own, old = state, self:lent("gone")
        local function storage_of(a) return a.storage end
        for _ = 1, 200 do storage_of(own) end
        local ok, why = pcall(function() storage_of(old):put("who", "both") end)
        local is_gone = not ok and why:find("an instance that is gone", 1, true) ~= nil
        return { tostring(is_gone), tostring(storage:get("who")) }
      ]]))
    end
  end)
end)
