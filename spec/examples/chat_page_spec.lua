-- The chat's page in a browser; the conversation is in chat_page.mjs.
local browser = require "spec.support.browser"

describe("the page of the chat", function()
  it("lets two people talk, and one of them reload", function()
    browser.converse(pending, "chat")
  end)
end)
