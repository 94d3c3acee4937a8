-- Transactions: what is written in one is stored as a whole or not at all, and nobody sees half.
local workbench = require "spec.scenario.workbench"

local SOURCE = [[
local od = require "open-do"

local Thing = require("workbench").thing()

function Thing:webSocketMessage(ws, message)
  local storage = self.state.storage
  storage:transaction(function()
    storage:put("said", message)
    ws:send("inside " .. message)
    print "inside"
    od.sleep(9000)
    print "slept"
  end)
  ws:send("outside " .. message)
end

function Thing:alarm()
  print "rings"
end

-- Another object: what it is asked, it has written before it answers.
local Other = { fetch = require("workbench").fetch }

function Other:note(text)
  self.state.storage:put("noted", text)
  return "noted " .. text
end

function Other:fail()
  error("not with me")
end

return { namespaces = { things = Thing, others = Other } }
]]

describe("a transaction", function()
  local server = workbench.each(SOURCE, { workers = 1 })

  local function ask(code, name)
    return workbench.ask(server, name or "a", code)
  end

  local function refusal(code)
    return workbench.refusal(server, "a", code)
  end

  local function stored(name)
    return ask([[
      local pairs_seen = {}
      for key, value in storage:list() do pairs_seen[#pairs_seen + 1] = key .. "=" .. value end
      return table.concat(pairs_seen, " ")
    ]], name)
  end

  local begin, outcome = workbench.begin, workbench.outcome

  it("returns what its function returns, and has written what that wrote", function()
    assert.equal("1 nil 3", ask([[
      local a, b, c = storage:transaction(function(txn)
        txn:put("k", 1)
        txn:put { l = 2, m = 3 }
        storage:put("n", 4)
        assert(txn:get("n") == 4 and storage:get("k") == 1)
        assert(txn:delete("m"))
        local keys = {}
        for key in txn:list { prefix = "" } do keys[#keys + 1] = key end
        assert(table.concat(keys, " ") == "k l n")
        return 1, nil, 3
      end)
      return tostring(a) .. " " .. tostring(b) .. " " .. tostring(c)
    ]]))
    assert.equal("k=1 l=2 n=4", stored())
    server:restart()
    assert.equal("k=1 l=2 n=4", stored())
  end)

  describe("that fails", function()
    it("undoes its writes, direct ones too, and rethrows the same value", function()
      ask("storage:put { k = 1, old = 1 }")
      assert.is_true(ask([[
        local value = { "any" }
        storage:put("before", 1)
        local ok, err = pcall(storage.transaction, storage, function(txn)
          txn:put("k", 2)
          storage:put("new", 2)
          txn:delete("old")
          storage:delete("before")
          error(value)
        end)
        storage:put("after", 1)
        return not ok and err == value and storage:get("k") == 1
      ]]))
      assert.equal("after=1 before=1 k=1 old=1", stored())
    end)

    it("says in the log where, with the way there", function()
      local answer = server:post("/things/a", [[
        local function inner() error("wrong") end
        storage:transaction(function() inner() end)
      ]])
      assert.matches("code:1: wrong", answer.body, 1, true)
      server:save((SOURCE:gsub('print "rings"', [[
        local function deep() error("so deep") end
        self.state.storage:transaction(function() deep() end)]])))
      server.process:signal("HUP")
      server:wait_version(2)
      ask("storage:setAlarm(1)")
      server:wait_log("alarm: script.lua:%d+: so deep.-in function 'deep' %(script.lua:%d+%)"
        .. ".-called from alarm")
    end)

    it("takes the alarm back too (136)", function()
      local at = ask("local at = od.now() + 10000 storage:setAlarm(at) return at")
      assert.equal(at, ask([[
        pcall(storage.transaction, storage, function(txn)
          txn:setAlarm(od.now() + 1)
          error("no")
        end)
        pcall(storage.transaction, storage, function(txn)
          txn:deleteAlarm()
          assert(txn:getAlarm() == nil)
          error("no")
        end)
        return storage:getAlarm()
      ]]))
      server:turn_clock(5000)
      assert.equal(at, ask("return storage:getAlarm()"))
      server:turn_clock(5000)
      server:wait_log("rings")
    end)

    it("in another object's call goes on as that error", function()
      local problem = refusal([[
        storage:transaction(function(txn)
          txn:put("k", 1)
          self.env.others:getByName("b"):fail()
        end)
      ]])
      assert.matches("not with me", problem, 1, true)
      assert.equal("", stored())
    end)
  end)

  describe("rolled back", function()
    it("by its handle undoes all of it, without an error", function()
      ask("storage:put('k', 1)")
      assert.equal("done", ask([[
        return storage:transaction(function(txn)
          txn:put("k", 2)
          txn:rollback()
          txn:rollback()
          assert(storage:get("k") == 1)
          storage:put("late", 1)
          return "done"
        end)
      ]]))
      assert.equal("k=1", stored())
    end)

    it("refuses further operations (115)", function()
      for _, call in ipairs {
        "get('k')", "put('k', 1)", "delete('k')", "list()", "getAlarm()", "setAlarm(1)",
        "deleteAlarm()",
      } do
        local name = call:match("%w+")
        assert.matches(("Cannot %s() on rolled back transaction"):format(name), refusal(([[
          storage:transaction(function(txn) txn:rollback() txn:%s end)
        ]]):format(call)), 1, true)
        assert.matches(("Cannot call %s() on transaction that has already committed: did you "
          .. "move `txn` outside of the closure?"):format(name), refusal(([[
          local leaked
          storage:transaction(function(txn) leaked = txn end)
          leaked:%s
        ]]):format(call)), 1, true)
      end
      assert.matches("Cannot call rollback() on transaction that has already committed",
        refusal("local leaked storage:transaction(function(txn) leaked = txn end) "
          .. "leaked:rollback()"), 1, true)
    end)
  end)

  describe("inside another", function()
    it("goes with the outer one that is undone (112)", function()
      assert.equal("", ask([[
        pcall(storage.transaction, storage, function(outer)
          outer:put("a", 1)
          storage:transaction(function(inner) inner:put("b", 2) end)
          assert(outer:get("b") == 2)
          error("no")
        end)
        return ""
      ]]))
      assert.equal("", stored())
    end)

    it("that fails alone leaves what the outer one wrote (113)", function()
      ask([[
        storage:transaction(function(outer)
          outer:put("a", 1)
          pcall(storage.transaction, storage, function(inner)
            inner:put("a", 2)
            inner:put("b", 2)
            error("no")
          end)
          storage:transaction(function(inner) inner:put("c", 3) inner:rollback() end)
          assert(outer:get("a") == 1 and outer:get("b") == nil)
          outer:put("d", 4)
        end)
      ]])
      assert.equal("a=1 d=4", stored())
    end)

    it("must end before it", function()
      assert.matches("Cannot roll back an outer transaction while a nested transaction is still "
        .. "running.", refusal([[
          storage:transaction(function(outer)
            storage:transaction(function() outer:rollback() end)
          end)
        ]]), 1, true)
      assert.matches("Cannot commit an outer transaction while a nested transaction is still "
        .. "running.", refusal([[
          storage:transaction(function(outer)
            outer:put("a", 1)
            coroutine.wrap(function()
              storage:transaction(function(inner) inner:put("b", 1) coroutine.yield() end)
            end)()
          end)
        ]]), 1, true)
      assert.equal("", stored())
    end)

    it("is refused when there are too many", function()
      assert.matches("transaction() calls are nested too deeply.", refusal([[
        local function nest() storage:transaction(nest) end
        nest()
      ]]), 1, true)
      assert.equal("k=1", ask("storage:put('k', 1) return 'k=1'"))
    end)
  end)

  it("refuses deleteAll (116)", function()
    ask("storage:put('k', 1)")
    for _, who in ipairs { "storage", "txn" } do
      assert.matches("Cannot call deleteAll() within a transaction", refusal(([[
        storage:transaction(function(txn) %s:deleteAll() end)
      ]]):format(who)), 1, true)
    end
    assert.equal("k=1", stored())
  end)

  it("refuses what is no function, and the dot", function()
    assert.matches("transaction: argument 1 must be a function, got nil",
      refusal("storage:transaction(nil)"), 1, true)
    assert.matches("transaction: argument 1 must be a function, got a table",
      refusal("storage:transaction({})"), 1, true)
    assert.matches("colon", refusal("storage.transaction(print)"))
    assert.matches("colon",
      refusal("storage:transaction(function(txn) txn.put('k', 1) end)"))
    assert.matches("sync", refusal("storage:transaction(function(txn) txn:sync() end)"))
  end)

  describe("that waits", function()
    it("keeps others out, and its writes together", function()
      local first = begin(server, "a", [[
        storage:transaction(function(txn)
          txn:put("k", 1)
          print "waits"
          od.sleep(9000)
          txn:put("l", 2)
        end)
        return "first"
      ]])
      server:wait_log("waits")
      local second = begin(server, "a", "return tostring(storage:get('k')) .. storage:get('l')")
      assert.equal("other", ask("storage:put('k', 1) return 'other'", "b"))
      assert.is_false(second:has_news())
      workbench.pass(server, 9000)
      assert.equal("first", outcome(first))
      assert.equal("12", outcome(second))
    end)

    it("has stored nothing of it when the server is killed", function()
      ask("storage:put('k', 1)")
      begin(server, "a", [[
        storage:put("before", 1)
        storage:transaction(function(txn)
          txn:put("k", 2)
          storage:sync()
          print "waits"
          od.sleep(9000)
        end)
      ]])
      server:wait_log("waits")
      ask("storage:put('k', 1) storage:sync()", "b")
      server:kill()
      server:launch()
      assert.equal("before=1 k=1", stored())
    end)

    it("lets nothing out before its end (49)", function()
      local ann = server:connect("/things/a")
      ann:send("hello")
      server:wait_log("inside")
      ask("return storage:sync()", "b")
      ann:expect_silence()
      workbench.pass(server, 9000)
      ann:expect("inside hello")
      ann:expect("outside hello")
    end)

    it("can ask others, who see what it wrote before and not in it", function()
      assert.equal("noted hello", ask([[
        storage:put("before", 1)
        return storage:transaction(function(txn)
          txn:put("k", 1)
          return self.env.others:getByName("b"):note("hello")
        end)
      ]]))
      assert.equal("before=1 k=1", stored())
    end)

    it("for too long is given up, and the object reset", function()
      local boot = ask("storage:put('k', 1) return self.boot")
      local held = begin(server, "a", [[
        storage:transaction(function(txn) txn:put("k", 2) print "waits" od.sleep(100000) end)
      ]])
      server:wait_log("waits")
      workbench.pass(server, 31000)
      server:wait_log("reset: A call to transaction%(%) in a Durable Object waited for too long")
      assert.not_equal(200, held:read_answer().status)
      assert.equal("k=1", stored())
      assert.not_equal(boot, ask("return self.boot"))
    end)

    it("and is left behind in a coroutine is undone", function()
      local answer = server:post("/things/a", [[
        local co = coroutine.create(function()
          storage:transaction(function(txn) txn:put("k", 1) coroutine.yield() end)
        end)
        coroutine.resume(co)
        return "left"
      ]])
      assert.equal(500, answer.status)
      assert.equal("", stored())
      assert.equal("k=1", ask("storage:put('k', 1) return 'k=1'"))
    end)

    it("in the constructor is over before the first event", function()
      server:save((SOURCE:gsub("%.thing%(%)", [[%0
        function Thing:constructor()
          self.state.storage:transaction(function(txn)
            txn:put("k", 1) od.sleep(1) txn:put("l", 2)
          end)
        end]])))
      server.process:signal("HUP")
      server:wait_version(2)
      assert.equal("k=1 l=2", stored())
    end)
  end)

  describe("that is not confirmed", function()
    it("does not hold the response; a confirmed write at any depth does (119)", function()
      server:fault("commit.hold")
      assert.equal("early", ask([[
        storage:transaction(function(txn)
          txn:put("k", 1, { allowUnconfirmed = true })
          storage:transaction(function(inner)
            inner:put("l", 1, { allowUnconfirmed = true })
          end)
        end)
        return "early"
      ]]))
      local held = begin(server, "b", [[
        storage:transaction(function(txn)
          txn:put("k", 1, { allowUnconfirmed = true })
          storage:transaction(function(inner) inner:put("l", 1) end)
        end)
        print "written"
        return "late"
      ]])
      server:wait_log("written")
      assert.equal("other", ask("return 'other'", "other"))
      assert.is_false(held:has_news())
      server:clear_fault("commit.hold")
      assert.equal("late", outcome(held))
    end)

    it("by a rolled back confirmed write holds nothing", function()
      server:fault("commit.hold")
      assert.equal("early", ask([[
        storage:transaction(function(txn) txn:put("k", 1) txn:rollback() end)
        return "early"
      ]]))
    end)
  end)

  it("that cannot be stored resets the object, and nothing of it was seen", function()
    ask("storage:put('k', 1)")
    server:fault("commit.fail", { times = 1 })
    local answer = server:post("/things/a", [[
      storage:transaction(function(txn) txn:put("k", 2) txn:put("l", 2) end)
      return "success"
    ]])
    assert.equal(500, answer.status)
    assert.equal("k=1", stored())
  end)

  it("that fails to be stored before it resets it in the middle", function()
    ask("storage:put('k', 1)")
    server:fault("commit.hold")
    server:fault("commit.fail", { times = 1 })
    local held = begin(server, "a", [[
      storage:put("k", 2)
      storage:transaction(function(txn) txn:put("k", 3) print "waits" od.sleep(9000) end)
    ]])
    server:wait_log("waits")
    server:clear_fault("commit.hold")
    assert.equal(500, held:read_answer().status)
    assert.equal("k=1", stored())
    assert.equal("k=4", ask("storage:transaction(function(t) t:put('k', 4) end) return 'k=4'"))
  end)
end)
