-- Objects that fall asleep: the instance goes, storage and sockets stay, and the next event finds
-- all of it.
local survival = require "spec.scenario.survival"
local workbench = require "spec.scenario.workbench"

local SOURCE = [[
local od = require "open-do"

local Thing = require("workbench").thing(function(self)
  self.events = "constructed"
end)

function Thing:webSocketMessage(ws, message)
  self.events = self.events .. ", " .. message
  if message == "close" then
    ws:close(4000)
  elseif message == "send" then
    local ok, problem = pcall(ws.send, ws, "after close")
    ws = self.state:getWebSockets("witness")[1]
    ws:send(tostring(problem))
  else
    local attachment = ws:deserializeAttachment() or {}
    ws:send(("%s; %s; %s; %s; %d"):format(self.boot, self.events,
      table.concat(self.state:getTags(ws), ","), attachment.name or "?", ws.readyState))
  end
end

return { namespaces = { things = Thing } }
]]

describe("an object without anything to do for ten seconds", function()
  local server = workbench.each(SOURCE, { workers = 1 })

  local function ask(name, code)
    return workbench.ask(server, name, code)
  end

  it("loses its instance, and not its storage", function()
    local boot = ask("a", "storage:put('n', 1) self.memory = 1 return self.boot")
    assert.equal(boot, ask("a", "return self.boot"))
    workbench.fall_asleep(server)
    assert.not_equal(boot, ask("a", "return self.boot"))
    assert.is_true(ask("a", "return self.memory == nil and storage:get('n') == 1"))
  end)

  it("keeps its sockets, with tags and attachments, again and again (56) (58) (59)", function()
    local ann = server:connect("/things/a?tags=x,y")
    local ben = server:connect("/things/a?tags=z")
    ask("a", "state:getWebSockets('x')[1]:serializeAttachment { name = 'Ann' }")
    local boots = {}
    for i = 1, 3 do
      workbench.fall_asleep(server)
      ann:expect_silence()
      ann:send("hello")
      local boot, rest = ann:receive():match("^(.-); (.*)$")
      assert.equal("constructed, hello; x,y; Ann; 1", rest)
      assert.is_nil(boots[boot], "the instance is the old one")
      boots[boot] = i
    end
    ben:send("hi")
    assert.matches("; constructed, hello, hi; z; %?; 1$", (ben:receive()))
    assert.equal(2, ask("a", "return #state:getWebSockets()"))
  end)

  it("keeps tags a socket got later, through sleep, a reload and a crash", function()
    local ann = server:connect("/things/a?tags=x")
    ann:send("hello")
    ann:receive()
    ask("a", "state:setTags(state:getWebSockets()[1], { 'y', 'z' })")
    local function look()
      return ask("a", [[
        local ws = state:getWebSockets("y")[1]
        return ("%d %s"):format(#state:getWebSockets("x"), table.concat(state:getTags(ws), ","))
      ]])
    end
    workbench.fall_asleep(server)
    assert.equal("0 y,z", look())
    server:save(SOURCE .. "\n-- again")
    server:asking "reload"
    assert.equal("0 y,z", look())
    server:expect_mishap "another one is started"
    survival.kill_one(server)
    survival.await_back(server)
    assert.equal("0 y,z", look())
    ann:send("still here")
    assert.matches("; y,z; %?; 1$", (ann:receive()))
  end)

  it("remembers that it has closed a socket (152)", function()
    local witness = server:connect("/things/a?tags=witness")
    local ann = server:connect("/things/a?tags=ann")
    ann:send("close")
    assert.equal(8, ann:read_frame().opcode)
    witness:expect_silence()
    ann:send("send")
    assert.matches("Can't call WebSocket send() after close().", witness:receive(), 1, true)
  end)

  it("stays awake as long as something runs in it", function()
    local boot = ask("a", "return self.boot")
    local busy = workbench.begin(server, "a", "print('busy') od.sleep(25000) return self.boot")
    server:wait_log("busy")
    workbench.fall_asleep(server)
    assert.equal(boot, ask("a", "return self.boot"))
    server:turn_clock(15000)
    assert.equal(boot, workbench.outcome(busy))
  end)

  it("is freed with its name known, when it has no sockets", function()
    local id = ask("a", "storage:put('n', 1) return tostring(state.id) .. state.id.name")
    workbench.fall_asleep(server)
    assert.equal(id, ask("a", "return tostring(state.id) .. state.id.name"))
  end)
end)
