-- When od.fetch leaves, how many at once, how long they may take, and what ends them.
local Peer = require "spec.support.peer"
local workbench = require "spec.scenario.workbench"

describe("od.fetch", function()
  local server = workbench.each(nil, { workers = 1 })
  local peer

  before_each(function()
    peer = Peer.start()
  end)

  local function ask(name, code)
    return workbench.ask(server, name, code)
  end

  local function fetch(path, init)
    return ("od.fetch(%q, %s)"):format(peer.url .. path, init or "nil")
  end

  -- Returns when the handler has begun, so that the next one comes behind it.
  local function begin_code(name, code)
    local begun = workbench.begin(server, name, "print 'asks' " .. code)
    server:wait_log("asks")
    return begun
  end

  local function begin(name, path, init)
    return begin_code(name, ("return %s:text()"):format(fetch(path, init)))
  end

  -- What "/let-go" of the peer says, asked by another object: how many were held.
  local function let_go()
    return ask("warden", ("return %s:text()"):format(fetch("/let-go")))
  end

  it("leaves when the writes before it are on disk (50)", function()
    server:fault("commit.hold")
    local held = workbench.begin(server, "a",
      ("storage:put('n', 1) print('put') return %s.status"):format(fetch("/mirror?held=1")))
    server:wait_log("put")
    ask("b", ("return %s.status"):format(fetch("/mirror?other=1"))) -- It wrote nothing.
    peer:wait("other=1")
    assert.is_nil(peer.process:output():find("held=1", 1, true))
    server:clear_fault("commit.hold")
    assert.equal(200, workbench.outcome(held))
    peer:wait("held=1")
  end)

  it("never leaves when they cannot be written (50)", function()
    server:fault("commit.hold")
    server:fault("commit.fail", { times = 1 })
    local doomed = workbench.begin(server, "a",
      ("storage:put('n', 1) print('put') return %s.status"):format(fetch("/mirror?never=1")))
    server:wait_log("put")
    for turn = 1, 3 do
      ask("b", ("return %s.status"):format(fetch("/mirror?other=" .. turn)))
    end
    server:clear_fault("commit.hold")
    assert.equal(500, doomed:read_answer().status)
    ask("b", ("return %s.status"):format(fetch("/mirror?last=1")))
    peer:wait("last=1")
    assert.is_nil(peer.process:output():find("never=1", 1, true))
  end)

  it("lets other events of its object in meanwhile", function()
    local held = begin("a", "/hold")
    peer:wait("GET /hold")
    assert.equal("in between", ask("a", "return 'in between'"))
    assert.equal("1", let_go())
    assert.equal("held", workbench.outcome(held))
  end)

  it("runs six times at once in an object, the others wait in their order", function()
    local held = {}
    for i = 1, 6 do
      held[i] = begin("a", "/hold?" .. i)
      peer:wait("GET /hold%?" .. i)
    end
    for i = 7, 8 do
      held[i] = begin("a", "/hold?" .. i)
    end
    begin("b", "/hold?b") -- Of another object: not in the way of these.
    peer:wait("GET /hold%?b")
    assert.is_nil(peer.process:output():find("hold?7", 1, true))
    assert.equal("7", let_go())
    peer:wait("GET /hold%?7")
    peer:wait("GET /hold%?8")
    assert.equal("2", let_go())
    for i = 1, 8 do
      assert.equal("held", workbench.outcome(held[i]))
    end
  end)

  it("ends after its timeout, running or waiting", function()
    local function begin_one(number, timeout)
      return begin_code("a",
        ("local ok, why = pcall(od.fetch, %q, { timeout = %d }) return why"):format(
          peer.url .. "/hold?" .. number, timeout))
    end
    local first = begin_one(1, 5000)
    peer:wait("GET /hold%?1")
    for i = 2, 6 do
      begin_one(i, 20000)
      peer:wait("GET /hold%?" .. i)
    end
    local seventh, eighth = begin_one(7, 10000), begin_one(8, 10000)
    ask("a", "return 'they wait'")
    server:turn_clock(5001)
    assert.equal(("code:1: fetch %s/hold: there was no answer within 5000 ms (the option timeout)")
      :format(peer.url), workbench.outcome(first))
    peer:wait("gone /hold%?1")
    peer:wait("GET /hold%?7")
    server:turn_clock(5000)
    assert.equal(("code:1: fetch %s/hold: there was no answer within 10000 ms (the option timeout)")
      :format(peer.url), workbench.outcome(seventh))
    assert.is_truthy(workbench.outcome(eighth):find("within 10000 ms", 1, true))
    let_go()
  end)

  it("may be told to wait for longer than usual", function()
    local held = begin("a", "/hold", "{ timeout = 60000 }")
    peer:wait("GET /hold")
    server:turn_clock(25000) -- And less than that after which a client gets a 504.
    assert.equal("1", let_go())
    assert.equal("held", workbench.outcome(held))
  end)

  it("is cut when its object is reset", function()
    begin("a", "/hold")
    peer:wait("GET /hold")
    server:fault("commit.fail", { times = 1 })
    server:post("/things/a", "storage:put('n', 1)")
    peer:wait("gone /hold")
    assert.equal("alive", ask("a", "return 'alive'"))
  end)

  it("is cut when its object is aborted", function()
    begin("a", "/hold")
    peer:wait("GET /hold")
    server:post("/things/a", "state:abort('enough')")
    peer:wait("gone /hold")
  end)

  it("is cut, running or waiting, when the call it works for is given up", function()
    local held = begin("a", "/hold")
    peer:wait("GET /hold")
    server:turn_clock(31000) -- The client of the object gets a 504.
    assert.equal(504, held:read_answer().status)
    peer:wait("gone /hold")
  end)

  it("keeps its object awake, and the status says so", function()
    local held = begin("a", "/hold?token=secret")
    peer:wait("GET /hold")
    assert.same({ ("handler fetch waits for %s/hold"):format(peer.url) },
      server:why_awake("things/a").why)
    local boot = ask("a", "return self.boot")
    workbench.fall_asleep(server)
    assert.equal(boot, ask("a", "return self.boot"))
    assert.equal("1", let_go())
    workbench.outcome(held)
  end)

  it("does not keep a server that stops, beyond its time", function()
    local held = begin("a", "/hold", "{ timeout = 300 }")
    peer:wait("GET /hold")
    server:shut_down()
    assert.equal(200, held:read_answer().status)
    server:launch()
  end)
end)
