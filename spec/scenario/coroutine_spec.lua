-- Handlers as coroutines: what waits inside them, what runs after them, and what they cannot catch.
local workbench = require "spec.scenario.workbench"

describe("a handler", function()
  local server, ask = workbench.once(nil, { args = { "--script-memory-mb", "64" } })

  it("can wait inside coroutines of its own, at any depth and under pcall", function()
    assert.equal("1 two 3", ask([[
      local numbers = coroutine.wrap(function()
        coroutine.yield(1)
        local ok, value = pcall(function()
          od.sleep(1)
          return coroutine.wrap(function() od.sleep(1) return "two" end)()
        end)
        coroutine.yield(value)
        storage:put("k", 3)
        storage:sync()
        return storage:get("k")
      end)
      return ("%s %s %s"):format(numbers(), numbers(), numbers())
    ]]))
  end)

  it("cannot wait inside a callback of C, and is told which call it was", function()
    assert.matches("sleep: cannot wait inside", workbench.refusal(server, "a",
      "table.sort({ 3, 2, 1 }, function(a, b) od.sleep(1) return a < b end)"), 1, true)
    assert.equal("fine", ask("od.sleep(1) return 'fine'"))
  end)

  it("does not get its own coroutine into its hands", function()
    assert.is_true(ask("return coroutine.running() == nil"))
    assert.equal("thread",
      ask("return coroutine.wrap(function() return type(coroutine.running()) end)()"))
  end)

  it("that yields to nobody fails, and the object lives on", function()
    assert.equal(500, server:post("/things/a", "coroutine.yield(1)").status)
    server:wait_log("coroutine.yield: there is no coroutine of the script around it")
    assert.equal(1, ask("return 1"))
  end)

  it("answers before the functions of waitUntil run, in order and each by itself", function()
    ask([[
      self.seen = {}
      state:waitUntil(function() od.sleep(1) self.seen[1] = "one" end)
      state:waitUntil(function() error("the second fails") end)
      state:waitUntil(function() self.seen[2] = "three" self.is_done = true end)
    ]])
    server:wait_log("things/a  waitUntil: code:%d+: the second fails")
    assert.equal("one,three", ask([[
      while not self.is_done do od.sleep(1) end
      return table.concat(self.seen, ",")
    ]]))
  end)

  it("ends at abort, whatever is around it, and takes its writes back", function()
    for _, code in ipairs {
      "pcall(state.abort, state, 'enough')",
      "coroutine.wrap(function() pcall(function() state:abort('enough') end) end)()",
      "pcall(table.sort, { 2, 1 }, function() state:abort('enough') end)",
    } do
      local boot = workbench.ask(server, "b", "return self.boot")
      server:post("/things/b", "storage:put('gone', 1) " .. code)
      assert.is_nil(workbench.ask(server, "b", "return storage:get('gone')"))
      assert.not_equal(boot, workbench.ask(server, "b", "return self.boot"))
    end
  end)

  it("may catch running out of memory again and again", function()
    for _ = 1, 3 do
      assert.equal("not enough memory", ask([[
        local ok, problem = pcall(function()
          local t = {}
          for i = 1, 1e7 do t[i] = ("x"):rep(1e6) .. i end
        end)
        local more = {}
        for i = 1, 100 do more[i] = { i } end
        return problem
      ]]))
    end
  end)
end)

describe("what a script keeps longer than it should", function()
  it("finds neither another object nor a new instance", function()
    local source = [[
      local od = require "open-do"
      local kept = {}
      local Thing = {}
      function Thing:fetch(request)
        kept[self.state.id.name] = kept[self.state.id.name] or self.state
        local ok, problem = pcall(function() return kept.a.storage:get("k") end)
        if request.query.abort then self.state:abort() end
        return od.Response(tostring(problem))
      end
      return { namespaces = { things = Thing } }
    ]]
    local server = workbench.start(source, { workers = 1 })
    assert.equal("nil", server:get("/things/a").body)
    assert.matches("belongs to the object things/a and can be used in its own handlers only",
      server:get("/things/b").body, 1, true)
    server:get("/things/a?abort=1")
    assert.matches("belongs to an instance that is gone", server:get("/things/a").body, 1, true)
    server:stop()
  end)
end)
