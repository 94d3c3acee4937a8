local od = require "open-do"
local t = require "open-do.test"

local MIB = 2 ^ 20

describe("the assistant", function()
  local app, model

  before_each(function()
    local other = t.start "model.lua"
    model = other.env.models:getByName("it")
    app = t.start("assistant.lua", { vars = { MODEL = other.url .. "/models/it", NAME = "tiny" } })
  end)

  local function ask(text)
    local body = od.json.encode { text = text }
    return app:fetch("/talks/1/messages", { method = "POST", body = body }).status
  end

  local function listen(last)
    return app:connectEvents("/talks/1/events", { headers = { ["last-event-id"] = last } })
  end

  -- The next event as "event data".
  local function next_of(reader)
    local event = reader:receive()
    local value = event.data ~= "" and od.json.decode(event.data) or ""
    return event.event .. " " .. (type(value) == "table" and value.role .. " "
      .. (value.text or value.name) or value)
  end

  it("shows each token to all readers before the next is there", function()
    local ann, ben = listen(), listen()
    assert.equal(202, ask "Why?")
    for _, reader in ipairs { ann, ben } do
      assert.equal("message user Why?", next_of(reader))
      assert.equal("begin ", next_of(reader))
    end
    for _, word in ipairs { "Be", "cause" } do
      model:say(word)
      assert.equal("token " .. word, next_of(ann))
      assert.equal("token " .. word, next_of(ben))
    end
    assert.equal(409, ask "And now?")
    local late = listen("1")
    assert.equal("begin ", next_of(late))
    assert.equal("token Because", next_of(late))
    model:say(".", "[DONE]")
    assert.equal("token .", next_of(late))
    assert.equal("message assistant Because.", next_of(late))
  end)

  it("tells the model what was said before", function()
    local ann = listen()
    for _, text in ipairs { "One?", "Two?" } do
      model:say("Yes", "[DONE]")
      assert.equal(202, ask(text))
      repeat until next_of(ann) == "message assistant Yes"
    end
    local asked = model:asked()
    assert.equal("tiny", asked.model)
    assert.same({ "user One?", "assistant Yes", "user Two?" }, {
      asked.messages[1].role .. " " .. asked.messages[1].content,
      asked.messages[2].role .. " " .. asked.messages[2].content,
      asked.messages[3].role .. " " .. asked.messages[3].content })
  end)

  it("asks again when the model breaks off", function()
    local ann = listen()
    model:say("Be", "[CUT]", "Be", "[DONE]")
    ask "Why?"
    local seen = {}
    for i = 1, 3 do
      seen[i] = next_of(ann)
    end
    assert.same({ "message user Why?", "begin ", "token Be" }, seen)
    app:waitLog("the model broke off")
    app:advance(3000)
    assert.equal("begin ", next_of(ann))
    assert.equal("token Be", next_of(ann))
    assert.equal("message assistant Be", next_of(ann))
  end)

  it("asks again after a power cut", function()
    local ann = listen()
    ask "Why?"
    model:say("Be")
    repeat until next_of(ann) == "token Be"
    app:crash()
    local again = listen("1")
    assert.equal("begin ", next_of(again))
    model:say("So", "[DONE]")
    local last
    repeat
      last = next_of(again)
    until not last:match("^token")
    assert.equal("message assistant So", last)
  end)

  it("says in the end why there is no answer, and can be asked again", function()
    model:refuse(503)
    ask "Why?"
    for _ = 1, 3 do
      app:advance(60000)
    end
    local ann = listen("1")
    assert.equal("message assistant (the model answered 503)", next_of(ann))
    model:refuse(nil)
    model:say("So.", "[DONE]")
    assert.equal(202, ask "And now?")
  end)

  it("takes a file of 20 MB and gives it back, also after a power cut", function()
    local bytes = od.randomBytes(65536):rep(20 * MIB / 65536) .. "end"
    local reader = listen()
    local stored = app:fetch("/talks/1/files/a%20film.mp4", { method = "PUT", body = bytes })
    assert.equal(201, stored.status)
    assert.equal("message file a film.mp4", next_of(reader))
    app:crash()
    local answer = app:fetch("/talks/1/files/a%20film.mp4")
    assert.equal("attachment", answer.headers:get("content-disposition"))
    assert.is_true(answer:text() == bytes)
    assert.equal(404, app:fetch("/talks/1/files/other").status)
    assert.equal(404, app:fetch("/talks/2/files/a%20film.mp4").status)
  end)

  it("forgets what is replaced, and keeps one that is empty", function()
    for _, body in ipairs { "first", "second", "" } do
      app:fetch("/talks/1/files/x", { method = "PUT", body = body })
      assert.equal(body, app:fetch("/talks/1/files/x"):text())
    end
    app:advance(3600000)
    local pieces = t.runInObject(app.env.talks:getByName("1"), function(_, state)
      local count = 0
      for _ in state.storage:list { prefix = "piece:" } do
        count = count + 1
      end
      return count
    end)
    assert.equal(0, pieces)
  end)

  it("refuses what is no question", function()
    for _, body in ipairs { "", "[]", '{"text":""}', '{"text":7}' } do
      assert.equal(400, app:fetch("/talks/1/messages", { method = "POST", body = body }).status)
    end
    for _, path in ipairs { "/talks/1/other", "/talks//messages", "/talks/1/files/a/b" } do
      assert.equal(404, app:fetch(path).status)
    end
    assert.matches("<title>Assistant</title>", app:fetch("/"):text())
  end)
end)
