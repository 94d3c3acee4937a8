-- The reminder's conversation, as its README tells it, and what it promises besides.
local Server = require "spec.support.server"

describe("the reminder", function()
  local server = Server.each { script = "examples/reminder/reminder.lua" }

  local function remind(seconds, text, name)
    local answer = server:post(("/reminders/%s?in=%s"):format(name or "ann", seconds), text)
    assert.equal(200, answer.status)
    return answer.body
  end

  local function list()
    return server:get("/reminders/ann").body
  end

  -- `expected`: { seconds from now, text } in the order of time. Some may have passed meanwhile.
  local function expect_list(expected)
    local count = 0
    for seconds, text in list():gmatch("(%d+) s from now: ([^\n]*)\n") do
      count = count + 1
      local most, said = unpack(expected[count])
      seconds = tonumber(seconds)
      assert.equal(said, text)
      assert.is_true(seconds <= most and seconds > most - 8, seconds .. " s and not " .. most)
    end
    assert.equal(#expected, count)
  end

  it("says it when it is time, to everybody who listens", function()
    local ann, other = server:connect("/reminders/ann"), server:connect("/reminders/ben")
    assert.equal("10 s from now: tea is ready\n", remind(10, "tea is ready"))
    assert.equal("3600 s from now: call Ben\n", remind(3600, "call Ben"))
    expect_list { { 10, "tea is ready" }, { 3600, "call Ben" } }
    server:turn_clock(10000)
    ann:expect("tea is ready")
    other:expect_silence()
    expect_list { { 3590, "call Ben" } }
    server:turn_clock(3590000)
    ann:expect("call Ben")
    assert.equal("nothing\n", list())
  end)

  it("says them in the order of time, whatever order they came in", function()
    local ann = server:connect("/reminders/ann")
    remind(30, "third")
    remind(10, "first")
    remind(20, "second")
    for _, text in ipairs { "first", "second", "third" } do
      ann:expect_silence()
      server:turn_clock(10000)
      ann:expect(text)
    end
  end)

  it("says at the start what came due while the server was down", function()
    remind(10, "tea is ready")
    remind(20, "too late for that")
    server:kill()
    server:turn_clock(60000)
    server:launch()
    server:wait_log("reminders/ann  tea is ready")
    server:wait_log("reminders/ann  too late for that")
    assert.equal("nothing\n", list())
  end)

  it("wants to know when and what", function()
    assert.equal(400, server:post("/reminders/ann", "tea").status)
    assert.equal(400, server:post("/reminders/ann?in=soon", "tea").status)
    assert.equal(400, server:post("/reminders/ann?in=-1", "tea").status)
    assert.equal(400, server:post("/reminders/ann?in=1e12", "tea").status)
    assert.equal(400, server:post("/reminders/ann?in=nan", "tea").status)
    assert.equal(400, server:post("/reminders/ann?in=1", "").status)
    assert.equal("nothing\n", list())
  end)
end)
