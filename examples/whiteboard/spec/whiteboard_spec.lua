-- The whiteboard's conversation. Ann, Ben and Cleo are people; the key of each is her own name.
local t = require "open-do.test"

local DAY_MS = 24 * 60 * 60 * 1000

describe("the whiteboard", function()
  local app

  before_each(function()
    app = t.start "whiteboard.lua"
  end)

  -- The next thing [person] hears must have at least these [fields].
  local function hear(person, fields)
    local message = person:receiveJson()
    for field, value in pairs(fields) do
      assert.same(value, message[field], "field " .. field)
    end
    return message
  end

  -- Opens the board for [name]; [others] hear of it. Returns the socket and its welcome.
  local function join(board, name, others)
    local query = ("?name=%s&key=%s&color=3"):format(name, name)
    local person = app:connect("/boards/" .. board .. "/socket" .. query)
    local welcome = hear(person, { type = "welcome" })
    for _, other in ipairs(others or {}) do
      assert.equal(name, hear(other, { type = "point" }).person.name)
    end
    return person, welcome
  end

  local function line(fields)
    local message = { type = "stroke", id = "s", color = 2, width = 5, points = { 10, 20, 30, 40 } }
    for field, value in pairs(fields or {}) do
      message[field] = value
    end
    return message
  end

  -- [person] draws a stroke with the [id]; all [witnesses] hear it. Returns its number.
  local function draw(person, id, witnesses)
    person:sendJson(line { id = id })
    local number
    for _, witness in ipairs(witnesses or { person }) do
      local heard = hear(witness, { type = "stroke" })
      assert.equal(id, heard.stroke.id)
      number = heard.stroke.n
    end
    return number
  end

  local function ids_of(welcome)
    local ids = {}
    for i, stroke in ipairs(welcome.strokes) do
      ids[i] = stroke.id
    end
    return ids
  end

  describe("at the door", function()
    it("serves the page of each board, and a new board to whoever names none", function()
      local answer = app:fetch("/board/trip")
      assert.equal("text/html; charset=utf-8", answer.headers:get("content-type"))
      assert.matches("</html>", answer:text(), 1, true)
      local new = app:fetch("/", { redirect = "manual" })
      assert.equal(302, new.status)
      assert.matches("^/board/%x+$", new.headers:get("location"))
    end)

    it("has nothing elsewhere", function()
      local paths = { "/board/", "/board/a/b", "/board/a%20b", "/boards/a", "/boards/a/socket" }
      for _, path in ipairs(paths) do
        assert.equal(404, app:fetch(path).status, path)
      end
    end)

    it("lets nobody in without a name and a key", function()
      local upgrade = {
        connection = "Upgrade", upgrade = "websocket",
        ["sec-websocket-version"] = "13", ["sec-websocket-key"] = "dGhlIHNhbXBsZSBub25jZQ==",
      }
      local too_long = ("n"):rep(65)
      for _, query in ipairs { "", "?name=Ann", "?key=a", "?name=&key=a", "?name=%FF&key=a",
        "?name=Ann&key=a/b", "?name=Ann&key=" .. too_long, "?key=a&name=" .. too_long } do
        local answer = app:fetch("/boards/trip/socket" .. query, { headers = upgrade })
        assert.equal(400, answer.status, query)
      end
    end)
  end)

  describe("while people draw", function()
    it("shows each stroke to everybody, and the whole drawing to whoever comes late", function()
      local ann = join("trip", "Ann")
      local ben = join("trip", "Ben", { ann })
      draw(ann, "a-1", { ann, ben })
      draw(ben, "b-1", { ann, ben })

      local _, welcome = join("trip", "Cleo", { ann, ben })
      assert.same({ "a-1", "b-1" }, ids_of(welcome))
      assert.same({ n = 1, id = "a-1", color = 2, width = 5, points = { 10, 20, 30, 40 } },
        welcome.strokes[1])
    end)

    it("shows a line as it grows to the others, and does not keep it", function()
      local ann = join("trip", "Ann")
      local ben, welcome = join("trip", "Ben", { ann })
      ann:sendJson(line { type = "ink" })
      local ink = hear(ben, { type = "ink", from = welcome.people[1].id })
      assert.same({ color = 2, width = 5, points = { 10, 20, 30, 40 } }, ink.line)
      local _, seen = join("trip", "Cleo", { ann, ben })
      assert.same({}, seen.strokes)
    end)

    it("moves cursors, and tells a newcomer where they are", function()
      local ann = join("trip", "Ann")
      local ben = join("trip", "Ben", { ann })
      ann:sendJson { type = "point", x = 800.7, y = 600, color = 5 }
      local person = hear(ben, { type = "point" }).person
      assert.same({ id = person.id, name = "Ann", color = 5, x = 800, y = 600 }, person)

      app:restartWorker()
      local _, welcome = join("trip", "Cleo", { ann, ben })
      local found
      for _, one in ipairs(welcome.people) do
        found = found or one.name == "Ann" and one
      end
      assert.same(person, found)
    end)

    it("says who has left", function()
      local ann = join("trip", "Ann")
      local ben = app:connect("/boards/trip/socket?name=Ben&key=b")
      hear(ben, { type = "welcome" })
      local id = hear(ann, { type = "point" }).person.id
      ben:close(1000, "")
      hear(ann, { type = "left", id = id })
    end)

    it("keeps boards apart", function()
      local ann, ben = join("trip", "Ann"), join("kitchen", "Ben")
      assert.equal(1, draw(ann, "a-1"))
      assert.equal(1, draw(ben, "b-1"))
    end)

    it("goes on when the script is saved, with the drawing and the people as they were", function()
      local ann = join("trip", "Ann")
      local ben = join("trip", "Ben", { ann })
      draw(ann, "a-1", { ann, ben })
      app:reload()
      draw(ben, "b-1", { ann, ben })
      app:restart()
      local _, welcome = join("trip", "Cleo")
      assert.same({ "a-1", "b-1" }, ids_of(welcome))
    end)
  end)

  describe("takes back", function()
    it("one's own last stroke, whoever drew after it, also from another tab", function()
      local ann = join("trip", "Ann")
      local ben = join("trip", "Ben", { ann })
      draw(ann, "a-1", { ann, ben })
      local second = draw(ann, "a-2", { ann, ben })
      draw(ben, "b-1", { ann, ben })

      ann:sendJson { type = "undo" }
      hear(ann, { type = "undone", n = second })
      hear(ben, { type = "undone", n = second })

      local ann_on_phone, welcome = join("trip", "Ann", { ann, ben })
      assert.same({ "a-1", "b-1" }, ids_of(welcome))
      ann_on_phone:sendJson { type = "undo" }
      hear(ben, { type = "undone", n = 1 })
    end)

    it("nothing of others", function()
      local ann = join("trip", "Ann")
      draw(ann, "a-1")
      local ben = join("trip", "Ben")
      ben:sendJson { type = "undo" }
      hear(ben, { type = "error", text = "Nothing here is yours to undo" })
    end)

    it("everything, when somebody clears the board", function()
      local ann = join("trip", "Ann")
      local ben = join("trip", "Ben", { ann })
      draw(ann, "a-1", { ann, ben })
      ben:sendJson { type = "clear" }
      hear(ann, { type = "cleared" })
      hear(ben, { type = "cleared" })
      assert.same({}, select(2, join("trip", "Cleo")).strokes)
    end)
  end)

  describe("does not grow for ever", function()
    it("but drops the oldest stroke for the thousand and first, and says so", function()
      local ann = join("trip", "Ann")
      for i = 1, 1001 do
        draw(ann, "a-" .. i)
      end
      ann:sendJson(line { id = "last" })
      hear(ann, { type = "stroke", first = 3 })
      local _, welcome = join("trip", "Ben", { ann })
      assert.equal(1000, #welcome.strokes)
      assert.equal("a-3", welcome.strokes[1].id)
      assert.equal("last", welcome.strokes[1000].id)
    end)

    it("but is cleared a week after the last stroke", function()
      local ann = join("trip", "Ann")
      draw(ann, "a-1")
      app:advance(6 * DAY_MS)
      draw(ann, "a-2")
      app:advance(6 * DAY_MS)
      assert.same({ "a-1", "a-2" }, ids_of(select(2, join("trip", "Ben", { ann }))))
      app:advance(DAY_MS + 1000)
      hear(ann, { type = "cleared" })
      assert.same({}, t.listObjectIds(app.env.boards))
    end)
  end)

  describe("does not trust the client", function()
    it("and refuses what is no line on the board", function()
      local ann = join("trip", "Ann")
      local long = {}
      for i = 1, 1002 do
        long[i] = 1
      end
      local wrong = {
        { points = {} }, { points = { 1 } }, { points = { 1, 2, 3 } }, { points = long },
        { points = { -1, 2 } }, { points = { 1601, 2 } }, { points = { 1, 1201 } },
        { points = { "1", 2 } }, { points = { 1, {} } }, { points = { x = 1, y = 2 } },
        { points = "1,2" }, { color = 0 }, { color = 9 }, { color = "2" }, { width = 0 },
        { width = 41 }, { id = 7 }, { id = ("x"):rep(65) },
      }
      for _, fields in ipairs(wrong) do
        ann:sendJson(line(fields))
        hear(ann, { type = "error", text = "A stroke is a line with an id" })
      end
      ann:send('{"type":"stroke","id":"s","color":2,"width":5,"points":[1e999,2]}')
      hear(ann, { type = "error" })
      ann:sendJson { type = "point", x = 1, color = 2 }
      hear(ann, { type = "error", text = "A point has x and y on the board, and a color" })
      ann:sendJson { type = "ink" }
      hear(ann, { type = "error", text = "Ink is a line" })
      assert.equal(1, draw(ann, "a-1"))
    end)

    it("and answers nonsense with an error, on a socket that stays open", function()
      local ann = join("trip", "Ann")
      local nonsense = { "", "7", "null", "[]", "{}", '{"type":"reboot"}', '{"type":["undo"]}',
        '{"type":"clear","pad":"' .. ("x"):rep(12000) .. '"}' }
      for _, text in ipairs(nonsense) do
        ann:send(text)
        hear(ann, { type = "error", text = "Not understood" })
      end
      assert.equal(1, draw(ann, "a-1"))
    end)

    it("and takes nothing along that was not asked for, nor tells anybody's key", function()
      local ann = join("trip", "Ann")
      local ben = join("trip", "Ben", { ann })
      ann:sendJson(line { n = 99, by = "Ben", extra = { 1 } })
      local expected = { n = 1, id = "s", color = 2, width = 5, points = { 10, 20, 30, 40 } }
      hear(ben, { type = "stroke", stroke = expected })
      local _, welcome = join("trip", "Cleo", { ben })
      assert.is_nil(welcome.strokes[1].by)
      assert.is_nil(welcome.people[1].key)
    end)
  end)
end)
