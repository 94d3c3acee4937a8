-- What scripts find in module "open-do" and beside it, in a running server.
local workbench = require "spec.scenario.workbench"

describe("a script", function()
  local server, ask = workbench.once()

  it("requires cjson and cjson.safe", function()
    assert.same({ '{"a":[]}', true, true, true }, ask([[
      local cjson, safe = require "cjson", require "cjson.safe"
      return { cjson.encode { a = cjson.empty_array }, cjson == require "cjson",
        cjson.null == od.json.null, (safe.decode("{")) == nil }
    ]]))
    assert.is_truthy(workbench.refusal(server, "a", "require('cjson').decode('{')"):find(
      "^code:1: "))
  end)

  it("requires the libraries of Lua it has", function()
    assert.same({ true, true, true, true, true, true, "nil" }, ask([[
      return { require "string" == string, require "table" == table, require "math" == math,
        require "bit" == bit, require "os" == os, require "coroutine" == coroutine,
        type(require("os").execute) }
    ]]))
    for _, name in ipairs { "io", "ffi", "debug", "package", "jit" } do
      assert.matches("module '" .. name .. "' not found",
        workbench.refusal(server, "a", ("require %q"):format(name)), 1, true)
    end
  end)

  it("stores what cjson made an array as an array", function()
    assert.equal("[]", ask([[
      local cjson = require "cjson"
      storage:put("list", setmetatable({}, cjson.array_mt))
      return cjson.encode(storage:get("list"))
    ]]))
    assert.is_truthy(workbench.refusal(server, "a",
      "storage:put('k', require('cjson').empty_array)"):find("put", 1, true))
  end)

  it("reads and writes cookies, URLs, hashes and encodings", function()
    assert.same({ "1", "a=2; Path=/", "h", "https://h/?a=1", "YQ==", 36, true }, ask([[
      return { od.cookies.parse("a=1").a, od.cookies.serialize("a", 2, { path = "/" }),
        od.url.parse("http://h/x").hostname, od.url.build { hostname = "h", query = { a = 1 } },
        od.base64.encode("a"), #od.randomUUID(), od.timingSafeEqual("a", "a") }
    ]]))
  end)

  it("is told at its line what was wrong", function()
    for call, words in pairs {
      ["od.sha256()"] = "sha256", ["od.sha256({})"] = "sha256",
      ["od.hmacSha256('k')"] = "hmacSha256",
      ["od.timingSafeEqual('a')"] = "timingSafeEqual", ["od.randomBytes(-1)"] = "0 to 65536",
      ["od.randomBytes('x')"] = "randomBytes", ["od.base64.decode('?')"] = "invalid base64",
      ["od.base64.encode(nil)"] = "encode", ["od.hex.decode('x')"] = "invalid hex",
      ["od.json.decode('[1,]')"] = "line 1", ["od.json.decode(nil)"] = "decode",
      ["od.json.encode(print)"] = "function", ["od.json.array(1)"] = "array",
      ["od.cookies.serialize('a b', '')"] = "cookies.serialize",
      ["od.url.parse(1)"] = "url.parse", ["od.url.build(1)"] = "url.build",
      ["od.url.encode(nil)"] = "encode",
      ["od.url.parseQuery(nil)"] = "a query must be a string, got nil",
      ["od.Headers(1)"] = "headers must be a table", ["od.cookies.parse(1)"] = "cookies.parse",
    } do
      local text = workbench.refusal(server, "a", "local value = " .. call)
      assert.is_truthy(text:find("^code:1: "), call .. ": " .. text)
      assert.is_truthy(text:find(words, 1, true), call .. ": " .. text)
    end
  end)
end)
