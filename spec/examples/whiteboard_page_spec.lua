-- The page of the whiteboard in a browser; the conversation is in whiteboard_page.mjs.
local browser = require "spec.support.browser"

describe("the page of the whiteboard", function()
  it("lets two people draw, with the script saved in between, and one of them reload", function()
    local passed, output = browser.play("whiteboard", { watch = true })
    if passed == nil then
      return pending("OPEN_DO_NODE_MODULES does not name a directory with playwright-core")
    end
    assert.is_true(passed, output)
  end)
end)
