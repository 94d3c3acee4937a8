-- Several nodes: any of them answers for any object.
local Nodes = require "spec.support.nodes"

local SOURCE = [[
  local od = require "open-do"
  local Thing = {}
  Thing.__index = Thing
  function Thing.new(state, env)
    return setmetatable({ state = state, env = env }, Thing)
  end
  function Thing:fetch(request)
    local whom = request.headers:get("x-ask")
    if whom then
      return od.Response(self.env.things:getByName(whom):where(request:text()))
    end
    return od.Response(self.env.NODE)
  end
  function Thing:where(text)
    return self.env.NODE .. ":" .. text
  end
  return { namespaces = { things = Thing } }
]]

describe("nodes of a cluster", function()
  local nodes = Nodes.once { count = 2, source = SOURCE }

  it("answer for objects that live elsewhere", function()
    local name = nodes:name_at(2)
    assert.equal("2", nodes[1]:get("/things/" .. name).body)
    assert.equal("2", nodes[2]:get("/things/" .. name).body)
  end)

  it("carry calls between objects, and their answers", function()
    local here, there = nodes:name_at(1), nodes:name_at(2)
    for id = 1, 2 do
      local function ask(name, whom)
        return nodes[id]:post("/things/" .. name, "hello", { ["x-ask"] = whom }).body
      end
      assert.equal("2:hello", ask(here, there))
      assert.equal("1:hello", ask(there, here))
    end
  end)
end)
