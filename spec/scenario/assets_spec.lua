-- Files beside the script that are served before it is asked.
local Server = require "spec.support.server"
local shell = require "spec.support.shell"

local SOURCE = [[
local od = require "open-do"
local Thing = {}
function Thing:fetch(request) return od.Response("object " .. request.path) end
return { namespaces = { things = Thing }, assets = %s%s }
]]

local ENTRY = ", fetch = function(request) return od.Response('entry ' .. request.path) end"

local FILES = {
  ["public/index.html"] = "<h1>home</h1>", ["public/about.html"] = "about",
  ["public/app.js"] = "js()",
  ["public/docs/index.html"] = "docs", ["public/docs/deep/page.html"] = "deep",
  ["public/a b.txt"] = "blank", ["public/data.json"] = "{}", ["public/.secret"] = "secret",
  ["public/.git/config"] = "secret", ["public/.well-known/security.txt"] = "mail",
  ["public/docs/404.html"] = "no such doc", ["public/404.html"] = "not here",
  ["public/style.css"] = "plain css", ["public/style.css.br"] = "br css",
  ["public/style.css.gz"] = "gz css", ["secret.txt"] = "secret", ["public/digits"] = "0123456789",
  ["public/api/file.txt"] = "a file", ["public/empty.txt"] = "",
}

local function start(assets, entry, prepare, uid)
  local server = Server.prepare { source = SOURCE:format(assets, entry or ""), files = FILES,
    uid = uid }
  if prepare then
    prepare(server)
  end
  server:launch()
  return server
end

describe("a file of a script", function()
  local server

  setup(function()
    server = start('"public"', nil, function(each)
      local public = each:path("public")
      os.execute(([[cd '%s' && ln -s ../secret.txt out && ln -s /etc/passwd absolute && ln -s .. up
        ln -s docs/deep/page.html inside && ln -s loop2 loop1 && ln -s loop1 loop2
        ln -s self self
        ln -s docs/../docs way && ln -s .secret dot && mkfifo pipe && mkdir closed
        echo no > closed/file && head -c 3000000 /dev/zero > large && ln -s missing dangling]])
        :format(public))
    end)
  end)
  teardown(function() server:stop() end)

  local function get(path, headers) return server:get(path, headers) end

  it("is served with its type, and an index", function()
    for path, expected in pairs {
      ["/"] = { "<h1>home</h1>", "text/html; charset=utf-8" },
      ["/?x=1"] = { "<h1>home</h1>", "text/html; charset=utf-8" },
      ["/about"] = { "about", "text/html; charset=utf-8" },
      ["/app.js"] = { "js()", "text/javascript; charset=utf-8" },
      ["/data.json"] = { "{}", "application/json" },
      ["/docs/"] = { "docs", "text/html; charset=utf-8" },
      ["/a%20b.txt"] = { "blank", "text/plain; charset=utf-8" },
      ["/.well-known/security.txt"] = { "mail", "text/plain; charset=utf-8" },
      ["/inside"] = { "deep", "application/octet-stream" },
      ["/way/deep/page.html"] = { "deep", "text/html; charset=utf-8" },
      ["/empty.txt"] = { "", "text/plain; charset=utf-8" },
    } do
      local answer = get(path)
      assert.same({ path, 200, expected[1], expected[2] },
        { path, answer.status, answer.body, answer.headers["content-type"] })
      assert.equal("nosniff", answer.headers["x-content-type-options"])
    end
    local answer = get("/docs?x=1")
    assert.same({ 307, "/docs/?x=1" }, { answer.status, answer.headers.location })
    assert.equal("object /things/a", get("/things/a").body)
    assert.equal(404, server:post("/app.js", "x").status)
    local client = server:open()
    answer = client:request("HEAD", "/app.js")
    assert.same({ 200, "4" }, { answer.status, answer.headers["content-length"] })
    assert.equal("js()", client:request("GET", "/app.js").body)
  end)

  -- Nothing of it may be seen, whatever it is called.
  it("is beneath its folder, whatever is asked for", function()
    local paths = {
      "/../secret.txt", "/..%2fsecret.txt", "/%2e%2e/secret.txt", "/%2e%2e%2fsecret.txt",
      "/docs/../../secret.txt", "/docs/%2e%2e/%2e%2e/secret.txt", "/./secret.txt", "//etc/passwd",
      "/etc/passwd", "/%2fetc%2fpasswd", "///secret.txt", "/docs//index.html", "/docs/./index.html",
      "/docs/..", "/docs/../index.html", "/.secret", "/.git/config", "/%2egit/config", "/dot",
      "/docs/%00", "/index.html%00.txt", "/%00", "/..", "/.", "/...", "/..%5csecret.txt",
      "/..\\secret.txt", "/%5c..%5csecret.txt", "/out", "/absolute", "/up/secret.txt", "/up/",
      "/loop1", "/self", "/self/x", "/pipe", "/closed/", "/dangling", "/index.html/", "/app.js/x",
      "/%", "/%2", "/%zz", "/%c0%ae%c0%ae/secret.txt", "/%252e%252e/secret.txt",
      "/" .. ("a"):rep(4000), "/" .. ("a/"):rep(2000), "/%e2%80%ae", "/script.lua", "/secret.txt",
      "/public/index.html", "/.%2e/secret.txt", "/%2e./secret.txt",
    }
    assert.is_true(#paths >= 40)
    for _, path in ipairs(paths) do
      local client = server:open()
      client:write(("GET %s HTTP/1.1\r\nHost: x\r\n\r\n"):format(path))
      local answer = client:read_answer("GET")
      assert.is_true(answer.status == 404 or answer.status == 400,
        path .. ": " .. answer.status .. " " .. answer.body)
      assert.is_nil(answer.body:find("root:", 1, true), path)
      client:close()
    end
  end)

  it("is not sent to who has it", function()
    local first = get("/app.js")
    local etag, modified = first.headers.etag, first.headers["last-modified"]
    for _, headers in ipairs {
      { ["if-none-match"] = etag }, { ["if-none-match"] = "W/" .. etag },
      { ["if-none-match"] = '"other", ' .. etag }, { ["if-none-match"] = "*" },
      { ["if-modified-since"] = modified },
    } do
      local answer = get("/app.js", headers)
      assert.same({ 304, "", etag }, { answer.status, answer.body, answer.headers.etag })
    end
    assert.equal(200, get("/app.js", { ["if-none-match"] = '"other"' }).status)
    assert.equal(200, get("/app.js",
      { ["if-none-match"] = '"other"', ["if-modified-since"] = modified }).status)
    assert.equal(412, get("/app.js", { ["if-match"] = '"other"' }).status)
    server:save("js(2)", "public/app.js")
    local second = get("/app.js", { ["if-none-match"] = etag })
    assert.same({ 200, "js(2)" }, { second.status, second.body })
    server:save("js()", "public/app.js")
  end)

  it("is sent in part", function()
    local etag = get("/digits").headers.etag
    for range, expected in pairs {
      ["bytes=2-4"] = { 206, "234", "bytes 2-4/10" }, ["bytes=7-"] = { 206, "789", "bytes 7-9/10" },
      ["bytes=-2"] = { 206, "89", "bytes 8-9/10" },
      ["bytes=0-99"] = { 206, "0123456789", "bytes 0-9/10" },
      ["bytes=-99"] = { 206, "0123456789", "bytes 0-9/10" },
      ["bytes=10-"] = { 416, "", "bytes */10" }, ["bytes=-0"] = { 416, "", "bytes */10" },
      ["bytes=0-1,3-4"] = { 200, "0123456789" }, ["bytes=4-2"] = { 200, "0123456789" },
      ["bytes=x"] = { 200, "0123456789" }, ["lines=1-2"] = { 200, "0123456789" },
      ["bytes=99999999999999999999-"] = { 200, "0123456789" },
    } do
      local answer = get("/digits", { range = range })
      assert.same({ range, expected[1], expected[2], expected[3] },
        { range, answer.status, answer.body, answer.headers["content-range"] })
    end
    assert.equal(206, get("/digits", { range = "bytes=1-2", ["if-range"] = etag }).status)
    assert.equal(200, get("/digits", { range = "bytes=1-2", ["if-range"] = '"old"' }).status)
  end)

  it("comes compressed when it lies there so", function()
    for accepted, expected in pairs {
      ["gzip, br"] = { "br css", "br" }, ["gzip"] = { "gz css", "gzip" },
      ["br;q=0, gzip;q=0.5"] = { "gz css", "gzip" }, ["identity"] = { "plain css" },
    } do
      local answer = get("/style.css", { ["accept-encoding"] = accepted })
      assert.same({ expected[1], expected[2], "text/css; charset=utf-8", "Accept-Encoding" },
        { answer.body, answer.headers["content-encoding"], answer.headers["content-type"],
          answer.headers.vary })
    end
    assert.equal("plain", get("/style.css",
      { ["accept-encoding"] = "br", range = "bytes=0-4" }).body)
  end)

  it("may be large, and its connection goes on", function()
    local client = server:open()
    for _ = 1, 3 do
      assert.equal(3000000, #client:request("GET", "/large").body)
      assert.equal("js()", client:request("GET", "/app.js").body)
    end
    for _ = 1, 20 do client:send_request("GET", "/large") end
    for _ = 1, 20 do assert.equal(3000000, #client:read_answer("GET").body) end
  end)

  it("that becomes shorter while it is sent is cut", function()
    os.execute(("head -c 50000000 /dev/zero > '%s'"):format(server:path("public/shrinks")))
    local client = require("spec.support.http").open { host = server.address.host,
      port = server.address.port, receive_buffer = 4096 }
    client:send_request("GET", "/shrinks")
    assert.equal("50000000", client:read_head().headers["content-length"])
    server:save("", "public/shrinks")
    local _, why, part = client.tcp:receive(50000000)
    assert.equal("closed", why)
    assert.is_true(#part < 50000000)
    assert.equal("js()", get("/app.js").body)
  end)
end)

-- What somebody does to the folder while it is served.
describe("a file of a script that is changed under its readers", function()
  local server

  before_each(function() server = start('"public"', ENTRY) end)
  after_each(function() server:stop() end)

  local function sh(command)
    assert.equal(0, os.execute(("export LD_PRELOAD=; cd '%s' && (%s)"):format(server:path("public"),
      command)))
  end

  -- Who has had the head and not yet the body.
  local function begin(path)
    local client = require("spec.support.http").open { host = server.address.host,
      port = server.address.port, receive_buffer = 4096 }
    client:send_request("GET", path)
    return client, client:read_head()
  end

  it("comes whole as it was, when it is removed or another takes its place", function()
    for _, change in ipairs { "rm large", "rm large && mkdir large", "rm large && mkfifo large",
      "echo other > new && mv new large", "rm large && ln -s /etc/passwd large" } do
      sh "rm -rf large && head -c 20000000 /dev/zero > large"
      local client, head = begin("/large")
      sh(change)
      assert.equal("20000000", head.headers["content-length"])
      assert.equal(("\0"):rep(20000000), (client.tcp:receive(20000000)))
      local answer = client:request("GET", "/large")
      assert.is_truthy(change:find("echo", 1, true) and answer.body == "other\n"
        or answer.body:find("^entry /large"), change .. ": " .. answer.body:sub(1, 40))
      client:close()
    end
  end)

  it("has the length that its head says, when it grows or is written over", function()
    for _, change in ipairs { "head -c 5000000 /dev/zero >> large",
      "head -c 20000000 /dev/zero | tr '\\0' x | dd of=large conv=notrunc status=none" } do
      sh "head -c 20000000 /dev/zero > large"
      local client = begin("/large")
      sh(change)
      local body = client.tcp:receive(20000000)
      assert.is_truthy(body:find("^%z*x*$"))
      assert.equal("js()", client:request("GET", "/app.js").body)
      client:close()
    end
  end)

  it("is another one for who has it, however quickly and alike it was changed", function()
    local etag = server:get("/app.js").headers.etag
    sh "echo -n 'xs()' > app.js"
    local answer = server:get("/app.js", { ["if-none-match"] = etag })
    assert.same({ 200, "xs()" }, { answer.status, answer.body })
    local range = server:get("/app.js", { range = "bytes=0-1", ["if-range"] = etag })
    assert.same({ 200, "xs()" }, { range.status, range.body })
  end)

  it("is the script's when its folder is gone", function()
    sh "mv ../public ../moved"
    assert.equal("js()", server:get("/app.js").body) -- It is the folder, not its name.
    os.execute(("rm -r '%s'"):format(server:path("moved")))
    for _, path in ipairs { "/app.js", "/docs/", "/" } do
      assert.equal("entry " .. path, server:get(path).body)
    end
  end)

  it("is there again when its folder is made anew, or another takes its place", function()
    local function change(commands)
      assert.equal(0, os.execute(("export LD_PRELOAD=; cd '%s' && %s"):format(
        server:path("."), commands)))
    end
    change("rm -r public && mkdir public")
    assert.equal("entry /app.js", server:get("/app.js").body)
    change("echo -n again > public/app.js")
    assert.equal("again", server:get("/app.js").body)
    change("mkdir other && echo -n other > other/app.js && mv public gone && mv other public")
    assert.equal("other", server:get("/app.js").body)
    change("rm -r public && ln -s gone public")
    assert.equal("again", server:get("/app.js").body)
    change("rm public && echo > public")
    server:get("/app.js") -- Which worker has it knows what was there before, or nothing.
    change("rm public && mkdir public && chmod 0 public")
    server:get("/app.js")
    change("chmod 755 public && echo -n back > public/app.js")
    assert.equal("back", server:get("/app.js").body)
  end)

  it("is the script's when its index is none", function()
    sh "rm -f docs/index.html && mkfifo docs/index.html && ln -sf index.html/../index.html l"
    for _, path in ipairs { "/docs/", "/docs", "/docs/index", "/l", "/docs/index.html" } do
      assert.equal("entry " .. path, server:get(path).body)
    end
  end)
end)

describe("a page that wants to be loaded again when a file has changed", function()
  local function changes(server)
    local answer = server:get("/.open-do/changes")
    assert.same({ 200, "no-store" }, { answer.status, answer.headers["cache-control"] })
    local mark, ago = answer.body:match "^(%x+) (%d+)\n$"
    return mark, tonumber(ago)
  end

  it("is told by open-do dev, of whatever may be served", function()
    local server = Server.start { source = SOURCE:format('"public"', ""), files = FILES,
      command = "dev" }
    finally(function() server:stop() end)
    local script = server:get("/.open-do/reload.js")
    assert.same({ 200, "text/javascript; charset=utf-8" },
      { script.status, script.headers["content-type"] })
    local before = changes(server)
    assert.equal(before, (changes(server)))
    for _, change in ipairs { "echo new > app.js", "echo more > docs/deep/new.html",
      "rm about.html", "mv app.js other.js", "mv other.js docs", "mkdir empty", "ln -s loop loop",
      "mkdir -p $(seq -s / 1 60)", "chmod 0 docs" } do
      assert.equal(0, os.execute(("cd '%s' && %s"):format(server:path("public"), change)))
      local after = changes(server)
      assert.not_equal(before, after, change)
      before = after
    end
    for _, other in ipairs { "echo x > .git/config", "echo x > ../secret.txt" } do
      assert.equal(0, os.execute(("cd '%s' && %s"):format(server:path("public"), other)))
      assert.equal(before, (changes(server)))
    end
    assert.equal(404, server:get("/.open-do/").status)
  end)

  it("is told how long ago the newest change was, also of what is gone", function()
    local server = Server.start { source = SOURCE:format('"public"', ""), files = FILES,
      command = "dev" }
    finally(function() server:stop() end)
    local command = "cd '" .. server:path("public") .. "' && touch ../since && "
    for _, change in ipairs { "echo x > docs/deep/x.html", "rm about.html", "rm docs/deep/x.html",
      "touch -d 1999-01-01 app.js", "mv app.js other.js", "touch -d 2099-01-01 other.js" } do
      assert.equal(0, os.execute(command .. change))
      local _, ago = changes(server)
      local _, ages = shell.run("stat -c %.3Z '" .. server:path("since") .. "' && date +%s.%3N")
      local since, now = ages:match "(%S+)%s+(%S+)"
      assert.is_true(ago <= (now - since) * 1000 + 1, change)
    end
  end)

  -- Each open page asks twice a second: what the script itself has logged was not to be found.
  it("does not fill the log", function()
    local server = Server.start { source = SOURCE:format('"public"', ""), files = FILES,
      command = "dev" }
    finally(function() server:stop() end)
    server:get("/.open-do/reload.js")
    changes(server)
    server:get("/about")
    server:wait_log("GET /about 200")
    assert.is_nil(server:log():find("GET /.open-do/", 1, true))
  end)

  it("is not told by open-do run", function()
    local server = start('"public"')
    finally(function() server:stop() end)
    assert.equal(404, server:get("/.open-do/reload.js").status)
    assert.equal(404, server:get("/.open-do/changes").status)
  end)
end)

describe("a file of a script that may not be read", function()
  it("is the script's, and so is all in a folder without rights", function()
    local server = start('{ directory = "public", notFound = "404-page" }', nil, nil, 12345)
    finally(function() server:stop() end)
    local public = server:path("public")
    local function sh(command)
      assert.equal(0, os.execute(("cd '%s' && (%s)"):format(public, command)))
    end
    assert.equal("docs", server:get("/docs/").body)
    sh "chmod 0 app.js style.css.br && chmod 600 docs && chmod 0 api 404.html"
    for _, path in ipairs { "/app.js", "/docs/", "/docs", "/docs/deep/page", "/docs/index.html",
      "/api/file.txt", "/api/", "/api", "/404", "/missing" } do
      local answer = server:get(path)
      assert.same({ path, 404 }, { path, answer.status })
      assert.is_nil(answer.body:find("denied", 1, true))
    end
    assert.equal("gz css", server:get("/style.css", { ["accept-encoding"] = "br, gzip" }).body)
    sh "chmod 700 docs"
    assert.equal("docs", server:get("/docs/").body)
    sh "chmod 0 ."
    assert.equal(404, server:get("/data.json").status)
    assert.equal("object /things/a", server:get("/things/a").body)
    sh "chmod 700 ."
    assert.equal("{}", server:get("/data.json").body)
  end)
end)

describe("what is no file", function()
  local server
  after_each(function() server:stop() end)

  it("is the script's", function()
    server = start('"public"', ENTRY)
    assert.equal("js()", server:get("/app.js").body)
    assert.equal("entry /missing", server:get("/missing").body)
    assert.equal("entry /app.js", server:post("/app.js", "x").body)
  end)

  it("is the script's first, where it says so", function()
    server = start('{ directory = "public", scriptFirst = { "/api/*", "/about" } }', ENTRY)
    assert.equal("entry /api/file.txt", server:get("/api/file.txt").body)
    assert.equal("entry /about", server:get("/about").body)
    assert.equal("about", server:get("/about.html").body)
  end)

  it("is a file that the script asks for", function()
    server = start('{ directory = "public", notFound = "404-page", scriptFirst = { "/*" } }',
      [[, fetch = function(request, env)
        if request.path == "/own" then
          local page = env.assets:fetch("/")
          page.headers:set("x-own", "yes")
          return page
        end
        return env.assets:fetch(request)
      end]])
    local answer = server:get("/own")
    assert.same({ 200, "<h1>home</h1>", "yes", "text/html; charset=utf-8" },
      { answer.status, answer.body, answer.headers["x-own"], answer.headers["content-type"] })
    assert.equal(304, server:get("/app.js",
      { ["if-none-match"] = server:get("/app.js").headers.etag }).status)
    assert.equal("234", server:get("/digits", { range = "bytes=2-4" }).body)
    assert.equal("/docs/", server:get("/docs").headers.location)
    assert.same({ 404, "not here" }, { server:get("/x").status, server:get("/x").body })
    assert.equal("", server:get("/empty.txt").body)
    answer = server:open():request("HEAD", "/app.js")
    assert.same({ 200, "4" }, { answer.status, answer.headers["content-length"] })
  end)

  it("is the nearest 404 page", function()
    server = start('{ directory = "public", notFound = "404-page" }')
    local answer = server:get("/docs/missing")
    assert.same({ 404, "no such doc" }, { answer.status, answer.body })
    assert.same({ 404, "not here" }, { server:get("/missing/far").status,
      server:get("/missing/far").body })
    assert.equal("object /things/a", server:get("/things/a").body)
  end)

  it("is the single page, for who wants a page", function()
    server = start('{ directory = "public", notFound = "single-page-application" }')
    local answer = server:get("/settings/7", { accept = "text/html,*/*" })
    assert.same({ 200, "<h1>home</h1>" }, { answer.status, answer.body })
    assert.equal(404, server:get("/missing.js", { accept = "*/*" }).status)
  end)
end)

describe("assets that cannot be", function()
  it("are told when the script is loaded", function()
    for assets, problem in pairs {
      ['"nowhere"'] = 'cannot open the folder of assets "nowhere" beside the script: No such',
      ["7"] = "`assets` is a number; it must be the name of a folder beside the script",
      ["{}"] = "assets.directory is missing",
      ['{ directory = "public", notFound = "x" }'] = 'assets.notFound must be "single-page',
      ['{ directory = "public", scriptFirst = { "api" } }'] = "item 1 is a string",
      ['{ directory = "public", dir = 1 }'] = "assets: there is no option 'dir'",
    } do
      local code, output = Server.refuse { source = SOURCE:format(assets, ""), files = FILES }
      assert.equal(1, code)
      assert.is_truthy(output:find(problem, 1, true), output)
    end
  end)
end)
