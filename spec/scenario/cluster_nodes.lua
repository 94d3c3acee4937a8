-- Nodes of a cluster on a PostgreSQL, for specs of what they keep and carry together.
--
--   local nodes = cluster_nodes.each() -- In a `describe`, before what makes the PostgreSQL:
--   local postgres = Postgres.fresh()  -- so the nodes stop first.
--   local node = nodes:work(postgres)
--   local other = nodes:start(postgres, function(options)
--     return Server.start(options)
--   end)
local kept = require "spec.support.kept"
local shell = require "spec.support.shell"
local socket = require "socket"
local workbench = require "spec.scenario.workbench"

local M = {}

-- Longer than a node takes to be held for dead and another to take over, on a busy machine.
M.TAKEN_OVER_S = 60

-- What `check()` gives as soon as that is true; an error of it counts as not yet.
function M.eventually(what, check)
  local ends = socket.gettime() + M.TAKEN_OVER_S
  repeat
    local ok, value = pcall(check)
    if ok and value then
      return value
    end
    socket.sleep(0.02)
  until socket.gettime() > ends
  error("in vain: " .. what, 2)
end

-- Whether each of `count` nodes has much of what it is to have in the end.
function M.have_slots(postgres, count)
  return postgres:ask(([[SELECT count(*) FROM (SELECT owner FROM od_slot GROUP BY owner
    HAVING count(*) > %d) AS s]]):format(600 / count)) == tostring(count)
end

-- They will have.
function M.share_slots(postgres, count)
  M.eventually(count .. " nodes have slots", function() return M.have_slots(postgres, count) end)
end

-- The objects of an export, each as one text, and the whole. They come in no order; what is of one
-- belongs together.
function M.objects_of(text)
  local objects = {}
  for object in text:gsub('{"object"', "\0%0"):gmatch("%z([^%z]+)") do
    objects[#objects + 1] = object
  end
  table.sort(objects)
  return objects, text
end

local Nodes = {}
Nodes.__index = Nodes

function M.each()
  return kept.each(getfenv(2), function()
    local secret = os.tmpname()
    shell.write(secret, "a secret that all of them know\n")
    return setmetatable({ all = {}, secret = secret }, Nodes)
  end)
end

-- `begin(options)` starts a server with them and perhaps others.
function Nodes:start(postgres, begin)
  local node = begin {
    args = { "--cluster-listen", "127.0.0.1:0", "--cluster-secret-file", self.secret },
    env = { OPEN_DO_CLUSTER = postgres.url } }
  table.insert(self.all, node)
  return node
end

-- Objects on the workbench.
M.THINGS = [[
local thing = require("workbench").thing()

function thing:remind() end

function thing:alarm()
  self.state.storage:put("rang", true)
end

return { namespaces = { things = thing } }
]]

-- A node of them. `change(options)` before it starts.
function Nodes:work(postgres, change)
  return self:start(postgres, function(options)
    local _ = change and change(options)
    return workbench.start(M.THINGS, options)
  end)
end

-- Those that have no `is_lost`. (Server.stop would end PostgreSQL, too.)
function Nodes:stop()
  for _, node in ipairs(self.all) do
    node:hang_up()
    if not node.is_lost then
      node:shut_down()
    end
    shell.remove(node.directory)
  end
  os.remove(self.secret)
end

return M
