local library = require "spec.support.library"

local od, native = library.od, library.native

local function sent(response)
  return native.response_push(assert(native.response_encode(response)))
end

local function refusal(encode, ...)
  local message, problem = encode(...)
  assert.is_nil(message)
  return problem
end

local function misuse(fn, ...)
  local ok, problem = pcall(fn, ...)
  assert.is_false(ok)
  return problem
end

describe("a request as a message", function()
  it("arrives with all its parts", function()
    local message = assert(native.request_encode("http://host:1/a%20b?x=1&y=%41", {
      method = "post", body = "hello\0", headers = { ["X-One"] = "1", cookie = "a=b" },
    }))
    local request = native.request_push(message)
    assert.equal("POST", request.method)
    assert.equal("http://host:1/a%20b?x=1&y=%41", request.url)
    assert.equal("/a%20b", request.path)
    assert.same({ x = "1", y = "A" }, request.query)
    assert.equal("hello\0", request:text())
    assert.equal("1", request.headers:get("x-one"))
    assert.equal("", request.peer)
  end)

  it("is passed on byte for byte when nobody looked into it", function()
    local message = assert(native.request_encode("/x", { headers = { a = "1", b = "2" } }))
    local request = native.request_push(message)
    assert.equal(message, native.request_encode(request))
    assert.equal("1", request.headers:get("a"))
    assert.equal(message, native.request_encode(request))
  end)

  it("can be given another face by init", function()
    local first = od.Request("http://h/x?y", { method = "PUT", body = "b", headers = { a = "1" } })
    local second = native.request_push(native.request_encode(first, { headers = { c = "3" } }))
    assert.equal("PUT b nil 3", table.concat({ second.method, second.body,
      tostring(second.headers:get("a")), second.headers:get("c") }, " "))
    assert.equal("1", first.headers:get("a"))
  end)

  it("is refused with a reason when it cannot be one", function()
    local encode = native.request_encode
    assert.equal('"x" must begin with "http://", "https://" or "/"', refusal(encode, "x"))
    assert.matches("must be a string, not a nil", refusal(encode))
    assert.matches("space or control character", refusal(encode, "/a b"))
    assert.matches("init of a Request must be a table", refusal(encode, "/", 5))
    assert.matches("GET or HEAD cannot have a body", refusal(encode, "/", { body = "x" }))
    assert.matches("control character", refusal(encode, "/\r\nx: y"))
  end)

  it("is checked again, because a script can reach into it", function()
    local function damaged(field, value)
      local request = od.Request("/")
      request[field] = value
      return refusal(native.request_encode, request)
    end
    assert.matches("method", damaged("method", "GET / HTTP/1.1\r\n"))
    assert.matches("url", damaged("url", "http://h/\r\nx: y"))
    assert.matches('"url" is a table', damaged("url", {}))
    assert.matches("headers", damaged("headers", { "a", "b" }))
    local request = od.Request("/")
    rawset(request.headers, 1, "a")
    rawset(request.headers, 2, "b\r\nc: d")
    assert.matches("control character", refusal(native.request_encode, request))
    rawset(request.headers, 1, "A:")
    assert.matches("name", refusal(native.request_encode, request))
    rawset(request.headers, 2, print)
    assert.matches("not a string", refusal(native.request_encode, request))
    local pushed = native.request_push(native.request_encode("/"))
    pushed._fields = "\255\255\255\255garbage"
    assert.is_string(native.request_encode(pushed))
  end)
end)

describe("a response as a message", function()
  it("arrives with all its parts", function()
    local response = sent(od.Response("gone\n", { status = 410, headers = { ["X-Why"] = "old" } }))
    assert.equal(410, response.status)
    assert.is_false(response.ok)
    assert.equal("gone\n", response:text())
    assert.equal("old", response.headers:get("x-why"))
    assert.equal("text/plain;charset=UTF-8", response.headers:get("content-type"))
  end)

  it("has the same headers whether or not somebody looked at them", function()
    for _, body in ipairs { "text", "" } do
      local looked_at = od.Response(body)
      assert.equal("text/plain;charset=UTF-8", looked_at.headers:get("content-type"))
      assert.equal(native.response_encode(od.Response(body)), native.response_encode(looked_at))
    end
    assert.is_nil(sent(od.Response()).headers:get("content-type"))
  end)

  it("carries a socket", function()
    local response = sent(od.Response(nil, { status = 101, webSocket = { 3, 77 } }))
    assert.same({ 101, 3, 77 }, { response.status, response.webSocket[1], response.webSocket[2] })
    local wrong = od.Response(nil, { status = 101, webSocket = "socket" })
    assert.equal("the webSocket is no socket", refusal(native.response_encode, wrong))
  end)

  it("keeps several cookies apart", function()
    local response = od.Response("x")
    response.headers:append("Set-Cookie", "a=1, 2")
    response.headers:append("set-cookie", "b=2")
    assert.same({ "a=1, 2", "b=2" }, sent(response).headers:getSetCookie())
  end)

  it("has short ways for what is usual, each with its content type", function()
    local page = od.Response.html("<p>", { status = 404 })
    assert.same({ 404, "text/html;charset=UTF-8" },
      { page.status, page.headers:get("content-type") })
    local elsewhere = od.Response.redirect("/there")
    assert.same({ 302, "/there" }, { elsewhere.status, elsewhere.headers:get("location") })
    assert.is_nil(elsewhere.headers:get("content-type"))
    assert.equal(308, od.Response.redirect("/there", 308).status)
    assert.matches("argument 2 must be 301", misuse(od.Response.redirect, "/there", 404))
    assert.matches("argument 1 must be a URL, not a nil", misuse(od.Response.redirect))
  end)

  it("says what a misspelt field of init was meant to be", function()
    assert.matches("the init of a Response has no field 'stauts'; did you mean 'status'%?",
      misuse(od.Response, "x", { stauts = 404 }))
    assert.matches("has no field 'code'; there are: status, headers, webSocket",
      misuse(od.Response.json, {}, { code = 404 }))
    assert.matches("has no field '1'", misuse(od.Response, "x", { 404 }))
    assert.matches("the init of a Request has no field 'metod'; did you mean 'method'%?",
      misuse(od.Request, "/", { metod = "POST" }))
    assert.matches("json: call it with a dot", misuse(od.Response.json, od.Response, { 1 }))
    assert.matches("Headers have no field 'host'; a header is headers:get%(\"host\"%)",
      misuse(function() return od.Headers().host end))
  end)

  it("must be one", function()
    local encode = native.response_encode
    assert.equal("fetch returned a number; it must return an od.Response", refusal(encode, 5))
    assert.equal("fetch returned nothing; it must return an od.Response", refusal(encode, nil))
    assert.equal("fetch returned a table; it must return an od.Response",
      refusal(encode, { status = 200 }))
  end)

  it("is checked again, because a script can reach into it", function()
    local function damaged(field, value)
      local response = od.Response("x")
      response[field] = value
      return refusal(native.response_encode, response)
    end
    for _, status in ipairs { 0, 100, 199, 600, 200.5, 0 / 0, "200" } do
      assert.matches("status", damaged("status", status))
    end
    assert.matches("101", damaged("webSocket", {}))
    assert.matches('"body" is a number', damaged("body", 5))
    assert.matches("headers", damaged("headers", {}))
    assert.matches("bytes, the limit is", damaged("body", ("x"):rep(2 ^ 25 + 1)))
    assert.matches("more than 65536 bytes",
      refusal(native.response_encode, od.Response("x", { headers = { a = ("x"):rep(65536) } })))
  end)
end)
