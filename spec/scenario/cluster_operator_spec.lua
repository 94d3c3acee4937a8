-- What an operator does with a whole cluster: moves objects into it and out of it again, and has
-- nodes leave it.
local cluster_nodes = require "spec.scenario.cluster_nodes"
local json = require "dkjson"
local Postgres = require "spec.scenario.postgres"
local shell = require "spec.support.shell"
local workbench = require "spec.scenario.workbench"

local SOURCE = [[
local thing = require("workbench").thing()

function thing:remind() end
function thing:alarm() end

return { namespaces = { things = thing } }
]]

local COUNT = 12
local LATER = 4102444800000

local eventually = cluster_nodes.eventually

describe("an operator of a cluster", function()
  local nodes = cluster_nodes.each()
  local postgres = Postgres.once()

  before_each(function()
    postgres:forget_cluster()
  end)

  local function start()
    return nodes:start(postgres, function(options) return workbench.start(SOURCE, options) end)
  end

  local function start_alone()
    local alone = workbench.start(SOURCE, {})
    table.insert(nodes.all, alone)
    return alone
  end

  local function say(server, ...)
    local code, text = server:asking(...)
    assert(code == 0, text)
    return text
  end

  local function share_of(node)
    local status = json.decode(say(node, "cluster", "status", "--json"))
    for _, other in ipairs(status.nodes) do
      if other.id == status.self then
        return other.slots
      end
    end
  end

  local function all_have_slots(...)
    for _, node in ipairs { ... } do
      eventually("it has slots", function() return share_of(node) > 100 end)
    end
  end

  -- Objects come in no order; what is of one belongs together.
  local function exported_by(server)
    local text, objects = say(server, "export", "things"), {}
    for object in text:gsub('{"object"', "\0%0"):gmatch("%z([^%z]+)") do
      objects[#objects + 1] = object
    end
    table.sort(objects)
    return objects, text
  end

  local function fill(server)
    for i = 1, COUNT do
      workbench.ask(server, "n" .. i, ([[
        storage:put { number = %d, text = "two", list = { 1, { 2, od.json.null } },
          bytes = "\0\255\128" }
        storage.sql:exec("CREATE TABLE t (x)")
        for row = 1, 400 do
          storage.sql:exec("INSERT INTO t VALUES (?)", ("x"):rep(row))
        end
        storage:setAlarm(%.0f)
        storage:schedule("tea", { every = 1e9 }, "remind", 1, nil)
        storage:schedule("cake", { at = %.0f }, "remind", { i = 1 })]]):format(i, LATER, LATER))
    end
  end

  local function import(server, text)
    local path = server.directory .. "/exported"
    shell.write(path, text)
    assert.equal(("imported %d objects\n"):format(COUNT), say(server, "import", path))
  end

  it("moves what one machine has into it, and back, byte for byte", function()
    local before, alone, text = start_alone(), nil, nil
    fill(before)
    local whole
    whole, text = exported_by(before)
    assert.equal(COUNT, #whole)

    local first, second = start(), start()
    all_have_slots(first, second)
    import(second, text)
    assert.same(whole, (exported_by(first)))
    assert.same(whole, (exported_by(second)))
    assert.equal(400, workbench.ask(first, "n1",
      "return storage.sql:exec('SELECT count(*) AS n FROM t'):one().n"))

    first:kill()
    first.is_lost = true
    text = eventually("the other node has all of it", function()
      local found, lines = exported_by(second)
      return #found == COUNT and lines
    end)
    alone = start_alone()
    import(alone, text)
    assert.same(whole, (exported_by(alone)))
  end)
end)
