-- What is wrong with an engine, its rights or a data directory is said at the start, in a sentence.
local certificates = require "spec.scenario.certificates"
local Postgres = require "spec.scenario.postgres"
local Server = require "spec.support.server"
local process = require "spec.support.process"
local shell = require "spec.support.shell"

local SOURCE = [[return { namespaces = { things = {} } }]]

-- Exit code and output of a program that does not serve. (Server.refuse ends PostgreSQL, too.)
local function refuse(options)
  options.source = SOURCE
  local server = Server.prepare(options)
  server:spawn()
  local code = server.process:wait_exit(60)
  local output = server.process:output()
  shell.remove(server.directory)
  return code, output
end

-- What the program says of `url` instead of serving.
local function refusal(url, data)
  local code, output = refuse { env = { OPEN_DO_CLUSTER = url },
    args = data and { "--data", data } }
  assert.equal(1, code, output)
  return output
end

local function serve(url)
  return Server.start { source = SOURCE, env = { OPEN_DO_CLUSTER = url } }
end

local function as(postgres, user)
  return (postgres.url:gsub("tester", user))
end

describe("a node refuses", function()
  local postgres = Postgres.fresh()

  it("what is no PostgreSQL, and one that is not there", function()
    local code, output = refuse { args = { "--cluster", "mysql://x/y" } }
    assert.equal(2, code)
    assert.truthy(output:find("expected postgresql://", 1, true), output)
    postgres:shut_down()
    assert.truthy(refusal(postgres.url):find("--cluster: PostgreSQL cannot be used: ", 1, true))
    postgres:launch()
  end)

  it("to be linked without a secret that can be read, or at no address of its own", function()
    local function told(code, args, text)
      table.insert(args, 1, "--cluster")
      table.insert(args, 2, postgres.url)
      local ended, output = refuse { args = args }
      assert.equal(code, ended, output)
      assert.truthy(output:find(text, 1, true), output)
    end
    told(1, { "--cluster-listen", "127.0.0.1:0" }, "needs a --cluster-secret-file")
    told(1, { "--cluster-listen", "127.0.0.1:0", "--cluster-secret-file", "/nowhere" },
      "/nowhere cannot be read: No such file")
    told(2, { "--cluster-listen", ":0" }, "by which other nodes reach this one")
  end)

  it("settings that lose what was confirmed", function()
    for _, setting in ipairs { "fsync", "full_page_writes", "synchronous_commit" } do
      local told = setting .. " = off and would lose what it has confirmed"
      postgres:ask(("ALTER SYSTEM SET %s = off"):format(setting))
      postgres:restart()
      assert.truthy(refusal(postgres.url):find(told, 1, true))
      postgres:ask(("ALTER SYSTEM RESET %s"):format(setting))
    end
    postgres:restart()
  end)

  it("a database that may only be read", function()
    postgres:ask "CREATE USER onlooker"
    postgres:ask "ALTER USER onlooker SET default_transaction_read_only = on"
    assert.truthy(refusal(as(postgres, "onlooker")):find("read%-only"))
  end)

  it("rights that lack, on the schema and on its tables", function()
    postgres:ask "CREATE USER guest"
    assert.truthy(refusal(as(postgres, "guest")):find("cannot be made: permission denied", 1, true))
    postgres:ask "GRANT CREATE ON SCHEMA public TO guest"
    local node = serve(as(postgres, "guest"))
    node:shut_down()
    shell.remove(node.directory)
    postgres:ask "CREATE USER reader"
    assert.truthy(refusal(as(postgres, "reader")):find("permission denied for table od_meta", 1,
      true))
    postgres:ask "GRANT SELECT ON ALL TABLES IN SCHEMA public TO reader"
    assert.truthy(refusal(as(postgres, "reader")):find("may not write to the tables", 1, true))
  end)

  it("tables of another version, and the directory of another cluster or of one machine", function()
    local node = serve(postgres.url)
    local data = node.directory .. "/data"
    for _, words in ipairs { { "backup", node.directory .. "/backup", "--data", data },
      { "restore", data, "--check" } } do
      local asking = process.start { argv = { process.program, unpack(words) } }
      assert.equal(1, (asking:wait_exit(10)))
      assert.truthy(asking:output():find("backups are made of its PostgreSQL", 1, true))
    end
    node:shut_down()
    local code, output = refuse { args = { "--data", data } }
    assert.equal(1, code)
    assert.truthy(output:find("is the cache of a node of a cluster", 1, true), output)
    postgres:ask "UPDATE od_meta SET v = 'ffffffffffffffffffffffffffffffff' WHERE k = 'cluster'"
    assert.truthy(refusal(postgres.url, data):find("belongs to the cluster", 1, true))
    postgres:ask "UPDATE od_meta SET v = '7' WHERE k = 'version'"
    assert.truthy(refusal(postgres.url):find("of version 7, and this program", 1, true))
    shell.remove(node.directory)

    local alone = serve(nil)
    alone:shut_down()
    postgres:ask "UPDATE od_meta SET v = '2' WHERE k = 'version'"
    assert.truthy(refusal(postgres.url, alone.directory .. "/data"):find(
      "holds what one machine has stored", 1, true))
    shell.remove(alone.directory)
  end)

  it("nothing of one machine, which does not load libpq", function()
    local alone = serve(nil)
    local maps = shell.read(("/proc/%d/maps"):format(alone.process.pid))
    assert.is_nil(maps:find("libpq", 1, true))
    local code, output = alone:asking("cluster", "status")
    assert.equal(1, code)
    assert.equal("open-do: this program is no node of a cluster\n", output)
    alone:shut_down()
    shell.remove(alone.directory)
  end)
end)

describe("a node warns", function()
  local postgres = Postgres.once()

  it("of a standby that need not have what is confirmed", function()
    local standby = postgres:follow()
    local node = serve(postgres.url)
    assert.truthy(node:log():find("has a standby that need not have what is confirmed", 1, true))
    assert.truthy(refusal(standby.url):find("read%-only"), "a standby cannot be written to")
    node:shut_down()
    shell.remove(node.directory)
    standby:stop()
  end)
end)

describe("the line to PostgreSQL", function()
  local postgres = Postgres.once()

  setup(function()
    certificates.new_directory()
    certificates.certify "localhost"
    certificates.certify("localhost", "stranger")
    shell.text(("cd %s/data && cp %s/localhost.crt server.crt && cp %s/localhost.key server.key "
      .. "&& chmod 600 server.key && chown --reference=. server.*"):format(postgres.directory,
      certificates.directory, certificates.directory))
    postgres:ask "ALTER SYSTEM SET ssl = on"
    postgres:restart()
  end)

  teardown(certificates.remove_directory)

  local function url(certificate)
    return ("postgresql://tester@localhost:%d/postgres?sslmode=verify-full&sslrootcert=%s/%s.crt")
      :format(postgres.port, certificates.directory, certificate)
  end

  it("is encrypted, and its other end proved, when the URL asks for it", function()
    local node = serve(url "localhost")
    assert.equal("2|t", postgres:ask [[SELECT count(*), bool_and(ssl) FROM pg_stat_ssl
      JOIN pg_stat_activity USING (pid) WHERE application_name = 'open-do']])
    node:shut_down()
    shell.remove(node.directory)
    assert.truthy(refusal(url "stranger"):find("certificate verify failed", 1, true))
  end)
end)
