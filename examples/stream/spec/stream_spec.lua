-- The conversation of the README, and what it promises of breaks.
local t = require "open-do.test"

describe("an answer that is written word by word", function()
  local app

  before_each(function() app = t.start("examples/stream/stream.lua") end)

  local function ask(name, question)
    return app:fetch("/answers/" .. name, { method = "POST", body = question })
  end

  -- All words from `reader`, to the end; their numbers have no gap.
  local function hear(reader, number)
    local words = {}
    for event in function() return reader:receive() end do
      if event.event == "done" then
        return table.concat(words, " ")
      end
      number = number + 1
      assert.equal(tostring(number), event.id)
      words[#words + 1] = event.data
    end
  end

  it("is the same for all who read it, from wherever they begin", function()
    assert.equal(202, ask("sky", "Why?").status)
    local ann, ben = app:connectEvents("/answers/sky"), app:connectEvents("/answers/sky")
    assert.equal("You", ann:receive().data)
    local late = app:connectEvents("/answers/sky", { headers = { ["last-event-id"] = "1" } })
    local rest = hear(ann, 1)
    assert.matches("^asked: Why%? That is .* in the middle%.$", rest)
    assert.equal("You " .. rest, hear(ben, 0))
    assert.equal(rest, hear(late, 1))
    assert.equal("You " .. rest, hear(app:connectEvents("/answers/sky"), 0))
    assert.equal("You " .. rest .. "\n", app:fetch("/answers/sky/text"):text())
  end)

  it("goes on where it was when the worker that writes it dies", function()
    ask("sky", "Why?")
    local ann = app:connectEvents("/answers/sky")
    local words = { ann:receive().data, ann:receive().data }
    app:crash()
    ann = app:connectEvents("/answers/sky", { headers = { ["last-event-id"] = "2" } })
    local rest = hear(ann, 2)
    assert.equal(table.concat(words, " ") .. " " .. rest .. "\n",
      app:fetch("/answers/sky/text"):text())
  end)

  it("is asked once, with a question", function()
    assert.equal(202, ask("sky", "Why?").status)
    assert.equal(409, ask("sky", "Why?").status)
    assert.equal(400, ask("sea", "").status)
    assert.equal(400, ask("sea", "\255").status)
    assert.equal(404, app:fetch("/answers/a/b").status)
    assert.equal(404, app:fetch("/nothing").status)
    assert.equal("text/html; charset=utf-8", app:fetch("/").headers:get("content-type"))
  end)
end)
