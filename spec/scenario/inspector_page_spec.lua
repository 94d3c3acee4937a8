-- The inspector in a browser, over a chat with a thousand rooms; the visit: inspector_page.mjs.
-- Screenshots are left in the directory OPEN_DO_SCREENSHOTS, or in a new one whose name is told.
local Server = require "spec.support.server"
local shell = require "spec.support.shell"

local PAGE_BYTES_MAX = 100000
local FOLDER = "lua/open-do/admin/page"

local SOURCE = [[
local od = require "open-do"
local Room = {}
function Room:fetch(request)
  if request:isWebSocketUpgrade() then
    local client, server = od.WebSocketPair()
    self.state:acceptWebSocket(server, { "guest" })
    server:serializeAttachment({ name = request.query.name })
    return od.Response(nil, { status = 101, webSocket = client })
  end
  self.state.storage:put("topic", "<img src=x onerror=alert(1)>")
  if request.query.fail then error("the kettle is empty") end
  if request.query.slow then
    local till = os.clock() + 0.2
    repeat until os.clock() > till
    self.state.storage:put("note", "<img src=x onerror=alert(1)>")
  end
  return od.Response(od.json.encode(self.state.storage:get("topic")))
end
function Room:add(a, b) return a + b end
function Room:brew() self.state.storage:put("brewed", od.now()) od.sleep(5) end
return { namespaces = { rooms = Room } }
]]

describe("the inspector", function()
  it("is one page of less than 100 kB, with nothing from elsewhere", function()
    local _, size = shell.run("cat " .. FOLDER .. "/*.html " .. FOLDER .. "/*.css "
      .. FOLDER .. "/*.js " .. FOLDER .. "/*.svg | wc -c")
    assert.is_true(tonumber(size) < PAGE_BYTES_MAX, size)
    local found = shell.run("grep -rnE 'innerHTML|https?://[a-z]' " .. FOLDER
      .. " --include=*.js --include=*.css --include=*.html | grep -v w3.org")
    assert.is_false(found)
  end)

  it("shows who is slow and why it failed, and changes what is stored", function()
    if not os.getenv("OPEN_DO_NODE_MODULES") then
      return pending("OPEN_DO_NODE_MODULES does not name a directory with playwright-core")
    end
    local server = Server.start { source = SOURCE, admin = true, args = { "--idle-ms", "600000" } }
    local client = server:open()
    for i = 1, 1000 do
      assert(client:request("GET", "/rooms/room-" .. i).status == 200)
    end
    client:request("GET", "/rooms/kitchen?slow=1")
    client:request("GET", "/rooms/kitchen?fail=1")
    local _, descriptors = shell.run "ulimit -n"
    for i = 1, (tonumber(descriptors) or 0) > 6000 and 5000 or 500 do
      server:connect(("/rooms/%s?name=ann"):format(i <= 5 and "kitchen" or "room-" .. i % 1000 + 1))
    end
    local directory = os.getenv("OPEN_DO_SCREENSHOTS") or shell.make_directory()
    local command = "node spec/scenario/inspector_page.mjs '%s|%s|%s' '%s'"
    local passed, output = shell.run(command:format(
      server.admin.url, server.admin.token, server.admin.read_token, directory))
    local stored = server:get("/rooms/room-1").body -- That connection may have ended meanwhile.
    server:stop()
    assert.is_true(passed, output .. "screenshots in " .. directory)
    assert.matches("img", stored)
  end)
end)
