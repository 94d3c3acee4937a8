-- Bookmarks: an object can be what it was, all of it and nobody else, whatever happens meanwhile.

local Server = require "spec.support.server"
local core = require "spec.support.core"
local json = require "dkjson"

local C = core.load("codec/check_sum.h")

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
local SECONDS = 60 * (tonumber(os.getenv("OPEN_DO_TEST_PATIENCE")) or 1)

-- As bases say it.
local function number(value)
  local bytes = {}
  for i = 1, 4 do
    bytes[i] = string.char(value % 256)
    value = math.floor(value / 256)
  end
  return table.concat(bytes)
end

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
    local said = send(name, call, asked)
    local answer = json.decode(said.body)
    assert(answer, said.status .. " " .. said.body)
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

  local function files(pattern)
    local paths, folder = {}, server.directory .. "/data/journal/"
    local pipe = io.popen(("ls '%s'"):format(folder))
    for name in pipe:lines() do
      if name:find(pattern) then
        paths[#paths + 1] = folder .. name
      end
    end
    pipe:close()
    return paths
  end

  local function bases() return files("^0.*%.base$") end
  local function segments() return files("^%d+$") end

  -- Turns the clock by half of the history: there is another base, of all that is stored now (which
  -- is in LMDB after a start) and of what came behind it, and another segment.
  local function await_base()
    ask("b", "put", { key = "k", value = "behind it" })
    server:restart()
    local function newest()
      local all_bases, all_segments = bases(), segments()
      return all_bases[#all_bases], all_segments[#all_segments]
    end
    local base, segment = newest()
    local deadline = os.time() + SECONDS
    server:turn_clock(1.02 * HOUR_MS)
    while true do
      local base_now, segment_now = newest()
      if base_now ~= base and segment_now ~= segment then
        break
      end
      assert(os.time() < deadline, "there is no other base and segment")
      ask("b", "put", { key = "k", value = os.time() })
    end
  end

  -- [change] gives other bytes for those of the file, as many.
  local function rewrite(path, change)
    local file = assert(io.open(path, "r+b"))
    local bytes = change(file:read("*a"))
    file:seek("set", 0)
    file:write(bytes)
    file:close()
  end

  -- Its check sum again, so that it looks as if it had been made so (store/base.h).
  local function seal(bytes)
    local body, tail = bytes:sub(1, -4097), bytes:sub(-4096)
    local said = tail:sub(17, 56) .. number(C.od_check_sum(core.slice(body)))
    return body .. tail:sub(1, 12) .. number(C.od_check_sum(core.slice(said))) .. said
      .. tail:sub(61)
  end

  -- A length of gigabytes was believed, and what had been read of it was never given back.
  it("whose base has a row that cannot be changes nothing, and says so", function()
    launch()
    ask("a", "put", { key = "unmistakable", value = ("x"):rep(9000) })
    local all = ask("a", "all")
    await_base()
    ask("a", "wish", { bookmark = ask("a", "now") })
    local paths = bases()
    rewrite(paths[#paths], function(bytes)
      for at in bytes:gmatch("()unmistakable") do -- Behind slot, number and kind,
        local length = at - 11 - 8 -- and these behind how long the value is, for LMDB.
        bytes = bytes:sub(1, length - 1) .. "\255\255\255\127" .. bytes:sub(length + 4)
      end
      return seal(bytes)
    end)
    send("a", "abort")
    assert.same(all, ask("a", "all"))
    server:wait_log("boxes/a.* cannot be restored, .* a row in it is larger than any")
  end)

  -- What other bytes of a row said was restored without a word.
  it("is restored by the base before one with other bytes, and not at all without", function()
    launch()
    ask("a", "put", { key = "k", value = "unmistakable" })
    await_base()
    local bookmark = ask("a", "now")
    local paths = bases()
    rewrite(paths[#paths], function(bytes)
      return (bytes:gsub("unmistakable", "different..."))
    end)
    ask("a", "put", { key = "k", value = "second" })
    go_back("a", bookmark)
    assert.same({ { "k", "unmistakable" } }, ask("a", "all").keys)
    ask("a", "put", { key = "k", value = "third" })
    for i = 1, #paths - 1 do
      rewrite(paths[i], function(bytes)
        return bytes:sub(1, -4098) .. string.char((bytes:byte(-4097) + 1) % 256)
          .. bytes:sub(-4096)
      end)
    end
    go_back("a", bookmark)
    assert.same({ { "k", "third" } }, ask("a", "all").keys)
    server:wait_log("boxes/a.* cannot be restored, .* its check sum is not what it was")
  end)

  -- What could not be read was taken for what is kept no more, and the wish was gone.
  it("is tried again for the next event where it cannot be read", function()
    launch()
    ask("a", "put", { key = "k", value = "first" })
    local bookmark = ask("a", "now")
    await_base()
    local base, segment = bases()[1], segments()[1]
    local cases = {
      { "1 bases in .* cannot be read", function()
        os.rename(base, base .. ".away")
        os.execute(("mkdir '%s'"):format(base))
      end, function()
        os.remove(base)
        os.rename(base .. ".away", base)
      end },
      { "the segments behind .* are missing", function()
        os.rename(segment, segment .. ".away")
      end, function()
        os.rename(segment .. ".away", segment)
      end },
      { "cannot be read at byte", function()
        server:fault("journal.unread")
      end, function()
        server:clear_fault("journal.unread")
      end },
    }
    for _, case in ipairs(cases) do
      ask("a", "put", { key = "k", value = "second" })
      ask("a", "wish", { bookmark = bookmark })
      case[2]()
      send("a", "abort")
      for _ = 1, 2 do
        assert.equal(500, send("a", "all").status)
        server:wait_log("boxes/a.* cannot be read: .*" .. case[1])
      end
      case[3]()
      assert.same({ { "k", "first" } }, ask("a", "all").keys)
    end
  end)

  it("outlives deleteAll", function()
    launch()
    local first = fill("a", "first")
    local bookmark = ask("a", "now")
    ask("a", "wish", { bookmark = bookmark })
    ask("a", "deleteAll")
    ask("a", "put", { key = "late", value = 1 })
    assert.same({ { "late", 1 } }, ask("a", "all").keys)
    server:kill()
    server:launch()
    assert.same(first, ask("a", "all"))
    ask("a", "deleteAll") -- It is fulfilled: what goes now stays away.
    server:restart()
    assert.same({}, ask("a", "all").keys)
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
