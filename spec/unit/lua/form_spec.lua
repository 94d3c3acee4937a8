-- Forms: what browsers and curl send, and what somebody with bad intentions does.
local od = require("spec.support.library").od

local BROWSER = "----WebKitFormBoundaryabc123"

local function request(content_type, body)
  return od.Request("/", { method = "POST", body = body,
    headers = { ["content-type"] = content_type } })
end

local function multipart(...)
  local lines = { ... }
  return request("multipart/form-data; boundary=" .. BROWSER,
    (table.concat(lines, "\r\n"):gsub("%-%-X", "--" .. BROWSER)))
end

local function refusal(broken)
  local ok, problem = pcall(function() local form = broken:formData() return form end)
  assert.is_false(ok, "it was taken")
  local place = "^spec/unit/lua/form_spec.lua:%d+: the request's body, a form: "
  assert.matches(place, problem)
  return (problem:gsub(place, ""))
end

local function part(name, content)
  return ('--X\r\nContent-Disposition: form-data; name="%s"\r\n\r\n%s'):format(name, content)
end

describe("a form", function()
  it("that is urlencoded is read", function()
    local form = request("application/x-www-form-urlencoded; charset=UTF-8",
      "who=Ann+Lee&tag=a&tag=%C3%BC&empty="):formData()
    assert.equal("Ann Lee", form:get "who")
    assert.same({ "a", "ü" }, form:getAll "tag")
    assert.equal("", form:get "empty")
    assert.is_true(form:has "empty")
    assert.is_false(form:has "nothing")
    assert.is_nil(form:get "nothing")
    local seen = {}
    for name, value in form:entries() do
      seen[#seen + 1] = name .. "=" .. value
    end
    assert.same({ "who=Ann Lee", "tag=a", "tag=ü", "empty=" }, seen)
  end)

  it("of many parts is read, files with what they hold", function()
    local bytes = "\0\r\n--" .. BROWSER:sub(1, -2) .. "\r\n\255"
    local form = multipart(part("who", "Ann"),
      '--X\r\ncontent-disposition: FORM-DATA; name="up"; filename="a%22b.png"\r\n'
        .. "content-type: image/png\r\n\r\n" .. bytes,
      part("who", "two\r\nlines"), '--X\r\nContent-Disposition: form-data; name=file; '
        .. 'filename="c\\"d"\r\n\r\n', "--X--", "an epilogue"):formData()
    assert.same({ "Ann", "two\r\nlines" }, form:getAll "who")
    local file = form:get "up"
    assert.same({ 'a"b.png', "image/png", bytes, bytes, #bytes },
      { file.name, file.type, file.body, file:text(), file.size })
    assert.same({ 'c"d', "application/octet-stream", 0 },
      { form:get("file").name, form:get("file").type, form:get("file").size })
  end)

  it("without a field is one", function()
    assert.is_nil(multipart("--X--", ""):formData():entries()())
    assert.is_nil(request("application/x-www-form-urlencoded", ""):formData():entries()())
  end)

  it("takes a boundary in quotes, whatever stands around it", function()
    local form = request('Multipart/Form-Data; charset=utf-8; Boundary="a b"',
      '\r\n--a b \r\nContent-Disposition: form-data; name="x"\r\n\r\n1\r\n--a b--'):formData()
    assert.equal("1", form:get "x")
  end)

  it("that is none, or lies about itself, is refused with a reason", function()
    for words, broken in pairs {
      ['is no form: its content-type is "text/plain"'] = request("text/plain", "a=1"),
      ["content-type is missing"] = od.Request("/", { method = "GET" }),
      ["has no boundary that can be one"] = request("multipart/form-data", "--x--"),
      ["no boundary"] = request("multipart/form-data; boundary=", "--"),
      ["boundary that can"] = request("multipart/form-data; boundary=" .. ("b"):rep(71), ""),
      ["has no boundary that"] = request("multipart/form-data; boundary=a; boundary=b", "--a--"),
      ["has no boundary"] = request('multipart/form-data; boundary="a', "--a--"),
      ["does not begin with the boundary"] = multipart("--other", "", "--X--"),
      ["its end is missing"] = multipart(part("a", "1"), ""),
      ["end is missing"] = multipart(part("a", "1"), "--Y--"),
      ["something stands behind a boundary"] = multipart(part("a", "1"), "--Xtra--"),
      ["stands behind a boundary"] = multipart("--X"),
      ["a part has no end of its headers"] = multipart('--X\r\nContent-Disposition: form-data',
        "--X--"),
      ["a part has no name"] = multipart("--X\r\nContent-Type: a/b\r\n\r\n1", "--X--", ""),
      ["part has no name"] = multipart(
        "--X\r\nContent-Disposition: attachment; name=a\r\n\r\n1", "--X--", ""),
      ["near byte 33: a part has a broken header"] = multipart("--X\r\nno colon\r\n\r\n1", "--X--"),
      ["has a broken header"] = multipart(
        "--X\r\nContent-Type: a/b\r\ncontent-type: c/d\r\n\r\n1", "--X--"),
      ["encoded as base64"] = multipart(
        "--X\r\nContent-Disposition: form-data; name=a\r\nContent-Transfer-Encoding: base64"
          .. "\r\n\r\nAAAA", "--X--"),
      ["have more than 16384 bytes"] = multipart(
        "--X\r\nX-Long: " .. ("x"):rep(20000) .. "\r\n\r\n1", "--X--"),
    } do
      assert.matches(words, refusal(broken), 1, true)
    end
  end)

  it("has at most a thousand fields", function()
    local parts = {}
    for at = 1, 1000 do
      parts[at] = part("a", at)
    end
    parts[1001] = "--X--"
    assert.equal(1000, #multipart(unpack(parts)):formData():getAll "a")
    table.insert(parts, 1, part("a", 0))
    assert.equal("it has more than 1000 fields", refusal(multipart(unpack(parts))))
    local urlencoded = "application/x-www-form-urlencoded"
    assert.equal(1000, #request(urlencoded, ("a=1&"):rep(999) .. "a=2"):formData():getAll "a")
    assert.equal("it has more than 1000 fields",
      refusal(request(urlencoded, ("&"):rep(8 * 1024 * 1024))))
  end)

  it("is asked for names that are strings", function()
    local form = multipart("--X--"):formData()
    local ok, problem = pcall(function() local value = form:get(1) return value end)
    assert.is_false(ok)
    assert.matches("^spec/unit/lua/form_spec.lua:%d+: get: argument 1 must be a string", problem)
  end)

  it("that is cut anywhere is refused, and costs no more", function()
    local whole = multipart(part("a", "1"),
      '--X\r\nContent-Disposition: form-data; name="f"; filename="n"\r\n\r\nbytes', "--X--").body
    for size = 0, #whole - 1 do
      refusal(request("multipart/form-data; boundary=" .. BROWSER, whole:sub(1, size)))
    end
  end)
end)

describe("od.html.escape", function()
  it("leaves nothing that a page reads as its own", function()
    assert.equal("&lt;a b=&quot;&#39;&quot;&gt;&amp;amp;ü", od.html.escape("<a b=\"'\">&amp;ü"))
    assert.equal("7", od.html.escape(7))
    assert.has_error(function() od.html.escape(nil) end,
      "html.escape: argument 1 must be a string or a number, got nil")
  end)
end)
