-- Bookmarks: an object can be what it was, all of it and nobody else, whatever happens meanwhile.

local Server = require "spec.support.server"
local json = require "dkjson"

local SOURCE = [[
local od = require "open-do"
local Box, M = {}, {}

function M.put(storage, asked)
  storage:put(asked.key, asked.value)
end

function M.fill(storage, asked)
  local text = asked.text
  for key, value in pairs { [""] = text, ["long" .. ("x"):rep(2000)] = text, number = #text } do
    storage:put(key, value)
  end
  storage.sql:exec("CREATE TABLE IF NOT EXISTS lines (text)")
  for _ = 1, 300 do
    storage.sql:exec("INSERT INTO lines VALUES (?)", text)
  end
  storage:setAlarm(asked.ms)
  storage:schedule("daily", { at = asked.ms + 1 }, "ring", text)
end

function M.all(storage)
  local all = { keys = {}, lines = {}, schedules = {} }
  for key, value in storage:list() do
    all.keys[#all.keys + 1] = { key, value }
  end
  local tables = storage.sql:exec("SELECT 1 FROM sqlite_master WHERE name = 'lines'"):toArray()
  if #tables > 0 then
    for row in storage.sql:exec("SELECT text, count(*) AS n FROM lines GROUP BY text") do
      all.lines[#all.lines + 1] = { row.text, row.n }
    end
  end
  for _, each in ipairs(storage:schedules()) do
    all.schedules[#all.schedules + 1] = { each.name, each.time, each.method }
  end
  all.alarm = storage:getAlarm()
  return all
end

function M.deleteAll(storage) storage:deleteAll() end
function M.now(storage) return storage:getCurrentBookmark() end
function M.at(storage, asked) return storage:getBookmarkForTime(asked.ms) end
function M.wish(storage, asked) return storage:onNextSessionRestoreBookmark(asked.bookmark) end

function M.inside(storage, asked)
  storage:transaction(function() storage:onNextSessionRestoreBookmark(asked.bookmark) end)
end

function Box:fetch(request)
  local asked = request:json()
  if asked.call == "abort" then
    self.state:abort("to be what it was")
  elseif asked.call == "version" then
    return od.Response(json_version)
  end
  local ok, result = pcall(M[asked.call], self.state.storage, asked)
  return od.Response.json { ok = ok, result = ok and result or tostring(result), now = od.now() }
end

function Box:alarm() end
function Box:ring() end

return { namespaces = { boxes = Box } }
]]

local HOUR_MS = 3600000
local SECONDS = 60 -- Of patience.

describe("a bookmark", function()
  local server

  before_each(function()
    server = Server.prepare { source = SOURCE:gsub("json_version", '"first"'), workers = 2,
      args = { "--history", "2h", "--watch" } }
  end)

  after_each(function()
    server:stop()
  end)

  -- Looks until the history has begun; each look is a question to the running program.
  local function launch()
    server:launch()
    local deadline = os.time() + SECONDS
    while server:status().history.bases == 0 do
      assert(os.time() < deadline, "there is no base")
    end
  end

  local function send(name, call, asked)
    asked = asked or {}
    asked.call = call
    return server:post("/boxes/" .. name, json.encode(asked))
  end

  local function try(name, call, asked)
    local answer = json.decode(send(name, call, asked).body)
    return answer.ok, answer.result, answer.now
  end

  local function ask(name, call, asked)
    local ok, result, now = try(name, call, asked)
    assert(ok, result)
    return result, now
  end

  local function refused(name, call, asked)
    local ok, why = try(name, call, asked)
    assert.is_false(ok)
    return why
  end

  -- What the object has, with all kinds of rows.
  local function fill(name, text)
    local _, now = ask(name, "now")
    ask(name, "fill", { text = text, ms = now + HOUR_MS })
    return ask(name, "all")
  end

  local function go_back(name, bookmark)
    local undo = ask(name, "wish", { bookmark = bookmark })
    send(name, "abort")
    return undo
  end

  it("brings back keys, database, alarm and schedules of one object, and no other's", function()
    launch()
    local nothing = ask("a", "now")
    local first = fill("a", "first")
    fill("b", "first")
    local bookmark = ask("a", "now")
    assert.is_true(bookmark <= ask("a", "now"))
    local second, other = fill("a", "second"), fill("b", "second")
    assert.not_same(first, second)
    assert.is_true(nothing < bookmark and bookmark < ask("a", "now"))
    local undo = go_back("a", bookmark)
    assert.same(first, ask("a", "all"))
    assert.same(other, ask("b", "all"))
    go_back("a", undo)
    assert.same(second, ask("a", "all"))
    go_back("a", nothing)
    assert.same({}, ask("a", "all").keys)
    go_back("a", undo)
    server:kill()
    server:launch()
    assert.same(second, ask("a", "all"))
    assert.same(other, ask("b", "all"))
  end)

  it("brings back what deleteAll took, and what was written after it goes", function()
    launch()
    local first = fill("a", "first")
    local bookmark = ask("a", "now")
    ask("a", "deleteAll")
    local empty = ask("a", "now")
    ask("a", "put", { key = "late", value = 1 })
    go_back("a", bookmark)
    assert.same(first, ask("a", "all"))
    go_back("a", empty)
    assert.same({ keys = {}, lines = {}, schedules = {} }, ask("a", "all"))
  end)

  it("is never less than one before it, whoever writes and whatever ends", function()
    launch()
    local last = ask("a", "now")
    for i = 1, 12 do
      for _, name in ipairs { "a", "b", "c", "d" } do
        ask(name, "put", { key = "count", value = i })
      end
      if i % 3 == 0 then
        assert.equal(0, (server:asking("restart-worker", tostring(i % 2))))
      end
      local bookmark = ask("a", "now")
      assert.is_true(last < bookmark)
      last = bookmark
    end
  end)

  it("can be of a time", function()
    launch()
    local times = {}
    for i = 1, 8 do
      local _, now = ask("a", "put", { key = "count", value = i })
      times[i] = now
      server:turn_clock(10 * 60000)
    end
    for _, i in ipairs { 5, 2, 7 } do
      local bookmark = ask("a", "at", { ms = times[i] + 60000 })
      assert.is_true(ask("a", "at", { ms = times[i] - 60000 }) < bookmark)
      go_back("a", bookmark)
      assert.same({ { "count", i } }, ask("a", "all").keys)
    end
  end)

  it("waits for the next instance, whatever ends this one", function()
    launch()
    local first = fill("a", "first")
    local bookmark = ask("a", "now")
    local second = fill("a", "second")
    ask("a", "wish", { bookmark = bookmark })
    assert.same(second, ask("a", "all"))
    server:kill()
    server:launch()
    assert.same(first, ask("a", "all"))
    ask("a", "put", { key = "third", value = 3 })
    local third = ask("a", "all")
    server:restart()
    assert.same(third, ask("a", "all")) -- Once.
    ask("a", "wish", { bookmark = bookmark })
    server:change(SOURCE:gsub("json_version", '"second"'))
    assert.same(first, ask("a", "all"))
    assert.equal("second", send("a", "version").body)
  end)

  -- A client that waits for the object while what it was is read; then [meanwhile] happens.
  local function in_the_middle(meanwhile)
    local first = fill("a", "first")
    local bookmark = ask("a", "now")
    fill("a", "second")
    server:fault("past.hold", { times = -1 })
    go_back("a", bookmark)
    local client = server:open()
    client:send_request("POST", "/boxes/a", { body = json.encode { call = "all" } })
    server:wait_log("is read")
    meanwhile()
    server:clear_fault("past.hold")
    return first, client
  end

  it("is all or nothing when the program is killed in the middle", function()
    launch()
    local first = in_the_middle(function()
      server:kill()
    end)
    server:launch()
    assert.same(first, ask("a", "all"))
  end)

  it("holds up nobody but its object", function()
    launch()
    local first, client = in_the_middle(function()
      for i = 1, 20 do
        fill("other" .. i, "text")
      end
    end)
    assert.same(first, json.decode(client:read_answer().body).result)
  end)

  it("is read for an instance of the new code when a reload comes meanwhile", function()
    launch()
    local first, client = in_the_middle(function()
      server:change(SOURCE:gsub("json_version", '"second"'))
    end)
    assert.same(first, json.decode(client:read_answer().body).result)
    assert.equal("second", send("a", "version").body)
    assert.same(first, ask("a", "all"))
  end)

  it("is tried again when its batch cannot be written", function()
    launch()
    local first = fill("a", "first")
    local bookmark = ask("a", "now")
    fill("a", "second")
    go_back("a", bookmark)
    server:fault("commit.fail", { times = 1 })
    send("a", "all")
    assert.same(first, ask("a", "all"))
    ask("a", "put", { key = "late", value = 1 })
    local late = ask("a", "all")
    server:restart()
    assert.same(late, ask("a", "all"))
  end)

  it("is refused where it is no bookmark of the object, or of no time that is kept", function()
    server.options.args = {}
    server:launch()
    ask("a", "put", { key = "before", value = 1 })
    server:shut_down()
    server.options.args = { "--history", "2h" }
    launch()
    fill("a", "first")
    local bookmark, now = ask("a", "now")
    for _, wrong in ipairs { ask("b", "now"), "", "nonsense", bookmark:sub(1, -2), bookmark .. "0",
      bookmark:gsub("^.", "f"), bookmark:upper() .. "\0" } do
      assert.matches("onNextSessionRestoreBookmark: that is no bookmark of this object",
        refused("a", "wish", { bookmark = wrong }))
    end
    assert.matches("argument 1 must be a bookmark", refused("a", "wish", { bookmark = 7 }))
    assert.matches("does not go back so far", refused("a", "at", { ms = now - 30 * HOUR_MS }))
    assert.matches("still to come", refused("a", "at", { ms = now + HOUR_MS }))
    assert.matches("looks like seconds", refused("a", "at", { ms = math.floor(now / 1000) }))
    assert.matches("within a transaction", refused("a", "inside", { bookmark = bookmark }))
    local all = ask("a", "all")
    send("a", "abort")
    assert.same(all, ask("a", "all"))
  end)

  it("of a time that is gone when the instance is made changes nothing, and says so", function()
    launch()
    fill("a", "first")
    local bookmark = ask("a", "now")
    local second = fill("a", "second")
    ask("a", "wish", { bookmark = bookmark })
    os.execute(("rm '%s/data/journal/'*.base"):format(server.directory))
    send("a", "abort")
    assert.same(second, ask("a", "all"))
    server:wait_log("boxes/a.* cannot be restored, and stays as it is: the history ")
    server:restart()
    assert.same(second, ask("a", "all"))
  end)

  -- A length of gigabytes was believed, and what had been read of it was never given back.
  it("whose base is damaged changes nothing, and says so", function()
    launch()
    ask("a", "put", { key = "unmistakable", value = ("x"):rep(9000) })
    local all, count = ask("a", "all"), server:status().history.bases
    local deadline = os.time() + SECONDS
    while server:status().history.bases == count do
      assert(os.time() < deadline, "there is no other base")
      server:turn_clock(HOUR_MS)
      ask("b", "put", { key = "k", value = os.time() })
    end
    ask("a", "wish", { bookmark = ask("a", "now") })
    local pipe = io.popen(("ls '%s/data/journal/'0*.base | tail -n 1"):format(server.directory))
    local file = assert(io.open(pipe:read("*l"), "r+b"))
    pipe:close()
    for at in file:read("*a"):gmatch("()unmistakable") do -- Behind slot, number and kind,
      file:seek("set", at - 1 - 11 - 8) -- and these behind how long the value is, for LMDB.
      file:write("\255\255\255\127")
    end
    file:close()
    send("a", "abort")
    assert.same(all, ask("a", "all"))
    server:wait_log("boxes/a.* cannot be restored, .* a row in it is larger than any")
  end)

  it("is not to be had without a history", function()
    server.options.args = {}
    server:launch()
    ask("a", "put", { key = "k", value = 1 })
    for _, call in ipairs { "now", "at" } do
      assert.matches("nothing of the past is kept: start open%-do with %-%-history 7d",
        refused("a", call, { ms = 1e12 }))
    end
    assert.matches("no bookmark", refused("a", "wish", { bookmark = "x" }))
  end)
end)
