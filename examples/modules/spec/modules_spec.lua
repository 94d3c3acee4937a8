local t = require "open-do.test"

describe("the modules", function()
  local app, room

  before_each(function()
    app = t.start "modules.lua"
    room = app.env.rooms:getByName("lobby")
  end)

  local function come(name, since)
    return app:connect(("/rooms/lobby?name=%s&since=%d"):format(name, since or 0))
  end

  it("history gives who comes back what was missed, or says that it is too much", function()
    local ann = come "ann"
    ann:receiveJson() -- Who is online.
    for i = 1, 3 do
      ann:send("text " .. i)
      assert.equal(i, ann:receiveJson().number)
    end
    ann:close()
    app:crash()
    local again = come("ann", 1)
    assert.same({ number = 2, entry = { who = "ann", text = "text 2" } }, again:receiveJson())
    assert.equal(3, again:receiveJson().number)
    t.runInObject(room, function(instance)
      for i = 1, 150 do instance:say { text = i } end
    end)
    local late = come("ben", 3)
    assert.same({ anew = true }, late:receiveJson())
    assert.equal(54, late:receiveJson().number)
    assert.same({ anew = true }, come("cid", 1000):receiveJson())
  end)

  it("presence knows names by their sockets, after a sleep and a worker's death too", function()
    local ann = come "ann"
    assert.same({ online = { "ann" } }, ann:receiveJson())
    local second = come "ann"
    local ben = come "ben"
    assert.same({ online = { "ann", "ben" } }, ann:receiveJson())
    app:hibernate(room)
    app:restartWorker()
    second:close()
    ben:close()
    assert.same({ online = { "ann" } }, ann:receiveJson())
  end)

  local function queue(fn, ...)
    return t.runInObject(room, function(_, state, ...)
      return fn(require "queue", state.storage, ...)
    end, ...)
  end

  it("queue hands out an item until it is acknowledged", function()
    queue(function(q, storage)
      q.push(storage, "a")
      q.push(storage, "b", { delay = 60000 })
    end)
    local function take()
      return queue(function(q, storage) return q.take(storage, 10, { visible = 10000 }) end)
    end
    assert.same({ { id = 1, value = "a", try = 1 } }, take())
    assert.same({}, take())
    app:advance(10000)
    assert.same({ { id = 1, value = "a", try = 2 } }, take())
    assert.is_true(queue(function(q, storage) return q.ack(storage, 1) end))
    assert.is_false(queue(function(q, storage) return q.ack(storage, 1) end))
    app:advance(60000)
    assert.equal("b", take()[1].value)
  end)

  it("queue makes dead letters of what fails, and revives them", function()
    queue(function(q, storage) q.push(storage, { n = 1 }) end)
    for try = 1, 5 do
      local items = queue(function(q, storage) return q.take(storage, 1) end)
      assert.equal(try, items[1].try)
      queue(function(q, storage, id) q.fail(storage, id, "no") end, items[1].id)
      app:advance(20000)
    end
    local dead = queue(function(q, storage) return q.dead(storage) end)
    assert.same({ { id = 1, value = { n = 1 }, why = "no" } }, dead)
    assert.equal(2, queue(function(q, storage) return q.revive(storage, 1) end))
    assert.equal(1, queue(function(q, storage) return q.take(storage, 1) end)[1].try)
    assert.same({}, queue(function(q, storage) return q.dead(storage) end))
  end)
end)
