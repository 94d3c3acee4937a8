-- SQL: what statements give, what is refused, and that a database shares the fate of the keys.
local workbench = require "spec.scenario.workbench"

describe("storage.sql", function()
  local server, count, name

  setup(function()
    server, count = workbench.start(), 0
  end)

  teardown(function()
    server:stop()
  end)

  before_each(function()
    count = count + 1
    name = "object" .. count
  end)

  local function ask(code)
    return workbench.ask(server, name, "local sql = storage.sql " .. code)
  end

  local function refusal(code)
    return workbench.refusal(server, name, "local sql = storage.sql " .. code)
  end

  describe("of one object", function()
    it("keeps rows over requests", function()
      ask [[ sql:exec("CREATE TABLE t (id INTEGER PRIMARY KEY, text TEXT)") ]]
      ask [[ sql:exec("INSERT INTO t (text) VALUES (?), (?)", "one", "two") ]]
      assert.same({ { id = 1, text = "one" }, { id = 2, text = "two" } },
        ask [[ return sql:exec("SELECT * FROM t ORDER BY id"):toArray() ]])
      assert.equal(2, ask [[ return sql:exec("SELECT count(*) AS n FROM t"):one().n ]])
    end)

    it("keeps them over a restart of the server", function()
      ask [[ sql:exec("CREATE TABLE t (x); INSERT INTO t VALUES (7)") storage:put("k", 8) ]]
      server:restart()
      assert.same({ 7, 8 }, ask [[ return { sql:exec("SELECT x FROM t"):one().x, storage:get("k") } ]])
    end)
  end)
end)
