-- Another program takes the place of the running one: the process stays the same, and nobody is
-- disconnected, whatever he is in the middle of.
--
-- OPEN_DO_UPGRADES sets how many follow each other under load (20), OPEN_DO_SOCKETS how many are
-- connected in the spec of a crowd (300). OPEN_DO_OTHER names a program of another commit, which
-- takes over and is taken over from; without it that is the program of this commit with another
-- version in it.

local handover = require "spec.scenario.handover"
local survival = require "spec.scenario.survival"
local proc = require "spec.support.proc"
local unix = require "socket.unix"

local PEOPLE = tonumber(os.getenv("OPEN_DO_SOCKETS")) or 300
local UPGRADES = tonumber(os.getenv("OPEN_DO_UPGRADES")) or 20
local PROGRAM = (os.getenv("OPEN_DO_BUILD") or "build/testing") .. "/open-do"
local ABSOLUTE = PROGRAM:match("^/.*") or os.getenv("PWD") .. "/" .. PROGRAM

local function upgrade(server)
  local code, said = server:asking("upgrade")
  assert.equal(0, code, said .. "\n" .. server:log())
  local ms = said:match("^open%-do [%d.]+ has taken over from [%d.]+: %d+ sockets? kept, nobody "
    .. "was served for (%d+) ms\n$")
  assert.truthy(ms, said)
  return tonumber(ms)
end

local function begin_upgrade(server, path)
  local client = unix()
  assert(client:connect(server.directory .. "/data/control.sock"))
  client:send(("upgrade %s\n"):format(path))
  return client
end

-- Asks the server to let the program at `path` take over, as somebody at the control socket would.
local function upgrade_to(server, path)
  local client = begin_upgrade(server, path)
  client:settimeout(30)
  local answer = assert(client:receive("*a"))
  client:close()
  return answer
end

local function version_of(program)
  local pipe = io.popen(program .. " --version")
  local version = pipe:read("*l"):match("open%-do (.+)")
  pipe:close()
  return version
end

-- The program of this commit with another version in it: what there is without the history.
local function of_another_version(path)
  local file = assert(io.open(PROGRAM, "rb"))
  local bytes = file:read("*a")
  file:close()
  local version = version_of(PROGRAM)
  local next_version = version:gsub("%d", function(digit) return (digit + 1) % 10 end)
  file = assert(io.open(path, "wb"))
  file:write((bytes:gsub("%z" .. version:gsub("%p", "%%%0") .. "%z", "\0" .. next_version .. "\0")))
  file:close()
  os.execute("chmod +x " .. path)
  return path
end

local function is_over(asking)
  asking:read_output()
  asking:reap()
  return asking:has_ended()
end

describe("open-do upgrade", function()
  local server

  after_each(function()
    server:stop()
  end)

  handover.specs(it, function() return server end, function(started) server = started end, upgrade)

  it("goes on in the same process, with another program and its workers", function()
    server = survival.start { workers = 2 }
    local ann = survival.person(server, "a", "ann")
    local boot, before = ann:ask("boot"), server.process:children()
    os.execute(("cp %s %s"):format(PROGRAM, server:path("next")))
    assert.matches("^ok\nopen%-do", upgrade_to(server, server:path("next")))
    local link = io.popen(("readlink /proc/%d/exe"):format(server.process.pid)):read("*l")
    assert.equal(server:path("next"), link)
    assert.not_equal(boot, ann:ask("boot"))
    for _, pid in ipairs(server.process:children()) do
      assert.not_equal(before[1], pid)
      assert.not_equal(before[2], pid)
    end
    assert.equal(2, #server.process:children())
  end)

  -- It took this for a script that cannot be loaded, and ended with all clients.
  it("goes on when a worker of the next program ends before all are ready", function()
    server = survival.start { workers = 1 }
    local ann, request = survival.person(server, "a", "ann"), server:open()
    local boot = ann:ask("boot")
    assert.equal(200, request:request("GET", "/rooms/a").status)
    server:fault("ready.hold")
    local asking = server:begin_asking("upgrade")
    repeat until ann:ask("boot") ~= boot
    server:clear_fault("ready.hold")
    survival.kill_one(server)
    server:wait_log("another one is started")
    assert.equal(0, asking:wait_exit(20), asking:output())
    ann:ask("who", ann:identity())
    assert.equal(200, request:request("GET", "/rooms/a").status)
  end)

  -- The program before may have listened in another way. What is sent in pieces would wait for the
  -- client's acknowledgements.
  it("sends at once to who connects behind it, too", function()
    local SOL_SOCKET, SO_ACCEPTCONN, IPPROTO_TCP, TCP_NODELAY = 1, 30, 6, 1
    server = survival.start { workers = 1 }
    proc.each_descriptor(server.process.pid, function(fd)
      if proc.socket_option(fd, SOL_SOCKET, SO_ACCEPTCONN) == 1 and
        proc.socket_option(fd, IPPROTO_TCP, TCP_NODELAY) then
        proc.set_socket_option(fd, IPPROTO_TCP, TCP_NODELAY, 0)
      end
    end)
    upgrade(server)
    local ann, count = survival.person(server, "a", "ann"), 0
    ann:ask("who", ann:identity())
    proc.each_descriptor(server.process:children()[1], function(fd)
      local is_set = proc.socket_option(fd, IPPROTO_TCP, TCP_NODELAY)
      assert.not_equal(0, is_set)
      count = count + (is_set or 0)
    end)
    assert.is_true(count > 0)
  end)

  it("is asked for by SIGUSR2, too: then the file takes over that it was started from", function()
    server = survival.start { workers = 1 }
    local ann = survival.person(server, "a", "ann")
    for _ = 1, 2 do
      server.process:signal("USR2")
      server:wait_log("has taken over from")
      ann:ask("who", ann:identity())
    end
  end)

  it("keeps objects' auto responses, refusals, the version of the script, alarms and numbers",
    function()
      server = survival.start { workers = 1, args = { "--event-limit-ms", "1000" } }
      local ann = survival.person(server, "a", "ann")
      assert.equal("set", server:get("/rooms/a?ask=autoResponse").body)
      ann:ask("ping", "pong")
      local answered = server:get("/rooms/a?ask=answered&rest=ann").body
      server:save((survival.SOURCE:gsub("attached", "fastened")))
      assert.equal(0, (server:asking("reload")))
      server:get("/rooms/bad?ask=loop")
      server:wait_log("rooms/bad +is refused for 1000 ms")
      survival.await_back(server)
      server:save("this is broken")
      upgrade(server)
      assert.equal(answered, server:get("/rooms/a?ask=answered&rest=ann").body)
      ann:ask("ping", "pong")
      ann:ask("attach ann", "fastened") -- The served version, not what lies on the disk.
      assert.equal(2, server:status().scriptVersion)
      server:save(survival.SOURCE)
      assert.equal(0, (server:asking("reload")))
      ann:ask("attach ann", "attached")
      survival.kill_one(server)
      survival.await_back(server)
      ann:ask("who", ann:identity())
      assert.equal(0, (server:asking("restart-worker", "0")))
      ann:ask("who", ann:identity())
      server:turn_clock(1000) -- If that time is not over yet.
      local deadline, over = os.time() + 60, "more than 1000 ms.*more than 1000 ms"
      repeat -- It is refused until the worker has seen that its time is over.
        assert(os.time() < deadline, "rooms/bad is refused for good")
        server:get("/rooms/bad?ask=loop")
      until server:log():find(over)
      server:wait_log("rooms/bad +is refused for 2000 ms") -- It is the second time.
      survival.await_back(server)
      ann:ask("who", ann:identity())
    end)

  it("leads to a program of another commit, and back", function()
    server = survival.start { workers = 2 }
    local other = os.getenv("OPEN_DO_OTHER") or of_another_version(server:path("other"))
    local crowd = survival.gather(server, { people = 30, rooms = 3 })
    for i, program in ipairs { other, ABSOLUTE,
      other } do
      crowd.people[1].ws:write("\129")
      crowd.people[2]:say("echo " .. i)
      assert.matches("ok\nopen-do " .. version_of(program) .. " has taken over from ",
        upgrade_to(server, program), 1, true)
      crowd.people[1].ws:write("\136\0\0\0\0echo all")
      crowd.people[1]:hear("all")
      crowd.people[2]:hear(tostring(i))
      crowd:check()
    end
  end)

  -- What main has asked of the disk comes with LMDB, as an alarm that is set behind it does.
  local function await_disk()
    server:get("/rooms/other?ask=ring")
    server:wait_log("rings")
  end

  it("accepts who connects while nobody is served", function()
    server = handover.start { workers = 1 }
    server:open():send_request("GET", "/rooms/s?ask=sleep&rest=15000")
    server:wait_log("sleeps")
    server:turn_clock(200)
    local asking = server:begin_asking("upgrade")
    server:wait_log("hands over when what runs has ended")
    await_disk()
    server:turn_clock(20100)
    server:wait_log("worker 0 hands over\n")
    local late = {}
    for i = 1, 50 do
      late[i] = server:open()
      late[i]:send_request("GET", "/rooms/late" .. i .. "?ask=count")
    end
    assert.equal(0, asking:wait_exit(20))
    for i = 1, 50 do
      assert.equal("1", late[i]:read_answer().body)
    end
  end)

  it("ends in time when the disk stops to write after the workers have gone", function()
    server = handover.start { workers = 1 }
    local crowd = survival.gather(server, { people = 10, rooms = 2 })
    server:open():send_request("GET", "/rooms/s?ask=sleep&rest=15000")
    server:wait_log("sleeps")
    server:turn_clock(200)
    local asking = server:begin_asking("upgrade")
    server:wait_log("hands over when what runs has ended")
    crowd.people[1]:ask("store tea", "stored tea")
    await_disk()
    server:fault("commit.hold")
    server:turn_clock(20100)
    server:wait_log("worker 0 hands over\n")
    local deadline = survival.now() + 20
    repeat
      assert.is_true(survival.now() < deadline, "the worker does not go")
    until #server.process:children() == 0
    crowd.people[2]:say("echo late")
    server:turn_clock(21000)
    assert.equal(1, asking:wait_exit(20))
    assert.matches("nothing has changed: the disk does not take what was written",
      asking:output())
    server:clear_fault("commit.hold")
    survival.await_back(server)
    crowd.people[2]:hear("late")
    crowd:check()
    upgrade(server)
    crowd.people[1]:ask("stored", "tea")
  end)

  it("keeps the port of the admin listener, and the log says nothing of its process", function()
    server = survival.start { workers = 1, args = { "--admin", "127.0.0.1:0" } }
    local port = tonumber(server:wait_log("admin at http://127.0.0.1:(%d+)"))
    local http = require "spec.support.http"
    for _ = 1, 3 do
      local answer = http.request({ host = "127.0.0.1", port = port }, "GET", "/healthz")
      assert.equal(200, answer.status)
      upgrade(server)
    end
    assert.not_matches("the admin process", server:log(), 1, true)
  end)

  it("does not keep the program from stopping", function()
    server = handover.start { workers = 2 }
    server:open():send_request("GET", "/rooms/s?ask=sleep&rest=9000")
    server:wait_log("sleeps")
    server:turn_clock(200)
    server:begin_asking("upgrade")
    server:wait_log("hands over when what runs has ended")
    server.process:signal("TERM")
    server:wait_log("stopping")
    server:turn_clock(9000)
    assert.equal(0, (server.process:wait_exit(20)))
  end)

  it("stops in peace afterwards, and leaves the directory to the next", function()
    server = survival.start { workers = 2 }
    local ann = survival.person(server, "a", "ann")
    ann:ask("store tea", "stored tea")
    upgrade(server)
    ann:ask("stored", "tea")
    server:restart()
    assert.equal("tea", survival.person(server, "a", "ben"):ask("stored"))
  end)

  it("hands over a crowd, a tenth of it talking, some in the middle of a frame", function()
    server = survival.start { workers = 2 }
    local crowd = survival.gather(server, { people = PEOPLE, rooms = PEOPLE / 10 })
    local tenth, pauses = math.floor(PEOPLE / 10), {}
    for round = 1, 3 do
      for i = 1, tenth do
        crowd.people[i].ws:write("\129")
        crowd.people[2 * tenth + i]:say("echo before")
      end
      pauses[round] = upgrade(server)
      for i = 1, tenth do
        crowd.people[i].ws:write("\136\0\0\0\0echo all")
        crowd.people[i]:hear("all")
        crowd.people[2 * tenth + i]:hear("before")
      end
    end
    print(("# %d sockets, the pauses: %s ms"):format(PEOPLE, table.concat(pauses, ", ")))
    crowd:check()
  end)

  it("is served again and again under load: nothing is lost, doubled or out of order", function()
    server = handover.start { workers = 2 }
    local crowd = survival.gather(server, { people = 40, rooms = 5, listeners = 10 })
    local kept, pauses, sent = {}, {}, 0
    for i = 1, 20 do
      kept[i] = server:open()
    end
    for round = 1, UPGRADES do
      local asking = server:begin_asking("upgrade")
      for _, connection in ipairs(kept) do
        connection:send_request("GET", "/rooms/count?ask=count")
      end
      local deadline = survival.now() + 20
      local pending = 0
      repeat
        sent, pending = sent + 1, pending + 1
        for _, person in ipairs(crowd.people) do
          person:say("echo " .. sent)
        end
        if pending == 5 then
          for number = sent - pending + 1, sent do
            crowd:hear(tostring(number))
          end
          pending = 0
        end
        assert.is_true(survival.now() < deadline, "it does not end")
      until is_over(asking)
      for number = sent - pending + 1, sent do
        crowd:hear(tostring(number))
      end
      local code, output = asking:wait_exit(1), asking:output()
      assert.equal(0, code, output)
      pauses[round] = tonumber(output:match("for (%d+) ms"))
      local numbers = {}
      for i, connection in ipairs(kept) do
        numbers[i] = tonumber(connection:read_answer().body)
      end
      table.sort(numbers)
      assert.equal(round * 20, numbers[20])
      assert.equal((round - 1) * 20 + 1, numbers[1])
    end
    table.sort(pauses)
    print(("# %d upgrades, %d messages each way; the pause: median %d ms, longest %d ms"):format(
      UPGRADES, sent * 40, pauses[math.ceil(#pauses / 2)], pauses[#pauses]))
    crowd:check()
  end)
end)

describe("an upgrade that cannot be", function()
  local server, crowd

  before_each(function()
    server = survival.start { workers = 2 }
    crowd = survival.gather(server, { people = 20, rooms = 3, listeners = 6 })
    crowd.people[1].ws:write("\129") -- Half a frame.
  end)

  after_each(function()
    table.remove(crowd.people, 1)
    crowd:say("who")
    for _, person in ipairs(crowd.people) do
      person:hear(person:identity())
      person:ask("closed", "none")
    end
    server:stop()
  end)

  local function refuses(path, why)
    local answer = upgrade_to(server, path)
    assert.matches("^failed\nnot upgraded, and nothing has changed: ", answer)
    assert.matches(why, answer)
    server:wait_log("not upgraded, and nothing has changed")
  end

  local function program(text)
    server:save("#!/bin/sh\n" .. text, "next")
    os.execute("chmod +x " .. server:path("next"))
    return server:path("next")
  end

  it("because there is no such program, or it is none, changes nothing", function()
    refuses("/nowhere/open-do", "/nowhere/open%-do: No such file or directory")
    server:save("nothing", "text")
    refuses(server:path("text"), "Permission denied")
    server:save("\127ELF nothing", "next")
    os.execute("chmod +x " .. server:path("next"))
    refuses(server:path("next"), "exit code 127")
  end)

  it("because the program ends at once, in whatever way, changes nothing", function()
    refuses("/bin/true", "it is no open%-do that can take over")
    refuses("/bin/false", "exit code 1")
    refuses(program "kill -ABRT $$", "killed by SIGABRT")
    refuses(program "echo no such luck >&2; exit 3", "exit code 3; it says:\nno such luck")
  end)

  it("because the program does not come to an end, changes nothing", function()
    local path = program "exec sleep 100"
    local asking = begin_upgrade(server, path)
    survival.person(server, "a", "late")
    assert.equal("failed\nnot upgraded: another upgrade is under way\n", upgrade_to(server, path))
    server:turn_clock(16000)
    assert.matches("nothing has changed: it does not come to an end", asking:receive("*a"))
    asking:close()
  end)

  it("because the running program is newer, changes nothing", function()
    server:fault("takeover.newer", { times = 1 })
    refuses(ABSOLUTE,
      "the open%-do that runs is newer: it hands over in form %d+, and open%-do [%d.]+ knows forms "
      .. "up to %d+")
  end)

  it("because the program cannot be started in the end, although it could when it was tried, "
    .. "costs nobody his connection", function()
    server:fault("takeover.exec", { times = 1 })
    refuses(ABSOLUTE, "cannot be started")
    survival.await_back(server)
    survival.await_back(server)
    upgrade(server)
  end)

  it("because there is no memory for what is handed over, at first or at last, costs nobody",
    function()
      server:fault("takeover.memory", { times = 1 })
      refuses(ABSOLUTE, "what is handed over cannot be written")
      server:fault("takeover.memory", { times = 1, skip = 1 })
      refuses(ABSOLUTE, "what is handed over cannot be written")
      survival.await_back(server)
      survival.await_back(server)
      upgrade(server)
    end)

  it("because no descriptor is free, changes nothing", function()
    local pid, idle = server.process.pid, {}
    local pipe = io.popen(("ls /proc/%d/fd | sort -n | tail -1; ls /proc/%d/fd | wc -l"):format(
      pid, pid))
    local last, count = pipe:read("*n", "*n")
    pipe:close()
    local free = last + 1 - count
    os.execute(("unset LD_PRELOAD; prlimit --pid %d --nofile=%d:"):format(pid, last + 1))
    for i = 1, free + 10 do
      idle[i] = server:open()
    end
    server:wait_log("new connections wait: no descriptor is free")
    server.process:signal("USR2") -- The control socket cannot be asked.
    server:wait_log("nothing has changed: .*Too many open files")
    for i = 1, free + 10 do
      idle[i]:close()
    end
    os.execute(("unset LD_PRELOAD; prlimit --pid %d --nofile=4096:"):format(pid))
    upgrade(server)
  end)

  it("because the script is being loaded, changes nothing", function()
    local function ask(command)
      local client = unix()
      assert(client:connect(server.directory .. "/data/control.sock"))
      client:send(command .. "\n")
      client:settimeout(30)
      return client
    end
    local reload = ask "reload"
    local asking = ask("upgrade " .. ABSOLUTE)
    assert.equal("failed\nnot upgraded: the script is being loaded, try again\n",
      asking:receive("*a"))
    assert.matches("^ok", reload:receive("*a"))
    upgrade(server)
  end)

  it("because the disk does not write, changes nothing, and that is said in time", function()
    server:fault("commit.hold")
    local writes = server:open()
    writes:send_request("GET", "/rooms/late?ask=store&rest=tea")
    local asking = server:begin_asking("upgrade")
    server:wait_log("can take over\n")
    server:turn_clock(11000)
    assert.equal(1, asking:wait_exit(20))
    assert.matches("nothing has changed: the disk does not take what was written",
      asking:output())
    server:clear_fault("commit.hold")
    assert.equal("stored tea", writes:read_answer().body)
    upgrade(server)
  end)

  it("because the program cannot load the script that is served, changes nothing", function()
    server:fault("load.trial", { times = 1 })
    refuses(ABSOLUTE, "a fault point says")
  end)
end)
