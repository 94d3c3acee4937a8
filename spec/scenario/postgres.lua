-- A PostgreSQL of Debian for a spec, on a port and in a directory of its own, with the user
-- "tester", who may do everything.
--
--   local postgres = Postgres.once()      -- In a `describe`.
--   postgres.port; postgres.url; postgres:ask "SELECT 1"; postgres:restart()
local kept = require "spec.support.kept"
local process = require "spec.support.process"
local shell = require "spec.support.shell"
local Upstream = require "spec.support.upstream"

local READY = "ready to accept" -- "connections", or "read-only connections".
local SECONDS = 60

local Postgres = {}
Postgres.__index = Postgres

-- What runs a program as somebody who is not root, as whom PostgreSQL does not start.
local function humbly()
  local is_root = shell.text "id -u" == "0"
  return is_root and "setpriv --reuid=nobody --regid=nogroup --clear-groups " or ""
end

local function programs()
  return shell.text "ls -d /usr/lib/postgresql/*/bin | tail -n 1"
end

-- Makes a database in `directory`.
local function prepare(directory)
  if humbly() ~= "" then
    shell.text(("chown nobody:nogroup %s"):format(directory))
  end
  shell.text(("cd %s && %s%s/initdb --no-locale --encoding=UTF8 --auth=trust --no-sync "
    .. "--username=tester data"):format(directory, humbly(), programs()))
end

function Postgres:launch()
  local argv = {}
  for word in (humbly() .. programs() .. "/postgres"):gmatch("%S+") do
    argv[#argv + 1] = word
  end
  for _, word in ipairs { "-D", self.directory .. "/data", "-p", tostring(self.port), "-c",
    "listen_addresses=127.0.0.1", "-c", "unix_socket_directories=" } do
    argv[#argv + 1] = word
  end
  for _, setting in ipairs(self.settings) do
    argv[#argv + 1] = "-c"
    argv[#argv + 1] = setting
  end
  -- What is preloaded here, the sanitizer's runtime, is not for it.
  self.process = process.start { argv = argv, cwd = self.directory, env = { LD_PRELOAD = "" } }
  self.process:wait_output(READY, SECONDS)
end

-- `settings`: like { "fsync=off" }.
function Postgres.start(settings)
  local self = setmetatable({ port = Upstream.free_port(), directory = shell.make_directory(),
    settings = settings or {} }, Postgres)
  self.url = ("postgresql://tester@127.0.0.1:%d/postgres"):format(self.port)
  prepare(self.directory)
  self:launch()
  return self
end

-- A standby of it that has all it has, and follows.
function Postgres:follow()
  local standby = setmetatable({ port = Upstream.free_port(), directory = shell.make_directory(),
    settings = self.settings }, Postgres)
  standby.url = self.url:gsub(":" .. self.port, ":" .. standby.port)
  shell.text(("cd %s && chown nobody:nogroup . 2>/dev/null; %s%s/pg_basebackup -h 127.0.0.1 -p %d "
    .. "-U tester -D data -R --checkpoint=fast --no-sync"):format(standby.directory, humbly(),
    programs(), self.port))
  standby:launch()
  return standby
end

function Postgres.each(settings)
  return kept.each(getfenv(2), function() return Postgres.start(settings) end)
end

function Postgres.once(settings)
  return kept.once(getfenv(2), function() return Postgres.start(settings) end)
end

-- The same, in which each test finds nothing of a cluster.
function Postgres.fresh(settings)
  local suite = getfenv(2)
  local postgres = kept.once(suite, function() return Postgres.start(settings) end)
  suite.before_each(function() postgres:forget_cluster() end)
  return postgres
end

-- What a statement answers: the fields of a row with "|" between them, a row a line.
function Postgres:ask(statement)
  return shell.text(("psql -h 127.0.0.1 -p %d -U tester -d postgres -qAtX "
    .. "-v ON_ERROR_STOP=1 -c %s"):format(self.port, "'" .. statement:gsub("'", "'\\''") .. "'"))
end

-- [how]: "INT" ends all connections at once, "QUIT" is as good as a crash.
function Postgres:shut_down(how)
  self.process:signal(how or "INT")
  self.process:wait_exit(SECONDS)
end

function Postgres:restart(how)
  self:shut_down(how)
  self:launch()
end

-- All that nodes have stored in it.
function Postgres:forget_cluster()
  self:ask "DROP TABLE IF EXISTS od_kv, od_slot, od_node, od_meta, od_script"
end

function Postgres:stop()
  self:shut_down()
  shell.remove(self.directory)
end

return Postgres
