-- Statements run in an object and in a plain SQLite on a file: each gives the same values in the
-- same order, or the same error.
--
-- They are of our own make, from a seed (OPEN_DO_SEED, OPEN_DO_STATEMENTS), and those of SQLite's
-- sqllogictest: a million in 250 MB, which are no part of this repository. OPEN_DO_SQLLOGICTEST is
-- the folder `test` of a copy of it, or a part of it; without that they are left out. So is what
-- is for other databases, and what a script may not do here; the latter is counted by reason.
local json = require "dkjson"
local Server = require "spec.support.server"
local sqlite = require "spec.support.sqlite"

local BATCH = 300
local FOLDER = os.getenv "OPEN_DO_SQLLOGICTEST"
local SEED = tonumber(os.getenv "OPEN_DO_SEED") or os.time()
local STATEMENTS = tonumber(os.getenv "OPEN_DO_STATEMENTS") or 3000

-- Runs a list of statements; gives for each the error, or all values.
local SOURCE = [==[
local od = require "open-do"

local function printable(text)
  return (text:gsub("[^\32-\126]", function(byte)
    return ("<%02x>"):format(byte:byte())
  end))
end

local function text_of(value)
  if value == nil then
    return "NULL"
  end
  return type(value) == "string" and printable(value) or ("%.17g"):format(tonumber(value))
end

local function run(sql, statement)
  local values = {}
  local cursor = sql:exec(statement)
  local columns = #cursor.columnNames
  for row in cursor:raw() do
    for i = 1, columns do
      values[#values + 1] = text_of(row[i])
    end
  end
  return table.concat(values, "|")
end

local Thing = {}

function Thing:fetch(request)
  local answers = od.json.array {}
  for i, statement in ipairs(request:json()) do
    local ok, values = pcall(run, self.state.storage.sql, statement)
    answers[i] = { [ok and "values" or "problem"] = ok and values or printable(values) }
  end
  return od.Response.json(answers)
end

return { namespaces = { things = Thing } }
]==]

local function printable(text)
  return (text:gsub("[^\32-\126]", function(byte)
    return ("<%02x>"):format(byte:byte())
  end))
end

-- Lua has one kind of number.
local function text_of(kind, value)
  if kind == "n" then
    return "NULL"
  end
  return (kind == "i" or kind == "r") and ("%.17g"):format(tonumber(value)) or printable(value)
end

-- Errors that say: a script may not do this (runtime/sql/limits.h, guard.h).
local NOT_HERE = {
  "too many terms in compound SELECT", "Expression tree is too large", "too many columns",
  "the statement is too complex", "cannot be longer than", "temporary tables, views and triggers",
  "string or blob too big", "LIKE or GLOB pattern too complex",
}

-- What we say in other words.
local IN_OTHER_WORDS = { ["database disk image is malformed"] = "is damaged on disk" }

local function reason_of(problem)
  for _, reason in ipairs(NOT_HERE) do
    if problem:find(reason, 1, true) then
      return reason
    end
  end
end

-- --- Running -------------------------------------------------------------------------------------

local Run = {}
Run.__index = Run

local function start()
  return setmetatable({ server = Server.start { source = SOURCE }, batch = {}, count = 0, done = 0,
    failed = 0, left_out = {} }, Run)
end

function Run:stop()
  self.server:stop()
end

-- A database of its own, in an object and in a file.
function Run:begin()
  self.count = self.count + 1
  self.path = self.server:path(self.count .. ".db")
  self.file = sqlite.open(self.path)
  self.file:run "PRAGMA synchronous=OFF"
end

function Run:finish()
  self:flush()
  self.file:close()
  os.remove(self.path)
end

function Run:judge(sql, answer)
  local reason = answer.problem and reason_of(answer.problem)
  if reason then
    self.left_out[reason] = (self.left_out[reason] or 0) + 1
    return
  end
  local values, problem = self.file:query(sql, 0, text_of)
  local is_same = values == answer.values
  if problem then
    local words = IN_OTHER_WORDS[problem] or "exec: " .. printable(problem)
    is_same = answer.problem and answer.problem:find(words, 1, true)
  end
  self.done, self.failed = self.done + 1, self.failed + (problem and 1 or 0)
  assert(is_same, ("%s\n gives %s\n instead of %s"):format(sql,
    (answer.values or answer.problem):sub(1, 1000), (values or problem):sub(1, 1000)))
end

function Run:flush()
  if #self.batch == 0 then
    return
  end
  local answer = self.server:post("/things/" .. self.count, json.encode(self.batch))
  assert(answer.status == 200, answer.body)
  for i, each in ipairs(json.decode(answer.body)) do
    self:judge(self.batch[i], each)
  end
  self.batch = {}
end

function Run:take(sql)
  self.batch[#self.batch + 1] = sql
  if #self.batch == BATCH then
    self:flush()
  end
end

-- --- Statements of our own -----------------------------------------------------------------------

local function pick(list)
  return list[math.random(#list)]
end

local expression

local function column()
  return pick { "a", "b", "c", "d", "e" }
end

local function list_of(count, make)
  local items = {}
  for i = 1, count do
    items[i] = make()
  end
  return table.concat(items, ", ")
end

local leaves = {
  column, column, column,
  function() return tostring(math.random(-99, 99)) end,
  function() return ("%.2f"):format(math.random(-9999, 9999) / 100) end,
  function() return ("'%s'"):format(pick { "", "a", "Abc", "12", "1e3", "%", "äß", " x " }) end,
  function() return pick { "NULL", "9223372036854775807", "x'00ff'", "1e300" } end,
}

local branches = {
  function(e) return ("(%s %s %s)"):format(e(), pick { "+", "-", "*", "/", "%", "||", "&", "|",
    "<<", ">>", "=", "<>", "<", "<=", ">", ">=", "AND", "OR", "IS", "IS NOT", "LIKE", "GLOB" },
    e()) end,
  function(e) return ("%s (%s)"):format(pick { "NOT", "-", "+", "~", "abs", "length", "typeof",
    "quote", "upper", "lower", "hex", "trim", "ltrim", "rtrim", "round", "sign", "unicode", "char",
    "sqrt", "floor" }, e()) end,
  function(e) return ("%s (%s, %s)"):format(pick { "coalesce", "nullif", "ifnull", "min", "max",
    "instr", "substr", "round", "trim", "ltrim", "rtrim", "pow", "mod", "printf" }, e(), e()) end,
  function(e) return ("%s (%s, %s, %s)"):format(pick { "iif", "replace", "substr", "coalesce",
    "max" }, e(), e(), e()) end,
  function(e) return ("%s (%s, %s, %s)"):format(pick { "printf", "format" }, pick { "'%d|%s'",
    "'%5.2f|%-7s|'", "'%.3c%c'", "'%Q%q'", "'%!.20g%%%x'", "'%,d'" },
    e(), e()) end,
  function(e) return ("json_patch (json_object('b', %s, 'a', 1), json_object('a', %s))"):format(e(),
    e()) end,
  function(e) return ("CASE WHEN %s THEN %s ELSE %s END"):format(e(), e(), e()) end,
  function(e) return ("(%s %sBETWEEN %s AND %s)"):format(e(), pick { "", "NOT " }, e(), e()) end,
  function(e) return ("(%s %sIN (%s))"):format(e(), pick { "", "NOT " }, list_of(3, e)) end,
  function(e) return ("CAST(%s AS %s)"):format(e(), pick { "INTEGER", "REAL", "TEXT" }) end,
  function(e) return ("(%s IN (SELECT %s FROM t2))"):format(e(), column()) end,
  function(e) return ("EXISTS (SELECT 1 FROM t2 AS x WHERE x.a = %s)"):format(e()) end,
  function(e) return ("(SELECT %s FROM t2 WHERE a = %s ORDER BY rowid)"):format(e(), e()) end,
}

function expression(depth)
  depth = depth or math.random(3)
  if depth == 0 or math.random(4) == 1 then
    return pick(leaves)()
  end
  return pick(branches)(function() return expression(depth - 1) end)
end

local function aggregate()
  return ("%s(%s%s)"):format(pick { "count", "sum", "total", "avg", "min", "max",
    "group_concat" }, pick { "", "", "DISTINCT " }, expression(1))
end

local function select()
  return pick {
    ("SELECT %s FROM t1 WHERE %s ORDER BY %s, rowid LIMIT 40"):format(list_of(3, expression),
      expression(), expression(1)),
    ("SELECT %s, %s FROM t1 GROUP BY %s HAVING %s"):format(expression(1), aggregate(), column(),
      expression(1)),
    ("SELECT %s, %s FROM t2 WHERE %s"):format(aggregate(), aggregate(), expression()),
    ("SELECT DISTINCT %s FROM t1 %s JOIN t2 USING (%s) WHERE %s LIMIT 60"):format(expression(1),
      pick { "", "LEFT" }, column(), expression(1)):gsub("DISTINCT", pick { "", "DISTINCT" }),
    ("SELECT %s FROM t1 %s SELECT %s FROM t2"):format(expression(1),
      pick { "UNION", "UNION ALL", "EXCEPT", "INTERSECT" }, expression(1)),
    ("SELECT %s, %s OVER (PARTITION BY %s ORDER BY %s, rowid) FROM t1 LIMIT 50"):format(column(),
      pick { "row_number()", "rank()", "sum(a)", "lag(b)", "first_value(c)", "count(*)" }, column(),
      column()),
    ("WITH RECURSIVE n(i) AS (SELECT %d UNION ALL SELECT i * 2 + 1 FROM n LIMIT 20) "
      .. "SELECT %s FROM n JOIN t1 ON a = i %% 50"):format(math.random(9), expression(1)),
    ("SELECT key, value, type FROM json_each(json_array(%s))"):format(list_of(3, expression)),
  }
end

local function change()
  local how = pick { "", "", "OR IGNORE ", "OR REPLACE ", "OR ABORT " }
  return pick {
    ("INSERT %sINTO %s VALUES (%s)"):format(how, pick { "t1", "t2" }, list_of(5, function()
      return pick(leaves)():gsub("^%l$", "1") end)),
    ("UPDATE %s%s SET %s = %s WHERE %s RETURNING %s"):format(how, pick { "t1", "t2" }, column(),
      expression(), expression(), column()),
    ("DELETE FROM %s WHERE rowid = %d OR (rowid %% 7 = 3 AND %s)"):format(pick { "t1", "t2" },
      math.random(60), expression(1)),
    ("CREATE INDEX IF NOT EXISTS i%d ON t1 (%s, %s)"):format(math.random(9), column(),
      expression(1)),
    ("DROP INDEX IF EXISTS i%d"):format(math.random(9)),
    ("CREATE VIEW IF NOT EXISTS v%d AS %s"):format(math.random(9), select()),
    ("SELECT * FROM v%d LIMIT 9"):format(math.random(9)),
  }
end

describe("storage.sql", function()
  it("gives the answers of SQLite on a file", function()
    math.randomseed(SEED)
    local run = start()
    for _ = 1, math.ceil(STATEMENTS / 1000) do
      run:begin()
      run:take "CREATE TABLE t1 (a INTEGER, b INT UNIQUE, c TEXT, d REAL, e)"
      run:take "CREATE TABLE t2 (a INT PRIMARY KEY, b, c TEXT COLLATE NOCASE, d NUMERIC, e)"
      for _ = 1, 1000 do
        run:take(math.random(3) == 1 and change() or (select()))
      end
      run:finish()
    end
    run:stop()
    if os.getenv "OPEN_DO_STATEMENTS" then
      print(("%d statements, of which %d are errors; left out: %s"):format(run.done, run.failed,
        json.encode(run.left_out)))
    end
  end)
end)

-- --- Full-text search ----------------------------------------------------------------------------

-- highlight and snippet are ours (runtime/sql/fts.h).
local WORDS = { "a", "bee", "sea", "dog", "eel", "fox", "gnu", "Hen", "ibis" }

local function text_of_words(most)
  local parts = {}
  for i = 1, math.random(0, most) do
    parts[i] = pick(WORDS) .. pick { "", "", "", "", ".", ":", ",", ". " }
  end
  return table.concat(parts, " ")
end

local function match()
  return pick {
    pick(WORDS), pick(WORDS):sub(1, 1) .. "*", "x : " .. pick(WORDS),
    pick(WORDS) .. " AND " .. pick(WORDS), ('"%s %s"'):format(pick(WORDS), pick(WORDS)),
    ('%s OR %s OR "%s %s"'):format(pick(WORDS), pick(WORDS), pick(WORDS), pick(WORDS)),
  }
end

local function found()
  return pick {
    ("highlight(f, %d, '[', ']')"):format(math.random(0, 2)),
    ("snippet(f, %d, '[', ']', '...', %d)"):format(math.random(-1, 1), math.random(64)),
    ("snippet(f, %d, '', NULL, NULL, %d)"):format(math.random(-1, 1), math.random(9)),
  }
end

describe("full-text search", function()
  it("marks and cuts as FTS5 does", function()
    math.randomseed(SEED)
    local run = start()
    run:begin()
    run:take "CREATE VIRTUAL TABLE f USING fts5 (x, y)"
    for _ = 1, 100 do
      run:take(("INSERT INTO f VALUES ('%s', '%s')"):format(text_of_words(math.random(200)),
        text_of_words(40)))
    end
    for _ = 1, STATEMENTS / 10 do
      run:take(("SELECT rowid, %s FROM f WHERE f MATCH '%s' ORDER BY rowid"):format(found(),
        match()))
    end
    run:finish()
    run:stop()
  end)
end)

-- --- The files -----------------------------------------------------------------------------------

local function paragraphs(path)
  return coroutine.wrap(function()
    local lines = {}
    for line in io.lines(path) do
      line = line:gsub("%s+$", "")
      if line == "" and #lines > 0 then
        coroutine.yield(lines)
        lines = {}
      elseif line ~= "" and not line:find "^#" then
        lines[#lines + 1] = line
      end
    end
    if #lines > 0 then
      coroutine.yield(lines)
    end
  end)
end

-- Takes `skipif` and `onlyif` away from the front; false: it is not for SQLite.
local function is_for_sqlite(lines)
  while lines[1] and lines[1]:find "^%a+if " do
    local word, name = lines[1]:match "^(%a+)if (%a+)"
    if (word == "skip") == (name == "sqlite") then
      return false
    end
    table.remove(lines, 1)
  end
  return true
end

-- Its SQL; nil: it has none. The answers that stand in the file are those of another version.
local function sql_of(lines)
  local last = #lines
  for i, line in ipairs(lines) do
    last = line == "----" and math.min(last, i - 1) or last
  end
  local has_any = lines[1]:find "^query" or lines[1]:find "^statement"
  return has_any and table.concat(lines, "\n", 2, last)
end

function Run:take_file(path)
  self:begin()
  for lines in paragraphs(path) do
    local sql = is_for_sqlite(lines) and lines[1] and sql_of(lines)
    if sql then
      self:take(sql)
    elseif lines[1] == "halt" then
      break
    end
  end
  self:finish()
end

describe("sqllogictest", function()
  it("gives the answers of SQLite on a file", function()
    if not FOLDER then
      pending "OPEN_DO_SQLLOGICTEST is not set"
      return
    end
    local run = start()
    local pipe = assert(io.popen(("find '%s' -name '*.test' | sort"):format(FOLDER)))
    for path in pipe:lines() do
      local ok, problem = pcall(run.take_file, run, path)
      assert(ok, path .. ": " .. tostring(problem))
    end
    pipe:close()
    run:stop()
    print(("%d files, %d statements, of which %d are errors; left out: %s"):format(run.count,
      run.done, run.failed, json.encode(run.left_out)))
  end)
end)
