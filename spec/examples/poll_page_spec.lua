-- The page of the poll in a browser; the conversation is in poll_page.mjs.
local browser = require "spec.support.browser"

describe("the page of the poll", function()
  it("makes a poll, and shows each vote to all", function()
    browser.converse(pending, "poll", {
      folder = "examples/apps/", args = { "--var", "SECRET=a secret of a spec" } })
  end)
end)
