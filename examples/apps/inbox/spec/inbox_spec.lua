local od = require "open-do"
local t = require "open-do.test"

describe("the inbox", function()
  local app

  before_each(function()
    app = t.start("inbox.lua", { vars = { SECRET = ("s"):rep(32) } })
  end)

  local function post(path, body, cookie)
    return app:fetch(path, { method = "POST", body = od.json.encode(body),
      headers = { cookie = cookie } })
  end

  local function enter(path, name, password)
    local answer = post(path, { name = name, password = password or "correct horse" })
    local cookie = answer.headers:get("set-cookie")
    return cookie and cookie:match("^[^;]*") or answer.status
  end

  local function get(path, cookie)
    return app:fetch(path, { headers = { cookie = cookie } })
  end

  it("lets people in by their password only", function()
    assert.is_string(enter("/register", "ann"))
    assert.equal(403, enter("/register", "ann", "another one"))
    assert.equal(403, enter("/login", "ann", "wrong horse"))
    assert.equal(403, enter("/login", "nobody"))
    assert.equal(400, enter("/register", "Ann!"))
    assert.equal(400, enter("/register", "ben", "short"))
    local cookie = enter("/login", "ann")
    assert.equal(200, get("/inbox", cookie).status)
    assert.equal(401, get("/inbox").status)
    assert.equal(401, get("/inbox", cookie .. "x").status)
    assert.equal(401, get("/inbox", "session=" .. od.jwt.sign({ sub = "ann", generation = 1 },
      "another secret of thirty-two byte")).status)
    app:advance(8 * 86400000)
    assert.equal(401, get("/inbox", cookie).status)
  end)

  it("brings mail, at once and for later", function()
    local ann, ben = enter("/register", "ann"), enter("/register", "ben")
    local window = app:connect("/live", { headers = { cookie = ann } })
    assert.same({ online = { "ann" } }, window:receiveJson())
    assert.equal(204, post("/send", { to = "ann", text = "hello" }, ben).status)
    local mail = window:receiveJson().mail
    assert.same({ "ben", "hello", 1 }, { mail.from, mail.text, mail.id })
    app:crash()
    assert.equal("hello", get("/inbox", ann):json()[1].text)
    assert.same({}, get("/inbox", ben):json())
    assert.equal(404, post("/send", { to = "nobody", text = "hello" }, ben).status)
    assert.equal(400, post("/send", { to = "ann" }, ben).status)
  end)

  it("knows who is there, by their windows", function()
    local ann, ben = enter("/register", "ann"), enter("/register", "ben")
    local first = app:connect("/live", { headers = { cookie = ann } })
    assert.same({ online = { "ann" } }, first:receiveJson())
    local second = app:connect("/live", { headers = { cookie = ben } })
    assert.same({ online = { "ann", "ben" } }, first:receiveJson())
    assert.same({ online = { "ann", "ben" } }, second:receiveJson())
    assert.same({ "ann", "ben" }, get("/online", ann):json())
    app:restartWorker()
    second:close()
    assert.same({ online = { "ann" } }, first:receiveJson())
  end)

  it("signs out all windows of a user", function()
    local cookie = enter("/register", "ann")
    local window = app:connect("/live", { headers = { cookie = cookie } })
    window:receiveJson()
    assert.equal(204, post("/logout", {}, cookie).status)
    window:expectClose(4001)
    assert.equal(401, get("/inbox", cookie).status)
    assert.equal(200, get("/inbox", enter("/login", "ann")).status)
  end)
end)
