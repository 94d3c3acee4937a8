-- A backup is made while objects write, and what is restored from it has all that was acknowledged
-- before the moment it names; whatever interrupts it leaves nothing that could be taken for one.

local Server = require "spec.support.server"
local json = require "dkjson"
local process = require "spec.support.process"
local shell = require "spec.support.shell"
local ffi = require "ffi"

pcall(ffi.cdef, [[
struct backup_spec_timeval { long s, us; };
int gettimeofday(struct backup_spec_timeval *time, void *zone);
]])

local SOURCE = [[
local od = require "open-do"
local Ledger = {}

-- Values as large as is asked for, so that the journal's segments fill.
function Ledger:fetch(request)
  local storage, query = self.state.storage, request.query
  if query.put then
    storage:put(("%06d"):format(query.put), ("x"):rep(tonumber(query.bytes or 1)))
    storage:setAlarm(4102444800000)
    return od.Response("")
  elseif query.delete then
    storage:deleteAll()
  end
  local keys = {}
  for key in storage:list() do
    keys[#keys + 1] = tostring(tonumber(key))
  end
  return od.Response(table.concat(keys, " "))
end

function Ledger:alarm() end

return { namespaces = { ledgers = Ledger } }
]]

local PAGE = 4096
local SECONDS = 60 * (tonumber(os.getenv("OPEN_DO_TEST_PATIENCE")) or 1)

local function now_ms()
  local time = ffi.new("struct backup_spec_timeval")
  ffi.C.gettimeofday(time, nil)
  return tonumber(time.s) * 1000 + math.floor(tonumber(time.us) / 1000)
end

local function all(from, to)
  local numbers = {}
  for i = from, to do
    numbers[#numbers + 1] = tostring(i)
  end
  return table.concat(numbers, " ")
end

describe("a backup", function()
  local server, others

  before_each(function()
    others = {}
    server = Server.start { source = SOURCE, keep_port = true }
  end)

  after_each(function()
    for _, other in ipairs(others) do
      other:hang_up()
      other:shut_down()
      os.execute(("rm -rf '%s'"):format(other.directory))
    end
    server:stop()
  end)

  local function path(name)
    return server.directory .. "/" .. name
  end

  local function begin(...)
    return process.start { argv = { process.program, ... },
      env = { OPEN_DO_TEST_PAGE = server.page.path } }
  end

  local function ask(...)
    local asked = begin(...)
    return asked:wait_exit(30), asked:output()
  end

  local function put(name, from, to, bytes)
    local acknowledged = {}
    for i = from, to do
      server:get(("/ledgers/%s?put=%d&bytes=%d"):format(name, i, bytes or 1))
      acknowledged[i] = now_ms()
    end
    return acknowledged
  end

  local function backup(name)
    local code, output = ask("backup", path(name), "--data", path "data", "--json")
    assert.equal(0, code, output)
    return json.decode(output)
  end

  -- A server over what is restored from `from`, by further words of restore.
  local function restored(from, ...)
    local other = Server.prepare { source = SOURCE }
    local code, output = ask("restore", from, other.directory .. "/data", ...)
    assert.equal(0, code, output)
    other:launch()
    others[#others + 1] = other
    return other, output
  end

  local function refused(...)
    local code, output = ask(...)
    assert.equal(1, code, output)
    return output
  end

  local function exists(name)
    local file = io.open(path(name))
    return file ~= nil and file:close()
  end

  -- Looks again and again.
  local function wait_exists(name)
    local deadline = os.time() + SECONDS
    while not exists(name) do
      assert(os.time() < deadline, "there is no " .. name)
    end
  end

  local function names(folder)
    local found, pipe = {}, io.popen(("ls -A '%s' 2> /dev/null"):format(path(folder)))
    for name in pipe:lines() do
      found[#found + 1] = name
    end
    pipe:close()
    return found
  end

  -- Makes one page of the data file none, one after the other, until it
  -- is one that is used.
  local function spoil_page(name)
    local bytes = shell.read(path(name))
    for at = 2 * PAGE, #bytes - PAGE, PAGE do
      shell.write(path(name), bytes:sub(1, at + 10) .. "\x77" .. bytes:sub(at + 12))
      local code, output = ask("restore", "--check", path "data")
      if code ~= 0 then
        assert.matches("data.mdb: the file is damaged %(page " .. at / PAGE .. "%)", output)
        return
      end
    end
    error "it has no page that is used"
  end

  it("has what was acknowledged, with alarms and what was deleted", function()
    put("a", 1, 20)
    put("b", 1, 5)
    server:get("/ledgers/b?delete=1")
    backup "copy"
    put("a", 21, 30)
    local other = restored(path "copy")
    assert.equal(all(1, 20), other:get("/ledgers/a").body)
    assert.equal("", other:get("/ledgers/b").body)
    local _, alarm = other:asking("alarm", "get", "ledgers/a")
    assert.matches("2100%-01%-01", alarm)
    assert.equal(all(1, 30), server:get("/ledgers/a").body)
    assert.equal(0, (ask("restore", "--check", path "copy")))
  end)

  it("has what is acknowledged while it is made, up to the moment it names", function()
    put("a", 1, 20)
    server:fault("copy.hold")
    local making = begin("backup", path "copy", "--data", path "data", "--json")
    local before = put("a", 21, 100, 600000) -- Several segments, none of which is used again.
    server:clear_fault("copy.hold")
    local later, last = {}, 100
    repeat
      last = last + 1
      later[last] = put("a", last, last)[last]
      making:reap()
    until making:has_ended()
    local code, output = making:wait_exit(30), making:output()
    assert.equal(0, code, output)
    local at = json.decode(output).at
    local got = restored(path "copy"):get("/ledgers/a").body
    local count = select(2, got:gsub("%d+", ""))
    assert.equal(all(1, count), got)
    for i = 21, last do
      if (before[i] or later[i]) < at then
        assert.is_true(i <= count, ("%d was acknowledged before it"):format(i))
      end
    end
  end)

  it("goes on while the program is upgraded, killed and started again", function()
    put("a", 1, 10)
    server:fault("copy.hold")
    local making = begin("backup", path "copy", "--data", path "data")
    wait_exists "copy/unfinished/base" -- Else it might begin while nobody serves.
    put("a", 11, 20)
    assert.equal(0, (server:asking("upgrade")))
    put("a", 21, 30)
    server:kill()
    server:launch()
    put("a", 31, 40, 600000)
    server:clear_fault("copy.hold")
    local code, output = making:wait_exit(30), making:output()
    assert.equal(0, code, output)
    assert.equal(all(1, 40), restored(path "copy"):get("/ledgers/a").body)
  end)

  it("is made of a directory that nobody serves, also after a crash", function()
    server:fault("apply.hold")
    put("a", 1, 20)
    server:kill()
    server:clear_fault("apply.hold")
    backup "copy"
    assert.equal(all(1, 20), restored(path "copy"):get("/ledgers/a").body)
    assert.equal(all(1, 20), restored(path "data"):get("/ledgers/a").body)
    server:launch()
    assert.equal(all(1, 20), server:get("/ledgers/a").body)
  end)

  it("that was killed is seen as one, and is not served either", function()
    put("a", 1, 5)
    server:fault("copy.hold")
    local making = begin("backup", path "copy", "--data", path "data")
    wait_exists "copy/unfinished/base"
    making:signal("KILL")
    making:wait_exit(20)
    server:clear_fault("copy.hold")
    assert.matches("was not finished", refused("restore", path "copy", path "new"))
    assert.same({}, names "new")
    assert.matches("was not finished", refused("backup", path "copy", "--data", path "data"))

    backup "whole"
    server:fault("copy.hold")
    local restoring = begin("restore", path "whole", path "new")
    wait_exists "new/unfinished"
    restoring:signal("KILL")
    restoring:wait_exit(20)
    server:clear_fault("copy.hold")
    assert.matches("was not finished", refused("restore", path "whole", path "new"))
    local code, output = ask("run", server.script, "--data", path "new", "--listen", "127.0.0.1:0")
    assert.equal(1, code)
    assert.matches("was not finished", output)

    -- Between the last file's move and the folder's end.
    assert.equal(0, (ask("restore", path "whole", path "almost")))
    assert(os.execute(("mkdir '%s'"):format(path "almost/unfinished")) == 0)
    code, output = ask("run", server.script, "--data", path "almost", "--listen", "127.0.0.1:0")
    assert.equal(1, code)
    assert.matches("was not finished", output)
  end)

  it("leaves nothing behind where the disk is full", function()
    put("a", 1, 5)
    backup "whole"
    server:fault("copy.full")
    assert.matches("No space left", refused("backup", path "copy", "--data", path "data"))
    assert.matches("No space left", refused("restore", path "whole", path "new"))
    server:clear_fault("copy.full")
    assert.is_false(exists "copy")
    assert.is_false(exists "new")
    put("a", 6, 7)
    backup "copy"
  end)

  it("is made, too, of base and journal where data.mdb cannot be read", function()
    server:hang_up()
    server:shut_down()
    server.options.args = { "--history", "1h" }
    server:launch()
    wait_exists "data/journal/00000000000000000000.base"
    put("a", 1, 20)
    server:hang_up()
    server:shut_down()
    for _, bytes in ipairs { 8192, 0 } do
      assert(os.execute(("truncate -s %d '%s'"):format(bytes, path "data/data.mdb")) == 0)
      local other, output = restored(path "data")
      assert.equal(all(1, 20), other:get("/ledgers/a").body)
      assert.matches("data.mdb: .*a base and all that the journal has behind it are taken instead",
        output)
      assert.equal(0, (ask("restore", "--check", path "data")))
      assert.matches("cannot open .*data.mdb",
        refused("backup", path "copy", "--data", path "data"))
    end
  end)

  -- Only the mark of data.mdb was looked at: one whose other pages were rubbish was taken and could
  -- not be copied, though base and journal had everything. Who asked `open-do run` was sent to a
  -- backup or an empty directory.
  it("is made of base and journal where pages of data.mdb are rubbish, as `run` says", function()
    server:hang_up()
    server:shut_down()
    server.options.args = { "--history", "1h" }
    server:launch()
    wait_exists "data/journal/00000000000000000000.base"
    put("a", 1, 20, 1000)
    server:hang_up()
    server:shut_down()
    spoil_page "data/data.mdb"
    local advice = "data.mdb: the file is damaged %(page %d+%); its history brings back what was "
      .. "acknowledged: open%-do restore DIR NEW\n"
    assert.matches(advice, refused("restore", "--check", path "data"))
    assert.matches(advice,
      refused("run", server.script, "--data", path "data", "--listen", "127.0.0.1:0"))
    local other, output = restored(path "data")
    assert.equal(all(1, 20), other:get("/ledgers/a").body)
    assert.matches("data.mdb: the file is damaged %(page %d+%)\n"
      .. "[^\n]*a base and all that the journal has behind it are taken instead", output)
    os.remove(path "data/data.mdb")
    assert.matches("data.mdb is missing, .*; its history brings back what was acknowledged",
      refused("run", server.script, "--data", path "data", "--listen", "127.0.0.1:0"))
    assert.equal(all(1, 20), restored(path "data"):get("/ledgers/a").body)
  end)

  it("waits for nothing that is no file", function()
    server.options.args = { "--history", "1h" }
    server:hang_up()
    server:shut_down()
    server:launch()
    wait_exists "data/journal/00000000000000000000.base"
    put("a", 1, 3)
    server:hang_up()
    server:shut_down()
    backup "whole"
    for _, name in ipairs { "data.mdb", "journal/00000000000000000000.base",
      "journal/00000000000000000001" } do
      local words = { data = path "data", copy = path "pipe", name = name }
      assert(os.execute((("rm -rf '$copy'; cp -a '$data' '$copy'; rm -f '$copy/$name' && "
        .. "mkfifo '$copy/$name'"):gsub("%$(%l+)", words))) == 0)
      ask("restore", "--check", path "pipe")
      ask("backup", path("of-" .. name:gsub("%W", "")), "--data", path "pipe")
    end
    for _, name in ipairs { "backup", "00000000000000000001" } do
      assert(os.execute(("cd '%s/whole' && rm -f %s && mkfifo %s"):format(server.directory, name,
        name)) == 0)
      refused("restore", "--check", path "whole")
    end
  end)

  it("has no last write before there is one, and nothing of another directory", function()
    backup "empty"
    local _, output = ask("restore", "--check", path "empty")
    assert.matches("is whole; nothing was written yet", output)
    _, output = ask("restore", path "empty", path "new")
    assert.matches("is a data directory now; nothing was written yet", output)
    put("a", 1, 3)
    server:hang_up()
    server:shut_down()
    assert(os.execute(("cd '%s' && cp empty/*.base data/journal/"):format(server.directory)) == 0)
    assert.equal(0, (ask("restore", "--check", path "data")))
    os.remove(path "data/journal/00000000000000000000.base")
    local other = Server.start { source = SOURCE }
    others[#others + 1] = other
    assert.equal(0, (ask("backup", path "others", "--data", other.directory .. "/data")))
    assert(os.execute(("cd '%s' && cp others/*.base data/journal/"):format(server.directory)) == 0)
    for _, at in ipairs { "2020-01-01T00:00Z", "2100-01-01T00:00Z" } do
      assert.matches("belongs to another data directory than .*/data.mdb; move away",
        refused("restore", "--check", path "data", "--at", at))
    end
    server:launch()
  end)

  it("shows a person how far it is when it takes longer than a second", function()
    put("a", 1, 3)
    server:fault("copy.hold")
    local making = process.start { argv = { process.program, "backup", path "copy", "--data",
      path "data" }, env = { OPEN_DO_TEST_PAGE = server.page.path }, at_terminal = true }
    wait_exists "copy/unfinished/base"
    server:turn_clock(2000)
    server:clear_fault("copy.hold")
    making:wait_output("%[#+ *%] +%d+ %%  copied %d+ of %d+ MiB", 20)
    assert.equal(0, (making:wait_exit(30)))
    assert.matches("has all of .* that was acknowledged before 20%d%d%-", making:output())
  end)

  it("goes into a new or an empty directory only", function()
    put("a", 1, 3)
    assert.matches("is not empty", refused("backup", path "data", "--data", path "data"))
    os.execute(("mkdir '%s'"):format(path "empty"))
    backup "empty"
    assert.matches("is not empty", refused("restore", path "empty", path "data"))
    assert.matches("is not empty", refused("backup", path "empty", "--data", path "data"))
    assert.matches("is no data directory", refused("backup", path "x", "--data", path "nothing"))
    assert.matches("no base", refused("restore", server.directory, path "x"))
    assert.same({}, names "x")
    assert.equal(all(1, 3), server:get("/ledgers/a").body)
  end)

  it("goes back to a moment between its base and its end", function()
    put("a", 1, 5)
    server:fault("apply.hold")
    local times = put("a", 6, 20)
    backup "copy"
    server:clear_fault("apply.hold")
    local other = restored(path "copy", "--at", tostring(times[12]))
    local got = other:get("/ledgers/a").body
    local count = select(2, got:gsub("%d+", ""))
    assert.equal(all(1, count), got)
    assert.is_true(count >= 12, "it has " .. count)
    assert.is_true(times[count] == times[12] or times[count - 1] <= times[12], "it has " .. count)
    assert.matches("does not go back so far",
      refused("restore", path "copy", path "new", "--at", "2020-01-01T00:00Z"))
    local _, words = ask("restore", "--check", path "copy", "--at", tostring(times[12]), "--json")
    local group = words:match('"group":(%d+)')
    assert.equal(got, restored(path "copy", "--at", "group-" .. group):get("/ledgers/a").body)
    assert.matches("there were more, up to 4096",
      refused("restore", path "copy", path "new", "--at", "group-4096"))
    for at, why in pairs {
      ["1969-12-31T23:59:59Z"] = "nothing is so old", ["1970-01-01T00:00Z"] = "nothing is so old",
      ["group-"] = "like group%-17", ["group-0"] = "like group%-17",
      ["group--1"] = "like group%-17", ["group-1x"] = "like group%-17",
      ["group-18446744073709551616"] = "like group%-17",
    } do
      local code
      code, words = ask("restore", path "copy", path "new", "--at", at)
      assert.equal(2, code, words)
      assert.matches(why, words)
      assert.is_false(exists "new/data.mdb")
    end
  end)
end)
