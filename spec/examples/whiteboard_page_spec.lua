-- The page of the whiteboard in a browser; the conversation is in whiteboard_page.mjs.
local browser = require "spec.support.browser"

describe("the page of the whiteboard", function()
  it("lets two people draw, with the script saved in between, and one of them reload", function()
    browser.converse(pending, "whiteboard", { watch = true })
  end)
end)
