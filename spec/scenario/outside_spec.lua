-- WebSockets of objects to places outside: opened, kept, dialled again.
local json = require "dkjson"
local Upstream = require "spec.support.upstream"
local workbench = require "spec.scenario.workbench"

local SOURCE = [[
local od = require "open-do"

-- Notes what happens to its sockets, where it outlives the instance.
local Thing = { fetch = require("workbench").fetch }

function Thing:constructor()
  self.boot = od.randomUUID()
end

local function note(self, text)
  local seen = self.state.storage:get("seen") or {}
  seen[#seen + 1] = text
  self.state.storage:put("seen", seen)
end

local function who(self, ws)
  local attachment = ws:deserializeAttachment()
  return ("%s/%s"):format(table.concat(self.state:getTags(ws), ","), tostring(attachment))
end

function Thing:webSocketOpen(ws, isReconnect)
  note(self, ("open %s %s"):format(who(self, ws), tostring(isReconnect)))
  ws:send("hello")
end

function Thing:webSocketMessage(ws, message, isBinary)
  note(self, (isBinary and "bytes " or "text ") .. message)
  if message == "close me" then
    ws:close(4001, "enough")
  elseif message:sub(1, 5) == "echo " then
    ws:send(message, isBinary)
  end
end

function Thing:webSocketClose(ws, code, reason, wasClean)
  note(self, ("close %s %d %s %s"):format(who(self, ws), code, reason, tostring(wasClean)))
  if reason == "for good" then
    ws:close()
  end
end

function Thing:webSocketError(ws, why)
  note(self, "error " .. why:gsub("%d%d%d%d+", "PORT"))
end

return { namespaces = { things = Thing } }
]]

describe("a WebSocket to outside", function()
  local server, upstream

  before_each(function()
    upstream = Upstream.listen()
    server = workbench.start(SOURCE, { workers = 1 })
  end)

  after_each(function()
    server:stop()
    upstream:stop()
  end)

  local function ask(code, name)
    return workbench.ask(server, name or "a", code)
  end

  local function refusal(code)
    return workbench.refusal(server, "a", code)
  end

  -- Opens one; options as the script writes them.
  local function connect(path, options, name)
    return ask(("local ws = state:connect(%q, %s) return ws.readyState"):format(
      upstream.url .. (path or "/feed"), options or "{}"), name)
  end

  -- What the object has noted so far, once it is so much.
  local function seen(count, name)
    local list
    workbench.becomes(count, function()
      list = ask("return storage:get('seen') or {}", name)
      return #list
    end)
    return list
  end

  local function sockets(name)
    return ask([[
      local list = {}
      for i, ws in ipairs(state:getWebSockets()) do
        list[i] = ("%d %s %s %s"):format(ws.readyState, tostring(ws.outgoing), ws.url:match("/%w*$"),
          table.concat(state:getTags(ws), ","))
      end
      return list]], name)
  end

  it("is connected, sends and hears as an accepted one does", function()
    assert.equal(0, connect("/feed", [[{ tags = { "feed" }, headers = { Authorization = "me" } }]]))
    local peer = upstream:accept()
    assert.equal("/feed", peer.path)
    assert.equal("me", peer.headers.authorization)
    assert.equal("127.0.0.1:" .. upstream.port, peer.headers.host)
    peer:expect("hello")
    peer:send("news")
    peer:send("\1\2", true)
    peer:send("echo me")
    peer:expect("echo me")
    assert.same({ "open feed/nil false", "text news", "bytes \1\2", "text echo me" }, seen(4))
    assert.same({ "1 true /feed feed" }, sockets())
    ask("for _, ws in ipairs(state:getWebSockets('feed')) do ws:send('from outside an event') end")
    peer:expect("from outside an event")
    ask("return state:broadcast('to all')")
    peer:expect("to all")
  end)
end)
