-- od.password: what is stored of a password, and that nobody waits while it is worked out.
local shell = require "spec.support.shell"
local workbench = require "spec.scenario.workbench"

-- Of RFC 7914, section 12, but with a key of 32 bytes: the first of those given there.
local KNOWN = "$scrypt$ln=10,r=8,p=16$TmFDbA$/bq+HJ00cgB4VucZDQHp/nxq18vII3gw53N2Y0s3MWI"

describe("od.password", function()
  local server, ask = workbench.once(nil, { workers = 1 })

  it("knows the right one again, and no other", function()
    assert.same({ true, false, false, false, true, true }, ask([[
      local a, b = od.password.hash("sec\0ret"), od.password.hash("sec\0ret")
      local verify = od.password.verify
      return { verify("sec\0ret", a), verify("sec", a), verify("", a),
        verify(("x"):rep(5000), a), verify("sec\0ret", b), a ~= b }
    ]]))
    assert.matches("^%$scrypt%$ln=14,r=8,p=5%$[%w+/]+%$[%w+/]+$",
      ask("return od.password.hash('')"))
  end)

  it("is scrypt as others know it", function()
    assert.is_true(ask(("return od.password.verify('password', %q)"):format(KNOWN)))
    assert.is_false(ask(("return od.password.verify('Password', %q)"):format(KNOWN)))
  end)

  it("lets others in while it works", function()
    assert.same({ "tick", "key" }, ask([[
      local order = {}
      od.all { function() od.password.hash("a") order[#order + 1] = "key" end,
        function() order[#order + 1] = "tick" end }
      return order
    ]]))
    local busy = workbench.begin(server, "b", [[
      local list = {}
      for i = 1, 6 do list[i] = function() return od.password.hash("x") end end
      print "hashes"
      local hashes
      repeat hashes = #od.all(list) until self.seen
      return { hashes, self.seen }
    ]])
    server:wait_log("hashes")
    workbench.ask(server, "b", "self.seen = 'while it worked' return 1")
    assert.same({ 6, "while it worked" }, workbench.outcome(busy))
  end)

  -- Twenty logins at once are more threads than there are cores: others waited for a second.
  it("works behind all else: its threads are nice", function()
    workbench.ask(server, "a", "return #od.password.hash('x')")
    local nice, own = {}, tonumber(select(2, shell.run "nice")) -- As niceness is handed down.
    for _, worker in ipairs(server:status().workers) do
      local pipe = io.popen(("cat /proc/%d/task/*/stat; cat /proc/%d/stat"):format(worker.pid,
        worker.pid))
      for line in pipe:lines() do -- Its name may have blanks; the fields behind it have none.
        local fields = {}
        for field in line:match("%) (.*)"):gmatch("%S+") do
          fields[#fields + 1] = field
        end
        nice[#nice + 1] = tonumber(fields[17])
      end
      pipe:close()
      assert.equal(own, nice[#nice]) -- The worker itself.
    end
    assert.equal(own + 5, math.max(unpack(nice)))
  end)

  it("outlives those that ask and go", function()
    workbench.ask(server, "c", [[
      od.race { function() od.password.hash("x") end, function() end }
    ]])
    assert.equal(500, server:post("/things/c", [[
      od.all { function() od.password.hash("x") end, function() state:abort("no") end }
    ]]).status)
    assert.equal(1, workbench.ask(server, "c", "return 1"))
  end)

  it("refuses what is no password and no hash", function()
    for code, words in pairs {
      ["od.password.hash(1)"] = "code:1: password.hash: argument 1 must be a string, got a number",
      ["od.password.hash(('x'):rep(4097))"] = "code:1: password.hash: the password is longer",
      ["od.password.verify('a')"] = "code:1: password.verify: argument 2 must be a string, got nil",
      ["od.password.verify('a', 'plain')"] = "code:1: password.verify: argument 2 is no hash",
      ["od.password.verify('a', (" .. ("%q"):format(KNOWN) .. "):gsub('ln=10', 'ln=30'))"] =
        "password.verify: argument 2 is no hash",
      ["od.password.verify('a', (" .. ("%q"):format(KNOWN) .. "):gsub('p=16', 'p=17'))"] =
        "argument 2 is no hash",
      ["od.password.verify('a', (" .. ("%q"):format(KNOWN) .. "):gsub('p=16', 'p=0'))"] =
        "2 is no hash",
      ["od.password.verify('a', (" .. ("%q"):format(KNOWN) .. "):sub(1, -5))"] = "is no hash",
      ["od.password.hash = 1"] = "od.password is read-only",
    } do
      assert.matches(words, workbench.refusal(server, "a", code), 1, true)
    end
  end)
end)

describe("a worker that makes keys of passwords", function()
  it("ends when it is told to", function()
    local server = workbench.start(nil, { workers = 1 })
    local busy = workbench.begin(server, "a", [[
      state:waitUntil(function() od.password.hash("x") end)
      print "hashes"
      return od.password.hash("x")
    ]])
    server:wait_log("hashes")
    server:stop() -- Fails when it does not end well, or in time.
    busy:close()
  end)
end)
