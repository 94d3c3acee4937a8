local t = require "open-do.test"

describe("a thing", function()
  it("counts who asks, also after a restart", function()
    local app = t.start "app.lua"
    assert.equal("lamp has been asked 1 times\n", app:fetch("/things/lamp"):text())
    app:restart()
    assert.equal("lamp has been asked 2 times\n", app:fetch("/things/lamp"):text())
  end)
end)
