-- The chat's page in a browser; the conversation is in chat_page.mjs. Screenshots are left in the
-- directory OPEN_DO_SCREENSHOTS, or in a new one whose name the failure tells.
local Server = require "spec.support.server"
local shell = require "spec.support.shell"

local function screenshot_directory()
  local named = os.getenv("OPEN_DO_SCREENSHOTS")
  if named then
    return named
  end
  local _, made = shell.run("mktemp -d -t open-do-chat-XXXXXX")
  return (made:gsub("%s+$", ""))
end

describe("the page of the chat", function()
  local server = Server.each { script = "examples/chat/chat.lua" }

  it("lets two people talk, and one of them reload", function()
    if not os.getenv("OPEN_DO_NODE_MODULES") then
      return pending("OPEN_DO_NODE_MODULES does not name a directory with playwright-core")
    end
    local directory = screenshot_directory()
    local arguments = shell.quoted(server.url) .. " " .. shell.quoted(directory)
    local passed, output = shell.run("node spec/examples/chat_page.mjs " .. arguments)
    assert.is_true(passed, output .. "screenshots in " .. directory)
  end)
end)
