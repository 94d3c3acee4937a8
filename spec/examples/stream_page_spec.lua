-- The page of the stream example in a browser; the conversation is in stream_page.mjs.
local browser = require "spec.support.browser"

describe("the page of the stream example", function()
  it("shows an answer that grows, and is loaded again when its file is saved", function()
    browser.converse(pending, "stream", { watch = true, command = "dev" })
  end)
end)
