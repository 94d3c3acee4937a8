-- SQL: what statements give and take, how a mistake is shown, and what no statement may do.
local workbench = require "spec.scenario.workbench"

describe("storage.sql", function()
  local server, ask, refusal = workbench.fresh("local sql = storage.sql ")

  describe("keeps", function()
    it("rows over requests, and in another object there are none", function()
      ask [[ sql:exec("CREATE TABLE t (id INTEGER PRIMARY KEY, text TEXT)") ]]
      ask [[ sql:exec("INSERT INTO t (text) VALUES (?), (?)", "one", "two") ]]
      assert.same({ { id = 1, text = "one" }, { id = 2, text = "two" } },
        ask [[ return sql:exec("SELECT * FROM t ORDER BY id"):toArray() ]])
      assert.equal(2, ask [[ return sql:exec("SELECT count(*) AS n FROM t"):one().n ]])
      assert.matches("no such table: t",
        workbench.refusal(server, "another", "storage.sql:exec 'SELECT * FROM t'"))
    end)

    it("rows and keys over a restart of the server", function()
      ask [[ sql:exec("CREATE TABLE t (x); INSERT INTO t VALUES (7)") storage.kv:put("k", 8) ]]
      server:restart()
      assert.same({ 7, 8 }, ask [[
        return { sql:exec("SELECT x FROM t"):one().x, storage:get("k") }
      ]])
    end)

    it("what the library can: full-text search, R-trees, JSON, windows, dates", function()
      assert.same({ "<b>quick</b> fox", 2, 5, 3, 2026 }, ask [[
        sql:exec "CREATE VIRTUAL TABLE doc USING fts5 (text)"
        sql:exec("INSERT INTO doc VALUES (?), (?)", "quick fox", "lazy dog")
        sql:exec "CREATE VIRTUAL TABLE box USING rtree (id, x0, x1)"
        sql:exec "INSERT INTO box VALUES (1, 0, 1), (2, 5, 9)"
        return {
          sql:exec("SELECT highlight(doc, 0, '<b>', '</b>') AS h FROM doc WHERE doc MATCH ?",
            "quick"):one().h,
          sql:exec("SELECT id FROM box WHERE x0 > 3"):one().id,
          sql:exec("SELECT json_extract(?, '$.a[1]') AS v", '{"a":[4,5]}'):one().v,
          sql:exec("SELECT sum(value) OVER () AS s FROM json_each('[1,2]') LIMIT 1"):one().s,
          tonumber(sql:exec("SELECT strftime('%Y', ?, 'unixepoch') AS y", 1790000000):one().y),
        }
      ]])
    end)

    it("gives back room that is free, and says how much is used", function()
      assert.is_true(ask [[
        assert(sql.databaseSize == 0)
        sql:exec "CREATE TABLE t (x)"
        local small = sql.databaseSize
        for i = 1, 50 do sql:exec("INSERT INTO t VALUES (?)", ("x"):rep(10000)) end
        local large = sql.databaseSize
        sql:exec "DELETE FROM t"
        return small == 8192 and large > 500000 and sql.databaseSize == small
      ]])
    end)
  end)

  describe("takes and gives", function()
    it("values of every type, unchanged", function()
      assert.same({ "null", "integer 1", "integer 0", "integer 5", "real 0.5", "text a", "blob ab",
        "null" }, ask [[
        local got = {}
        for _, value in ipairs { od.json.null, true, false, 5, 0.5, "a", od.blob "ab" } do
          local row = sql:exec("SELECT ?1 AS v, typeof(?1) AS t", value):one()
          got[#got + 1] = row.t .. (row.v ~= nil and " " .. tostring(row.v) or "")
        end
        got[#got + 1] = sql:exec("SELECT typeof(?) AS t", nil):one().t
        return got
      ]])
    end)

    it("integers beyond 2^53 exactly, and numbers at the edges", function()
      assert.is_true(ask [[
        local function same(v) return sql:exec("SELECT ? AS v", v):one().v == v end
        local big = sql:exec("SELECT 9223372036854775807 AS v"):one().v
        return same(2^53) and same(-2^53) and same(2^60) and same(1e300) and same(math.huge)
          and same(-0.0) and same(9007199254740993LL) and same(-9223372036854775807LL - 1)
          and big == 9223372036854775807LL
          and sql:exec("SELECT typeof(?) AS t", 2^53):one().t == "real"
          and sql:exec("SELECT ? AS v", 7ULL):one().v == 7
      ]])
    end)

    it("all bytes in text, no UTF-8 and zeros too, also as a key", function()
      assert.is_true(ask [[
        local all = {}
        for i = 0, 255 do all[#all + 1] = string.char(i) end
        all = table.concat(all)
        sql:exec "CREATE TABLE t (k TEXT PRIMARY KEY)"
        sql:exec("INSERT INTO t VALUES (?)", all)
        return sql:exec("SELECT k FROM t WHERE k = ?", all):one().k == all
          and sql:exec("SELECT CAST(? AS BLOB) AS v", all):one().v == all
      ]])
    end)

    it("no value that SQL has not", function()
      assert.matches("argument 2 is NaN", refusal [[ sql:exec("SELECT ?", 0/0) ]])
      assert.matches("argument 3 cannot be bound: it is a table", refusal [[
        sql:exec("SELECT ?, ?", 1, {}) ]])
      assert.matches("argument 2 is larger than an integer", refusal [[
        sql:exec("SELECT ?", 2^63 + 0ULL) ]])
      assert.matches("argument 2 has 2097153 bytes", refusal [[
        sql:exec("SELECT ?", ("x"):rep(2^21 + 1)) ]])
    end)
  end)

  describe("has cursors", function()
    local function rows(what)
      return ask([[
        local cursor = sql:exec [=[
          SELECT column1 AS a, column2 AS b FROM (VALUES (1, 'x'), (2, NULL), (3, 'z')) ]=]
        ]] .. what)
    end

    it("to go through", function()
      assert.equal("1x 2nil 3z ", rows [[
        local text = ""
        for row in cursor do text = text .. row.a .. tostring(row.b) .. " " end
        return text
      ]])
      assert.equal("1 2 nil", rows [[
        local first, rest = cursor:next(), cursor:toArray()
        return first.a .. " " .. #rest .. " " .. tostring(cursor:next())
      ]])
      assert.equal("a,b:1x|2nil|3z|", rows [[
        local text = table.concat(cursor.columnNames, ",") .. ":"
        for row in cursor:raw() do text = text .. row[1] .. tostring(row[2]) .. "|" end
        return text
      ]])
    end)

    it("that keep their rows whatever happens to the table", function()
      assert.equal(3, ask [[
        sql:exec "CREATE TABLE t (x); INSERT INTO t VALUES (1), (2), (3)"
        local cursor = sql:exec "SELECT x FROM t"
        sql:exec "DROP TABLE t"
        storage:sync()
        return #cursor:toArray()
      ]])
    end)

    it("that know how many rows there were", function()
      assert.same({ 2, 0, 3, 1 }, ask [[
        sql:exec "CREATE TABLE t (x)"
        local insert = sql:exec "INSERT INTO t VALUES (1), (2)"
        local select = sql:exec "SELECT x FROM t"
        local both = sql:exec [=[
          INSERT INTO t VALUES (3); INSERT INTO t VALUES (4);
          UPDATE t SET x = 9 WHERE x = 1 RETURNING x ]=]
        return { insert.rowsWritten, select.rowsWritten, both.rowsWritten, #both:toArray() }
      ]])
    end)

    it("of which `one` wants exactly one row", function()
      assert.matches("Expected exactly one result from SQL query, but got no results.",
        refusal [[ sql:exec("SELECT 1 WHERE 0"):one() ]], 1, true)
      assert.matches("Expected exactly one result from SQL query, but got multiple results.",
        refusal [[ sql:exec("SELECT 1 UNION ALL SELECT 2"):one() ]], 1, true)
    end)

    it("that write JSON arrays, empty ones too", function()
      assert.equal("[] []", ask [[
        local cursor = sql:exec "CREATE TABLE t (x)"
        return od.json.encode(cursor:toArray()) .. " " .. od.json.encode(cursor.columnNames)
      ]])
    end)

    it("with names that are asked for wrongly", function()
      assert.matches("a cursor has no field 'rowRead'; did you mean 'rowsRead'%?",
        refusal [[ return sql:exec("SELECT 1").rowRead ]])
      assert.matches("next: call it with a colon", refusal [[ sql:exec("SELECT 1").next() ]])
    end)
  end)

  describe("runs several statements", function()
    it("whose bindings belong to the last; comments are none", function()
      assert.equal(6, ask [[
        return sql:exec([=[
          -- First a table; then rows.
          CREATE TABLE t (x);
          INSERT INTO t VALUES (1), (2);; /* three; */
          SELECT sum(x) + ? AS s FROM t; -- the end
        ]=], 3):one().s
      ]])
    end)

    it("and leaves those before a wrong one done", function()
      assert.matches("no such table: u", refusal [[
        sql:exec "CREATE TABLE t (x); SELECT * FROM u" ]])
      assert.equal(0, ask [[ return sql:exec("SELECT count(*) AS n FROM t"):one().n ]])
    end)
  end)

  describe("shows mistakes", function()
    it("at the author's line, with the SQL and a caret", function()
      assert.equal('code:2: exec: near "x": syntax error: SQLITE_ERROR\n'
        .. "    SELECT 1 FORM x t\n                  ^",
        refusal "\n sql:exec 'SELECT 1 FORM x t'")
      assert.equal("code:1: exec: no such column: ü: SQLITE_ERROR\n"
        .. "    SELECT 'ä', ü\n                ^",
        refusal [[ sql:exec "SELECT 1;\nSELECT 'ä', ü" ]])
    end)

    it("of a statement that is cut, wherever it is", function()
      assert.same({}, ask [==[
        local whole = "INSERT INTO t (x) SELECT 'a''b' || \"x\" FROM [t] WHERE x IN (1.5e3, "
          .. "x'00ff', ?1)"
        sql:exec "CREATE TABLE t (x)"
        local passed = {}
        for i = 1, #whole - 1 do
          local ok, why = pcall(sql.exec, sql, whole:sub(1, i), 1)
          if ok or not tostring(why):find("exec: ", 1, true) then
            passed[#passed + 1] = whole:sub(1, i)
          end
        end
        sql:exec(whole, 1)
        return passed
      ]==])
    end)

    it("of none that is as long as one may be", function()
      assert.equal(99988, ask [[
        local text = ("x"):rep(100000 - #"SELECT '' AS v")
        return #sql:exec("SELECT '" .. text .. "' AS v"):one().v + 2
      ]])
    end)

    it("of constraints by the name of their code", function()
      local text = "UNIQUE constraint failed: t.x: SQLITE_CONSTRAINT_UNIQUE"
      assert.equal("code:1: exec: " .. text, refusal [[
        sql:exec "CREATE TABLE t (x UNIQUE); INSERT INTO t VALUES (1); INSERT INTO t VALUES (1)" ]])
    end)

    it("of bindings and empty texts", function()
      local wrong = "Wrong number of parameter bindings for SQL query: it has %d, %d were given"
      assert.matches(wrong:format(2, 1), refusal [[ sql:exec("SELECT ?, ?", 1) ]], 1, true)
      assert.matches(wrong:format(0, 1), refusal [[ sql:exec("SELECT 1", 1) ]], 1, true)
      assert.matches("bindings belong to the last statement", refusal [[
        sql:exec("SELECT ?; SELECT ?", 1) ]])
      assert.matches("300 bindings are given", refusal [[
        sql:exec("SELECT 1", unpack({ 1 }, 1, 300)) ]])
      assert.matches("7000 bindings are given", refusal [[
        sql:exec("SELECT 1", unpack({ 1 }, 1, 7000)) ]])
      assert.matches("too many results", refusal [[ -- Lua itself has no more.
        sql:exec("SELECT 1", unpack({ 1 }, 1, 10000)) ]])
      for _, value in ipairs { "print", "coroutine.create(print)", "state", "sql" } do
        assert.matches("argument 2 cannot be bound", refusal(("sql:exec('SELECT ?', %s)")
          :format(value)))
      end
      for _, empty in ipairs { "", "  ", ";", "-- nothing", "/* nothing" } do
        local text = refusal(("sql:exec %q"):format(empty))
        assert.matches("SQL code did not contain a statement.", text, 1, true)
      end
      assert.matches("argument 1 must be a string", refusal [[ sql:exec(nil) ]])
      assert.matches("zero byte", refusal [[ sql:exec "SELECT 1\0" ]])
      assert.matches("SQL cannot be longer than 100000 bytes", refusal [[
        sql:exec("SELECT 1" .. (" "):rep(1e5)) ]])
    end)
  end)

  describe("refuses", function()
    local function try(statement)
      return ask(("local ok, err = pcall(sql.exec, sql, %q) return ok or tostring(err)")
        :format(statement))
    end

    local hostile = {
      -- What reaches out of the database.
      "ATTACH 'x' AS y", "ATTACH ':memory:' AS y", "DETACH main", "VACUUM", "VACUUM INTO 'x'",
      "SELECT load_extension('x')", "SELECT fts3_tokenizer('simple')", "SELECT sqlite_version()",
      "SELECT sqlite_source_id()", "SELECT sqlite_compileoption_get(1)", "SELECT fts5_source_id()",
      "SELECT fts5(1)", "SELECT * FROM dbstat", "SELECT * FROM sqlite_stmt",
      "CREATE VIRTUAL TABLE t USING dbstat", "CREATE VIRTUAL TABLE t USING fts4 (x)",
      "CREATE VIRTUAL TABLE t USING fts3 (x)", "CREATE VIRTUAL TABLE t USING csv (x)",
      "CREATE VIRTUAL TABLE t USING fts3tokenize",
      -- What goes around the transactions of the storage.
      "BEGIN", "BEGIN IMMEDIATE", "COMMIT", "ROLLBACK", "END", "SAVEPOINT a", "RELEASE a",
      "ROLLBACK TO a",
      -- Settings.
      "PRAGMA journal_mode=WAL", "PRAGMA journal_mode", "PRAGMA synchronous=FULL",
      "PRAGMA locking_mode=NORMAL", "PRAGMA page_size=512", "PRAGMA user_version=7",
      "PRAGMA user_version", "PRAGMA writable_schema=ON", "PRAGMA trusted_schema=OFF",
      "PRAGMA cache_size=1000000", "PRAGMA cache_spill=ON", "PRAGMA mmap_size=1000000",
      "PRAGMA temp_store=FILE", "PRAGMA temp_store_directory='/'", "PRAGMA secure_delete=OFF",
      "PRAGMA auto_vacuum=FULL", "PRAGMA incremental_vacuum", "PRAGMA max_page_count=1",
      "PRAGMA hard_heap_limit=0", "PRAGMA integrity_check", "PRAGMA database_list",
      "PRAGMA compile_options", "PRAGMA function_list", "PRAGMA module_list",
      "PRAGMA wal_checkpoint", "PRAGMA schema_version=1", "PRAGMA foreign_keys=maybe",
      -- Tables of SQLite and of ours.
      "CREATE TEMP TABLE t (x)", "CREATE TEMP VIEW t AS SELECT 1",
      "INSERT INTO sqlite_master VALUES (1,2,3,4,5)",
      "UPDATE sqlite_master SET sql = 'x'", "DELETE FROM sqlite_schema",
      "CREATE TABLE sqlite_x (y)",
      "DROP TABLE sqlite_master", "CREATE TABLE _cf_KV (x)", "CREATE TABLE _OD_x (x)",
      "SELECT * FROM _cf_KV", "ALTER TABLE here RENAME TO _cf_x",
      "ALTER TABLE here RENAME x TO _od_x",
      "CREATE INDEX _cf_i ON here (x)", "CREATE VIEW _cf_v AS SELECT 1",
      "PRAGMA table_info(_cf_KV)",
      "INSERT INTO f_data VALUES (1, 2)", "DELETE FROM f_content",
      -- What is too large or too deep.
      "SELECT " .. ("(1+"):rep(200) .. "1" .. (")"):rep(200),
      "SELECT 1" .. (" UNION SELECT 1"):rep(6),
      "CREATE TABLE w (" .. ("c,"):rep(150) .. "d)", "SELECT 'a' LIKE '" .. ("%a"):rep(40) .. "'",
      "SELECT zeroblob(100000000)", "SELECT printf('%.*c', 100000000, 'x')",
      "SELECT ?1000", "SELECT 1 IN (" .. ("1,"):rep(40000) .. "1)",
    }

    it("what is hostile, and goes on", function()
      ask [[ sql:exec "CREATE TABLE here (x); CREATE VIRTUAL TABLE f USING fts5 (x)" ]]
      local passed = {}
      for _, statement in ipairs(hostile) do
        if try(statement) == true then
          -- printf gives NULL for what is too long; nothing else may come back.
          local value = ask(("return sql:exec(%q):one()"):format(statement))
          passed[#passed + 1] = next(value) ~= nil and statement or nil
        end
      end
      assert.same({}, passed)
      assert.same({ "f", "f_config", "f_content", "f_data", "f_docsize", "f_idx", "here" }, ask [[
        local names = {}
        for row in sql:exec "SELECT name FROM sqlite_schema ORDER BY name" do
          names[#names + 1] = row.name
        end
        return names
      ]])
    end)

    local ordinary = {
      "CREATE TABLE a (id INTEGER PRIMARY KEY AUTOINCREMENT, x UNIQUE, y DEFAULT 1, z GENERATED "
        .. "ALWAYS AS (x || 'z'))",
      "CREATE TABLE b (id INT PRIMARY KEY, t TEXT) STRICT, WITHOUT ROWID",
      "CREATE TABLE c (id INTEGER PRIMARY KEY, t TEXT, a_id INT REFERENCES a (id) ON DELETE "
        .. "CASCADE) STRICT",
      "CREATE INDEX a_x ON a (x, y)", "CREATE INDEX c_t ON c (lower(t)) WHERE t IS NOT NULL",
      "CREATE VIEW v AS SELECT a.x FROM a WHERE a.y > 0",
      "CREATE TRIGGER a_c AFTER INSERT ON a BEGIN INSERT INTO c (t, a_id) VALUES (new.x, "
        .. "new.id); END",
      "INSERT INTO a (x) VALUES ('one'), ('two')",
      "INSERT INTO a (x) VALUES ('one') ON CONFLICT DO NOTHING",
      "INSERT OR REPLACE INTO a (x) VALUES ('two')", "REPLACE INTO a (id, x) VALUES (9, 'nine')",
      "UPDATE a SET y = y + 1 WHERE x LIKE 'o%' RETURNING id", "DELETE FROM a WHERE id = 9",
      "SELECT * FROM v ORDER BY x COLLATE NOCASE DESC LIMIT 1 OFFSET 0", 'SELECT "abc"',
      "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 10) SELECT "
        .. "sum(i) FROM n",
      "SELECT row_number() OVER (PARTITION BY y ORDER BY x) FROM a",
      "SELECT group_concat(x, '-') FROM a GROUP BY y HAVING count(*) > 0",
      "SELECT json_group_object(x, y) FROM a", "SELECT key, value FROM json_each('{\"a\":1}')",
      "SELECT '{\"a\":1}' -> 'a', '{\"a\":1}' ->> '$.a'", "SELECT datetime('now'), unixepoch()",
      "SELECT round(sqrt(2), 3), abs(-1), random(), hex(randomblob(4)), quote('x')",
      "SELECT last_insert_rowid(), changes(), total_changes()",
      "SELECT instr('abc', 'c'), replace('abc', 'b', 'x'), substr('abc', 2), trim(' a ')",
      "SELECT name FROM pragma_table_info('a')", "PRAGMA table_info(a)", "PRAGMA table_list",
      "PRAGMA foreign_keys", "PRAGMA foreign_keys=ON", "PRAGMA defer_foreign_keys=ON",
      "PRAGMA quick_check",
      "PRAGMA optimize", "PRAGMA page_count", "ANALYZE", "REINDEX",
      "EXPLAIN QUERY PLAN SELECT * FROM a",
      "ALTER TABLE a ADD COLUMN w", "ALTER TABLE a RENAME COLUMN w TO w2",
      "ALTER TABLE a DROP COLUMN w2",
      "ALTER TABLE c RENAME TO d", "DROP TRIGGER a_c", "DROP VIEW v", "DROP INDEX a_x",
      "CREATE VIRTUAL TABLE ft USING fts5 (t, content='d', content_rowid='id')",
      "CREATE TRIGGER d_ft AFTER INSERT ON d BEGIN INSERT INTO ft (rowid, t) VALUES (new.id, "
        .. "new.t); END",
      "INSERT INTO d (t) VALUES ('hello world')",
      "SELECT bm25(ft), snippet(ft, 0, '[', ']', '...', 3) FROM ft WHERE ft MATCH 'hel*' ORDER "
        .. "BY rank",
      "INSERT INTO ft (ft) VALUES ('optimize')",
      "CREATE VIRTUAL TABLE fv USING fts5vocab (ft, 'row')",
      "SELECT * FROM fv", "CREATE VIRTUAL TABLE r USING rtree_i32 (id, x0, x1, y0, y1)",
      "INSERT INTO r VALUES (1, 0, 1, 0, 1)", "SELECT id FROM r WHERE x0 <= 1 AND y1 >= 0",
      "DROP TABLE ft", "DROP TABLE r",
    }

    it("nothing that is ordinary", function()
      ask [[ sql:exec "CREATE TABLE warm (x)" ]]
      local refused = {}
      for _, statement in ipairs(ordinary) do
        local answer = try(statement)
        if answer ~= true then
          refused[#refused + 1] = statement .. ": " .. answer
        end
      end
      assert.same({}, refused)
    end)

    it("and says what to do instead", function()
      assert.matches("please use storage:transaction%(%)", refusal [[ sql:exec "BEGIN" ]])
      assert.matches("an object has one database", refusal [[ sql:exec "VACUUM" ]])
      assert.matches("not authorized to use function: sqlite_version", refusal [[
        sql:exec "SELECT sqlite_version()" ]])
      assert.matches("this PRAGMA is not allowed", refusal [[ sql:exec "PRAGMA journal_mode=WAL" ]])
      assert.matches("names that begin with _cf_ or _od_ are reserved", refusal [[
        sql:exec "CREATE TABLE _cf_x (y)" ]])
    end)
  end)

  describe("ends", function()
    it("one call of instr or replace on large texts in no time", function()
      -- The sanitizer looks at all that is left before each search.
      local many = os.getenv("OPEN_DO_SANITIZED") and 1e5 or 1e6
      assert.same({ 0, 1000001, 2000000, "b" }, ask(([[
        local a = ("a"):rep(2e6)
        return {
          sql:exec("SELECT instr(?, ? || 'b') AS v", a, a:sub(1, 1e6)):one().v,
          sql:exec("SELECT instr(? || 'b', 'b') AS v", a:sub(1, 1e6)):one().v,
          #sql:exec("SELECT replace(?, ? || 'b', 'x') AS v", a, a:sub(1, 1e6)):one().v,
          sql:exec("SELECT replace(? || 'b', 'a', '') AS v", a:sub(1, %d)):one().v,
        }
      ]]):format(many)))
    end)

    it("one call of trim with as many characters, of printf, of json_patch", function()
      assert.same({ 0, 500001, 1000000 }, ask [[
        local all = {}
        for i = 1, 500000 do all[i] = od.utf8.char(0x4e00 + i % 20000) end
        all = table.concat(all)
        local last = od.utf8.char(0x4e00):rep(500000)
        return {
          sql:exec("SELECT length(trim(?, ?)) AS v", last, all):one().v,
          sql:exec("SELECT length(ltrim(? || 'b', ?)) + 500000 AS v", last, all):one().v,
          sql:exec("SELECT length(rtrim(?, ?)) + 0 AS v", ("b"):rep(1e6), all):one().v,
        }
      ]])
      assert.matches("string or blob too big", refusal [[
        sql:exec("SELECT printf(?)", ("%.9999999c"):rep(5000)) ]])
      assert.matches("string or blob too big", refusal [[
        sql:exec("SELECT format('%d %.*c', 1, -2000000000, 'x')") ]])
      assert.matches("too many members", refusal [[
        local text = {}
        for i = 1, 150000 do text[i] = ('"%d":1'):format(i) end
        text = "{" .. table.concat(text, ",") .. "}"
        sql:exec("SELECT json_patch(?1, ?1)", text) ]])
      assert.equal("é|éé|7|{\"a\":[2]}", ask [=[
        return sql:exec([[SELECT printf('%c|%.*c|%d|%s', 'é', 2, 'é', 7, json_object('a',
          json_patch('[1]', '[2]')))  AS v]]):one().v ]=])
    end)

    it("snippet and highlight of a word that stands everywhere", function()
      assert.same({ 2000000, 254 }, ask [[
        sql:exec "CREATE VIRTUAL TABLE f USING fts5 (x)"
        sql:exec("INSERT INTO f VALUES (?)", ("a "):rep(500000))
        return {
          sql:exec("SELECT length(highlight(f, 0, '', '')) * 2 AS v FROM f ('a')"):one().v,
          #sql:exec("SELECT snippet(f, 0, '(', ')', '', 64) AS v FROM f ('a OR a')"):one().v - 1,
        }
      ]])
    end)

    it("with what would not fit: rows, or writes", function()
      assert.matches("the rows of one query are more than 67108864 bytes", refusal [[
        sql:exec [=[
          WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n)
          SELECT zeroblob(1000000) FROM n ]=] ]])
      assert.matches("the writes of one stretch without a yield are more than 32 MiB", refusal [[
        sql:exec "CREATE TABLE t (x)"
        sql:exec [=[
          WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 40)
          INSERT INTO t SELECT zeroblob(1000000) FROM n ]=] ]])
      assert.equal(0, ask [[ return sql:exec("SELECT count(*) AS n FROM t"):one().n ]])
    end)
  end)
end)

describe("an endless query", function()
  it("is an error at its line, and its worker lives", function()
    local server = workbench.start(nil, { workers = 1, args = { "--event-limit-ms", "2000" } })
    local COUNT = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) "
    local function run(statement)
      return ("storage.sql:exec %q"):format(COUNT .. statement)
    end
    workbench.ask(server, "a", [[
      storage.sql:exec "CREATE TABLE t (x); INSERT INTO t VALUES (1)" ]])
    local boot = workbench.ask(server, "a", "return self.boot")
    assert.matches("^code:1: exec: the query was interrupted, because its event has been running",
      workbench.refusal(server, "a", run "SELECT max(i) FROM n"))
    assert.matches("interrupted", workbench.refusal(server, "a",
      run "INSERT INTO t SELECT 1 FROM n WHERE i % 1000000 = 0"))
    -- Few steps that take long.
    assert.matches("interrupted", workbench.refusal(server, "a", ("storage.sql:exec(%q, %s)")
      :format(COUNT .. "SELECT max(length(upper(?))) FROM n", "('x'):rep(2e6)")))
    assert.equal(1, workbench.ask(server, "a", [[
      return storage.sql:exec("SELECT count(*) AS n FROM t"):one().n ]]))
    assert.equal(boot, workbench.ask(server, "a", "return self.boot"))
    server:stop()
  end)
end)
