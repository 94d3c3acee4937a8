-- The conversation of the README, and what the protocol's own suite does not try: the death of a
-- worker, hours that pass, much to catch up on, and what is no text.
local t = require "open-do.test"

describe("a durable stream", function()
  local app

  before_each(function() app = t.start("durable-streams.lua") end)

  local function ask(method, name, body, headers)
    headers = headers or {}
    if body and not headers["content-type"] then
      headers["content-type"] = "text/plain"
    end
    return app:fetch("/v1/stream/" .. name, { method = method, body = body, headers = headers })
  end

  local function make(name, content_type, body, headers)
    headers = headers or {}
    headers["content-type"] = content_type
    local answer = ask("PUT", name, body, headers)
    assert.equal(201, answer.status)
    return answer.headers:get("stream-next-offset")
  end

  it("is read again from anywhere, and live", function()
    make("story", "text/plain", "Once upon ")
    local first = ask("POST", "story", "a time, ")
    assert.equal(204, first.status)
    local offset = first.headers:get("stream-next-offset")
    local ann = app:connectEvents("/v1/stream/story?live=sse&offset=-1")
    assert.equal("data", ann:expect("Once upon a time, ").event)
    assert.matches('"upToDate":true', ann:receive().data)
    ask("POST", "story", "and ever after.", { ["stream-closed"] = "true" })
    ann:expect("and ever after.")
    assert.matches('"streamClosed":true', ann:receive().data)
    ann:expectEnd()
    local rest = ask("GET", "story?offset=" .. offset)
    assert.same({ "and ever after.", "true" }, { rest:text(), rest.headers:get("stream-closed") })
    assert.equal(409, ask("POST", "story", "and more").status)
  end)

  it("forks where it was, and is kept for its forks", function()
    make("story", "application/json", "[1, 2, 3]")
    make("other", "application/json", "[4]", { ["stream-forked-from"] = "/v1/stream/story",
      ["stream-fork-offset"] = "0000000000000000_0000000000000000",
      ["stream-fork-sub-offset"] = "2" })
    assert.equal(204, ask("DELETE", "story").status)
    assert.equal(410, ask("GET", "story").status)
    assert.equal("[1,2,4]", ask("GET", "other"):text())
    app:crash()
    assert.equal("[1,2,4]", ask("GET", "other"):text())
    assert.equal(204, ask("DELETE", "other").status)
    assert.equal(404, ask("GET", "story").status)
  end)

  it("keeps its listeners, and what a producer has said, when its worker dies", function()
    make("log", "text/plain")
    local function say(seq, text)
      return ask("POST", "log", text, { ["producer-id"] = "ann", ["producer-epoch"] = "0",
        ["producer-seq"] = seq }).status
    end
    local ben = app:connectEvents("/v1/stream/log?live=sse&offset=now")
    ben:receive()
    assert.equal(200, say("0", "one"))
    ben:expect("one")
    ben:receive()
    app:restartWorker()
    assert.equal(204, say("0", "one"))
    assert.equal(200, say("1", "two"))
    ben:expect("two")
    assert.equal("onetwo", ask("GET", "log"):text())
    app:crash()
    assert.equal(204, say("1", "two"))
    assert.equal("onetwo", ask("GET", "log"):text())
  end)

  it("lives for as long as somebody reads it", function()
    make("short", "text/plain", "here", { ["stream-ttl"] = "3600" })
    app:advance(3000000)
    assert.equal(200, ask("GET", "short").status)
    app:advance(3000000)
    assert.equal(200, ask("HEAD", "short").status)
    app:advance(1000000)
    assert.equal(404, ask("GET", "short").status)
    assert.equal(0, #t.listObjectIds(app.env.streams))
    make("heard", "text/plain", "here", { ["stream-ttl"] = "3600" })
    local ann = app:connectEvents("/v1/stream/heard?live=sse&offset=now")
    ann:receive()
    app:advance(4000000)
    assert.equal(200, ask("HEAD", "heard").status)
    ann:cut()
    app:settle()
    app:advance(4000000)
    assert.equal(404, ask("HEAD", "heard").status)
  end)

  it("is caught up on piece by piece", function()
    local large = ("0123456789"):rep(300000)
    make("large", "text/plain", large)
    local parts, offset = {}, "-1"
    repeat
      local answer = ask("GET", "large?offset=" .. offset)
      parts[#parts + 1], offset = answer:text(), answer.headers:get("stream-next-offset")
      assert.is_true(#parts[#parts] <= 2 ^ 20)
    until answer.headers:get("stream-up-to-date")
    assert.equal(large, table.concat(parts))
    local ann = app:connectEvents("/v1/stream/large?live=sse&offset=-1")
    ann:expect(parts[1])
    local next_offset = ann:receive().data:match('"streamNextOffset":"([^"]*)"')
    ann:expectEnd()
    assert.equal(large:sub(#parts[1] + 1, #parts[1] + 10),
      ask("GET", "large?offset=" .. next_offset):text():sub(1, 10))
  end)

  it("of text may be cut between the bytes of a letter, or be none", function()
    make("text", "text/plain", "a\195")
    local ann = app:connectEvents("/v1/stream/text?live=sse&offset=-1")
    ann:expect("a\239\191\189")
    ann:receive()
    ask("POST", "text", "\164 b")
    ann:expect("\239\191\189 b")
    assert.equal("a\195\164 b", ask("GET", "text"):text())
  end)

  it("of JSON takes messages and nothing else", function()
    make("list", "application/json")
    local json = { ["content-type"] = "application/json; charset=utf-8" }
    for _, body in ipairs { "{", "1 2", "[1,]", "[]", "nothing", "\255" } do
      assert.same({ body, 400 }, { body, ask("POST", "list", body, json).status })
    end
    assert.equal(400, ask("POST", "list", '"' .. ("x"):rep(2 ^ 21) .. '"', json).status)
    assert.equal(204, ask("POST", "list", '[null, [], {}, [[1]], "x", 12345678901234567]',
      json).status)
    local many = {}
    for i = 1, 100000 do many[i] = tostring(i) end
    assert.equal(204, ask("POST", "list", "[" .. table.concat(many, ",") .. "]", json).status)
    local answer = ask("GET", "list?offset=0000000000000000_0000000000000006")
    assert.matches("^%[1,2,3,", answer:text())
    assert.matches('^%[null,%[%],{},%[%[1%]%],"x",12345678901234568,1,', ask("GET", "list"):text())
  end)

  it("is nowhere else", function()
    assert.equal(404, app:fetch("/v1/stream/").status)
    assert.equal(404, app:fetch("/v1/stream/" .. ("n"):rep(1100)).status)
    assert.equal(405, ask("PATCH", "story", "x").status)
    make("loop", "text/plain")
    for _, source in ipairs { "/v1/stream/fork", "/v1/stream/nowhere", "/elsewhere" } do
      assert.equal(404, ask("PUT", "fork", nil, { ["stream-forked-from"] = source }).status)
    end
  end)
end)
