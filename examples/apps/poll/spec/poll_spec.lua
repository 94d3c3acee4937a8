local t = require "open-do.test"

describe("the poll", function()
  local app, id

  before_each(function()
    app = t.start("poll.lua", { vars = { SECRET = "a secret of a spec" } })
    id = app:fetch("/polls", { method = "POST",
      body = '{"question":"Tea?","options":["yes","no"],"minutes":10}' }):json().id
  end)

  local function come()
    return app:fetch("/polls/" .. id).headers:get("set-cookie"):match("^[^;]*")
  end

  local function vote(cookie, option)
    return app:fetch("/polls/" .. id, { method = "POST", headers = { cookie = cookie },
      body = ('{"option":%s}'):format(option) })
  end

  local function votes(poll)
    return { poll.options[1].votes, poll.options[2].votes }
  end

  it("counts one vote for each voter, and shows it to all at once", function()
    local watcher = app:connect("/polls/" .. id)
    assert.same({ 0, 0 }, votes(watcher:receiveJson()))
    local ann, ben = come(), come()
    assert.equal(200, vote(ann, 1).status)
    assert.same({ 1, 0 }, votes(watcher:receiveJson()))
    assert.equal(200, vote(ben, 2).status)
    assert.same({ 1, 1 }, votes(watcher:receiveJson()))
    assert.equal(409, vote(ann, 2).status)
    app:crash()
    assert.same({ 1, 1 }, votes(app:fetch("/polls/" .. id):json()))
    assert.equal("you have voted", vote(ann, 2):json().error)
  end)

  it("knows its voters by cookies that nobody can make", function()
    assert.equal(400, vote("voter=ann", 1).status)
    assert.equal(400, vote(come():gsub("=.", "=x"), 1).status)
    assert.equal(409, vote(come(), 3).status)
    assert.equal(400, vote(come(), '"1"').status)
  end)

  it("closes by itself, also while nobody looks", function()
    local watcher = app:connect("/polls/" .. id)
    assert.is_true(watcher:receiveJson().open)
    app:advance(10 * 60000)
    assert.is_false(watcher:receiveJson().open)
    assert.equal("the poll is closed", vote(come(), 1):json().error)
  end)

  it("refuses what is no poll", function()
    for _, body in ipairs { "", "[]", '{"question":"x","options":["one"]}',
      '{"question":"x","options":[1,2]}', '{"question":"x","options":["a","b"],"minutes":"1"}' } do
      assert.equal(400, app:fetch("/polls", { method = "POST", body = body }).status)
    end
    assert.equal(404, app:fetch("/polls/123").status)
    assert.equal(404, app:fetch("/x").status)
    assert.matches("<title>Poll</title>", app:fetch("/"):text())
  end)
end)
