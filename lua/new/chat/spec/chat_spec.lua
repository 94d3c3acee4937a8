local t = require "open-do.test"

describe("the chat", function()
  local app

  before_each(function()
    app = t.start "chat.lua"
  end)

  -- The socket of who comes in, once all have heard of it, and what was said before.
  local function come(name)
    local socket = app:connect("/rooms/lobby")
    local said = socket:receiveJson()
    socket:sendJson { name = name }
    assert.same({ { text = name .. " is here" } }, socket:receiveJson())
    return socket, said
  end

  it("passes on what is said, with who said it", function()
    local ann = come "Ann"
    local ben = come "Ben"
    assert.same({ { text = "Ben is here" } }, ann:receiveJson())
    ann:sendJson { text = "hello" }
    assert.same({ { name = "Ann", text = "hello" } }, ben:receiveJson())
    ann:receiveJson()
    ben:close()
    assert.same({ { text = "Ben has left" } }, ann:receiveJson())
  end)

  it("tells who comes later what was said, also after a power cut", function()
    local ann = come "Ann"
    ann:sendJson { text = "is anybody there?" }
    ann:receiveJson()
    app:crash()
    local _, said = come "Ben"
    said[3] = nil -- "Ann has left", when the crash was noticed before Ben came.
    assert.same({ { text = "Ann is here" }, { name = "Ann", text = "is anybody there?" } }, said)
  end)

  it("keeps nothing that is too much, or no text", function()
    local ann = come "Ann"
    ann:sendJson { text = ("x"):rep(4001) }
    ann:send('{"text":"\255"}', true)
    ann:expectClose(1007)
    local _, said = come "Ben"
    assert.same({ { text = "Ann is here" }, { text = "Ann has left" } }, said)
  end)

  it("keeps people after a sleep", function()
    local ann = come "Ann"
    app:hibernate(app.env.rooms:getByName("lobby"))
    ann:sendJson { text = "still me" }
    assert.same({ { name = "Ann", text = "still me" } }, ann:receiveJson())
  end)

  it("shows its page", function()
    assert.matches("<title>Chat</title>", app:fetch("/"):text())
    assert.equal(404, app:fetch("/elsewhere").status)
  end)
end)
