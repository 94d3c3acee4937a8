-- Misuse of namespaces, ids, stubs and calls: an error at the caller's line that names the function
-- and the argument, and nothing else happens.
local callers = require "spec.scenario.callers"
local workbench = require "spec.scenario.workbench"

local SHORT, FOREIGN = "Invalid Durable Object ID: must be 64 hex digits",
  "Durable Object ID is not valid for this namespace."

-- code -> what it says.
local MISTAKES = {
  -- Namespaces
  { "things:idFromName()", "idFromName: argument 1 must be a string, got nothing" },
  { "things:idFromName(nil)", "idFromName: argument 1 must be a string, got nil" },
  { "things:idFromName(0/0)", "idFromName: argument 1 must be a string, got NaN" },
  { "things:idFromName({})", "idFromName: argument 1 must be a string, got a table" },
  { "things:idFromName(id)", "idFromName: argument 1 must be a string, got an object id" },
  { "things.idFromName('a')",
    "idFromName: call it with a colon, as in env.NAMESPACE:idFromName(...)" },
  { "things:idFromString(id)", "idFromString: argument 1 must be a string, got an object id" },
  { "things:idFromString(('a'):rep(1e7))", "idFromString: " .. SHORT },
  { "things:idFromString(('0'):rep(64))", "idFromString: " .. FOREIGN },
  { "env.others:idFromString(tostring(id))", "idFromString: " .. FOREIGN },
  { "things:newUniqueId(1)", "newUniqueId: argument 1 must be a table of options, got a number" },
  { "things:newUniqueId({ jurisdiction = 'eu' })",
    "Jurisdiction restrictions are not implemented in open-do." },
  { "things:get()", "get: argument 1 must be an object id, got nothing" },
  { "things:get('a string')", "get: argument 1 must be an object id, got a string" },
  { "state.acceptEventStream({})",
    "acceptEventStream: call it with a colon, as in state:acceptEventStream(...)" },
  { "storage.migrate {}", "migrate: call it with a colon, as in storage:migrate(...)" },
  { "things:get(stub)", "get: argument 1 must be an object id, got a stub" },
  { "things:get(state)", "get: argument 1 must be an object id, got a state" },
  { "things:get(ws)", "get: argument 1 must be an object id, got a WebSocket" },
  { "env.others:get(id)", "get: " .. FOREIGN },
  { "things:get(id, 'weur')", "get: argument 2 must be a table of options, got a string" },
  { "things:get(id, { locationHint = 'moon' })", "get: unknown locationHint: moon" },
  { "things:get(id, { locationHint = 1 })",
    "get: option 'locationHint' must be a string, got a number" },
  { "things:get(id, { routingMode = 'fast' })", "get: unknown routingMode: fast" },
  { "things:get(id, { hint = 1 })", "get: there is no option 'hint'" },
  { "things:get(id, { 'weur' })", "get: the options have a key that is a number" },
  { "things:getByName(id)", "getByName: argument 1 must be a string, got an object id" },
  { "things:getByName('a', 1)", "getByName: argument 2 must be a table of options, got a number" },
  { "things:getByName('a', { locationHint = '' })", "getByName: unknown locationHint: " },
  { "return things.ids", "a namespace has no field 'ids'" },
  -- Ids and stubs
  { "return id.text", "an object id has no field 'text'" },
  { "id.name = 'x'", "an object id takes no fields ('name'); keep them in a table of your own" },
  { "stub.id = id", "a stub takes no fields ('id'); keep them in a table of your own" },
  { "return stub[{}]", "a stub has no field 'table'" },
  -- stub:fetch
  { "stub:fetch()", "fetch: " },
  { "stub:fetch(7)", "fetch: " },
  { "stub:fetch('no url')", "fetch: " },
  { "stub:fetch('ftp://x/')", "fetch: " },
  { "stub:fetch(ws)", "fetch: " },
  { "stub:fetch('/', 7)", "fetch: " },
  { "stub:fetch('/', { method = 'GET', body = 'x' })", "fetch: " },
  { "stub:fetch('/', { method = 'PO ST' })", "fetch: " },
  { "stub:fetch('/', { headers = { a = 'x\\r\\nb: c' } })", "fetch: " },
  { "stub.fetch(id, '/')", "fetch: call it with a colon, as in stub:fetch(...)" },
  -- Methods
  { "stub:echo(ws)", "echo: argument 1: cannot send a userdata" },
  { "stub:echo(1, things)", "echo: argument 2: cannot send a userdata" },
  { "stub:echo({ deep = { request } })",
    "echo: argument 1: cannot send a table with a metatable at deep[1]" },
  { "stub:echo(nested)", "echo: argument 1: " },
  { "stub.echo(id)", "echo: call it with a colon, as in stub:echo(...)" },
  { "stub.echo(nil)", "echo: call it with a colon, as in stub:echo(...)" },
  { "table.sort({ 2, 1 }, function() return stub:echo() end)",
    "echo: cannot wait inside a callback of table.sort, string.gsub or require" },
}

describe("a mistake with stubs", function()
  local server = callers.once()

  -- Everything there is to be confused with something else; the mistake is made in line 7.
  local PREPARE = [[
    local env = self.env
    local things = env.things
    local id, stub = things:idFromName "b", things:getByName "b"
    local ws = od.WebSocketPair()
    local nested = {} for _ = 1, 200 do nested = { nested } end
    local before = stub:who()
    ]]

  for _, mistake in ipairs(MISTAKES) do
    it("is told where it is made: " .. mistake[1], function()
      local problem = workbench.refusal(server, "a", PREPARE .. mistake[1])
      assert.equal("code:7: " .. mistake[2], problem:sub(1, #"code:7: " + #mistake[2]))
    end)
  end

  it("changes nothing", function()
    assert.equal("same", workbench.ask(server, "a", PREPARE .. [[
      return before == stub:who() and "same" or "another instance"
    ]]))
  end)
end)
