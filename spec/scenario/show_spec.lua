-- What people try first and Lua 5.1 has no good answer to: print of a table, pairs of what is not a
-- plain one.
local workbench = require "spec.scenario.workbench"

local SOURCE = [[
return { namespaces = { things = { fetch = require("workbench").fetch } } }
]]

describe("print and pairs", function()
  local server, ask = workbench.once(SOURCE, { workers = 1 })

  local function printed(code)
    ask(("print('shown', %s)"):format(code))
    return server:wait_log("things/a  shown\t([^\n]*)\n")
  end

  it("show a table with what is in it, one that names itself by its name", function()
    assert.equal([[{ 1, [3] = 3, a = "q\n\"", ["b c"] = { true } }]],
      printed([=[{ 1, nil, 3, a = "q\n\"", ["b c"] = { true } }]=]))
    assert.equal("{}", printed("{}"))
    assert.equal("me", printed("setmetatable({}, { __tostring = function() return 'me' end })"))
    assert.equal("{ { me } }",
      printed("{ { setmetatable({}, { __tostring = function() return 'me' end }) } }"))
  end)

  it("show a request, a response and headers by what they are", function()
    assert.equal("Request POST http://h/p?x=1",
      printed("od.Request('http://h/p?x=1', { method = 'POST', headers = { cookie = 'secret' } })"))
    assert.equal("Response 404", printed("od.Response('none', { status = 404 })"))
    assert.equal("Headers { a: 1, b: 2, 3 }", printed("od.Headers { B = '2, 3', a = 1 }"))
    assert.equal("{ Response 200 }", printed("{ od.Response() }"))
  end)

  it("end, whatever the table is like", function()
    assert.equal("{ { { { {...} } } } }", printed("{ { { { { { 1 } } } } } }"))
    assert.equal("{ me = {...} }", printed("(function() local t = {} t.me = t return t end)()"))
    local long = printed("(function() local t = {} for i = 1, 1e4 do t[i] = 7 end return t end)()")
    assert.equal(200, select(2, long:gsub("7", "")))
    assert.matches(", 7, %.%.%. }$", long)
  end)

  it("go over headers by name, and say how an iterator is used", function()
    assert.equal("a=1, 2;b=3", ask([[
      local headers, list = od.Headers { b = "3", A = "1" }, {}
      headers:append("a", "2")
      for name, value in pairs(headers) do list[#list + 1] = name .. "=" .. value end
      return table.concat(list, ";")
    ]]))
    assert.matches("bad argument #1 to 'pairs' %(table expected, got function%); an iterator, as "
      .. "of storage:list, is used without pairs",
      workbench.refusal(server, "a", "for k in pairs(storage:list()) do end"))
    assert.equal("z1", ask("for k, v in pairs({ z = 1 }) do return k .. v end"))
  end)
end)
