-- A database in the pages of a storage: how pages are stored, which are, and what damage does.
local support = require "spec.unit.store.world"
local core, ffi, C = support.core, support.ffi, support.C

core.load("sql/sql.h", "base/bytes.h", "store/squeeze.h", "store/batch.h")

local PAGE = 4080

local function exec(object, sql)
  local query, result = ffi.new("struct od_sql_query"), ffi.new("struct od_sql_result")
  local bytes, first = ffi.new("struct od_bytes[1]"), nil
  query.text, query.deadline_us = core.slice(sql), 2 ^ 62
  result.bytes = bytes
  local how = tonumber(C.od_sql_exec(object.storage, query, result, object.err))
  if how == 0 and result.row_count > 0 then
    local cursor = ffi.new("struct od_cursor[1]",
      { C.od_cursor_of(C.od_bytes_slice(result.bytes)) })
    local value = ffi.new("struct od_sql_value")
    for _ = 1, result.column_count do
      C.od_cursor_string(cursor)
    end
    C.od_sql_value_read(cursor, value)
    first = value.kind == 1 and tonumber(value.integer) or core.string(value.bytes)
  end
  C.od_bytes_deinit(bytes)
  return how == 0, how == 0 and first or how ~= 0 and ffi.string(object.err.text) or nil
end

describe("a page", function()
  local bytes

  before_each(function()
    bytes = ffi.new("struct od_bytes[1]")
  end)

  after_each(function()
    C.od_bytes_deinit(bytes)
  end)

  local function squeezed(page)
    C.od_squeeze(page, bytes)
    return core.string(C.od_bytes_slice(bytes))
  end

  local function unsqueezed(text)
    local page = ffi.new("char[?]", PAGE)
    return C.od_unsqueeze(core.slice(text), page) and ffi.string(page, PAGE) or nil
  end

  it("is stored without its longest run of zeros, and comes back", function()
    local sizes = {}
    for _, page in ipairs { ("\0"):rep(PAGE), ("x"):rep(PAGE), "a" .. ("\0"):rep(PAGE - 2) .. "b",
      ("\0"):rep(PAGE - 1) .. "z", "a" .. ("\0"):rep(PAGE - 1),
      ("a\0"):rep(PAGE / 2), ("\0"):rep(100) .. ("x"):rep(PAGE - 300) .. ("\0"):rep(200) } do
      local text = squeezed(page)
      sizes[#sizes + 1] = #text
      assert.is_true(unsqueezed(text) == page)
    end
    assert.same({ 4, PAGE, 6, 5, 5, PAGE, PAGE - 196 }, sizes)
  end)

  it("of any kind comes back", function()
    for _ = 1, 300 do
      local parts = {}
      while #table.concat(parts) < PAGE do
        parts[#parts + 1] = (math.random(2) == 1 and "\0" or string.char(math.random(255)))
          :rep(math.random(math.random(1500)))
      end
      local page = table.concat(parts):sub(1, PAGE)
      assert.is_true(unsqueezed(squeezed(page)) == page)
    end
  end)

  it("that is none is refused", function()
    for _, text in ipairs { "", "\0", "\0\0\0\0", ("x"):rep(PAGE - 1), ("x"):rep(PAGE + 1),
      "\255\255\255\255", "\0\0\240\15x" } do
      assert.is_nil(unsqueezed(text))
    end
  end)
end)

describe("a database", function()
  local world = support.each()
  local lobby

  before_each(function()
    lobby = world:object("lobby")
  end)

  local function settle()
    lobby:seal()
    world:settle()
  end

  local function run(sql)
    local ok, value = exec(lobby, sql)
    assert(ok, value)
    return value
  end

  local function pages()
    local count = 0
    for page = 1, 2000 do
      count = count + (C.od_storage_has_page(lobby.storage, page) and 1 or 0)
    end
    return count
  end

  -- Operations of the submission that waits, by kind.
  local function operations()
    local submission, batch = ffi.new("struct od_submission"), ffi.new("struct od_batch")
    local operation, kinds = ffi.new("struct od_operation"), {}
    lobby:seal()
    assert(C.od_store_next_submission(world:store(1), submission))
    local cursor = ffi.new("struct od_cursor[1]", { C.od_cursor_of(submission.batches) })
    while C.od_batch_next(cursor, batch) do
      while C.od_operation_next(batch, operation) do
        kinds[#kinds + 1] = tonumber(operation.kind)
      end
    end
    C.od_committer_submit(world.committer, 1, submission.generation, submission.seq,
      submission.batches)
    C.od_store_end_turn(world:store(1))
    world:wait_news("applied", 1, tonumber(submission.seq))
    world:hear()
    return table.concat(kinds, " ")
  end

  it("writes the pages that have changed, once a stretch", function()
    run "CREATE TABLE t (x)"
    assert.equal("6 6", operations())
    run "INSERT INTO t VALUES (1)"
    run "INSERT INTO t VALUES (2)"
    lobby:put("k", "v")
    assert.equal("1 6", operations())
    run "INSERT INTO t VALUES (3)"
    run "DELETE FROM t WHERE x = 3"
    run "UPDATE t SET x = 7 WHERE x = 1"
    run "UPDATE t SET x = 1 WHERE x = 7"
    assert.is_true(#operations() <= 1)
  end)

  it("is as it was marked, also when its object slept, until a page is written", function()
    run "CREATE TABLE t (x)"
    settle()
    local function is_as_marked(mark)
      return C.od_storage_is_as_marked(lobby.storage, mark)
    end
    local mark = C.od_storage_mark_now(lobby.storage, C.OD_MARK_PAGES)
    run "SELECT * FROM t"
    lobby:put("k", "v")
    settle()
    assert.is_true(is_as_marked(mark))
    assert.is_false(is_as_marked(0))
    assert.is_false(C.od_storage_is_as_marked(world:object("hall").storage, mark))
    run "INSERT INTO t VALUES (1)"
    settle()
    assert.is_false(is_as_marked(mark))
    mark = C.od_storage_mark_now(lobby.storage, C.OD_MARK_PAGES)
    lobby:delete_all()
    assert.is_false(is_as_marked(mark))
    mark = C.od_storage_mark_now(lobby.storage, C.OD_MARK_PAGES)
    for i = 1, 32 do
      C.od_storage_mark_now(world:object("of many " .. i).storage, C.OD_MARK_PAGES)
    end
    assert.is_false(is_as_marked(mark))
  end)

  it("is as it was marked as a whole until anything is written", function()
    local function is_changed_by(change)
      settle()
      local mark = C.od_storage_mark_now(lobby.storage, C.OD_MARK_ALL)
      local of_pages = C.od_storage_mark_now(lobby.storage, C.OD_MARK_PAGES)
      change()
      settle()
      return not C.od_storage_is_as_marked(lobby.storage, mark),
        not C.od_storage_is_as_marked(lobby.storage, of_pages)
    end
    run "CREATE TABLE t (x)"
    assert.same({ false, false }, { is_changed_by(function() run "SELECT * FROM t" end) })
    assert.same({ true, true }, { is_changed_by(function() run "INSERT INTO t VALUES (1)" end) })
    assert.same({ true, false }, { is_changed_by(function() lobby:put("k", "v") end) })
    assert.same({ true, false }, { is_changed_by(function() lobby:delete("k") end) })
    assert.same({ false, false }, { is_changed_by(function() lobby:delete("none") end) })
    assert.same({ true, true }, { is_changed_by(function() lobby:delete_all() end) })
  end)

  it("counts as written, and effects wait for it", function()
    assert.equal(0, lobby:pending())
    run "SELECT 1"
    assert.equal(0, lobby:pending())
    run "CREATE TABLE t (x)"
    assert.is_true(lobby:pending() > 0)
    assert.is_false(lobby:is_clean())
    settle()
    assert.equal(0, lobby:pending())
    assert.is_true(lobby:is_clean())
  end)

  it("drops the rows of free pages, whatever happened in between, and uses them again", function()
    run "CREATE TABLE t (x); CREATE TABLE u (x)"
    for _ = 1, 3 do
      for i = 1, 10 do
        run(("INSERT INTO t VALUES (randomblob(%d))"):format(20000 + i))
        run("INSERT INTO u VALUES (randomblob(5001))")
      end
      settle()
      local full = pages()
      run "DELETE FROM t WHERE rowid % 2 = 0"
      C.od_storage_rest(lobby.storage)
      run "DELETE FROM t"
      settle()
      assert.is_true(pages() < full - 40, pages() .. " of " .. full)
      assert.equal("ok", run "PRAGMA quick_check")
      assert.equal(5001, run "SELECT min(length(x)) FROM u")
    end
    run "DELETE FROM u"
    settle()
    assert.is_true(pages() <= 4, pages() .. " pages")
    assert.equal("ok", run "PRAGMA quick_check")
  end)

  it("is as it was after a commit that failed", function()
    run "CREATE TABLE t (x); INSERT INTO t VALUES (1)"
    settle()
    support.arm("commit.fail", 1)
    run "INSERT INTO t VALUES (2)"
    lobby:seal()
    world:turn()
    world:wait_news("failed", 1)
    world:hear()
    assert.equal(1, run "SELECT count(*) FROM t")
    run "INSERT INTO t VALUES (3)"
    settle()
    assert.equal(2, run "SELECT count(*) FROM t")
  end)

  it("that is damaged is an error of that object, and of no other", function()
    local hall = world:object("hall")
    run "CREATE TABLE t (x); INSERT INTO t VALUES (1)"
    assert(exec(hall, "CREATE TABLE t (x); INSERT INTO t VALUES (2)"))
    hall:seal()
    lobby:put("k", "v")
    settle()
    C.od_storage_rest(lobby.storage)
    local kinds = { ("x"):rep(PAGE), ("\0"):rep(PAGE),
      "SQLite format 3\0" .. ("\255"):rep(PAGE - 16) }
    for page = 1, 2 do
      for _, bytes in ipairs(kinds) do
        C.od_storage_put_page(lobby.storage, page, bytes)
        local ok, why = exec(lobby, "SELECT x FROM t")
        assert.is_false(ok)
        assert.matches("damaged", why)
        assert.is_false((exec(lobby, "INSERT INTO t VALUES (1)")))
        C.od_storage_discard(lobby.storage)
      end
    end
    assert.equal(1, run "SELECT x FROM t")
    assert.equal("v", lobby:get("k"))
    local _, value = exec(hall, "SELECT x FROM t")
    assert.equal(2, value)
  end)

  it("is small: asleep on disk, and open in memory", function()
    run "CREATE TABLE t (id INTEGER PRIMARY KEY, who TEXT, text TEXT)"
    run "INSERT INTO t (who, text) VALUES ('Ann', 'a few words that somebody says')"
    lobby:seal()
    local submission = ffi.new("struct od_submission")
    assert(C.od_store_next_submission(world:store(1), submission))
    local bytes = tonumber(submission.batches.size)
    C.od_store_end_turn(world:store(1))
    assert.is_true(bytes <= 1000, bytes .. " bytes for a table of one row")
    C.od_store_applied(world:store(1), 2 ^ 62)
    local before, objects = C.od_sql_status(), {}
    for i = 1, 500 do
      objects[i] = world:object("small " .. i)
      assert(exec(objects[i], "SELECT count(*) FROM sqlite_schema"))
    end
    local after = C.od_sql_status()
    local each = tonumber(after.bytes - before.bytes) / 500
    assert.is_true(each <= 30000, each .. " bytes for an open connection")
    for _, object in ipairs(objects) do
      C.od_storage_rest(object.storage)
    end
  end)

  it("is closed again when it is one of too many", function()
    local before = C.od_sql_status().open
    local objects = {}
    for i = 1, 1100 do
      objects[i] = world:object("object " .. i)
      assert(exec(objects[i], "CREATE TABLE t (x); INSERT INTO t VALUES (" .. i .. ")"))
      objects[i]:seal()
    end
    world:settle()
    assert.is_true(C.od_sql_status().open <= 1000 + before)
    for i = 1, 1100, 50 do
      assert.same({ true, i }, { exec(objects[i], "SELECT x FROM t") })
    end
    for _, object in ipairs(objects) do
      C.od_storage_rest(object.storage)
    end
    assert.equal(before, C.od_sql_status().open)
  end)
end)

-- A connection goes from object to object; nothing else may.
describe("a connection", function()
  local world = support.each()
  local first, second

  before_each(function()
    first, second = world:object "first", world:object "second"
  end)

  after_each(function()
    C.od_storage_rest(first.storage)
    C.od_storage_rest(second.storage)
  end)

  local function run(object, sql)
    local ok, value = exec(object, sql)
    assert(ok, value)
    return value
  end

  local function rest(object)
    first:seal()
    second:seal()
    object:seal()
    world:settle()
    C.od_storage_rest(object.storage)
  end

  it("shows each object its own rows, where schemas are the same", function()
    for i, object in ipairs { first, second } do
      run(object, "CREATE TABLE t (x)")
      for row = 1, 300 do -- More than a page.
        run(object, ("INSERT INTO t VALUES (%d)"):format(i * 1000 + row))
      end
      rest(object)
    end
    for _ = 1, 3 do
      for i, object in ipairs { first, second } do
        assert.equal(i * 1000 + 300, run(object, "SELECT max(x) FROM t"))
        assert.equal(300, run(object, "SELECT count(*) FROM t"))
        run(object, "UPDATE t SET x = x WHERE x % 7 = 1")
        assert.equal("ok", run(object, "PRAGMA quick_check"))
        rest(object)
      end
    end
  end)

  it("knows the schema of each, where they look alike", function()
    run(first, "CREATE TABLE t (x); INSERT INTO t VALUES ('one')")
    rest(first)
    run(second, "CREATE TABLE t (y); INSERT INTO t VALUES ('two')")
    assert.equal("two", run(second, "SELECT y FROM t"))
    assert.matches("no such column: x", select(2, exec(second, "SELECT x FROM t")))
    rest(second)
    assert.equal("one", run(first, "SELECT x FROM t"))
    run(first, "ALTER TABLE t RENAME COLUMN x TO y")
    rest(first)
    assert.equal("two", run(second, "SELECT y FROM t"))
    rest(second)
    assert.equal("one", run(first, "SELECT y FROM t"))
  end)

  it("forgets what was not kept", function()
    run(first, "CREATE TABLE t (x); INSERT INTO t VALUES (1)")
    rest(first)
    run(second, "CREATE TABLE t (x); INSERT INTO t VALUES (2)")
    C.od_storage_discard(second.storage)
    assert.matches("no such table: t", select(2, exec(second, "SELECT x FROM t")))
    assert.equal(1, run(first, "SELECT x FROM t"))
    run(first, "INSERT INTO t VALUES (3)")
    C.od_storage_discard(first.storage)
    run(second, "CREATE TABLE t (x)")
    assert.equal(0, run(second, "SELECT count(*) FROM t"))
    assert.equal(1, run(first, "SELECT count(*) FROM t"))
    rest(second)
  end)

  it("takes no setting along, and no count", function()
    run(first, "CREATE TABLE t (x REFERENCES t (x), y CHECK (y > 0))")
    run(first, "PRAGMA foreign_keys=OFF; PRAGMA case_sensitive_like=ON; "
      .. "PRAGMA ignore_check_constraints=ON")
    assert.equal(0, run(first, "SELECT 'a' LIKE 'A'"))
    run(first, "INSERT INTO t VALUES (NULL, 0)")
    rest(first)
    for i = 1, 50 do -- One of them gets that connection.
      local object = world:object("object " .. i)
      assert.equal(0, run(object, "SELECT total_changes() + changes() + last_insert_rowid()"))
      assert.equal(1, run(object, "SELECT 'a' LIKE 'A'"))
      assert.equal(1, run(object, "PRAGMA foreign_keys"))
      run(object, "CREATE TABLE t (x, y CHECK (y > 0))")
      assert.is_false((exec(object, "INSERT INTO t VALUES (1, 0)")))
      run(object, "INSERT INTO t VALUES (1, 1), (2, 2)")
      assert.equal(6, run(object, "SELECT total_changes() + changes() + last_insert_rowid()"))
      rest(object)
    end
    assert.equal(0, run(first, "SELECT total_changes() + changes() + last_insert_rowid()"))
  end)

  it("takes nothing of virtual tables along, which keep more than their schema", function()
    for i, object in ipairs { first, second } do
      run(object, "CREATE VIRTUAL TABLE f USING fts5 (text); CREATE VIRTUAL TABLE r USING "
        .. "rtree (id, x0, x1)")
      run(object, ("INSERT INTO f VALUES ('word%d'), ('two words')"):format(i))
      run(object, ("INSERT INTO r VALUES (%d, 1, 2)"):format(i))
    end
    for _ = 1, 3 do
      for i, object in ipairs { first, second } do
        rest(object)
        assert.equal(1, run(object, ("SELECT count(*) FROM f WHERE f MATCH 'word%d'"):format(i)))
        assert.equal(0, run(object, ("SELECT count(*) FROM f ('word%d')"):format(3 - i)))
        assert.equal(i, run(object, "SELECT id FROM r WHERE x0 < 2"))
        run(object, "INSERT INTO f VALUES ('more')")
      end
    end
  end)

  it("of an object whose schema does not fit its first page", function()
    local many = {}
    for i = 1, 40 do
      many[i] = ("CREATE TABLE %s%d (%s)"):format(("t"):rep(100), i, ("c"):rep(100))
    end
    for i, object in ipairs { first, second } do
      run(object, table.concat(many, ";"))
      run(object, ("CREATE TABLE only%d (x)"):format(i))
      rest(object)
    end
    for i, object in ipairs { first, second } do
      assert.equal(0, run(object, ("SELECT count(*) FROM only%d"):format(i)))
      assert.is_false((exec(object, ("SELECT count(*) FROM only%d"):format(3 - i))))
    end
    local long = { world:object "third", world:object "fourth" }
    for i, object in ipairs(long) do
      run(object, ("CREATE TABLE long (x DEFAULT '%s%d')"):format(("x"):rep(5000), i))
      rest(object)
    end
    for i = 2, 1, -1 do -- The connection that waits longest was the first's.
      local object = long[i]
      run(object, "INSERT INTO long DEFAULT VALUES")
      assert.equal(tostring(i), run(object, "SELECT substr(x, -1) FROM long"))
      rest(object)
    end
  end)
end)

-- The first statements of many objects are the same: what they make is kept and repeated.
describe("the first statements", function()
  local world = support.each()
  local count

  before_each(function()
    count = 0
  end)

  -- What `sql` makes of an object that has nothing yet, in an SQL of everything there is.
  local function made_by(sql, before)
    count = count + 1
    local object = world:object("object " .. count)
    if before then
      before(object)
    end
    local ok, why = exec(object, sql)
    assert(ok, why)
    object:seal()
    world:settle()
    local _, tables = exec(object, "SELECT group_concat(name || ifnull(sql, '') || rootpage) "
      .. "FROM sqlite_schema")
    assert.same({ true, "ok" }, { exec(object, "PRAGMA quick_check") })
    C.od_storage_rest(object.storage)
    return tables, object
  end

  it("make the same of each", function()
    for _, sql in ipairs {
      "CREATE TABLE IF NOT EXISTS a (id INTEGER PRIMARY KEY AUTOINCREMENT, x UNIQUE)",
      "CREATE TABLE a (x); CREATE INDEX i ON a (x); CREATE TABLE b (y DEFAULT (random()));",
      "CREATE TABLE a (x); CREATE VIEW v AS SELECT random() AS r FROM a; "
        .. "CREATE TRIGGER t AFTER INSERT ON a BEGIN DELETE FROM a WHERE x < 0; END",
      "CREATE TABLE w (id TEXT PRIMARY KEY, x CHECK (abs(x) < 9)) WITHOUT ROWID",
    } do
      local once = made_by(sql)
      for _ = 1, 3 do
        assert.equal(once, (made_by(sql)))
      end
      local again, object = made_by(sql)
      assert.equal(once, again)
      local ok = exec(object, sql) -- It is there already.
      assert.equal(sql:find("IF NOT EXISTS", 1, true) ~= nil, ok)
      C.od_storage_rest(object.storage)
    end
  end)

  it("are run when they do more than make what is empty", function()
    local function random_of(sql)
      local _, object = made_by(sql)
      local _, value = exec(object, "SELECT hex(x) FROM t")
      C.od_storage_rest(object.storage)
      return value
    end
    for _, sql in ipairs { "CREATE TABLE t AS SELECT randomblob(8) AS x",
      "CREATE TABLE t (x); INSERT INTO t VALUES (randomblob(8))" } do
      local one, two = random_of(sql), random_of(sql)
      assert.equal(16, #one)
      assert.is_false(one == two)
    end
  end)

  it("are run where there is a database already, or a part of a stretch", function()
    local sql = "CREATE TABLE second (x)"
    local plain = made_by(sql)
    assert.equal(plain, (made_by(sql)))
    assert.matches("firstCREATE TABLE first", (made_by(sql, function(object)
      assert(exec(object, "CREATE TABLE first (x); INSERT INTO first VALUES (1)"))
    end)))
    local object = world:object "in parts"
    local mark = C.od_storage_begin_part(object.storage)
    assert(exec(object, sql))
    C.od_storage_undo_part(object.storage, mark)
    assert(C.od_storage_end_part(object.storage, mark, true, object.err))
    assert.is_false((exec(object, "SELECT * FROM second")))
    C.od_storage_rest(object.storage)
  end)

  it("are undone with their stretch", function()
    local sql = "CREATE TABLE undone (x)"
    made_by(sql)
    local object = world:object "undone"
    assert(exec(object, sql))
    C.od_storage_discard(object.storage)
    assert.matches("no such table", select(2, exec(object, "SELECT * FROM undone")))
    assert(exec(object, sql))
    assert(exec(object, "INSERT INTO undone VALUES (1)"))
    object:seal()
    C.od_storage_rest(object.storage)
  end)
end)
