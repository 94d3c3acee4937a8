-- --history keeps every moment for so long and no longer; --archive-command gets each file of it,
-- whatever the command does meanwhile.

local Server = require "spec.support.server"
local json = require "dkjson"
local process = require "spec.support.process"

local SOURCE = [[
local od = require "open-do"
local Counter = {}

function Counter:fetch(request)
  local storage = self.state.storage
  local count = storage:get("count") or 0
  if request.method == "POST" then
    count = count + 1
    storage:put("count", count)
    storage:put("ballast", ("x"):rep(tonumber(request.query.bytes or 0)))
  end
  return od.Response(tostring(count), { headers = { ["x-now"] = tostring(od.now()) } })
end

return { namespaces = { counters = Counter } }
]]

local MINUTE_MS = 60000
local COPY = "cp %p ../part && mv ../part ../archive/%f" -- What is there is whole.
local SECONDS = 60 * (tonumber(os.getenv("OPEN_DO_TEST_PATIENCE")) or 1)

describe("what is kept", function()
  local server

  after_each(function()
    server:stop()
  end)

  local function start(...)
    server = Server.start { source = SOURCE, workers = 1, args = { ... } }
  end

  local function path(name)
    return server.directory .. "/" .. name
  end

  -- Adds one; returns the count and when it was.
  local function count_up(bytes)
    local answer = server:post("/counters/a?bytes=" .. (bytes or 0), "")
    return tonumber(answer.body), tonumber(answer.headers["x-now"])
  end

  local function history()
    return server:status().history
  end

  -- Looks until `is_so(history)`; each look is a question to the running program.
  local function wait(is_so, step)
    local deadline = os.time() + SECONDS
    repeat
      local now = history()
      if is_so(now) then
        return now
      end
      if step then
        step()
      end
    until os.time() > deadline
    error("it did not come to it: " .. json.encode(history()))
  end

  local function ask(...)
    local asked = process.start { argv = { process.program, ... } }
    return asked:wait_exit(30), asked:output()
  end

  -- What the counter was at the end of that millisecond, from the files in `from`.
  local restores = 0
  local function count_at(from, ms)
    restores = restores + 1
    local to = path("restored" .. restores)
    local code, output = ask("restore", from, to, "--at", ("%d"):format(ms))
    if code ~= 0 then
      return nil, output
    end
    local other = Server.prepare { source = SOURCE, workers = 1 }
    assert(os.execute(("mv '%s' '%s/data'"):format(to, other.directory)) == 0)
    other:launch()
    local count = tonumber(other:get("/counters/a").body)
    other:hang_up()
    other:shut_down()
    os.execute(("rm -rf '%s'"):format(other.directory))
    return count
  end

  local function archived(what)
    local pipe = io.popen(("ls '%s' | grep -c '%s'"):format(path "archive", what or ""))
    return pipe:read("*n"), pipe:close()
  end

  -- It waits for the archive command, but not for ever.
  local function end_while_it_hangs()
    server:hang_up()
    server.process:signal("TERM")
    server:wait_log "what was written last is archived"
    server:turn_clock(30000)
    assert.equal(0, (server.process:wait_exit(30)))
    os.execute(("rm -rf '%s'"):format(server.directory))
    server.process = nil -- Nothing is left to stop.
  end

  it("goes back as far as --history says, and what is older goes", function()
    start("--history", "2h")
    wait(function(now) return now.bases == 1 end)
    local times = {}
    local function step()
      local i, ms = count_up()
      times[i] = ms
      server:turn_clock(10 * MINUTE_MS)
    end
    for _ = 1, 30 do
      step()
      history() -- So that all of them have a turn.
    end
    local now = wait(function(now) return now.bases > 1 and now.oldestMs > times[1] end, step)
    local last = #times
    assert.is_true(now.oldestMs <= times[last] - 110 * MINUTE_MS)
    assert.is_true(now.segments < last)
    assert.is_true(now.bytes > 0)
    for i = last - 10, last - 1, 3 do
      assert.equal(i, count_at(path "data", times[i] + MINUTE_MS))
    end
    local count, why = count_at(path "data", times[1])
    assert.is_nil(count)
    assert.matches("does not go back so far", why)
    assert.equal(0, (ask("restore", "--check", path "data")))
    local _, text = server:asking("status")
    assert.matches("history: %d bases? and %d+ segments?, .* back to 20", text)
  end)

  it("outlives crashes and upgrades", function()
    start("--history", "2h")
    wait(function(now) return now.bases == 1 end)
    local times = {}
    for i = 1, 9, 3 do
      local _
      _, times[i] = count_up()
      server:turn_clock(2000)
      _, times[i + 1] = count_up()
      server:kill()
      server:launch()
      server:turn_clock(2000)
      _, times[i + 2] = count_up()
      assert.equal(0, (server:asking("upgrade")))
      server:turn_clock(2000)
    end
    for i = 1, 9, 2 do
      assert.equal(i, count_at(path "data", times[i] + 1000))
    end
  end)

  it("tries again to make a base for which there was no room", function()
    server = Server.prepare { source = SOURCE, workers = 1, args = { "--history", "2h" } }
    server:fault("copy.full")
    server:launch()
    wait(function() return server:log():find("cannot get a new base: .*No space left") end)
    local count = count_up()
    server:clear_fault("copy.full")
    wait(function(now) return now.bases == 1 end, function() server:turn_clock(31000) end)
    local after = select(2, count_up())
    server:turn_clock(2000)
    assert.equal(count + 1, count_at(path "data", after + 1000))
  end)

  it("begins anew after a time in which nothing was kept", function()
    server = Server.prepare { source = SOURCE, workers = 1, args = { "--history", "2h" } }
    server:fault("journal.small")
    server:launch()
    os.execute(("mkdir '%s'"):format(path "archive"))
    wait(function(now) return now.bases == 1 end)
    local _, old = count_up()
    server:hang_up()
    server:shut_down()
    server.options.args = {}
    server:launch()
    for _ = 1, 4 do
      count_up(300000) -- One segment each.
    end
    server:hang_up()
    server:shut_down()
    server.options.args = { "--history", "2h", "--archive-command", COPY }
    server:launch()
    wait(function(now) return now.bases == 1 and now.oldestMs > old end)
    local count, ms = count_up()
    server:turn_clock(2000)
    assert.equal(count, count_at(path "data", ms + 1000))
    local none, why = count_at(path "data", old)
    assert.is_nil(none)
    assert.matches("does not go back so far", why)
    wait(function() return archived() > 1 end, function() server:turn_clock(11000) end)
    assert.equal(0, (ask("restore", "--check", path "archive")))
  end)

  it("is archived, in order, and restored from there", function()
    start("--archive-command", "test ! -e ../archive/%f && " .. COPY)
    os.execute(("mkdir '%s'"):format(path "archive"))
    wait(function(now) return now.bases == 1 end)
    local times = {}
    for i = 1, 6 do
      local _
      _, times[i] = count_up()
      server:turn_clock(11000)
    end
    wait(function(now)
      return now.archive.waiting == 0 and now.segments == 1
    end, function() server:turn_clock(11000) end)
    for i = 1, 6, 2 do
      assert.equal(i, count_at(path "archive", times[i] + 5000))
    end
    assert.equal(0, (ask("restore", "--check", path "archive")))
    assert.equal(1, archived "base") -- A base is a copy of everything: one a day.
    local before = archived()
    server:restart()
    count_up()
    wait(function()
      return archived() > before and count_at(path "archive", times[6] + 1000000000) == 7
    end, function() server:turn_clock(11000) end)
    assert.equal(1, archived "base")
    server:turn_clock(24 * 60 * MINUTE_MS)
    wait(function() return archived "base" == 2 end, function()
      count_up()
      server:turn_clock(11000)
    end)
    assert.equal(0, (ask("restore", "--check", path "archive")))
  end)

  it("waits for a command that fails, which holds nobody up", function()
    start("--history", "30d", "--archive-command", "test -e ../works && cp %p ../archive/%f")
    os.execute(("mkdir '%s'"):format(path "archive"))
    for _ = 1, 3 do
      count_up()
      server:turn_clock(11000)
    end
    local now = wait(function(now) return now.archive.failures > 2 and now.archive.waiting >= 2 end,
      function() server:turn_clock(11000) end)
    assert.is_true(now.archive.lagMs > 0)
    server:wait_log "archive command failed for %d+%.base %(exit code 1%)"
    local _, text = server:asking("status")
    assert.matches("files to archive, for .*has failed %d+ times in a row", text)
    server:save("", "works")
    wait(function(now_) return now_.archive.waiting == 0 end,
      function() server:turn_clock(61000) end)
    server:wait_log "archive command goes again"
    assert.equal(3, count_at(path "archive", 4102444800000))
  end)

  -- The copy goes on with other groups by the same numbers.
  it("is not mixed with what a copy of the directory has archived", function()
    start("--archive-command",
      "N=../archive/%f; cmp -s %p $N || (test ! -e $N && cp %p $N~ && mv $N~ $N)")
    os.execute(("mkdir '%s'"):format(path "archive"))
    local function go_on()
      local count = count_up()
      wait(function() return archived "[0-9]$" == count end,
        function() server:turn_clock(11000) end)
    end
    go_on()
    server:hang_up()
    server:shut_down()
    assert(os.execute(("cp -r '%s' '%s'"):format(path "data", path "copy")) == 0)
    server:launch()
    go_on()
    server:hang_up()
    server:shut_down()
    assert(os.execute(("rm -r '%s' && mv '%s' '%s'"):format(path "data", path "copy",
      path "data")) == 0)
    server:launch()
    assert.equal(2, (count_up(5000)))
    wait(function(now) return now.archive.failures > 0 end,
      function() server:turn_clock(11000) end)
    assert.matches("archive command failed for %d+ %(exit code 1%)", server:log())
    assert.equal(2, count_at(path "archive", 4102444800000))
  end)

  -- As uploads fail: refused (curl ends so for 403 and for 500), half sent, killed in the middle.
  it("has each file whole, however often the command failed half-way", function()
    server = Server.prepare { source = SOURCE, workers = 1, files = { ["upload"] = [[
      tries=$(cat ../tries 2>/dev/null || echo 0)
      echo $((tries + 1)) > ../tries
      case $((tries % 4)) in
        0) exit 22 ;;
        1) head -c 6000 "$1" > "../archive/$2"; exit 1 ;;
        2) head -c 5000 "$1" > "../archive/$2"; kill -KILL $$ ;;
        3) cp "$1" "../archive/$2" ;;
      esac
    ]] }, args = { "--history", "30d", "--archive-command", "exec sh ../upload %p %f" } }
    os.execute(("mkdir '%s'"):format(path "archive"))
    server:launch()
    wait(function(now) return now.bases == 1 end)
    for i = 1, 3 do
      count_up(20000)
      wait(function(now) return now.segments > i end, function() server:turn_clock(11000) end)
    end
    wait(function(now) return now.archive.waiting == 0 end,
      function() server:turn_clock(61000) end)
    assert.matches("archive command failed for %d+%.base %(exit code 22%)", server:log())
    assert.is_true(archived() >= 4)
    assert.equal(0, os.execute(
      ("cd '%s' && for file in *; do cmp $file ../data/journal/$file || exit 1; done"):format(
        path "archive")))
    assert.equal(3, count_at(path "archive", 4102444800000))
  end)

  it("waits for a command that hangs, which is said, and ends with the program", function()
    start("--archive-command", "echo $$ > ../pid; exec sleep 1000 # %p")
    local pid
    wait(function()
      local file = io.open(path "pid")
      pid = file and file:read("*n")
      return file and file:close() and pid
    end)
    server:turn_clock(61000)
    server:wait_log "archive command has been running for %d+ s for"
    assert.equal(1, (count_up()))
    end_while_it_hangs()
    process.wait_gone({ pid }, 20)
  end)

  it("ends what a command has begun, however the program ends", function()
    server = Server.prepare { source = SOURCE, workers = 1, args = { "--archive-command",
      "sh -c 'echo $$ > ../pid~; mv ../pid~ ../pid; exec sleep 1000'; true %p" } }
    local function begun()
      local deadline, pid = os.time() + SECONDS
      repeat
        local file = io.open(path "pid")
        pid = file and file:read("*n")
        if file then
          file:close()
        end
        assert(os.time() < deadline, "the command was not begun")
      until pid
      os.remove(path "pid")
      return pid
    end
    server:launch()
    local first = begun()
    assert.equal(0, (server:asking("upgrade")))
    process.wait_gone({ first }, 20)
    local second = begun()
    server:kill()
    process.wait_gone({ second }, 20)
    server:launch()
    local third = begun()
    end_while_it_hangs()
    process.wait_gone({ third }, 20)
  end)

  it("archives what was written last though the program never runs for long", function()
    start("--archive-command", COPY)
    os.execute(("mkdir '%s'"):format(path "archive"))
    for i = 1, 4 do
      local _, ms = count_up()
      if i % 2 == 0 then
        server:kill()
        server:launch()
      else
        server:restart()
      end
      local deadline = os.time() + SECONDS -- No clock is turned.
      repeat
        assert(os.time() < deadline, "it was not archived")
      until archived "[0-9]$" >= i
      assert.equal(i, count_at(path "archive", ms + 1000000))
    end
  end)

  it("has what was written last when the program has ended", function()
    server = Server.prepare { source = SOURCE, workers = 1,
      args = { "--archive-command", "cp %p ../archive/%f" } }
    os.execute(("mkdir '%s'"):format(path "archive"))
    server:launch()
    for i = 1, 3 do
      wait(function(now) return now.bases == 1 and now.archive.waiting == 0 end)
      local _, ms = count_up()
      server:shut_down()
      assert.equal(i, count_at(path "archive", ms + 1000000))
      server:launch()
    end
  end)

  it("keeps the end of the program waiting for no command that fails or hangs", function()
    start("--archive-command", "test ! %p")
    wait(function(now) return now.archive.failures > 0 end)
    count_up()
    server:shut_down()
    server.options.args[2] = "sleep 1000; test %p"
    server:launch()
    count_up()
    end_while_it_hangs()
  end)

  it("needs a command that says where the file goes", function()
    start()
    assert.is_nil(history())
    local code, output = ask("run", server.script, "--archive-command", "true")
    assert.equal(2, code)
    assert.matches("expected a command with %%p", output)
    code, output = ask("run", server.script, "--history", "soon")
    assert.equal(2, code)
    assert.matches("expected a time like 7d", output)
  end)
end)
