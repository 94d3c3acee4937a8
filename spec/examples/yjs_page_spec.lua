-- The page of the yjs example in a browser; the conversation is in yjs_page.mjs.
local browser = require "spec.support.browser"

describe("the page of the yjs example", function()
  it("lets two people write one document in two editors", function()
    browser.converse(pending, "yjs")
  end)
end)
