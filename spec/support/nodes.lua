-- Several nodes of one cluster, without an engine: who has which slot is what a spec says.
--
--   local nodes = Nodes.start { count = 2, source = [[ ... ]] }
--   nodes[1]:get("/rooms/lobby"); nodes:own { [1] = { 0, 511 }, [2] = { 512, 1023 } }
--   nodes:name_at(2)   -- the name of a thing that lives there: the script answers with env.NODE
local kept = require "spec.support.kept"
local process = require "spec.support.process"
local Server = require "spec.support.server"
local shell = require "spec.support.shell"
local Upstream = require "spec.support.upstream"

local Nodes = {}
Nodes.__index = Nodes

local SLOTS = 1024
Nodes.SECRET = "a secret that all of them know"

local function write(path, text)
  local file = assert(io.open(path .. "~", "wb"))
  file:write(text)
  file:close()
  assert(os.rename(path .. "~", path))
end

-- What node `self_id` is told.
function Nodes:describe(self_id)
  local lines = { "cluster " .. self.cluster, "self " .. self_id }
  for id = 1, self.count do
    if self.lives[id] then
      lines[#lines + 1] = ("node %d %d %s:%d"):format(id, self.lives[id], self.host,
        self.shown_ports[id])
    end
  end
  for id, range in pairs(self.beliefs[self_id] or self.owners) do
    lines[#lines + 1] = ("slots %d %d %d"):format(id, range[1], range[2])
  end
  return table.concat(lines, "\n") .. "\n"
end

function Nodes:tell()
  for id = 1, self.count do
    write(self[id].directory .. "/placement", self:describe(id))
  end
end

-- Another map of slots: node → { first, last }.
function Nodes:own(owners)
  self.owners = owners
  self:tell()
end

-- Node `id` believes this map and no other; nil: that of all.
function Nodes:mislead(id, owners)
  self.beliefs[id] = owners
  self:tell()
end

-- Those that have been started.
function Nodes:visit(visit)
  for id = 1, self.count do
    if id ~= self.absent then
      visit(id)
    end
  end
end

-- The line may have stood in the log before the address of the node did.
function Nodes:wait_line(id, line)
  if not self[id]:log():find(line, 1, true) then
    self[id]:wait_log(line)
  end
end

-- An even share for each.
local function shares(count)
  local owners = {}
  for id = 1, count do
    owners[id] = { math.floor(SLOTS * (id - 1) / count), math.floor(SLOTS * id / count) - 1 }
  end
  return owners
end

-- Who is between node `id` and those that dial it; self.recording is the file with what is said.
function Nodes:record(id)
  self.recording = os.tmpname()
  local recorder = process.start { argv = { "luajit", "spec/support/recorder.lua", self.host,
    tostring(self.ports[id]), self.recording } }
  self.shown_ports[id] = tonumber(recorder:wait_output("recorder at (%d+)", 20))
end

-- options: as Server.start's, and count = how many (default 2); absent = the id of one that is not
-- started, as a spec plays it; host = where they listen for each other (127.0.0.1); recorded = the
-- id of one that is dialled through a recorder.
function Nodes.start(options)
  local self = setmetatable({ count = options.count or 2, ports = {}, lives = {}, beliefs = {},
    cluster = "of-the-spec", absent = options.absent, shown_ports = {},
    host = options.host or "127.0.0.1" }, Nodes)
  self.owners = shares(self.count)
  for id = 1, self.count do
    self.ports[id], self.lives[id] = Upstream.free_port(), 1
    self.shown_ports[id] = self.ports[id]
    local own = {}
    for name, value in pairs(options) do
      own[name] = value
    end
    self[id] = Server.prepare(own)
    local directory = self[id].directory
    write(directory .. "/secret", Nodes.SECRET .. "\n")
    own.env = { OPEN_DO_TEST_PLACEMENT = directory .. "/placement" }
    own.args = { "--cluster", "postgresql://of-the-spec/",
      "--cluster-listen", self.host .. ":" .. self.ports[id],
      "--cluster-secret-file", directory .. "/secret", "--var", "NODE=" .. id }
  end
  if options.recorded then
    self:record(options.recorded)
  end
  self:tell()
  self:visit(function(id) self[id]:launch() end)
  self:visit(function(id)
    self:wait_line(id, "others reach it at ") -- Who comes before is cut, and comes again.
    self:visit(function(other)
      if other ~= id then
        self:wait_line(id, "linked with node " .. other .. " ")
      end
    end)
  end)
  return self
end

-- kill -9 of all of node `id`; the others hear that it lives no more, and `owners` what is whose.
function Nodes:kill(id, owners)
  self[id]:kill()
  self:forget(id, owners)
end

-- The same in order.
function Nodes:shut_down(id, owners)
  self[id]:shut_down()
  self:forget(id, owners)
end

function Nodes:forget(id, owners)
  self[id].has_ended, self[id].life = true, self.lives[id]
  self.lives[id] = nil
  self:own(owners)
end

-- Its next life.
function Nodes:start_again(id)
  self[id].has_ended, self.lives[id] = nil, self[id].life + 1
  self:tell()
  self[id]:launch()
end

-- The process of node `id` that speaks with others.
function Nodes:node_process(id)
  return self[id]:processes("node")[1]
end

-- A name that leads to a thing of node `id`; another one each time.
function Nodes:name_at(id)
  for _ = 1, 1000 do
    self.last_name = (self.last_name or 0) + 1
    local name = "n" .. self.last_name
    if self[id]:get("/things/" .. name).body == tostring(id) then
      return name
    end
  end
  error("no thing is at node " .. id)
end

-- One that a spec has killed is stopped already.
function Nodes:stop()
  local mishaps = {}
  self:visit(function(id)
    local node = self[id]
    node:hang_up()
    if not node.has_ended then
      node:clear_faults()
      local ok, why = pcall(node.shut_down, node)
      mishaps[#mishaps + 1] = not ok and why or nil
    end
  end)
  process.stop_all()
  os.remove(self.recording or "")
  for id = 1, self.count do
    shell.remove(self[id].directory)
  end
  assert(#mishaps == 0, mishaps[1])
end

function Nodes.each(options)
  return kept.each(getfenv(2), function() return Nodes.start(options) end)
end

function Nodes.once(options)
  return kept.once(getfenv(2), function() return Nodes.start(options) end)
end

return Nodes
