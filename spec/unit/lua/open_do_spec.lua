local library = require "spec.support.library"

local od = library.od

-- The text of the error that [call] raises, which must be at a line of this file.
local function misuse(call)
  local ok, problem = pcall(call)
  assert.is_false(ok)
  local text = problem:match("open_do_spec%.lua:%d+: (.*)")
  return assert(text, "not at the caller's line: " .. problem)
end

local function listed(headers)
  local list = {}
  for name, value in headers:entries() do
    list[#list + 1] = name .. ": " .. value
  end
  return list
end

-- headers.get("accept") was nil, and request.chunks() spoke of rawget.
it("a method that is called with a dot says that it wants a colon", function()
  local request = od.Request("/", { method = "POST", body = "{}", headers = { accept = "a" } })
  local response = od.Response("x")
  for owner, calls in pairs {
    headers = { get = request.headers.get, set = request.headers.set, has = request.headers.has,
      append = request.headers.append, delete = request.headers.delete,
      entries = request.headers.entries, getSetCookie = request.headers.getSetCookie },
    request = { text = request.text, json = request.json, chunks = request.chunks,
      queryAll = request.queryAll, formData = request.formData, onAbort = request.onAbort,
      isWebSocketUpgrade = request.isWebSocketUpgrade },
    response = { text = response.text, json = response.json, chunks = response.chunks,
      events = response.events },
  } do
    for name, method in pairs(calls) do
      assert.equal(("%s: call it with a colon, as in %s:%s(...)"):format(name, owner, name),
        misuse(function()
          local nothing = method("accept", "b")
          return nothing
        end))
    end
  end
end)

describe("Headers", function()
  it("have names in any case", function()
    local headers = od.Headers { ["Content-Type"] = "text/html", ETag = 5 }
    assert.equal("text/html", headers:get("content-TYPE"))
    assert.equal("5", headers:get("etag"))
    assert.is_true(headers:has("EtAg"))
    headers:delete("ETAG")
    assert.is_nil(headers:get("etag"))
    assert.is_nil(headers:get("no such\nname"))
    assert.is_nil(headers:get(nil))
  end)

  it("join what was appended and forget what is set anew", function()
    local headers = od.Headers { accept = "a" }
    headers:append("Accept", "b")
    headers:append("other", "x")
    headers:append("accept", "c")
    assert.equal("a, b, c", headers:get("accept"))
    headers:set("ACCEPT", " d\t")
    assert.equal("d", headers:get("accept"))
    assert.same({ "accept: d", "other: x" }, listed(headers))
  end)

  -- They were joined by a comma, which is part of a cookie's value.
  it("join lines of Cookie by a semicolon", function()
    local headers = od.Headers { cookie = "a=1" }
    headers:append("Cookie", "b=2; c=3")
    assert.equal("a=1; b=2; c=3", headers:get("cookie"))
    assert.same({ a = "1", b = "2", c = "3" }, od.cookies.parse(headers:get("cookie")))
  end)

  it("say whether a request wants a WebSocket, in any letter case", function()
    for text, is in pairs { websocket = true, WebSocket = true, h2c = false, [""] = false } do
      assert.equal(is, od.Request("/", { headers = { Upgrade = text } }):isWebSocketUpgrade())
    end
    assert.is_false(od.Request("/"):isWebSocketUpgrade())
  end)

  it("are iterated in order, cookies one by one", function()
    local headers = od.Headers { b = "2", a = "1" }
    headers:append("set-cookie", "x=1")
    headers:append("set-cookie", "y=2")
    headers:append("a", "3")
    assert.same({ "a: 1, 3", "b: 2", "set-cookie: x=1", "set-cookie: y=2" }, listed(headers))
    assert.same({ "x=1", "y=2" }, headers:getSetCookie())
  end)

  it("are copied from others", function()
    local headers = od.Headers { a = "1" }
    local copy = od.Headers(headers)
    copy:set("a", "2")
    assert.equal("1", headers:get("a"))
  end)

  it("refuse what could split a message, at the caller's line", function()
    local headers = od.Headers()
    for _, value in ipairs { "a\r", "a\nb", "\0" } do
      assert.equal('the header "x" cannot have CR, LF or NUL in its value',
        misuse(function() headers:set("X", value) end))
      assert.matches("CR, LF or NUL", misuse(function() headers:append("x", value) end))
      assert.matches("CR, LF or NUL", misuse(function() od.Headers { x = value }:get("x") end))
    end
    assert.matches("control characters", misuse(function() headers:set("x", "\27[0m") end))
    assert.equal('"a b" cannot be a header\'s name', misuse(function() headers:set("a b", "x") end))
    assert.matches("must be a string, not a nil", misuse(function() headers:set("a") end))
    assert.matches("must be a string, not a table", misuse(function() headers:set({}, "a") end))
    assert.matches("there twice", misuse(function() od.Headers { a = "1", A = "2" }:get("a") end))
    assert.matches("not a number", misuse(function() od.Headers(5):get("a") end))
    assert.same({}, listed(headers))
  end)

  it("take a long value of spaces without delay", function()
    local headers = od.Headers { a = "x" .. (" "):rep(60000) .. "x" .. (" "):rep(60000) }
    assert.equal(60002, #headers:get("a"))
  end)
end)

describe("Request", function()
  it("understands its URL", function()
    local request = od.Request("https://h?x=1&x=2&y#z")
    assert.equal("https://h/?x=1&x=2&y", request.url)
    assert.equal("/", request.path)
    assert.same({ x = "1", y = "" }, request.query)
    assert.same({ "1", "2" }, request:queryAll("x"))
    assert.same({}, request:queryAll("z"))
    assert.equal("http://object/a/b?c", od.Request("/a/b?c").url)
    assert.equal("GET", request.method)
  end)

  it("has a body as text and as JSON", function()
    local request = od.Request("/", { method = "POST", body = '{"a":[1]}' })
    assert.equal(1, request:json().a[1])
    assert.equal('{"a":[1]}', request:text())
    assert.equal("text/plain;charset=UTF-8", request.headers:get("content-type"))
    assert.equal("", od.Request("/"):text())
    request.body = "{"
    assert.equal("the request's body: invalid JSON at line 1, column 2: the text ends too early",
      misuse(function() return (request:json()) end))
  end)

  it("reads null and false as JSON", function()
    assert.equal(od.json.null, od.Request("/", { method = "PUT", body = "null" }):json())
    assert.is_false(od.Request("/", { method = "PUT", body = "false" }):json())
  end)

  it("is a copy of another one", function()
    local first = od.Request("/x", { method = "PUT", body = "b", headers = { a = "1" } })
    local second = od.Request(first, { body = "c" })
    assert.equal("PUT /x c 1", table.concat({ second.method, second.path, second.body,
      second.headers:get("a") }, " "))
  end)

  it("may carry what a script adds", function()
    local request = od.Request("/")
    request.user = "ann"
    assert.equal("ann", request.user)
    assert.is_nil(request.nothing)
  end)

  it("refuses misuse at the caller's line", function()
    local function make(...)
      local arguments = { ... }
      return misuse(function()
        local request = od.Request(arguments[1], arguments[2])
        return request
      end)
    end
    assert.matches('"ftp://x" must begin with', make("ftp://x"))
    assert.matches("not a nil", make())
    assert.matches("such as \"GET\"", make("/", { method = "" }))
    assert.matches("must be a string, not a table", make("/", { method = "PUT", body = {} }))
    assert.matches("cannot be a header's name", make("/", { headers = { [""] = "x" } }))
    assert.matches("must be a table, not a string", make("/", "GET"))
  end)
end)

describe("Response", function()
  it("is 200 with text unless said otherwise", function()
    local response = od.Response("hello")
    assert.equal(200, response.status)
    assert.is_true(response.ok)
    assert.equal("hello", response:text())
    assert.equal("text/plain;charset=UTF-8", response.headers:get("content-type"))
    assert.is_nil(od.Response(nil, { status = 204 }).headers:get("content-type"))
    assert.equal("text/html", od.Response("x", { headers = { ["Content-Type"] = "text/html" } })
      .headers:get("content-type"))
  end)

  it("is JSON", function()
    local response = od.Response.json({ a = od.json.array() }, { status = 201 })
    assert.equal('{"a":[]}', response:text())
    assert.equal(201, response.status)
    assert.equal("application/json", response.headers:get("content-type"))
    assert.same({ a = {} }, response:json())
  end)

  it("refuses misuse at the caller's line", function()
    local function make(...)
      local arguments = { ... }
      return misuse(function()
        local response = od.Response(arguments[1], arguments[2])
        return response
      end)
    end
    assert.matches("must be a string, a function or nil, not a table", make({}))
    assert.matches("whole number", make("", { status = "200" }))
    assert.matches("range 200 to 599", make("", { status = 100 }))
    assert.matches("range 200 to 599", make(nil, { status = 101 }))
    assert.matches("must have status code 101", make(nil, { webSocket = {} }))
    assert.matches("null body status", make("x", { status = 204 }))
    assert.matches("not a number", make("x", 404))
    assert.matches("CR, LF or NUL", make("x", { headers = { a = "\n" } }))
    assert.matches("cannot encode a function at %.x", misuse(function()
      local response = od.Response.json { x = print }
      return response
    end))
  end)
end)

describe("the module", function()
  it("has what the engine adds", function()
    assert.equal("spec", od.version)
  end)

  it("cannot be changed by a script", function()
    local parts = {
      ["open-do"] = od, ["od.json"] = od.json, ["od.Response"] = od.Response, ["od.url"] = od.url,
    }
    for name, part in pairs(parts) do
      local text = name .. ' is read-only: cannot set "encode"'
      assert.equal(text, misuse(function() part.encode = 1 end))
      assert.is_false(getmetatable(part))
    end
    for _, object in ipairs { od.Headers(), od.Request("/"), od.Response() } do
      assert.is_false(getmetatable(object))
      assert.is_false((pcall(setmetatable, object, {})))
    end
  end)

  it("keeps its functions when a script replaces those of Lua", function()
    local find, pairs_of = string.find, pairs
    string.find = function() return nil end -- luacheck: ignore 122
    pairs = function() error("poisoned") end -- luacheck: ignore 121
    local ok, headers = pcall(od.Headers, { ["X-A"] = "1" })
    string.find, pairs = find, pairs_of -- luacheck: ignore 121 122
    assert.is_true(ok, headers)
    assert.equal("1", headers:get("x-a"))
  end)
end)
