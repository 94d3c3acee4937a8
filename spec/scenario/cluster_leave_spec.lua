-- Nodes under load, of which each leaves in turn, and to which one comes: nobody at the others
-- notices.
local cluster_nodes = require "spec.scenario.cluster_nodes"
local http = require "spec.support.http"
local Postgres = require "spec.scenario.postgres"
local process = require "spec.support.process"
local Server = require "spec.support.server"
local shell = require "spec.support.shell"
local Upstream = require "spec.support.upstream"

local SOURCE = [[
local od = require "open-do"

local Thing = {}

function Thing:count(what)
  local count = (self.state.storage:get(what) or 0) + 1
  self.state.storage:put(what, count)
  return count
end

function Thing:fetch(request)
  if request.headers:get("upgrade") then
    local client, server = od.WebSocketPair()
    self.state:acceptWebSocket(server)
    return od.Response(nil, { status = 101, webSocket = client })
  elseif request.path:match("/count$") then
    return od.Response(tostring(self:count("asked")))
  elseif request.path:match("/call$") then
    local callee = self.env.things:getByName(request.query.callee)
    return od.Response(tostring(callee:count("called")))
  elseif request.path:match("/slow$") then
    print("slow has begun")
    od.sleep(1500)
    return od.Response("done")
  end
  return od.Response(self.env.NODE)
end

function Thing:webSocketMessage(ws, message)
  ws:send(message .. " " .. self:count("heard"))
end

return { namespaces = { things = Thing } }
]]

local THINGS, SOCKETS, AHEAD = 24, 24, 3 -- Messages of one socket that are on their way at a time.

local eventually, TAKEN_OVER_S = cluster_nodes.eventually, cluster_nodes.TAKEN_OVER_S

-- Users of the nodes `stay` (anything with an address): each round is a request and a call for each
-- thing, and a message on each socket, from all nodes at once; and each thing has a request under
-- way that takes long.
local Load = {}
Load.__index = Load

local function begin_load(stay, name, sockets)
  local self = setmetatable({ name = name, connections = {}, slow = {}, sockets = {}, rounds = 0,
    wrong = {} }, Load)
  for i = 1, 2 * THINGS do
    self.connections[i] = http.open(stay[i % #stay + 1].address)
  end
  for i = 1, THINGS do
    self.slow[i] = http.open(stay[i % #stay + 1].address)
    self.slow[i]:send_request("GET", ("/things/%s%d/slow"):format(name, i))
  end
  for i = 1, sockets or SOCKETS do
    self.sockets[i] = stay[i % #stay + 1]:connect(("/things/%s%d"):format(name, i))
  end
  return self
end

function Load:note(what, ok, got, wanted)
  if not ok or got ~= wanted then
    self.wrong[#self.wrong + 1] = ("%s, round %d: expected %s, got %s"):format(what, self.rounds,
      wanted, tostring(got))
  end
end

function Load:say(socket)
  socket.said = (socket.said or 0) + 1
  socket:send(tostring(socket.said))
end

function Load:hear(i, socket)
  local ok, answer = pcall(socket.receive, socket, TAKEN_OVER_S)
  socket.heard = (socket.heard or 0) + 1
  self:note("socket " .. i, ok, answer, ("%d %d"):format(socket.heard, socket.heard))
end

function Load:round()
  self.rounds = self.rounds + 1
  for i = 1, THINGS do
    self.connections[i]:send_request("POST", ("/things/%s%d/count"):format(self.name, i))
    self.connections[THINGS + i]:send_request("POST", ("/things/%s%d/call?callee=%s%d"):format(
      self.name, i, self.name, (i + 7) % THINGS + 1))
  end
  for _, socket in ipairs(self.sockets) do
    self:say(socket)
  end
  for i, socket in ipairs(self.sockets) do
    if self.rounds > AHEAD then
      self:hear(i, socket)
    end
  end
  for i, connection in ipairs(self.connections) do
    local ok, answer = pcall(connection.read_answer, connection)
    self:note("request " .. i, ok, ok and answer.status .. " " .. answer.body or answer,
      "200 " .. self.rounds)
  end
end

function Load:stop()
  for i, socket in ipairs(self.sockets) do
    while socket.heard < socket.said do
      self:hear(i, socket)
    end
    local ok, why = pcall(function()
      socket:close(1000)
      socket:expect_close(1000)
    end)
    self:note("the end of socket " .. i, ok, why, nil)
  end
  for _, connection in ipairs(self.connections) do
    connection:close()
  end
  for i, connection in ipairs(self.slow) do
    local ok, answer = pcall(connection.read_answer, connection)
    self:note("slow request " .. i, ok, ok and answer.status .. " " .. answer.body or answer,
      "200 done")
    connection:close()
  end
end

describe("a node that leaves or comes", function()
  local nodes = cluster_nodes.each()
  local postgres = Postgres.each()

  local function prepare(options)
    options.source = SOURCE
    table.insert(options.args, "--var=NODE=" .. #nodes.all + 1)
    return Server.prepare(options)
  end

  local function begin(keep_port)
    return nodes:start(postgres, function(options)
      options.keep_port = keep_port
      local node = prepare(options)
      node:launch()
      return node
    end)
  end

  -- One whose workers are not ready before the fault is cleared.
  local function begin_to_join()
    return nodes:start(postgres, function(options)
      local node = prepare(options)
      node:fault("ready.hold")
      node:spawn()
      return node
    end)
  end

  -- From here on whoever gets a slot and is not up is noted.
  local function note_early_gifts()
    postgres:ask [[CREATE TABLE early (slot int, owner int)]]
    postgres:ask [[CREATE FUNCTION note_early() RETURNS trigger AS $$ BEGIN
      IF NEW.owner NOT IN (0, OLD.owner) AND NOT EXISTS (SELECT 1 FROM od_node WHERE id = NEW.owner
          AND inc = NEW.inc AND state = 'up') THEN
        INSERT INTO early VALUES (NEW.slot, NEW.owner);
      END IF;
      RETURN NEW; END $$ LANGUAGE plpgsql]]
    postgres:ask [[CREATE TRIGGER note_early BEFORE UPDATE ON od_slot
      FOR EACH ROW EXECUTE FUNCTION note_early()]]
  end

  -- All slots are served, by `count` nodes, and nobody knows better.
  local function are_settled(count)
    for _, node in ipairs(nodes.all) do
      local code, page = node:asking("cluster", "status")
      local _, seen = page:gsub("node %d", "")
      if code ~= 0 or seen ~= count or page:find("on their way", 1, true)
        or page:find(": 0 slots", 1, true) then
        return false
      end
    end
    return cluster_nodes.have_slots(postgres, count)
  end

  local function stop_under(load, node)
    node.process:signal("TERM")
    repeat
      load:round()
      node.process:reap()
    until node.process:has_ended()
    assert.equal(0, node.process.code)
    load:round()
  end

  it("fails no request and closes no socket at the others, each in turn under load", function()
    for _ = 1, 3 do
      begin()
    end
    eventually("all nodes have slots", function() return are_settled(3) end)
    for turn, leaving in ipairs(nodes.all) do
      local stay = {}
      for _, node in ipairs(nodes.all) do
        stay[#stay + 1] = node ~= leaving and node or nil
      end
      local load = begin_load(stay, "n" .. turn .. "x")
      for _ = 1, AHEAD + 2 do
        load:round()
      end
      stop_under(load, leaving)
      load:stop()
      assert.same({}, load.wrong)
      leaving:launch()
      eventually("all nodes have slots", function() return are_settled(3) end)
    end
  end)

  -- nginx as examples/deploy has it, before these nodes.
  local function begin_balancer()
    local directory, port = postgres.directory .. "/nginx", Upstream.free_port()
    local place = 0
    local conf = shell.read("examples/deploy/balancer.conf"):gsub("10%.0%.0%.%d:8787", function()
      place = place + 1
      return "127.0.0.1:" .. nodes.all[place].address.port
    end):gsub("listen 80;", ("listen 127.0.0.1:%d;"):format(port))
    assert.equal(#nodes.all, place)
    os.execute(("mkdir -p '%s'"):format(directory))
    shell.write(directory .. "/nginx.conf", ([[
      daemon off; master_process off; pid %s/pid; error_log stderr;
      events {}
      http { access_log off; client_body_temp_path %s/bodies; proxy_temp_path %s/answers;
      fastcgi_temp_path %s/f; uwsgi_temp_path %s/u; scgi_temp_path %s/s;
    ]]):gsub("%%s", directory) .. conf .. "}")
    process.start { env = { LD_PRELOAD = "" },
      argv = { "nginx", "-e", "stderr", "-p", directory, "-c", directory .. "/nginx.conf" } }
    local balancer = { address = { host = "127.0.0.1", port = port } }
    eventually("nginx answers", function()
      return http.request(balancer.address, "GET", "/things/first").status == 200
    end)
    return balancer
  end

  it("is not missed behind a balancer: each is started anew, and no request fails", function()
    for _ = 1, 3 do
      begin(true)
    end
    eventually("all nodes have slots", function() return are_settled(3) end)
    local load = begin_load({ begin_balancer() }, "b", 0)
    for _, node in ipairs(nodes.all) do
      stop_under(load, node)
      node:launch()
      eventually("all nodes have slots", function()
        load:round()
        return are_settled(3)
      end)
    end
    load:stop()
    assert.same({}, load.wrong)
  end)

  it("gets nothing before it can serve, and then what is its, with nobody at the others noticing",
    function()
      for _ = 1, 3 do
        begin()
      end
      eventually("all nodes have slots", function() return are_settled(3) end)
      note_early_gifts()
      local load = begin_load(nodes.all, "n")
      load:round()
      local coming = begin_to_join()
      eventually("the others see it, linked", function()
        load:round()
        local _, page = nodes.all[1]:asking("cluster", "status")
        return page:match("node 4[^\n]*: 0 slots, joining\n")
      end)
      for _ = 1, AHEAD + 2 do
        load:round()
      end
      assert.equal("joining 0", postgres:ask [[SELECT state || ' ' || (SELECT count(*) FROM od_slot
        WHERE owner = 4) FROM od_node WHERE id = 4]])
      coming:clear_fault("ready.hold")
      eventually("all nodes have slots", function()
        load:round()
        return are_settled(4)
      end)
      coming:wait_listening()
      load:round()
      load:stop()
      assert.same({}, load.wrong)
      assert.equal("0", postgres:ask "SELECT count(*) FROM early")
    end)

  it("gives on what comes to it and is another's already", function()
    for _ = 1, 3 do
      begin()
    end
    eventually("all nodes have slots", function() return are_settled(3) end)
    local _, slow, passing = unpack(nodes.all)
    slow:fault("commit.hold") -- It claims, and does not have it before the fault is cleared.
    passing:shut_down()
    passing:launch()
    eventually("it hears that another is to have them", function()
      local _, page = slow:asking("cluster", "status")
      return page:match("node 3[^\n]*: %d+ slots\n")
    end)
    slow:clear_fault("commit.hold")
    eventually("all nodes have slots", function() return are_settled(3) end)
  end)

  it("answers what its own clients have begun, and closes their WebSockets with 1001", function()
    local leaving, other = begin(), begin()
    eventually("both nodes have slots", function() return are_settled(2) end)
    for _, owner in ipairs { "1", "2" } do
      local path
      for i = 1, 100 do
        path = leaving:get("/things/n" .. i).body == owner and "/things/n" .. i or path
      end
      local client = leaving:connect(path)
      local slow, asker = leaving:open(), leaving:open()
      slow:send_request("GET", path .. "/slow")
      nodes.all[tonumber(owner)]:wait_log("slow has begun")
      leaving.process:signal("TERM")
      leaving:wait_log("this node leaves the cluster")
      assert.equal(200, asker:request("GET", path .. "/count").status)
      eventually("nobody can connect to it", function() return not pcall(leaving.open, leaving) end)
      local answer = slow:read_answer()
      assert.equal("200 done", answer.status .. " " .. answer.body)
      client:expect_close(1001)
      assert.equal(0, (leaving.process:wait_exit(30)))
      assert.equal("2", other:get(path).body)
      leaving:launch()
      eventually("both nodes have slots", function() return are_settled(2) end)
    end
  end)
end)
