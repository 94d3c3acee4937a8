-- Random statements and keys in objects whose stretches are sealed, discarded, lost and undone in
-- parts, whose connections are closed and whose process crashes, against the same statements in a
-- plain SQLite: rows, errors and what is left must be the same, and the keys beside them.
--
-- A reference is a database in memory; `states` are copies of it at each seal that is not yet in
-- LMDB. OPEN_DO_SEED repeats a run, OPEN_DO_MODEL_OPS sets its length.
local support = require "spec.unit.store.world"
local sqlite = require "spec.support.sqlite"
local Walk = require "spec.model.walk"
local core, ffi, C = support.core, support.ffi, support.C

core.load("sql/sql.h", "base/bytes.h", "base/clock.h")

local seed = tonumber(os.getenv("OPEN_DO_SEED")) or os.time()
local operations = tonumber(os.getenv("OPEN_DO_MODEL_OPS")) or 4000

local function expect(condition, what)
  if not condition then
    error(what, 0)
  end
end

-- --- The real one --------------------------------------------------------------------------------

local OUR_KINDS = { [0] = "n", "i", "r", "t", "b" }

local function rows_of(result)
  local cursor = ffi.new("struct od_cursor[1]", { C.od_cursor_of(C.od_bytes_slice(result.bytes)) })
  for _ = 1, result.column_count do
    C.od_cursor_string(cursor)
  end
  local parts, value = {}, ffi.new("struct od_sql_value")
  while not C.od_cursor_at_end(cursor) do
    C.od_sql_value_read(cursor, value)
    local kind = OUR_KINDS[tonumber(value.kind)]
    parts[#parts + 1] = sqlite.text_of(kind, kind == "i" and value.integer
      or kind == "r" and value.real or core.string(value.bytes))
  end
  assert(not cursor[0].failed)
  return table.concat(parts, "|")
end

-- All rows in one text; nil, the text of the error, and whether the transaction is over.
local function exec(object, sql, is_late)
  local query, result = ffi.new("struct od_sql_query"), ffi.new("struct od_sql_result")
  local bytes = ffi.new("struct od_bytes[1]")
  query.text, query.deadline_us = core.slice(sql), is_late and 0 or 2 ^ 62
  result.bytes = bytes
  local how = tonumber(C.od_sql_exec(object.storage, query, result, object.err))
  local rows = how == 0 and rows_of(result) or nil
  C.od_bytes_deinit(bytes)
  return rows, how ~= 0 and ffi.string(object.err.text) or nil, how == 2
end

-- --- The model of one object ---------------------------------------------------------------------

local Model = {}
Model.__index = Model

local function new_model(name, source)
  return setmetatable({ name = name, source = source, parts = {},
    applied = {}, states = {}, is_open = false }, Model)
end

function Model:last_state()
  return self.states[#self.states] or self.applied
end

-- The reference is what was there at `state`.
function Model:restore(state)
  if self.reference then
    self.reference:close()
  end
  self.reference, self.key, self.parts, self.is_open = sqlite.open ":memory:", state.key, {}, false
  if state.copy then
    state.copy:copy_to(self.reference)
  end
end

local function close_state(state)
  if state.copy then
    state.copy:close()
  end
end

function Model:seal(seq)
  if seq == 0 then
    return
  end
  self.states[#self.states + 1] = { seq = seq, key = self.key,
    copy = self.reference:copy_to(sqlite.open ":memory:") }
  self.is_open = false
end

function Model:apply(seq)
  while self.states[1] and self.states[1].seq <= seq do
    close_state(self.applied)
    self.applied = table.remove(self.states, 1)
  end
end

function Model:fail(first_seq)
  local lost = false
  while #self.states > 0 and self.states[#self.states].seq >= first_seq do
    close_state(table.remove(self.states))
    lost = true
  end
  if lost then
    self:restore(self:last_state())
  end
  return lost
end

-- --- Statements ----------------------------------------------------------------------------------

local function pick(list)
  return list[math.random(#list)]
end

local function value()
  local kind = math.random(10)
  if kind <= 5 then
    return tostring(math.random(40))
  elseif kind == 6 then
    return "NULL"
  elseif kind == 7 then
    return ("x'%s'"):format(("00ff"):rep(math.random(0, 2000)))
  end
  return ("'%s'"):format(string.char(math.random(97, 122)):rep(math.random(0,
    kind == 8 and 6000 or 9)))
end

local CREATE = {
  a = "CREATE TABLE a (id INTEGER PRIMARY KEY, x, y UNIQUE)",
  b = "CREATE TABLE b (id INTEGER PRIMARY KEY AUTOINCREMENT, x NOT NULL, y REFERENCES a (id))",
  c = "CREATE TABLE c (id PRIMARY KEY, x, y CHECK (y <> 13)) WITHOUT ROWID",
  f = "CREATE VIRTUAL TABLE f USING fts5 (x)",
}
local TABLES = { "a", "b", "c" }
local HOW = { "", "", "", " OR REPLACE", " OR IGNORE", " OR FAIL", " OR ABORT", " OR ROLLBACK" }

local makers = {
  create = function()
    return pick { CREATE.a, CREATE.b, CREATE.c, CREATE.f,
      "CREATE INDEX i ON a (x)", "CREATE INDEX j ON c (y, x)", "CREATE UNIQUE INDEX k ON b (x)",
      "CREATE VIEW v AS SELECT x, count(*) AS n FROM a GROUP BY x",
      "CREATE TRIGGER t AFTER DELETE ON a BEGIN INSERT INTO c VALUES (old.id, old.x, 1); END",
    }
  end,
  drop = function()
    return pick { "DROP TABLE c", "DROP INDEX i", "DROP INDEX j", "DROP VIEW v", "DROP TRIGGER t",
      "ALTER TABLE a RENAME COLUMN x TO z", "ALTER TABLE a RENAME COLUMN z TO x", "DROP TABLE f",
      "ALTER TABLE c ADD COLUMN w DEFAULT 5" }
  end,
  insert = function()
    local rows = {}
    for i = 1, math.random(4) do
      rows[i] = ("(%d, %s, %s)"):format(math.random(60), value(), value())
    end
    return ("INSERT%s INTO %s (id, x, y) VALUES %s"):format(pick(HOW), pick(TABLES),
      table.concat(rows, ", "))
  end,
  words = function()
    return ("INSERT INTO f VALUES ('w%d w%d')"):format(math.random(9), math.random(9))
  end,
  many = function()
    return ("INSERT%s INTO %s (x, y) WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 "
      .. "FROM n LIMIT %d) SELECT i, i || 'many' FROM n"):format(pick(HOW), pick(TABLES),
      math.random(800))
  end,
  update = function()
    return ("UPDATE%s %s SET %s = %s WHERE id %% %d = 1"):format(pick(HOW), pick(TABLES),
      pick { "x", "y", "id" }, value(), math.random(9)) .. pick { "", "", " RETURNING id" }
  end,
  delete = function()
    return ("DELETE FROM %s WHERE %s"):format(pick(TABLES), pick {
      ("id = %d"):format(math.random(60)), ("id %% 3 = %d"):format(math.random(0, 2)), "1" })
  end,
  select = function()
    return pick { "SELECT * FROM a ORDER BY id", "SELECT * FROM b ORDER BY id", "SELECT * FROM v",
      "SELECT c.id, a.x FROM c JOIN a ON a.y = c.y ORDER BY 1", "SELECT sum(id), count(x) FROM a",
      "SELECT rowid FROM f WHERE f MATCH 'w3' ORDER BY rank, rowid",
      "SELECT max(length(x)) FROM b" }
  end,
}

-- --- What can happen -----------------------------------------------------------------------------

local run -- { world, models, objects, statements }

local actions = {}

local function reset(model, object)
  C.od_storage_discard(object.storage)
  model:restore(model:last_state())
end

local function statement(sql)
  return function(model, object)
    local is_late = math.random(50) == 1
    run.sql = model.missing and math.random(3) > 1 and CREATE[model.missing] or sql()
    local rows, problem, is_broken = exec(object, run.sql, is_late)
    run.statements = run.statements + 1
    model.missing = problem and problem:match("^no such table: (%w)")
    if problem and problem:find("interrupted", 1, true) then
      if is_broken then
        reset(model, object)
      end
      return
    end
    local wanted, trouble = model.reference:query(run.sql, #model.parts)
    expect(rows == wanted, ("%s\n gives %s, %s\n instead of %s, %s"):format(run.sql,
      tostring(rows), tostring(problem), tostring(wanted), tostring(trouble)))
    expect(not trouble or problem:sub(1, #trouble) == trouble,
      ("%s\n fails with %s\n instead of %s"):format(run.sql, tostring(problem), tostring(trouble)))
    local is_over = model.reference.parts > 0 and not model.reference:in_transaction()
    expect(is_broken == (is_over or false), run.sql .. "\n ended the transaction, or not")
    if is_broken then
      reset(model, object)
    end
  end
end

for name, make in pairs(makers) do
  actions[name] = statement(function()
    return make()
  end)
end

function actions.put(model, object)
  model.key = tostring(math.random(1e9))
  object:put("key", model.key)
end

function actions.get(model, object)
  expect(object:get("key") == model.key, "the key has another value")
end

function actions.begin_part(model, object)
  if #model.parts == 0 then
    model:seal(object:seal())
  end
  if #model.parts < 4 then
    model.parts[#model.parts + 1] = { mark = C.od_storage_begin_part(object.storage),
      key = model.key }
  end
end

function actions.undo_part(model, object)
  local part = model.parts[#model.parts]
  if part then
    C.od_storage_undo_part(object.storage, part.mark)
    if model.reference.parts == #model.parts then
      model.reference:run "ROLLBACK TO part"
    end
    model.key = part.key
  end
end

function actions.end_part(model, object)
  local part = table.remove(model.parts)
  if not part then
    return
  end
  local keep = math.random(3) > 1
  local is_done = C.od_storage_end_part(object.storage, part.mark, keep, object.err)
  local can_end = model.reference:end_part(#model.parts + 1, keep)
  expect(is_done == can_end, ("a part ends: %s instead of %s"):format(tostring(is_done),
    tostring(can_end)))
  if not keep then
    model.key = part.key
  end
  if not can_end then
    reset(model, object)
  end
end

function actions.delete_all(model, object)
  if #model.parts == 0 then
    object:delete_all()
    model:restore {}
  end
end

function actions.seal(model, object)
  model:seal(object:seal())
end

actions.discard = reset

function actions.rest(model, object)
  if #model.parts == 0 then
    C.od_storage_rest(object.storage)
  end
end

function actions.check(_, object)
  local rows = exec(object, "PRAGMA quick_check")
  expect(rows == "tok", "the database is damaged: " .. tostring(rows))
end

local function end_stretches(is_last)
  for i, model in ipairs(run.models) do
    while is_last and #model.parts > 0 do
      actions.end_part(model, run.objects[i])
    end
    local is_discarded = #model.parts == 0 and math.random(8) == 1
    actions[is_discarded and "discard" or "seal"](model, run.objects[i])
  end
end

-- Whose writes are lost is reset, as objects are.
local function heard(item)
  for i, model in ipairs(run.models) do
    if item.kind == "failed" and model.source == item.source and #model.parts == 0 then
      C.od_storage_discard(run.objects[i].storage)
    end
  end
end

local function look_around()
  for i, model in ipairs(run.models) do
    actions.check(model, run.objects[i])
    actions.get(model, run.objects[i])
    for _, name in ipairs(TABLES) do
      local sql = ("SELECT * FROM %s ORDER BY 1"):format(name)
      expect(exec(run.objects[i], sql) == model.reference:query(sql), "other rows after a restart")
    end
  end
end

local weights = { create = 5, drop = 2, insert = 25, words = 10, many = 1, update = 10, delete = 4,
  select = 12, put = 10, get = 4, begin_part = 8, undo_part = 4, end_part = 9, delete_all = 1,
  seal = 12, discard = 1, rest = 6, check = 1 }

local function crashed(model)
  for _, state in ipairs(model.states) do
    close_state(state)
  end
  model.states = {}
  model:restore(model.applied)
end

describe("SQL in an object", function()
  it("behaves like SQLite, whatever happens in between", function()
    math.randomseed(seed)
    run = Walk { models = {}, statements = 0, actions = actions, weights = weights,
      end_stretches = end_stretches, look_around = look_around, crashed = crashed, heard = heard,
      may_break_fewer = true }
    for i = 1, 4 do
      run.models[i] = new_model("object " .. i, math.ceil(i / 2))
    end
    run:open()
    exec(run.objects[1], "SELECT 1") -- SQLite is set up before the references are opened.
    for _, model in ipairs(run.models) do
      model:restore {}
    end
    run:go(operations, seed)
    if os.getenv("OPEN_DO_MODEL_OPS") then
      print(("%d statements, seed %d"):format(run.statements, seed))
    end
  end)
end)
