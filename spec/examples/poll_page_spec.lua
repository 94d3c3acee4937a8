-- The page of the poll in a browser; the conversation is in poll_page.mjs.
local browser = require "spec.support.browser"

describe("the page of the poll", function()
  it("makes a poll, and shows each vote to all", function()
    local passed, output = browser.play("poll", { folder = "examples/apps/",
      args = { "--var", "SECRET=a secret of a spec" } })
    if passed == nil then
      return pending("OPEN_DO_NODE_MODULES does not name a directory with playwright-core")
    end
    assert.is_true(passed, output)
  end)
end)
