-- The chat's wire conversation. Ann, Ben and Cleo are people; each socket is a tab of theirs.
local t = require "open-do.test"

describe("the chat", function()
  local app

  before_each(function()
    app = t.start "chat.lua"
  end)

  -- The next thing [person] hears must have at least these [fields].
  local function hear(person, fields)
    local message = person:receiveJson()
    for field, value in pairs(fields) do
      assert.same(value, message[field], "field " .. field)
    end
    return message
  end

  local function say(person, message)
    person:sendJson(message)
  end

  -- Opens a tab for [name]; [others] hear that somebody joined. Returns the tab and its welcome.
  local function join(room, name, others)
    local person = app:connect("/rooms/" .. room .. "/socket?name=" .. name)
    local welcome = hear(person, { type = "welcome", room = room, you = name })
    for _, other in ipairs(others or {}) do
      hear(other, { type = "people", joined = name })
    end
    return person, welcome
  end

  describe("at the door", function()
    it("serves the page at the root and for each room", function()
      for _, path in ipairs { "/", "/r/lobby" } do
        local answer = app:fetch(path)
        assert.equal(200, answer.status)
        assert.equal("text/html; charset=utf-8", answer.headers:get("content-type"))
        assert.matches("<!doctype html>", answer:text(), 1, true)
        assert.matches("</html>", answer:text(), 1, true)
      end
    end)

    it("has nothing elsewhere", function()
      assert.equal(404, app:fetch("/elsewhere").status)
      assert.equal(404, app:fetch("/r/lobby/kitchen").status)
      assert.equal(404, app:fetch("/rooms/Lobby!/socket?name=Ann").status)
    end)

    it("asks for a WebSocket where the room is", function()
      assert.equal(426, app:fetch("/rooms/lobby/socket?name=Ann").status)
    end)

    it("lets nobody in without a name of one word", function()
      local upgrade = {
        connection = "Upgrade", upgrade = "websocket",
        ["sec-websocket-version"] = "13", ["sec-websocket-key"] = "dGhlIHNhbXBsZSBub25jZQ==",
      }
      local too_long = "?name=" .. ("n"):rep(65)
      for _, query in ipairs { "", "?name=", "?name=A%20B", "?name=%FF", "?name=%22", too_long } do
        local answer = app:fetch("/rooms/lobby/socket" .. query, { headers = upgrade })
        assert.equal(400, answer.status, query)
      end
    end)
  end)

  describe("in a room", function()
    it("tells a newcomer who is here, and the others who came", function()
      local ann, welcome = join("lobby", "Ann")
      assert.same({ "Ann" }, welcome.people)
      assert.same({}, welcome.history)

      local _, welcome_of_ben = join("lobby", "Ben")
      assert.same({ "Ann", "Ben" }, welcome_of_ben.people)
      hear(ann, { type = "people", joined = "Ben", people = { "Ann", "Ben" } })
    end)

    it("carries a message to everyone, the writer too, under the name of the socket", function()
      local ann = join("lobby", "Ann")
      local ben = join("lobby", "Ben", { ann })

      say(ann, { type = "message", id = "a-1", text = "  Hello Ben\n", from = "Ben", n = 7 })

      local expected = { type = "message", id = "a-1", from = "Ann", text = "Hello Ben", n = 1 }
      hear(ann, expected)
      local heard = hear(ben, expected)
      assert.is_number(heard.at)
    end)

    it("keeps rooms apart", function()
      local ann = join("lobby", "Ann")
      local ben = join("kitchen", "Ben")
      say(ann, { type = "message", text = "in the lobby" })
      hear(ann, { text = "in the lobby", n = 1 })
      say(ben, { type = "message", text = "in the kitchen" })
      hear(ben, { text = "in the kitchen", n = 1 })
    end)

    it("tells the others, and only them, who is writing", function()
      local ann = join("lobby", "Ann")
      local ben = join("lobby", "Ben", { ann })
      say(ann, { type = "typing" })
      say(ann, { type = "message", text = "done" })
      hear(ben, { type = "typing", name = "Ann" })
      hear(ben, { type = "message", text = "done" })
      hear(ann, { type = "message", text = "done" })
    end)

    it("answers a ping without waking the room", function()
      local ann = join("lobby", "Ann")
      ann:send("ping")
      assert.equal("pong", (ann:receive()))
    end)
  end)

  describe("with several tabs", function()
    it("counts a person once, and lets her leave with the last tab", function()
      local ben = join("lobby", "Ben")
      local first = join("lobby", "Ann", { ben })
      local second, welcome = join("lobby", "Ann")
      assert.same({ "Ann", "Ben" }, welcome.people)

      first:close(1000, "")
      first:expectClose(1000)
      say(second, { type = "message", text = "still here" })
      hear(ben, { type = "message", from = "Ann", text = "still here" })

      second:close(1000, "")
      hear(ben, { type = "people", left = "Ann", people = { "Ben" } })
    end)

    it("takes Ann and ann for the same person", function()
      join("lobby", "Ann")
      local _, welcome = join("lobby", "ann")
      assert.equal(1, #welcome.people)
    end)
  end)

  describe("with /msg", function()
    it("speaks to every tab of one person, and nobody else hears it", function()
      local ann = join("lobby", "Ann")
      local ben = join("lobby", "Ben", { ann })
      local ben_on_phone = join("lobby", "Ben")
      local cleo = join("lobby", "Cleo", { ann, ben, ben_on_phone })

      say(ann, { type = "message", id = "a-1", text = "/msg ben cake for Cleo?" })
      local expected = { type = "direct", id = "a-1", from = "Ann", to = "Ben" }
      hear(ann, expected)
      hear(ben, expected)
      assert.equal("cake for Cleo?", hear(ben_on_phone, expected).text)

      say(ann, { type = "message", text = "Good morning" })
      hear(cleo, { type = "message", text = "Good morning" })
    end)

    it("does not stay in the history", function()
      local ann = join("lobby", "Ann")
      say(ann, { type = "message", text = "/msg Ann note to myself" })
      hear(ann, { type = "direct", from = "Ann", to = "Ann" })
      local _, welcome = join("lobby", "Ben", { ann })
      assert.same({}, welcome.history)
    end)

    it("says when there is nobody of that name, or nothing to say", function()
      local ann = join("lobby", "Ann")
      say(ann, { type = "message", id = "a-1", text = "/msg Ben hello?" })
      hear(ann, { type = "error", id = "a-1", text = "Ben is not here" })
      say(ann, { type = "message", id = "a-2", text = "/msg Ben" })
      hear(ann, { type = "error", id = "a-2", text = "Write it like this: /msg name text" })
    end)
  end)

  describe("remembers", function()
    it("what was said, also over a restart", function()
      local ann = join("lobby", "Ann")
      say(ann, { type = "message", text = "first" })
      hear(ann, { text = "first", n = 1 })
      say(ann, { type = "message", text = "second" })
      hear(ann, { text = "second", n = 2 })

      app:restart()

      local ben, welcome = join("lobby", "Ben")
      assert.equal(2, #welcome.history)
      assert.equal("first", welcome.history[1].text)
      assert.equal("second", welcome.history[2].text)
      say(ben, { type = "message", text = "third" })
      hear(ben, { from = "Ben", text = "third", n = 3 })
    end)

    it("the last hundred messages", function()
      local ann = join("lobby", "Ann")
      for i = 1, 103 do
        say(ann, { type = "message", text = "message " .. i })
        hear(ann, { n = i })
      end
      local _, welcome = join("lobby", "Ben", { ann })
      assert.equal(100, #welcome.history)
      assert.equal("message 4", welcome.history[1].text)
      assert.equal("message 103", welcome.history[100].text)
    end)
  end)

  describe("does not trust the client", function()
    it("and answers nonsense with an error, on a socket that stays open", function()
      local ann = join("lobby", "Ann")
      local nonsense = {
        "not JSON", "", "7", "null", "[]", "{}", '{"type":"reboot"}', '{"type":["message"]}',
        '{"type":"message"} and more', '{"type":"typing","pad":"' .. ("x"):rep(20000) .. '"}',
      }
      for _, text in ipairs(nonsense) do
        ann:send(text)
        hear(ann, { type = "error", text = "Not understood" })
      end
      say(ann, { type = "message", text = "sorry" })
      hear(ann, { type = "message", text = "sorry" })
    end)

    it("and refuses a text that is empty, too long or no text, naming the message", function()
      local ann = join("lobby", "Ann")
      local problem = "A message is a text of 1 to 8000 bytes"
      for i, text in ipairs { "", "  \n ", ("x"):rep(8001), 42, { "text" } } do
        say(ann, { type = "message", id = "a-" .. i, text = text })
        hear(ann, { type = "error", id = "a-" .. i, text = problem })
      end
      say(ann, { type = "message", text = ("x"):rep(8000) })
      hear(ann, { type = "message", n = 1 })
    end)
  end)
end)
