-- Clients that others wrote: curl, and node's `ws` with compression.
local workbench = require "spec.scenario.workbench"

local SOURCE = [[
local od = require "open-do"

local Thing = {}

function Thing:fetch(request)
  if request.headers:get("upgrade") == "websocket" then
    local client, server = od.WebSocketPair()
    self.state:acceptWebSocket(server)
    return od.Response(nil, { status = 101, webSocket = client })
  end
  return od.Response(("%s %s\n"):format(request.method, request:text()),
    { status = tonumber(request.query.status), headers = { ["x-thing"] = self.state.id.name } })
end

function Thing:webSocketMessage(ws, message, isBinary)
  if isBinary or message == "" then
    ws:send(message, isBinary)
  else
    self.state:broadcast(message)
  end
end

return { namespaces = { things = Thing } }
]]

-- Runs a shell [command]; returns what it wrote and its exit code.
local function run(command)
  local pipe = assert(io.popen("unset LD_PRELOAD; " .. command .. " 2>&1; printf 'exit=%s' $?"))
  local output = pipe:read("*a")
  pipe:close()
  local text, code = output:match("^(.-)exit=(%d+)$")
  return text, tonumber(code)
end

describe("a client that others wrote:", function()
  local server = workbench.once(SOURCE)

  local function curl(arguments, path)
    local text, code = run(("curl -sS --max-time 20 %s '%s/things/%s'"):format(
      arguments, server.url, path))
    assert.equal(0, code, text)
    return text
  end

  it("curl gets, posts, asks for the head, and follows the status", function()
    assert.equal("GET \n", curl("", "a"))
    assert.equal("POST name=Ann\n", curl("-d name=Ann", "a"))
    assert.equal("PUT text\n", curl("-X PUT --data-binary text", "a"))
    local head = curl("-I", "a%20b?status=418")
    assert.matches("^HTTP/1.1 418", head)
    assert.matches("x%-thing: a b", head:lower())
    assert.equal("404", curl("-o /dev/null -w '%{http_code}'", "a?status=404"))
  end)

  it("curl sends in chunks, and asks before it sends a large body", function()
    local piped = "printf chunk | curl -sS --max-time 20 -X POST -T - '%s/things/a'"
    assert.equal("POST chunk\n", (run(piped:format(server.url))))
    local text = curl("-v -H 'Expect: 100-continue' --data-binary @README.md", "a")
    assert.matches("HTTP/1.1 100 Continue", text, 1, true)
    assert.matches("HTTP/1.1 200 OK", text, 1, true)
  end)

  it("curl keeps one connection for several requests", function()
    local text = curl(("-v '%s/things/a' '%s/things/b'"):format(server.url, server.url), "c")
    local _, connected = text:gsub("%* +Trying ", "")
    assert.equal(1, connected)
    local _, answered = text:gsub("< HTTP/1.1 200 OK", "")
    assert.equal(3, answered)
  end)

  it("node's ws exchanges 2,000 messages of all sizes, compressed", function()
    local modules = os.getenv("OPEN_DO_NODE_MODULES")
    if not modules then
      return pending("OPEN_DO_NODE_MODULES does not name a directory with ws")
    end
    local command = "OPEN_DO_NODE_MODULES='%s' node spec/scenario/clients.mjs '%s/things/node'"
    local text, code = run(command:format(modules, (server.url:gsub("^http", "ws"))))
    assert.equal(0, code, text)
    assert.matches("extensions permessage-deflate", text, 1, true)
    assert.matches("received 2000, closed 3000", text, 1, true)
  end)
end)
