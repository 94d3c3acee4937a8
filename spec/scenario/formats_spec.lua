-- Data directories that older programs wrote, one of every format there has been: this program
-- finds all that is in them, and they are its own from then on. (They lie in
-- spec/unit/store/formats; who raises OD_STORE_FORMAT adds one.)
local Server = require "spec.support.server"
local workbench = require "spec.scenario.workbench"

local NEWEST = 5

describe("a data directory", function()
  local server

  after_each(function()
    server:stop()
  end)

  local function open(format)
    server = Server.prepare {
      source = [[local Thing = require("workbench").thing()
        function Thing:alarm() end
        function Thing:tick() end
        return { namespaces = { things = Thing } }]],
      files = { ["workbench.lua"] = workbench.MODULE } }
    local command = "mkdir -m 700 $data && "
      .. (format < 4 and "gzip -dc $formats/$format.mdb.gz > $data/data.mdb"
        or "tar -xzf $formats/$format.tar.gz -C $data")
    local words = {
      data = server.directory .. "/data", formats = "spec/unit/store/formats", format = format }
    assert(os.execute((command:gsub("%$(%l+)", words))) == 0)
    server:launch()
  end

  local function ask(name, code)
    return workbench.ask(server, name, code)
  end

  local function expect_keys()
    assert.same({ { 1, "two", true }, 7, 5000 }, ask("a", [[
      return { storage:get("k").x, storage:get(("long"):rep(300)), #storage:get("large") } ]]))
    assert.same({ 2 }, ask("b", [[ return { storage:get("left"), storage:get("gone") } ]]))
  end

  for format = 1, NEWEST do
    it("of format " .. format .. " is taken over", function()
      open(format)
      expect_keys()
      assert.equal(format >= 2 and 4102444800000 or nil, ask("a", "return storage:getAlarm()"))
      if format >= 3 then
        assert.same({ 3, 9000, "plain words" }, ask("a", [[
          local sql = storage.sql
          return { sql:exec("SELECT count(*) AS n FROM t"):one().n,
            sql:exec("SELECT length(x) AS n FROM t WHERE id = 3"):one().n,
            sql:exec("SELECT x FROM f WHERE f MATCH 'words'"):one().x } ]]))
      end
      local schedules = ask("a", "return storage:schedules()")
      assert.equal(format >= 5 and "digest" or nil, (schedules[1] or {}).name)
      if format >= 4 then
        assert.same({ 4, "none", "journal" }, {
          ask("b", "return storage:get('only in the journal')[1]"),
          ask("b", "return storage:get('applied') or 'none'"),
          ask("c", "return storage.sql:exec('SELECT x FROM t'):one().x") })
      end
      ask("b", [[ storage.sql:exec "CREATE TABLE new (x); INSERT INTO new VALUES (1)" ]])
      server:restart()
      expect_keys()
      assert.equal(1, ask("b", [[ return storage.sql:exec("SELECT x FROM new"):one().x ]]))
    end)
  end
end)
