local ffi = require "ffi"
local json = require "dkjson"
local http = require "spec.support.http"
local Server = require "spec.support.server"
local process = require "spec.support.process"
local shell = require "spec.support.shell"
local Upstream = require "spec.support.upstream"

local SECONDS = 20

local SCRIPT = [[
local Room = {}
function Room:fetch()
  return require("open-do").Response("hello\n")
end
return { namespaces = { rooms = Room } }
]]

-- An operator at a shell, in an empty directory with a good script in it.
describe("The program", function()
  local directory

  local function write(name, text)
    shell.write(directory .. "/" .. name, text)
  end

  before_each(function()
    directory = shell.make_directory()
    write("room.lua", SCRIPT)
  end)

  after_each(function()
    process.stop_all()
    shell.remove(directory)
  end)

  -- It runs in another working directory than the specs do.
  local program = process.absolute_program()

  local function open_do(arguments, env)
    return process.start { argv = { program, unpack(arguments) }, env = env, cwd = directory }
  end

  -- Runs it to its end; returns the exit code and what it said.
  local function ends(arguments, env)
    local run = open_do(arguments, env)
    local code = run:wait_exit(SECONDS)
    return code, run:output()
  end

  local function serves(arguments, env)
    local words = { "run", "room.lua", "--listen", "127.0.0.1:0", "--workers", "2" }
    for _, argument in ipairs(arguments or {}) do
      words[#words + 1] = argument
    end
    local server = open_do(words, env)
    return server, server:wait_output("listening on http://127%.0%.0%.1:(%d+)", SECONDS)
  end

  describe("explains itself", function()
    it("with --help: every option with its default and its variable", function()
      local code, alone = ends { "--help" }
      assert.equal(0, code)
      for _, words in ipairs { "run +SCRIPT", "check +SCRIPT", "%-%-listen HOST:PORT",
        "127.0.0.1:8787", "OPEN_DO_LISTEN", "%-%-env%-file FILE", "OPEN_DO_IDLE_MS" } do
        assert.truthy(alone:match(words), words .. " is missing in:\n" .. alone)
      end
    end)

    -- { command, an option it takes, one it does not take, its example }
    for _, row in ipairs {
      { "run", "--listen HOST:PORT", "--json", "open-do run chat.lua" },
      { "dev", "--allow-origin ORIGINS", "--json", "open-do dev chat.lua" },
      { "check", "--var NAME", "--listen", "open-do check chat.lua" },
      { "status", "--json", "--workers", "open-do status --data" },
      { "reload", "--data DIR", "--json", "open-do reload chat.lua" },
      { "test", "--help", "--data", "open-do test spec/" },
      { "types", "--help", "--data", "open-do types" },
    } do
      local command, taken, other, example = unpack(row)
      it(("with %s --help: its options and an example"):format(command), function()
        local code, text = ends { command, "--help" }
        assert.equal(0, code)
        assert.truthy(text:find(taken, 1, true), text)
        assert.truthy(text:find("Example:\n  " .. example, 1, true), text)
        assert.is_nil(text:find(other, 1, true), text)
      end)
    end

    it("with --help: in columns that line up", function()
      local _, text = ends { "run", "--help" }
      local column
      for line in text:gmatch("[^\n]+") do
        local at = line:match("^  %-%-?[%w-]+ ?[%w:|=%[%]]*%s+()") or line:match("^%s+()OPEN_DO")
        column = column or at
        assert.equal(at and column, at, line)
      end
      assert.truthy(column)
    end)

    it("with --help: in lines that are no longer than 100", function()
      for _, words in ipairs { { "--help" }, { "run", "--help" }, { "reload", "--help" } } do
        local _, text = ends(words)
        for line in text:gmatch("[^\n]+") do
          assert.is_true(#line <= 100, line)
        end
      end
    end)

    it("with --help: and says when nobody can read it", function()
      local run = process.start { argv = { "sh", "-c", "'" .. program .. "' --help >/dev/full" } }
      assert.equal(1, run:wait_exit(SECONDS))
      assert.equal("open-do: cannot write the answer: No space left on device\n", run:output())
    end)

    it("with --version", function()
      local code, text = ends { "--version" }
      assert.equal(0, code)
      assert.truthy(text:match("^open%-do %d+%.%d+%.%d+\n$"), text)
    end)
  end)

  -- { what is said, what is answered }: all exit with 2 and point at --help.
  local MISTAKES = {
    { {}, "a command is missing" },
    { { "serve", "room.lua" }, "'serve' is not a command" },
    { { "run" }, "the script is missing" },
    { { "run", "room.lua", "chat.lua" }, "'chat.lua' is one word too many" },
    { { "delete", "rooms/a", "rooms/b" }, "'rooms/b' is one word too many" },
    { { "kv", "put", "rooms/a", "k", "[1,", "2]" }, "'2%]' is one word too many" },
    { { "run", "room.lua", "--port", "80" }, "%-%-port is not an option" },
    { { "run", "room.lua", "--lisen=:80" },
      "%-%-lisen=:80 is not an option of open%-do; did you mean %-%-listen%?" },
    { { "delete", "rooms/a", "--read-only" },
      "%-%-read%-only is not an option of open%-do delete" },
    { { "run", "room.lua", "--json" }, "%-%-json is not an option of open%-do run" },
    { { "rum", "room.lua" }, "'rum' is not a command: say open%-do run SCRIPT" },
    { { "stats", "room.lua" }, "'stats' is not a command; did you mean open%-do status%?" },
    { { "run", "room.lua", "-x" }, "%-x is not an option" },
    { { "run", "room.lua", "--listen" }, "%-%-listen needs a value" },
    { { "run", "room.lua", "--listen", "8787" }, "%-%-listen 8787: expected HOST:PORT" },
    { { "run", "room.lua", "--listen", "::1:8787" }, "expected HOST:PORT" },
    { { "run", "room.lua", "--listen", "localhost:65536" }, "expected HOST:PORT" },
    { { "run", "room.lua", "--workers", "0" }, "%-%-workers 0: expected a number from 1 to 64" },
    { { "run", "room.lua", "--workers", "65" }, "expected a number from 1 to 64" },
    { { "run", "room.lua", "--idle-ms", "1s" }, "%-%-idle%-ms 1s: expected a number" },
    { { "run", "room.lua", "--log-format", "xml" }, "%-%-log%-format xml: expected text or json" },
    { { "run", "room.lua", "--log-level", "loud" }, "expected debug, info, warn or error" },
    { { "run", "room.lua", "--var", "A" }, "expected NAME=VALUE, or the name of a variable of the "
      .. "environment, which 'A' is not" },
    { { "run", "room.lua", "--var-file", "A" }, "expected NAME=FILE, got 'A'" },
    { { "run", "room.lua", "--var-file", "A=/nowhere" }, "/nowhere: No such file" },
    { { "run", "room.lua", "--var", "2A=1" }, "'2A' cannot be the name of a variable" },
  }

  -- It waited for ever, and a service manager with it.
  it("does not wait for a pipe to which nobody writes, and takes what somebody does", function()
    local pipe = os.tmpname()
    os.remove(pipe)
    assert(os.execute("mkfifo " .. pipe) == 0)
    for _, option in ipairs { "--var-file=A=" .. pipe, "--env-file=" .. pipe } do
      local code, text = ends { "run", "room.lua", option }
      assert.is_true(code > 0, text)
      assert.matches(pipe .. ": it is a pipe, and nobody writes to it", text, 1, true)
    end
    process.start { argv = { "sh", "-c", ("echo '2A=1' > %s"):format(pipe) } }
    local _, text = ends { "run", "room.lua", "--env-file", pipe }
    assert.matches(":1: '2A' cannot be the name of a variable", text, 1, true)
    os.remove(pipe)
  end)

  for _, mistake in ipairs(MISTAKES) do
    local words, answer = unpack(mistake)
    it("exits with 2 for: open-do " .. table.concat(words, " "), function()
      local code, text = ends(words)
      assert.equal(2, code, text)
      assert.truthy(text:match(answer), text)
      assert.truthy(text:match("open%-do %-%-help lists"), text)
    end)
  end

  it("names the variable when the environment is wrong", function()
    local code, text = ends({ "run", "room.lua" }, { OPEN_DO_WORKERS = "many" })
    assert.equal(2, code)
    assert.truthy(text:match("OPEN_DO_WORKERS=many: expected a number from 1 to 64"), text)
  end)

  it("warns of variables that are near to one of an option, and of no others", function()
    local server = serves({}, { OPEN_DO_WORKER = "3", OPEN_DO_LOG_LEVLE = "debug",
      OPEN_DO_PORT = "tcp://10.0.0.1:80", OPEN_DO_IDLE_MS = "1000", OPEN_DO_ = "", OPEN_DO = "" })
    local text = server:output()
    assert.matches("OPEN_DO_WORKER is not an option of open-do; did you mean OPEN_DO_WORKERS?",
      text, 1, true)
    assert.matches("OPEN_DO_LOG_LEVLE is not an option of open-do; did you mean OPEN_DO_LOG_LEVEL?",
      text, 1, true)
    assert.equal(2, select(2, text:gsub("is not an option", "")))
  end)

  it("warns of them when it asks, too", function()
    local code, text = ends({ "status", "--data", "nowhere" }, { OPEN_DO_JOSN = "1" })
    assert.equal(1, code)
    assert.matches("OPEN_DO_JOSN is not an option of open-do; did you mean OPEN_DO_JSON?", text, 1,
      true)
  end)

  it("does not look at a variable whose flag is given", function()
    serves({}, { OPEN_DO_WORKERS = "many" })
  end)

  describe("in a cgroup that is held to less than the machine", function()
    local server

    -- What the status says of the workers when the cgroup has these files.
    local function workers_with(files, args)
      server = Server.prepare { source = SCRIPT, files = files, workers = false, args = args }
      server.options.env = { OPEN_DO_TEST_ROOT = server.directory }
      server:launch()
      return server:status().workers
    end

    after_each(function()
      server:stop()
    end)

    local CGROUP = {
      ["proc/self/cgroup"] = "0::/a",
      ["sys/fs/cgroup/a/cpu.max"] = "100000 100000",
      ["sys/fs/cgroup/a/memory.max"] = tostring(256 * 2 ^ 20),
    }

    it("starts as many workers as the quota has cores, and shares out its memory", function()
      local workers = workers_with(CGROUP)
      assert.equal(1, #workers)
      assert.equal(192 * 2 ^ 20, workers[1].memoryBytesMax)
    end)

    it("does what the options say", function()
      local workers = workers_with(CGROUP, { "--workers", "2", "--script-memory-mb", "300" })
      assert.equal(2, #workers)
      assert.equal(300 * 2 ^ 20, workers[1].memoryBytesMax)
    end)

    it("starts a worker anew as the others were, though the quota has changed", function()
      local workers = workers_with(CGROUP)
      server:save(tostring(64 * 2 ^ 20), "sys/fs/cgroup/a/memory.max")
      server:expect_mishap("another one is started")
      ffi.C.kill(workers[1].pid, 9)
      server:wait_log("is back after")
      assert.equal(192 * 2 ^ 20, server:status().workers[1].memoryBytesMax)
    end)
  end)

  describe("exits with 1", function()
    it("when the script is not there, and names it", function()
      local code, text = ends { "run", "chat.lua" }
      assert.equal(1, code)
      assert.truthy(text:match("cannot read the script chat.lua: No such file"), text)
    end)

    it("when the script is a directory, and says so", function()
      local code, text = ends { "run", "." }
      assert.equal(1, code)
      assert.equal("open-do: cannot read the script .: Is a directory\n", text)
      assert.same({ 1, "open-do: cannot read .: Is a directory\n" }, { ends { "import", "." } })
    end)

    it("when the script cannot be loaded, and says so once for all workers", function()
      write("broken.lua", "local a = 1\nlocal b = = 2\n")
      local code, text = ends { "run", "broken.lua", "--listen", "127.0.0.1:0", "--workers", "2" }
      assert.equal(1, code)
      local _, count = text:gsub("broken%.lua:2", "")
      assert.equal(1, count, text)
      assert.falsy(text:match("listening"), text)
    end)

    it("when it cannot listen there, and names the host", function()
      local code, text = ends { "run", "room.lua", "--listen", "nowhere.invalid:8080" }
      assert.equal(1, code)
      assert.truthy(text:match("cannot listen on 'nowhere.invalid': %a+"), text)
      code, text = ends { "run", "room.lua", "--listen", "192.0.2.1:8080" } -- Not of this machine.
      assert.equal(1, code)
      assert.truthy(text:match("cannot listen on 192.0.2.1:8080: Cannot assign"), text)
    end)

    it("when the data directory cannot be one", function()
      local code, text = ends { "run", "room.lua", "--listen", "127.0.0.1:0", "--data", "room.lua" }
      assert.equal(1, code)
      assert.truthy(text:match("room.lua.*Not a directory"), text)
    end)

    it("when an environment file has a mistake, with file and line", function()
      write("vars", "# comment\nA=1\nexport B = \"open\nC=3\n")
      local code, text = ends { "run", "room.lua", "--env-file", "vars" }
      assert.equal(1, code)
      assert.truthy(text:match('vars:3: the value begins with ", which is not closed'), text)
    end)
  end)

  it("checks a script without a port or a directory", function()
    write("broken.lua", "return {")
    local code, text = ends { "check", "room.lua" }
    assert.equal(0, code, text)
    assert.truthy(text:match("room.lua is well: namespaces rooms"), text)
    code, text = ends { "check", "broken.lua" }
    assert.equal(1, code, text)
    assert.truthy(text:match("broken%.lua:1"), text)
    assert.is_nil(io.open(directory .. "/.open-do/data.mdb"))
  end)

  describe("exits with 3 and names the process", function()
    it("that has the port", function()
      local first, port = serves()
      local address = "127.0.0.1:" .. port
      local code, text = ends { "run", "room.lua", "--data", "other", "--listen", address }
      assert.equal(3, code, text)
      local expected = ("port %d is in use by process %d %%(open%%-do%%)"):format(port, first.pid)
      assert.truthy(text:match(expected), text)
    end)

    it("that has the data directory, before it asks for a port", function()
      local first, port = serves()
      local code, text = ends { "run", "room.lua", "--listen", "127.0.0.1:" .. port }
      assert.equal(3, code, text)
      assert.truthy(text:match("data directory .* is in use .*" .. first.pid), text)
    end)

    it("that has the data directory, also when somebody has removed the file with its number",
      function()
        local _, port = serves()
        assert(os.remove(directory .. "/.open-do/open-do.pid"))
        local code, text = ends { "run", "room.lua", "--listen", "127.0.0.1:" .. port }
        assert.equal(3, code, text)
        assert.truthy(text:match("data directory .* is in use by another open%-do"), text)
      end)
  end)

  -- The next file that it opened took that number, and the log went into it: a lock, or the data.
  it("logs into no file of its own when stderr is closed", function()
    local command = ("exec '%s' run room.lua --listen 127.0.0.1:0 --data d 2>&-"):format(program)
    local server = process.start { argv = { "sh", "-c", command }, cwd = directory }
    local deadline = os.time() + SECONDS
    while ends { "status", "--data", "d" } ~= 0 do
      assert.is_true(os.time() < deadline, "it does not serve")
    end
    local pipe = io.popen(("readlink /proc/%d/fd/2"):format(server.pid))
    assert.equal("/dev/null", pipe:read("*l"))
    pipe:close()
    server:signal("TERM")
    assert.equal(0, server:wait_exit(SECONDS))
  end)

  describe("stops", function()
    it("with 0 at SIGTERM, and all its workers with it", function()
      local server = serves()
      local workers = server:children()
      assert.equal(2, #workers)
      server:signal("TERM")
      assert.equal(0, server:wait_exit(SECONDS), server:output())
      process.wait_gone(workers, SECONDS)
    end)

    it("with 0 at Ctrl-C, though the terminal tells the workers too", function()
      local server = serves()
      server:signal_group("INT")
      assert.equal(0, server:wait_exit(SECONDS), server:output())
      assert.falsy(server:output():match("worker %d .*ended"), server:output())
    end)

    it("and starts again over the same data at once", function()
      local address = "127.0.0.1:" .. Upstream.free_port()
      local first = serves { "--listen", address }
      first:signal("TERM")
      first:wait_exit(SECONDS)
      serves { "--listen", address }
    end)

    -- A terminal tells the whole group, and npm and `timeout` pass on what they were told: one
    -- Ctrl-C was two signals, and cut whoever was being answered.
    it("with 0 at a Ctrl-C that comes twice", function()
      local server = serves()
      server:signal("STOP") -- So that it sees both at once.
      server:signal("INT")
      server:signal("TERM")
      server:signal("CONT")
      assert.equal(0, server:wait_exit(SECONDS), server:output())
    end)

    it("at once with 130 at the second Ctrl-C", function()
      local server = Server.start { source = SCRIPT }
      local workers = server.process:children()
      for _, pid in ipairs(workers) do
        ffi.C.kill(pid, 19) -- SIGSTOP: workers that never finish.
      end
      server.process:signal("INT")
      server:wait_log("stopping")
      server:turn_clock(1000)
      server.process:signal("INT")
      assert.equal(130, server.process:wait_exit(SECONDS), server:log())
      process.wait_gone(workers, SECONDS)
      server:abandon()
    end)

    it("after ten seconds though workers do not finish, and says so", function()
      local stuck = Server.start { source = SCRIPT }
      local workers = stuck.process:children()
      for _, pid in ipairs(workers) do
        ffi.C.kill(pid, 19) -- SIGSTOP.
      end
      stuck.process:signal("TERM")
      stuck:wait_log("stopping")
      stuck:turn_clock(11000)
      stuck:wait_log("workers have not finished within 10 s and are killed")
      stuck.process:wait_exit(SECONDS)
      process.wait_gone(workers, SECONDS)
      stuck:abandon()
    end)

    it("with all its workers when it is killed", function()
      local server = serves()
      local workers = server:children()
      server:signal("KILL")
      local _, signal = server:wait_exit(SECONDS)
      assert.equal("KILL", signal)
      process.wait_gone(workers, SECONDS)
    end)
  end)

  it("writes its log as JSON, a value a line, for those who collect logs", function()
    write("room.lua", SCRIPT:gsub('return req', 'print(\'say "so"\\n\\1\') %0'))
    local server, port = serves { "--log-format", "json" }
    http.request({ host = "127.0.0.1", port = tonumber(port) }, "GET", "/rooms/a")
    server:signal("TERM")
    assert.equal(0, server:wait_exit(SECONDS), server:output())
    local said
    for line in server:output():gmatch("[^\n]+") do
      local entry = assert(json.decode(line), line)
      assert.matches("^%d%d%d%d%-%d%d%-%d%dT%d%d:%d%d:%d%d%.%d%d%dZ$", entry.time)
      assert.is_string(entry.level)
      assert.is_string(entry.message)
      said = entry.object == "rooms/a" and entry or said
    end
    assert.equal('say "so"\n\1', said.message)
  end)

  it("replaces a worker that was killed and says why it ended", function()
    local server = serves()
    local victim = server:children()[1]
    ffi.C.kill(victim, 9)
    server:wait_output(("worker 0 %%(pid %d%%) ended: killed by SIGKILL"):format(victim), SECONDS)
    server:wait_output("worker 0 is back", SECONDS)
    assert.equal(2, #server:children())
    server:signal("TERM")
    assert.equal(0, server:wait_exit(SECONDS), server:output())
  end)
end)
