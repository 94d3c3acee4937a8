-- Who an object is: ids and names, how a path finds it, and that there is one of each.
local json = require "dkjson"
local callers = require "spec.scenario.callers"
local Server = require "spec.support.server"
local workbench = require "spec.scenario.workbench"

-- The entry handler picks objects; what it is asked stands in the query.
local ENTRY = [[
local od = require "open-do"

local worker -- Made once a process, so it tells which worker a piece of code ran in.
local function here()
  worker = worker or od.randomUUID()
  return worker
end

local Room = {}

function Room:constructor()
  self.boot = od.randomUUID()
  print("constructed")
end

function Room:fetch(request)
  self.calls = (self.calls or 0) + 1
  return od.Response.json {
    boot = self.boot, calls = self.calls, id = tostring(self.state.id), name = self.state.id.name,
    worker = here(), path = request.path, same = self.state.id == self.state.id,
  }
end

local actions = {}

function actions.ids(query, env)
  local rooms, halls = env.rooms, env.halls
  local one, again = rooms:idFromName("foo"), rooms:idFromName("foo")
  return {
    foo = tostring(one), again = tostring(again), equal = one == again,
    bar = tostring(rooms:idFromName("bar")), hall = tostring(halls:idFromName("foo")),
    differs = one ~= rooms:idFromName("bar"), empty = tostring(rooms:idFromName("")),
    name = one.name,
  }
end

function actions.unique(query, env)
  local id = env.rooms:newUniqueId()
  return { id = tostring(id), differs = id ~= env.rooms:newUniqueId(), name = id.name }
end

function actions.parse(query, env)
  local ok, id = pcall(env.rooms.idFromString, env.rooms, query.id)
  return { ok = ok, text = tostring(id) }
end

function actions.stub(query, env)
  local stub = env.rooms:get(env.rooms:idFromName(query.name))
  return { id = tostring(stub.id), name = stub.name }
end

function actions.meet(query, env)
  local id = env.rooms:idFromName(query.name)
  local rooms, found = env.rooms, {}
  for i, stub in ipairs {
    rooms:get(id), rooms:get(id, { locationHint = "weur" }), rooms:getByName(query.name),
    rooms:get(rooms:idFromString(tostring(id))),
  } do
    found[i] = stub:fetch("/"):json()
  end
  return found
end

function actions.visit(query, env)
  local id = query.id and env.rooms:idFromString(query.id) or env.rooms:newUniqueId()
  return { entry = here(), room = env.rooms:get(id):fetch("/"):json() }
end

function actions.name(query, env)
  return { entry = here(), room = env.rooms:getByName(query.name):fetch("/"):json() }
end

function actions.long(query, env)
  local name = ("n"):rep(tonumber(query.bytes))
  return env.rooms:getByName(name):fetch("/"):json()
end

local function fetch(request, env)
  local action = actions[request.path:sub(2)]
  if not action then
    return od.Response("Not here\n", { status = 404 })
  end
  return od.Response.json(action(request.query, env))
end

return { namespaces = { rooms = Room, halls = Room }, fetch = fetch }
]]

local COUNTER = [[
local od = require "open-do"

local Counter = {}

function Counter:fetch(request)
  local n = self.state.storage:get("n") or 0
  self.state.storage:put("n", n + 1)
  return od.Response(tostring(n), { headers = {
    ["x-path"] = request.path, ["x-bytes"] = tostring(#self.state.id.name),
  } })
end

return { namespaces = { counters = Counter, ["Other_Ones-2"] = Counter } }
]]

describe("an id", function()
  local server = Server.once { source = ENTRY }

  local function ask(target)
    local answer = server:get(target)
    assert.equal(200, answer.status, answer.body)
    return assert(json.decode(answer.body))
  end

  it("is the same for the same name, and 64 hex digits long (1)", function()
    local ids = ask("/ids")
    assert.matches("^[0-9a-f]+$", ids.foo)
    assert.equal(64, #ids.foo)
    assert.equal(ids.foo, ids.again)
    assert.is_true(ids.equal)
    assert.is_true(ids.differs)
    assert.not_equal(ids.foo, ids.bar)
    assert.equal(64, #ids.empty)
    assert.equal("foo", ids.name)
  end)

  it("without a name is never made twice (2)", function()
    local first, second = ask("/unique"), ask("/unique")
    assert.is_true(first.differs)
    assert.not_equal(first.id, second.id)
    assert.equal(64, #first.id)
    assert.is_nil(first.name)
  end)

  it("belongs to one namespace (4)", function()
    local ids = ask("/ids")
    assert.not_equal(ids.foo, ids.hall)
    assert.same({ ok = true, text = ids.foo }, ask("/parse?id=" .. ids.foo))
    local refused = ask("/parse?id=" .. ids.hall)
    assert.is_false(refused.ok)
    assert.matches("not valid for this namespace", refused.text)
  end)

  it("is read back from its text in either case, and from nothing else (5)", function()
    local foo = ask("/ids").foo
    assert.equal(foo, ask("/parse?id=" .. foo:upper()).text)
    for _, text in ipairs { "", "abc", foo:sub(1, 63), foo .. "0", foo:sub(1, 63) .. "g" } do
      local refused = ask("/parse?id=" .. text)
      assert.is_false(refused.ok, text)
      assert.matches("must be 64 hex digits", refused.text)
    end
  end)

  it("and the name can be read from a stub without waking the object (7)", function()
    local stub = ask("/stub?name=sleeper")
    assert.equal(64, #stub.id)
    assert.equal("sleeper", stub.name)
    assert.not_matches("rooms/sleeper", server:log(), 1, true)
  end)

  it("leads to one instance, however the stub was made (8)", function()
    local found = ask("/meet?name=plaza")
    assert.equal(4, #found)
    for i, room in ipairs(found) do
      assert.equal(found[1].boot, room.boot)
      assert.equal(i, room.calls)
      assert.is_true(room.same)
    end
  end)

  it("tells the object its name, which a unique one does not have (10)", function()
    assert.equal("plaza", ask("/name?name=plaza").room.name)
    local unique = ask("/visit").room
    assert.is_nil(unique.name)
    assert.equal(unique.boot, ask("/visit?id=" .. unique.id).room.boot)
  end)

  it("of a name of 1,025 bytes works but does not keep the name (11)", function()
    assert.equal(1024, #ask("/long?bytes=1024").name)
    local long = ask("/long?bytes=1025")
    assert.is_nil(long.name)
    assert.equal(2, ask("/long?bytes=1025").calls)
  end)

  it("is reached from each worker, in each worker, and always the same one there", function()
    local pairs_seen, worker_of, seen = {}, {}, 0
    for round = 1, 3 do
      for i = 1, 16 do
        local met = ask("/name?name=n" .. i)
        assert.equal("n" .. i, met.room.name)
        assert.equal(round, met.room.calls)
        worker_of[i] = worker_of[i] or met.room.worker
        assert.equal(worker_of[i], met.room.worker)
        local combination = met.entry .. met.room.worker
        seen = seen + (pairs_seen[combination] and 0 or 1)
        pairs_seen[combination] = true
      end
    end
    assert.is_true(seen == 2 or seen == 4, "workers seen in combination: " .. seen)
    local workers = {}
    for _, worker in pairs(worker_of) do
      workers[worker] = true
    end
    assert.is_truthy(next(workers, (next(workers))), "all objects lived in one worker")
  end)
end)

describe("a path", function()
  local server = Server.each { source = COUNTER }

  it("leads to objects that count for themselves (13)", function()
    for expected = 0, 2 do
      assert.equal(tostring(expected), server:get("/counters/ann").body)
    end
    assert.equal("0", server:get("/counters/ben").body)
    assert.equal("3", server:get("/counters/ann").body)
    assert.equal("0", server:get("/Other_Ones-2/ann").body)
    assert.equal("1", server:get("/counters/ben").body)
  end)

  it("leads to the same object after a restart (14)", function()
    server:get("/counters/ann")
    server:get("/counters/ann")
    server:get("/counters/ben")
    server:restart()
    assert.equal("2", server:get("/counters/ann").body)
    assert.equal("1", server:get("/counters/ben").body)
  end)

  it("leads three at once to one instance that was never started (16)", function()
    local connections = {}
    for i = 1, 3 do
      connections[i] = server:open()
    end
    for _, connection in ipairs(connections) do
      connection:send_request("GET", "/counters/sudden")
    end
    local numbers = {}
    for i, connection in ipairs(connections) do
      numbers[i] = connection:read_answer().body
    end
    table.sort(numbers)
    assert.same({ "0", "1", "2" }, numbers)
  end)

  it("may go on behind the name, and the object sees all of it", function()
    local answer = server:get("/counters/ann/some/where?x=1")
    assert.equal("0", answer.body)
    assert.equal("/counters/ann/some/where", answer.headers["x-path"])
    assert.equal("1", server:get("/counters/ann?x=2").body)
    assert.equal("2", server:get("/counters/ann/").body)
  end)

  it("has its name percent-decoded, byte by byte", function()
    assert.equal("0", server:get("/counters/a%2Fb").body)
    assert.equal("1", server:get("/counters/a%2fb").body)
    assert.equal("2", server:get("/counters/%61%2Fb").body)
    assert.equal("0", server:get("/counters/a").body)
    assert.equal("4", server:get("/counters/%00%C3%BC%20").headers["x-bytes"])
    assert.equal("1", server:get("/counters/+").headers["x-bytes"])
  end)

  it("that does not decode is refused as the client's mistake", function()
    for _, name in ipairs { "%", "%4", "%zz", "a%2", "%%41", "%FF", "%C3" } do
      assert.equal(400, server:get("/counters/" .. name).status, name)
    end
    assert.equal("0", server:get("/counters/ann").body)
  end)

  it("that names no object is 404", function()
    for _, path in ipairs {
      "/", "/counters", "/counters/", "/nothing/ann", "/Counters/ann", "//counters/ann",
      "/counters//ann", "/count%65rs/ann", "/2counters/ann",
    } do
      local answer = server:get(path)
      assert.equal(404, answer.status, path)
      assert.matches("^Not Found: an object is at /NAMESPACE/NAME, and the script has these "
        .. "namespaces: [%w_ -]+\n$", answer.body)
    end
    assert.equal("0", server:get("/counters/ann").body)
  end)
end)

describe("an id made of its text", function()
  local server = callers.once()

  local function ask(code, ...)
    return workbench.ask(server, server.caller,
      "local things = self.env.things " .. code:format(...))
  end

  it("equals the one made of the name, and leads to the same object", function()
    assert.is_true(ask([[
      local id = things:idFromName(%q)
      local again = things:idFromString(tostring(id):upper())
      return id == again and things:get(again):who() == things:get(id):who()
    ]], server.other))
  end)

  it("knows the name that the object has stored, in each worker", function()
    for _, name in ipairs { server.same, server.other } do
      ask("return things:getByName(%q):write(1)", name)
      workbench.becomes(name .. " " .. name, function()
        return ask([[
          local id = things:idFromString(tostring(things:idFromName(%q)))
          return tostring(id.name) .. " " .. tostring(things:get(id).name)
        ]], name)
      end)
    end
    server:restart()
    local name = ask("return things:idFromString(tostring(things:idFromName(%q))).name",
      server.other)
    assert.equal(server.other, name)
  end)

  it("has no name where none is known, and its object neither", function()
    assert.same({ false, false }, ask([[
      local id = things:idFromString(tostring(things:idFromName "never seen"))
      local unique = things:newUniqueId()
      local named = things:get(unique):run "return self.state.id.name"
      return { id.name or false, named or false }
    ]]))
  end)
end)
