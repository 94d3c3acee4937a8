-- The page of the yjs example in a browser; the conversation is in yjs_page.mjs.
local browser = require "spec.support.browser"

describe("the page of the yjs example", function()
  it("lets two people write one document in two editors", function()
    local passed, output = browser.play "yjs"
    if passed == nil then
      return pending("OPEN_DO_NODE_MODULES does not name a directory with playwright-core")
    end
    assert.is_true(passed, output)
  end)
end)
