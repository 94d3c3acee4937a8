-- The program of lua/FRONT-ENDS.md, made of the blocks of that page, in a browser; the conversation
-- is in front-ends_page.mjs.
local browser = require "spec.support.browser"

describe("the page about front ends", function()
  it("has a feed that misses nothing", function()
    local file = assert(io.open("lua/FRONT-ENDS.md", "rb"))
    local page = file:read("*a")
    file:close()
    local made = io.popen("mktemp -d -t open-do-front-ends-XXXXXX")
    local folder = made:read("*l")
    made:close()
    assert(os.execute(("mkdir -p %s/front-ends/public"):format(folder)) == 0)
    local names = {}
    for name, text in page:gmatch("```%l+ (%S+)\n(.-)```") do
      local written = assert(io.open(("%s/front-ends/%s"):format(folder, name), "wb"))
      written:write(text)
      written:close()
      names[#names + 1] = name
    end
    assert.same({ "front-ends.lua", "public/live.js", "public/index.html" }, names)
    finally(function() os.execute(("rm -rf '%s'"):format(folder)) end)
    browser.converse(pending, "front-ends", { folder = folder .. "/" })
  end)
end)
