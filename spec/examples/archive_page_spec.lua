-- The page of the archive in a browser; the conversation is in archive_page.mjs.
local browser = require "spec.support.browser"

describe("the page of the archive", function()
  it("finds what was said while one types", function()
    local passed, output = browser.play "archive"
    if passed == nil then
      return pending("OPEN_DO_NODE_MODULES does not name a directory with playwright-core")
    end
    assert.is_true(passed, output)
  end)
end)
