-- od.jwt with a key set that lies at a URL: who signs and who checks are different objects.
local workbench = require "spec.scenario.workbench"

local SOURCE = [[
local od = require "open-do"

-- The signer's side: answers with the keys it was given, and counts.
local Keys = {}
function Keys:set(text, status) self.state.storage:put({ text = text, status = status or 200 }) end
function Keys:asked() return self.state.storage:get("asked") or 0 end
function Keys:fetch()
  local storage = self.state.storage
  storage:put("asked", self:asked() + 1)
  return od.Response(storage:get("text"), { status = storage:get("status") })
end

return { namespaces = { keys = Keys, things = { fetch = require("workbench").fetch } } }
]]

describe("od.jwt.keys", function()
  local server = workbench.each(SOURCE, { workers = 1 })

  local function openssl(command)
    local pipe = assert(io.popen("openssl " .. command .. " 2>/dev/null"))
    local text = pipe:read("*a")
    pipe:close()
    return text
  end

  -- A private key, and the public one as JSON.
  local function new_key(kid)
    local private = openssl "genpkey -algorithm ED25519"
    server:save(private, "key.pem")
    local der = openssl(("pkey -in %s -pubout -outform DER | base64 -w0"):format(
      server:path "key.pem"))
    return private, ([[{"kty":"OKP","crv":"Ed25519","kid":"%s","x":"%s"}]]):format(kid,
      der:sub(-44):gsub("=", ""):gsub("+", "-"):gsub("/", "_"))
  end

  local function ask(code)
    return workbench.ask(server, "a", ([[
      local signer = self.env.keys:getByName("set")
      local set = od.jwt.keys(%q .. "/keys/set")
      local function why(token) return select(2, od.jwt.verify(token, set)) end
      local function sub(token) return (od.jwt.verify(token, set) or {}).sub end
    ]]):format(server.url) .. code)
  end

  it("fetches them once, and again for a key it does not know, but not for each", function()
    local old_private, old = new_key "old"
    local new_private, new = new_key "new"
    assert.same({ "ann", "ann", 1 }, ask(([[
      signer:set('{"keys":[%s]}')
      local token = od.jwt.sign({ sub = "ann" }, %q, { kid = "old" })
      return { sub(token), sub(token), signer:asked() }]]):format(old, old_private)))
    local later = ([[
      signer:set('{"keys":[%s,%s]}')
      local token = od.jwt.sign({ sub = "bob" }, %q, { kid = "new" })
      return { why(token), signer:asked() }]]):format(old, new, new_private)
    assert.same({ "unknown key", 1 }, ask(later))
    server:turn_clock(30000)
    assert.same({ "bob", 2 }, ask(later:gsub("why", "sub")))
    assert.same({ "bob", 2 }, ask(later:gsub("why", "sub")))
    server:turn_clock(600000)
    assert.same({ "bob", 3 }, ask(later:gsub("why", "sub")))
  end)

  it("goes on with those it has when their server fails, and says so when it has none", function()
    local private, public = new_key "k"
    local check = ([[return sub(od.jwt.sign({ sub = "ann" }, %q, { kid = "k" }))]]):format(private)
    for answer, problem in pairs {
      ["'no', 500"] = "jwt: the keys: http%S+ answers 500",
      ["'no json'"] = "jwt: the keys: http%S+ gives no JSON Web Key Set",
      ["'[]'"] = "gives no JSON Web Key Set",
      [ [['{"keys":7}']] ] = "gives no JSON Web Key Set",
    } do
      local ok, said = unpack(ask(("signer:set(%s) return { pcall(why, od.jwt.sign({}, 'x')) }")
        :format(answer)))
      assert.is_false(ok)
      assert.matches(problem, said)
    end
    ask(([[signer:set('{"keys":[%s]}')]]):format(public))
    assert.equal("ann", ask(check))
    ask "signer:set('no', 500)"
    server:turn_clock(700000)
    assert.equal("ann", ask(check))
  end)
end)
