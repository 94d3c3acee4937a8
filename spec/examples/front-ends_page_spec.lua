-- The program of lua/FRONT-ENDS.md, made of the blocks of that page, in a browser; the conversation
-- is in front-ends_page.mjs.
local browser = require "spec.support.browser"
local shell = require "spec.support.shell"

describe("the page about front ends", function()
  it("has a feed that misses nothing", function()
    local page = shell.read("lua/FRONT-ENDS.md")
    local folder = shell.make_directory()
    assert(os.execute(("mkdir -p %s/front-ends/public"):format(folder)) == 0)
    local names = {}
    for name, text in page:gmatch("```%l+ (%S+)\n(.-)```") do
      shell.write(("%s/front-ends/%s"):format(folder, name), text)
      names[#names + 1] = name
    end
    assert.same({ "front-ends.lua", "public/live.js", "public/index.html" }, names)
    finally(function() shell.remove(folder) end)
    browser.converse(pending, "front-ends", { folder = folder .. "/" })
  end)
end)
