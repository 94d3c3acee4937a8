-- The page of the party example in a browser; the conversation is in party_page.mjs.
local browser = require "spec.support.browser"

describe("the page of the party example", function()
  it("shows everybody's notes and cursors", function()
    browser.converse(pending, "party")
  end)
end)
