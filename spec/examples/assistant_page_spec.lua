-- The page of the assistant in a browser, with a model that says what it is told; the conversation
-- is in assistant_page.mjs.
local Server = require "spec.support.server"
local browser = require "spec.support.browser"

describe("the page of the assistant", function()
  it("shows an answer while it is given, and files", function()
    local model = Server.start { script = "examples/apps/assistant/spec/model.lua" }
    local url = model.url .. "/models/it"
    finally(function() model:abandon() end) -- It is ended with the other one.
    browser.converse(pending, "assistant", {
      folder = "examples/apps/", args = { "--var", "MODEL=" .. url }, other = url })
  end)
end)
