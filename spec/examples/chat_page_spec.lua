-- The chat's page in a browser; the conversation is in chat_page.mjs. Screenshots are left in the
-- directory OPEN_DO_SCREENSHOTS, or in a new one whose name the failure tells.
local Server = require "spec.support.server"

local function quoted(text)
  return "'" .. text:gsub("'", "'\\''") .. "'"
end

-- Runs a shell [command]; returns whether it ended with 0, and all it wrote.
local function run(command)
  local pipe = assert(io.popen(command .. " 2>&1; echo exit=$?"))
  local output = pipe:read("*a")
  pipe:close()
  return output:match("exit=(%d+)%s*$") == "0", (output:gsub("exit=%d+%s*$", ""))
end

local function screenshot_directory()
  local named = os.getenv("OPEN_DO_SCREENSHOTS")
  if named then
    return named
  end
  local _, made = run("mktemp -d -t open-do-chat-XXXXXX")
  return (made:gsub("%s+$", ""))
end

describe("the page of the chat", function()
  local server

  before_each(function()
    server = Server.start { script = "examples/chat/chat.lua" }
  end)

  after_each(function()
    server:stop()
  end)

  it("lets two people talk, and one of them reload", function()
    if not os.getenv("OPEN_DO_NODE_MODULES") then
      return pending("OPEN_DO_NODE_MODULES does not name a directory with playwright-core")
    end
    local directory = screenshot_directory()
    local arguments = quoted(server.url) .. " " .. quoted(directory)
    local passed, output = run("node spec/examples/chat_page.mjs " .. arguments)
    assert.is_true(passed, output .. "screenshots in " .. directory)
  end)
end)
