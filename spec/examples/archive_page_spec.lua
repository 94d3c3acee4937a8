-- The page of the archive in a browser; the conversation is in archive_page.mjs.
local browser = require "spec.support.browser"

describe("the page of the archive", function()
  it("finds what was said while one types", function()
    browser.converse(pending, "archive")
  end)
end)
