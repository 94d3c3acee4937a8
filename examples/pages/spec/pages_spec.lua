local t = require "open-do.test"

describe("the pages for authors", function()
  local app

  before_each(function()
    app = t.start "pages.lua"
  end)

  it("are HTML, with links that lead somewhere", function()
    local seen, todo = {}, { "/START.md", "/README.md" }
    while #todo > 0 do
      local path = table.remove(todo)
      local answer = app:fetch(path)
      assert.equal(200, answer.status, path)
      local html = answer:text()
      assert.matches("<h1 id=", html)
      assert.is_nil(html:match("[\1-\5]"), path)
      assert.is_nil(html:match("\n```"), path)
      assert.is_nil(html:match('href="%.%.'), path)
      seen[path] = true
      for name in html:gmatch('<a href="([%w-]+%.md)') do
        if not seen["/" .. name] then
          seen["/" .. name] = true
          todo[#todo + 1] = "/" .. name
        end
      end
    end
    for _, name in ipairs { "README", "COOKBOOK", "ERRORS", "FRONT-ENDS", "CHANGING-DATA" } do
      assert.is_true(seen[("/%s.md"):format(name)], name)
    end
  end)

  it("count their readers", function()
    assert.matches("Read 1 times", app:fetch("/"):text())
    app:crash()
    assert.matches("Read 2 times", app:fetch("/START.md"):text())
  end)

  it("make what stands in a line, a table, a list and a block what it is", function()
    local html = app:fetch("/ERRORS.md"):text()
    assert.matches("<td> <code>request:isWebSocketUpgrade%(%)</code> </td>", html)
    assert.matches('<pre>local od = require &quot;open%-do&quot;', html)
    assert.matches("<li><b>Files</b> go up", app:fetch("/FRONT-ENDS.md"):text())
  end)

  it("are no other files", function()
    for _, path in ipairs { "/embed.lua", "/open-do/init.lua", "/x.md", "/types/README.md" } do
      assert.equal(404, app:fetch(path).status)
    end
  end)
end)
