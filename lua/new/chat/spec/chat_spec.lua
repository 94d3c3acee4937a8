local t = require "open-do.test"

describe("the chat", function()
  local app

  before_each(function()
    app = t.start "chat.lua"
  end)

  local function come(name)
    local socket = app:connect("/rooms/lobby")
    socket:sendJson { name = name }
    return socket
  end

  it("passes on what is said, with who said it", function()
    local ann = come "Ann"
    assert.same({ text = "Ann is here" }, ann:receiveJson())
    local ben = come "Ben"
    ben:receiveJson() -- That Ann is here.
    assert.same({ text = "Ben is here" }, ben:receiveJson())
    ann:receiveJson()
    ann:sendJson { text = "hello" }
    assert.same({ name = "Ann", text = "hello" }, ben:receiveJson())
    ben:close()
    ann:receiveJson()
    assert.same({ text = "Ben has left" }, ann:receiveJson())
  end)

  it("tells who comes later what was said, also after a power cut", function()
    local ann = come "Ann"
    ann:receiveJson()
    ann:sendJson { text = "is anybody there?" }
    ann:receiveJson()
    app:crash()
    local ben = app:connect("/rooms/lobby")
    assert.same({ text = "Ann is here" }, ben:receiveJson())
    assert.same({ name = "Ann", text = "is anybody there?" }, ben:receiveJson())
  end)

  it("keeps people after a sleep", function()
    local ann = come "Ann"
    ann:receiveJson()
    app:hibernate(app.env.rooms:getByName("lobby"))
    ann:sendJson { text = "still me" }
    assert.same({ name = "Ann", text = "still me" }, ann:receiveJson())
  end)

  it("shows its page", function()
    assert.matches("<title>Chat</title>", app:fetch("/"):text())
    assert.equal(404, app:fetch("/elsewhere").status)
  end)
end)
