-- A plain SQLite, the library that the core is linked with, for specs that compare: the same
-- statements give the same answers there.
--
--   local sqlite = require "spec.support.sqlite"
--   local db = sqlite.open(path)      -- or ":memory:"
--   db:query "SELECT 1, 'a'"          --> "i1|ta"; or nil and SQLite's words
local ffi = require "ffi"

local M = {}

-- As in core.lua: the FFI forgets nothing.
local registry = debug.getregistry()
if not registry.open_do_sqlite_declared then
  ffi.cdef [[
typedef struct sqlite3 sqlite3;
typedef struct sqlite3_stmt sqlite3_stmt;
typedef struct sqlite3_backup sqlite3_backup;
int sqlite3_open(const char *name, sqlite3 **db);
int sqlite3_close(sqlite3 *db);
int sqlite3_exec(sqlite3 *db, const char *sql, void *, void *, char **);
int sqlite3_prepare_v2(sqlite3 *db, const char *sql, int size, sqlite3_stmt **, const char **tail);
int sqlite3_step(sqlite3_stmt *);
int sqlite3_finalize(sqlite3_stmt *);
int sqlite3_column_count(sqlite3_stmt *);
int sqlite3_column_type(sqlite3_stmt *, int column);
int64_t sqlite3_column_int64(sqlite3_stmt *, int column);
double sqlite3_column_double(sqlite3_stmt *, int column);
const void *sqlite3_column_blob(sqlite3_stmt *, int column);
int sqlite3_column_bytes(sqlite3_stmt *, int column);
const char *sqlite3_errmsg(sqlite3 *db);
int sqlite3_get_autocommit(sqlite3 *db);
int sqlite3_stmt_readonly(sqlite3_stmt *);
int sqlite3_db_config(sqlite3 *db, int what, ...);
sqlite3_backup *sqlite3_backup_init(sqlite3 *, const char *, sqlite3 *, const char *);
int sqlite3_backup_step(sqlite3_backup *, int pages);
int sqlite3_backup_finish(sqlite3_backup *);
]]
  registry.open_do_sqlite_declared = true
end

local sqlite = ffi.load("libsqlite3.so.0")
local ROW, DONE = 100, 101
local KINDS = { "i", "r", "t", "b", "n" } -- SQLite's numbers of the types of values.

--- A value with its kind: integer (int64), real, text, blob, NULL.
function M.text_of(kind, value)
  return kind .. (kind == "n" and "" or kind == "r" and ("%.17g"):format(value) or tostring(value))
end

local Reference = {}
Reference.__index = Reference

function M.open(path)
  local db = ffi.new("sqlite3 *[1]")
  assert(sqlite.sqlite3_open(path, db) == 0)
  local self = setmetatable({ db = db[0], parts = 0 }, Reference)
  self:run "PRAGMA temp_store=MEMORY"
  assert(sqlite.sqlite3_db_config(self.db, 1002, ffi.cast("int", 1), nil) == 0) -- Foreign keys.
  return self
end

function Reference:close()
  sqlite.sqlite3_close(self.db)
end

function Reference:run(sql)
  return sqlite.sqlite3_exec(self.db, sql, nil, nil, nil) == 0
end

function Reference:copy_to(other)
  local backup = sqlite.sqlite3_backup_init(other.db, "main", self.db, "main")
  assert(backup ~= nil, "no backup")
  assert(sqlite.sqlite3_backup_step(backup, -1) == DONE)
  assert(sqlite.sqlite3_backup_finish(backup) == 0)
  return other
end

function Reference:in_transaction()
  return sqlite.sqlite3_get_autocommit(self.db) == 0
end

function Reference:words()
  return ffi.string(sqlite.sqlite3_errmsg(self.db))
end

-- Savepoints begin when something is first written in them, as ours do: where SQLite notices that
-- a full-text table was made in one that has been undone depends on it.
function Reference:begin_parts(count)
  while self.parts < count do
    if not self:run "SAVEPOINT part" then
      return false
    end
    self.parts = self.parts + 1
  end
  return true
end

function Reference:end_part(count, keep)
  if self.parts < count then
    return true
  end
  self.parts = count - 1
  if keep then
    return self:run "RELEASE part"
  end
  return self:run(count == 1 and "ROLLBACK" or "ROLLBACK TO part; RELEASE part")
end

local function value_at(statement, i)
  local kind = KINDS[sqlite.sqlite3_column_type(statement, i)]
  if kind == "i" then
    return kind, sqlite.sqlite3_column_int64(statement, i)
  elseif kind == "r" then
    return kind, sqlite.sqlite3_column_double(statement, i)
  elseif kind == "n" then
    return kind
  end
  local at = sqlite.sqlite3_column_blob(statement, i)
  return kind, ffi.string(at, sqlite.sqlite3_column_bytes(statement, i))
end

-- Runs a statement to its end: all values as texts, or nil and SQLite's words.
local function run_statement(self, statement, count, text_of)
  local values = {}
  local code
  if sqlite.sqlite3_stmt_readonly(statement) == 0 and not self:begin_parts(count) then
    return nil, "a transaction cannot begin: " .. self:words()
  end
  repeat
    code = sqlite.sqlite3_step(statement)
    for i = 0, code == ROW and sqlite.sqlite3_column_count(statement) - 1 or -1 do
      values[#values + 1] = text_of(value_at(statement, i))
    end
  until code ~= ROW
  if code ~= DONE then
    return nil, self:words()
  end
  return values
end

--- All values of the last statement in one text; nil and SQLite's words when one fails. `count`: of
--- open parts. `text_of` instead of the one above.
function Reference:query(sql, count, text_of)
  local statement, tail = ffi.new("sqlite3_stmt *[1]"), ffi.new("const char *[1]")
  local at, values = ffi.cast("const char *", sql), {}
  while true do
    if sqlite.sqlite3_prepare_v2(self.db, at, -1, statement, tail) ~= 0 then
      return nil, self:words()
    elseif statement[0] == nil then
      return table.concat(values, "|")
    end
    local problem
    values, problem = run_statement(self, statement[0], count or 0, text_of or M.text_of)
    sqlite.sqlite3_finalize(statement[0])
    if problem then
      return nil, problem
    end
    at = tail[0]
  end
end

return M
