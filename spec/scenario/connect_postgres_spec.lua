-- A client of PostgreSQL in pure Lua over od.connect, with Debian's server at the other end: the
-- start, and simple queries.
local certificates = require "spec.scenario.certificates"
local daemon = require "spec.scenario.daemon"
local shell = require "spec.support.shell"
local workbench = require "spec.scenario.workbench"

-- https://www.postgresql.org/docs/current/protocol-message-formats.html
local CLIENT = [[
local od = require "open-do"

local Postgres = {}
Postgres.__index = Postgres

local function int32(number)
  return string.char(math.floor(number / 2 ^ 24) % 256, math.floor(number / 2 ^ 16) % 256,
    math.floor(number / 256) % 256, number % 256)
end

local function number_of(bytes)
  local number = 0
  for i = 1, #bytes do
    number = number * 256 + bytes:byte(i)
  end
  return number
end

function Postgres:send(kind, body)
  self.wire:write(kind .. int32(#body + 4) .. body)
end

function Postgres:receive()
  local head = assert(self.wire:read(5), "PostgreSQL has gone")
  local size = number_of(head:sub(2)) - 4
  return head:sub(1, 1), size > 0 and self.wire:read(size) or ""
end

-- Up to ReadyForQuery: rows, as arrays of texts; or nil and the error.
function Postgres:answer()
  local rows, problem = {}, nil
  while true do
    local kind, body = self:receive()
    if kind == "D" then
      local row, at = {}, 3
      for column = 1, number_of(body:sub(1, 2)) do
        local size = number_of(body:sub(at, at + 3))
        local is_null = size == 2 ^ 32 - 1
        row[column] = is_null and "NULL" or body:sub(at + 4, at + 3 + size)
        at = at + 4 + (is_null and 0 or size)
      end
      rows[#rows + 1] = row
    elseif kind == "E" then
      problem = body:match("M([^%z]*)%z")
    elseif kind == "Z" then
      if problem then
        return nil, problem
      end
      return rows
    end
  end
end

function Postgres:query(text)
  self:send("Q", text .. "\0")
  return self:answer()
end

-- With [is_secure] TLS is asked for first (SSLRequest).
function Postgres.connect(port, user, is_secure)
  local self = setmetatable({ wire = od.connect("localhost", port) }, Postgres)
  if is_secure then
    self.wire:write(int32(8) .. int32(80877103))
    assert(self.wire:read(1) == "S", "PostgreSQL has no TLS")
    self.wire:startTls()
  end
  self:send("", int32(196608) .. "user\0" .. user .. "\0database\0postgres\0\0")
  assert(self:answer())
  return self
end

return Postgres
]]

local SOURCE = [[
local Postgres = require "postgres"
local Thing = require("workbench").thing()

function Thing:secure_postgres(port)
  return Postgres.connect(port, "tester", true)
end

function Thing:postgres(port)
  self.client = self.client or Postgres.connect(port, "tester")
  return self.client
end

return { namespaces = { things = Thing } }
]]

-- What runs a program as somebody who is not root, as whom PostgreSQL does not start.
local function humbly()
  local is_root = shell.text "id -u" == "0"
  return is_root and "setpriv --reuid=nobody --regid=nogroup --clear-groups " or ""
end

-- Makes a database in a directory; the words that start a server with it.
local function prepare(port, directory)
  local programs = shell.text "ls -d /usr/lib/postgresql/*/bin | tail -n 1"
  shell.text(("cp %s/localhost.* %s && chmod 600 %s/*"):format(certificates.directory, directory,
    directory))
  if humbly() ~= "" then
    shell.text(("chown -R nobody:nogroup %s"):format(directory))
  end
  shell.text(("cd %s && %s%s/initdb --no-locale --encoding=UTF8 --auth=trust --no-sync "
    .. "--username=tester data"):format(directory, humbly(), programs))
  local argv = {}
  for word in (humbly() .. programs .. "/postgres"):gmatch("%S+") do
    argv[#argv + 1] = word
  end
  for _, word in ipairs { "-D", directory .. "/data", "-p", port, "-c",
    "listen_addresses=127.0.0.1", "-c", "unix_socket_directories=", "-c", "fsync=off", "-c",
    "ssl=on", "-c", "ssl_cert_file=" .. directory .. "/localhost.crt", "-c",
    "ssl_key_file=" .. directory .. "/localhost.key" } do
    argv[#argv + 1] = word
  end
  return argv
end

describe("a client of PostgreSQL over od.connect", function()
  local env = {}

  setup(function()
    certificates.new_directory()
    certificates.certify("localhost")
    env.SSL_CERT_FILE = certificates.directory .. "/localhost.crt"
  end)

  teardown(certificates.remove_directory)

  local server = workbench.once(SOURCE, { workers = 1, files = { ["postgres.lua"] = CLIENT },
    env = env })
  local postgres = daemon.once { argv = prepare, ready = "ready to accept connections",
    signal = "INT" }

  local function ask(code)
    return workbench.ask(server, "a",
      ("local db = self:postgres(%d) "):format(postgres.port) .. code)
  end

  it("creates, fills and reads a table, and hears of its mistakes", function()
    assert.same({ { "1", "one" }, { "2", "NULL" } }, ask [[
      db:query "CREATE TABLE things (id integer, name text)"
      db:query "INSERT INTO things VALUES (1, 'one'), (2, NULL)"
      return assert(db:query "SELECT id, name FROM things ORDER BY id")]])
    assert.same({ 'relation "none" does not exist', "7" }, ask [[
      local _, why = db:query "SELECT * FROM none"
      return { why, db:query "SELECT 3 + 4"[1][1] }]])
  end)

  it("has TLS when it asks for it", function()
    assert.same({ "t", "f", 500000 }, workbench.ask(server, "a", ([[
      local ask = "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()"
      local secure, plain = self:secure_postgres(%d), self:postgres(%d)
      return { secure:query(ask)[1][1], plain:query(ask)[1][1],
        #secure:query("SELECT repeat('x', 500000)")[1][1] }]])
      :format(postgres.port, postgres.port)))
  end)

  it("reads 100,000 rows, and one of 500 kB", function()
    local count = os.getenv("OPEN_DO_SANITIZED") and 10000 or 100000 -- Two reads a row.
    assert.same({ count, tostring(count), 500000 }, ask(([[
      local rows = db:query "SELECT generate_series(1, %d)"
      local large = db:query "SELECT repeat('x', 500000)"
      return { #rows, rows[#rows][1], #large[1][1] }]]):format(count)))
  end)

  it("waits for a lock while another handler has the object", function()
    ask [[return assert(db:query "SELECT pg_advisory_lock(1)")]]
    local waits = workbench.begin(server, "b", ([[
      local db = self:postgres(%d)
      print "asks"
      return db:query "SELECT pg_advisory_lock(1), 'got it'"[1][2] ]]):format(postgres.port))
    server:wait_log("asks")
    assert.equal("free", workbench.ask(server, "b", "return 'free'"))
    assert.same({ { "t" } }, ask [[return db:query "SELECT pg_advisory_unlock(1)"]])
    assert.equal("got it", workbench.outcome(waits))
  end)
end)
