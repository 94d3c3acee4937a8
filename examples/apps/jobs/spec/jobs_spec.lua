local od = require "open-do"
local t = require "open-do.test"

describe("the queue", function()
  local app

  before_each(function()
    app = t.start("jobs.lua", { vars = { SECRET = "a secret" } })
  end)

  local function add(body)
    return app:fetch("/queues/mail/jobs", { method = "POST", body = od.json.encode(body) })
  end

  local function report()
    return app:fetch("/queues/mail"):json()
  end

  it("delivers a job once, signed", function()
    local hook = app:mockFetch("https://hook.example/", "thanks")
    assert.equal(202, add({ url = "https://hook.example/", body = { to = "ann" } }).status)
    app:settle()
    assert.same({ waiting = 0, done = 1, dead = {} }, report())
    local request = hook:requests()[1]
    assert.equal('{"to":"ann"}', request.body)
    assert.equal("mail/1", request.headers["x-job"])
    assert.equal(od.hex.encode(od.hmacSha256("a secret", request.body)),
      request.headers["x-signature"])
    app:advance(3600000)
    assert.equal(1, #hook:requests())
  end)

  it("waits as long as it is told, also through a power cut", function()
    local hook = app:mockFetch("https://hook.example/", "thanks")
    add { url = "https://hook.example/", delay = 60000 }
    app:crash()
    app:advance(50000)
    assert.equal(0, #hook:requests())
    app:advance(10000)
    assert.equal(1, #hook:requests())
  end)

  it("tries again with growing pauses, then keeps a dead letter, which can be revived", function()
    local hook = app:mockFetch("https://hook.example/", { status = 503 })
    add { url = "https://hook.example/" }
    for try, pause in ipairs { 1000, 4000, 16000, 64000 } do
      app:settle()
      assert.equal(try, #hook:requests())
      local spare = math.min(0.9 * pause, 3000) -- Real time passes, too.
      app:advance(pause - spare)
      assert.equal(try, #hook:requests())
      app:advance(spare)
    end
    local after = report()
    assert.same({ 0, 0, "answered 503" }, { after.waiting, after.done, after.dead[1].why })
    app:mockFetch("https://hook.example/", "at last")
    assert.equal(204, app:fetch("/queues/mail/dead/1", { method = "POST" }).status)
    app:settle()
    assert.same({ waiting = 0, done = 1, dead = {} }, report())
    assert.equal(404, app:fetch("/queues/mail/dead/1", { method = "POST" }).status)
  end)

  it("tells why nobody was there", function()
    app:mockFetch("https://hook.example/", false)
    add { url = "https://hook.example/" }
    for _ = 1, 5 do
      app:advance(100000)
    end
    assert.matches("could not connect", report().dead[1].why)
  end)

  it("runs many side by side, and refuses what is no job", function()
    local hook = app:mockFetch("https://hook.example/*", "ok")
    for i = 1, 20 do
      add { url = "https://hook.example/" .. i }
    end
    app:settle()
    assert.equal(20, report().done)
    assert.equal(20, #hook:requests())
    for _, job in ipairs { {}, { url = "ftp://x/" }, { url = "https://x/", delay = "soon" } } do
      assert.equal(400, add(job).status)
    end
  end)
end)
