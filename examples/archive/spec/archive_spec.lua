-- The archive's conversation, as its README tells it.
local json = require "dkjson"
local t = require "open-do.test"

describe("the archive", function()
  local app

  before_each(function()
    app = t.start "archive.lua"
  end)

  local function say(text, who, room)
    local answer = app:fetch("/rooms/" .. (room or "lobby") .. "/messages", {
      method = "POST", body = json.encode { who = who or "Ann", text = text } })
    assert.equal(201, answer.status)
    return answer:json()
  end

  -- The texts that are found, in order, the words between brackets.
  local function find(words, room)
    local texts = {}
    local path = "/rooms/" .. (room or "lobby") .. "/messages?q=" .. words:gsub("[ \"*]", {
      [" "] = "%20", ['"'] = "%22", ["*"] = "%2A" })
    for i, message in ipairs(app:fetch(path):json()) do
      texts[i] = message.text:gsub("\1", "["):gsub("\2", "]")
    end
    return table.concat(texts, "|")
  end

  it("finds words, also half of the last, in other forms, the best first", function()
    say "We were talking about boats, and then about boats again"
    say "A boat"
    say "Nothing of that kind"
    assert.equal("We were [talking] about [boats], and then about [boats] again",
      find "talked boat")
    assert.equal("[Nothing] of that kind", find "noth")
    assert.equal("", find "ship")
    assert.matches("A %[boat%]", find "boats")
  end)

  it("takes what people type as words, whatever it is", function()
    say [[he said "no" AND left]]
    for _, words in ipairs { '"no"', "AND", "NEAR(", "text:", "-", '"', "*", "said -left" } do
      assert.equal("string", type(find(words)), words)
    end
    assert.matches("%[no%]", find '"no"')
  end)

  it("keeps rooms apart, and each over a restart", function()
    say("here", "Ann", "one")
    say("there", "Ann", "two")
    app:restart()
    assert.equal("[here]", find("here", "one"))
    assert.equal("", find("here", "two"))
  end)

  it("forgets a message and its words", function()
    local id = say("a secret").id
    assert.equal("a [secret]", find "secret")
    assert.equal(204, app:fetch("/rooms/lobby/messages/" .. id, { method = "DELETE" }).status)
    assert.equal(404, app:fetch("/rooms/lobby/messages/" .. id, { method = "DELETE" }).status)
    assert.equal("", find "secret")
  end)

  it("tells the others, and who says how much", function()
    local ben = app:connect "/rooms/lobby/socket"
    say("hello", "Ann")
    assert.equal("hello", ben:receiveJson().text)
    say("and again", "Ann")
    say("hi", "Cleo")
    local talkers = app:fetch("/rooms/lobby/talkers"):json()
    assert.same({ "Ann", 2, "Cleo", 1 },
      { talkers[1].who, talkers[1].messages, talkers[2].who, talkers[2].messages })
    assert.equal(3, #app:fetch("/rooms/lobby/messages"):json())
  end)

  it("says what it expects", function()
    for _, body in ipairs { "", "[]", '{"who":"Ann"}', '{"who":"","text":"x"}', "1" } do
      local answer = app:fetch("/rooms/lobby/messages", { method = "POST", body = body })
      assert.equal(400, answer.status, body)
    end
    assert.equal(426, app:fetch("/rooms/lobby/socket").status)
    assert.equal(404, app:fetch("/rooms/lobby/elsewhere").status)
    assert.matches("<!doctype html>", app:fetch("/"):text(), 1, true)
  end)
end)
