-- The page of the party example in a browser; the conversation is in party_page.mjs.
local browser = require "spec.support.browser"

describe("the page of the party example", function()
  it("shows everybody's notes and cursors", function()
    local passed, output = browser.play "party"
    if passed == nil then
      return pending("OPEN_DO_NODE_MODULES does not name a directory with playwright-core")
    end
    assert.is_true(passed, output)
  end)
end)
