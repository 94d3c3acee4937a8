-- SQL and keys share one fate: what keeps, loses or undoes the one does so to the other.
local survival = require "spec.scenario.survival"
local workbench = require "spec.scenario.workbench"

local SOURCE = [[
local od = require "open-do"
local Thing = require("workbench").thing()

function Thing:webSocketMessage(ws, message)
  local storage = self.state.storage
  storage:transaction(function()
    storage.sql:exec("INSERT INTO t VALUES (?)", message)
    ws:send("inside " .. message)
    print "inside"
    od.sleep(9000)
  end)
  ws:send("outside " .. message)
end

return { namespaces = { things = Thing } }
]]

describe("SQL and keys", function()
  local server = workbench.each(SOURCE, { workers = 1 })

  local function ask(code, name)
    return workbench.ask(server, name or "a", "local sql = storage.sql " .. code)
  end

  local function refusal(code)
    return workbench.refusal(server, "a", "local sql = storage.sql " .. code)
  end

  local function fresh()
    ask [[ sql:exec "CREATE TABLE t (x UNIQUE); INSERT INTO t VALUES (0)" storage:put("k", 0) ]]
  end

  -- "0 1 2|2": the rows, and the key beside them.
  local function stored()
    return ask [[
      local rows = {}
      for row in sql:exec("SELECT x FROM t ORDER BY x"):raw() do
        rows[#rows + 1] = tostring(row[1])
      end
      assert(sql:exec("PRAGMA quick_check"):one().quick_check == "ok")
      return table.concat(rows, " ") .. "|" .. tostring(storage:get("k"))
    ]]
  end

  local ADD = [[
    local function add(n) sql:exec("INSERT INTO t VALUES (?)", n) storage:put("k", n) end ]]

  describe("in a transaction", function()
    before_each(fresh)

    it("stay together when it returns", function()
      assert.equal(7, ask(ADD .. [[
        return storage:transactionSync(function() add(1) add(2) return 7 end)
      ]]))
      assert.equal("0 1 2|2", stored())
      server:restart()
      assert.equal("0 1 2|2", stored())
    end)

    it("go together when it fails, or is rolled back", function()
      ask(ADD .. [[
        add(1)
        pcall(storage.transaction, storage, function() add(2) error "no" end)
        storage:transaction(function(txn) add(3) txn:rollback() end)
      ]])
      assert.equal("0 1|1", stored())
    end)

    it("go with the inner one, and stay with the outer", function()
      ask(ADD .. [[
        storage:transaction(function()
          add(1)
          pcall(storage.transaction, storage, function()
            add(2)
            storage:transaction(function() add(3) end)
            error "no"
          end)
          storage:transaction(function() add(4) end)
        end)
      ]])
      assert.equal("0 1 4|4", stored())
      ask(ADD .. [[
        pcall(storage.transaction, storage, function()
          storage:transaction(function() add(5) end)
          error "no"
        end)
      ]])
      assert.equal("0 1 4|4", stored())
    end)

    it("are seen inside, also after a wait, and change the tables too", function()
      ask(ADD .. [[
        storage:transaction(function()
          sql:exec "CREATE TABLE u (x)"
          add(1)
          od.sleep(1)
          assert(sql:exec("SELECT count(*) AS n FROM t"):one().n == 2)
          assert(sql.databaseSize > 8192)
          add(2)
        end)
        pcall(storage.transaction, storage, function()
          sql:exec "DROP TABLE u; ALTER TABLE t ADD COLUMN y"
          error "no"
        end)
        sql:exec "INSERT INTO u VALUES (1)"
      ]])
      assert.equal("0 1 2|2", stored())
    end)

    it("outlive a statement that fails, which undoes only itself", function()
      ask(ADD .. [[
        storage:transaction(function()
          add(1)
          assert(not pcall(sql.exec, sql, "INSERT INTO t VALUES (5), (1)"))
          add(2)
        end)
      ]])
      assert.equal("0 1 2|2", stored())
    end)

    it("go when keys that refer to others are wrong at its end", function()
      ask [[
        sql:exec "CREATE TABLE p (id INTEGER PRIMARY KEY)"
        sql:exec "CREATE TABLE c (p REFERENCES p (id) DEFERRABLE INITIALLY DEFERRED)" ]]
      assert.matches("transaction: FOREIGN KEY constraint failed", refusal(ADD .. [[
        storage:transaction(function() add(1) sql:exec "INSERT INTO c VALUES (7)" end) ]]))
      ask(ADD .. [[
        storage:transaction(function()
          add(2)
          sql:exec "INSERT INTO c VALUES (7); INSERT INTO p VALUES (7)"
        end) ]])
      assert.equal("0 2|2", stored())
    end)

    it("go when they are more than a stretch may write, and what comes then is stored", function()
      assert.matches("what it wrote is more than one stretch may", refusal(ADD .. [[
        storage:transaction(function()
          add(1)
          for i = 1, 40 do sql:exec("INSERT INTO t VALUES (? || ?)", ("x"):rep(1e6), i) end
        end) ]]))
      ask(ADD .. "add(2)")
      assert.equal("0 2|2", stored())
    end)

    it("go, and the object is reset, when a statement has ended it", function()
      local boot = ask "return self.boot"
      local answer = server:post("/things/a", [[
        storage:transaction(function()
          storage:put("k", 1)
          storage.sql:exec "INSERT INTO t VALUES (1)"
          storage.sql:exec "INSERT OR ROLLBACK INTO t VALUES (1)"
        end) ]])
      assert.equal(500, answer.status)
      server:wait_log("things/a  reset: a transaction was ended by an error of SQL")
      assert.equal("0|0", stored())
      assert.not_equal(boot, ask "return self.boot")
    end)

    -- What such a handler waited for came to the next handler that began, and what it wrote stayed
    -- if it waited for the disk.
    it("go, too, when the handler goes on and waits", function()
      for _, wait in ipairs { "storage:sync()", "od.sleep(1000)" } do
        local answer = server:post("/things/a", [[
          pcall(storage.transaction, storage, function()
            storage.sql:exec("INSERT OR ROLLBACK INTO t VALUES (1), (1)")
          end)
          storage:put("k", 1) ]] .. wait)
        assert.equal(500, answer.status)
        assert.equal("0|0", stored())
      end
      server:fault("commit.hold")
      local asking = workbench.begin(server, "b", [[
        storage:put("k", 1) print "puts" storage:sync() return "on disk" ]])
      server:wait_log("puts")
      server:turn_clock(1001)
      assert.equal("other", ask("return 'other'", "other")) -- Turns pass.
      assert.equal("other", ask("return 'other'", "other"))
      assert.is_false(asking:has_news())
      server:clear_fault("commit.hold")
      assert.equal("on disk", workbench.outcome(asking))
    end)

    it("are told to nobody before its end", function()
      local ann = server:connect("/things/a")
      ann:send("1")
      server:wait_log("inside")
      ann:expect_silence()
      server:turn_clock(9000)
      ann:expect("inside 1")
      ann:expect("outside 1")
      assert.equal("0 1|0", stored())
    end)
  end)

  describe("outside of one", function()
    before_each(fresh)

    it("are undone statement by statement", function()
      ask(ADD .. [[
        add(1)
        for _, how in ipairs { "ABORT", "ROLLBACK", "IGNORE" } do
          pcall(sql.exec, sql, "INSERT OR " .. how .. " INTO t VALUES (9), (1)")
          sql:exec "DELETE FROM t WHERE x = 9"
        end
        sql:exec "CREATE TRIGGER no BEFORE DELETE ON t BEGIN SELECT RAISE(ROLLBACK, 'never'); END"
        local ok, err = pcall(sql.exec, sql, "DELETE FROM t")
        assert(not ok and err:find("never", 1, true))
        add(2)
      ]])
      assert.equal("0 1 2|2", stored())
    end)

    it("are told to nobody before they are on disk", function()
      server:fault("commit.hold")
      local asking = workbench.begin(server, "a", [[
        storage.sql:exec "INSERT INTO t VALUES (1)" print "wrote" return 1 ]])
      server:wait_log("wrote")
      assert.equal("other", ask("return 'other'", "other")) -- Turns pass.
      assert.equal("other", ask("return 'other'", "other"))
      assert.is_false(asking:has_news())
      server:clear_fault("commit.hold")
      assert.equal(1, workbench.outcome(asking))
    end)

    it("wait for nothing when nothing has changed", function()
      ask [[ sql:exec "UPDATE t SET x = x" ]]
      server:fault("commit.hold")
      assert.equal(1, ask [[ return sql:exec("SELECT count(*) AS n FROM t"):one().n ]])
    end)

    it("are gone when their commit fails", function()
      local boot = ask "return self.boot"
      server:fault("commit.fail")
      assert.equal(500, server:post("/things/a", [[
        storage.sql:exec "INSERT INTO t VALUES (1); CREATE TABLE u (x)"
        storage:put("k", 1) ]]).status)
      server:clear_fault("commit.fail")
      assert.equal("0|0", stored())
      assert.not_equal(boot, ask "return self.boot")
      ask(ADD .. "add(2)")
      assert.equal("0 2|2", stored())
    end)

    it("are gone when the object aborts itself before they are sealed", function()
      server:post("/things/a", [[
        storage.sql:exec "INSERT INTO t VALUES (1)" storage:put("k", 1) state:abort("enough") ]])
      assert.equal("0|0", stored())
    end)

    it("are all gone by deleteAll, and a new database begins", function()
      ask(ADD .. [[
        add(1)
        storage:deleteAll()
        assert(sql.databaseSize == 0)
        sql:exec "CREATE TABLE t (x); INSERT INTO t VALUES (5)"
      ]])
      assert.equal("5|nil", stored())
      server:restart()
      assert.equal("5|nil", stored())
      ask "storage:deleteAll()"
      assert.matches("no such table: t", refusal [[ sql:exec "SELECT * FROM t" ]])
    end)

    it("come back when a reset takes deleteAll back", function()
      server:post("/things/a", [[
        storage:deleteAll() storage.sql:exec "CREATE TABLE t (x)" state:abort("enough") ]])
      assert.equal("0|0", stored())
    end)

    it("outlive the death of their worker", function()
      ask(ADD .. "add(1)")
      server:expect_mishap("another one is started")
      survival.kill_one(server)
      survival.await_back(server)
      assert.equal("0 1|1", stored())
    end)

    it("are seen by new code", function()
      ask(ADD .. "add(1)")
      server:save(SOURCE .. "-- saved once more\n")
      server.process:signal("HUP")
      server:wait_version(2)
      assert.equal("0 1|1", stored())
    end)
  end)

  it("outlive sleep between any two statements", function()
    workbench.replace(server, SOURCE, { workers = 1, args = { "--idle-ms", "0" } })
    fresh()
    local boots = {}
    for i = 1, 20 do
      boots[ask(ADD .. ("add(%d) return self.boot"):format(i))] = true
    end
    assert.is_true(next(boots, next(boots)) ~= nil)
    assert.equal("0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20|20", stored())
  end)

  it("are gone when the constructor that wrote them fails", function()
    workbench.replace(server, [[
      local od = require "open-do"
      local Thing = { fetch = require("workbench").fetch }
      local tries = 0
      function Thing:constructor()
        local storage = self.state.storage
        tries = tries + 1
        storage.sql:exec "CREATE TABLE IF NOT EXISTS t (x); INSERT INTO t VALUES (0)"
        storage:put("k", 0)
        if tries == 1 then error "not yet" end
      end
      return { namespaces = { things = Thing } } ]], { workers = 1 })
    assert.equal(500, server:post("/things/a", "return 1").status)
    assert.equal("0|0", stored())
    assert.equal("0|0", stored())
  end)

  describe("migrate", function()
    local STEPS = [[
      local steps = {
        "CREATE TABLE t (x); INSERT INTO t VALUES (1)",
        function(db) db:exec("INSERT INTO t VALUES (?)", 2) storage:put("k", 2) end,
      }
    ]]

    it("runs each step once, in order", function()
      assert.equal("2 0 1", ask(STEPS .. [[
        local first, second = storage:migrate(steps), storage:migrate(steps)
        steps[3] = "INSERT INTO t VALUES (3)"
        return first .. " " .. second .. " " .. storage:migrate(steps)
      ]]))
      assert.equal("1 2 3|2", stored())
      server:restart()
      assert.equal(0, ask(STEPS .. [[ steps[3] = "" return storage:migrate(steps) ]]))
    end)

    it("leaves nothing of a step that fails, and goes on there", function()
      assert.matches("^code:%d+: migrate: step 2: no such table: u", refusal(STEPS .. [[
        steps[2] = "INSERT INTO t VALUES (9); INSERT INTO u VALUES (9)"
        storage:migrate(steps) ]]))
      assert.equal("1|nil", stored())
      assert.equal(1, ask(STEPS .. "return storage:migrate(steps)"))
      assert.equal("1 2|2", stored())
    end)

    it("refuses what is no step, and a script that is too old", function()
      assert.matches("^code:1: migrate: argument 1 must be a table of steps, got string",
        refusal [[ storage:migrate "CREATE" ]])
      assert.matches("migrate: step 1 must be a string of SQL or a function, got number",
        refusal [[ storage:migrate { 1 } ]])
      ask(STEPS .. "storage:migrate(steps)")
      assert.matches("the database has had 2 steps, and the script knows 0", refusal [[
        storage:migrate {} ]])
    end)
  end)
end)
