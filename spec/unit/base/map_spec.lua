-- A walk over the table that stops after each bucket: whoever is there all the time is visited,
-- however the table grows and shrinks in between.
local core = require "spec.support.core"
local C = core.load("base/map.h")
local ffi = core.ffi

local COUNT = 4000

describe("a map", function()
  local map, nodes, visit, visited

  local function step(place)
    return C.od_map_visit(map, place, visit, nil)
  end
  jit.off(step) -- C calls back into Lua from here.

  local function put(from, to)
    for i = from, to do
      C.od_map_put(map, nodes + i, C.od_map_hash_u64(i))
    end
  end

  local function remove(from, to)
    for i = from, to do
      C.od_map_remove(map, nodes + i)
    end
  end

  before_each(function()
    map, nodes, visited = ffi.new("struct od_map"), ffi.new("struct od_map_node[?]", COUNT), {}
    C.od_map_init(map)
    visit = ffi.cast("void (*)(struct od_map_node *, void *)", function(node)
      local number = tonumber(node - nodes)
      visited[number] = (visited[number] or 0) + 1
    end)
  end)

  after_each(function()
    C.od_map_deinit(map)
    visit:free()
  end)

  local function walk(between)
    local place, steps = step(0), 1
    while place ~= 0 do
      between(steps)
      place, steps = step(place), steps + 1
    end
    for i = 0, 99 do
      assert.is_true((visited[i] or 0) > 0, "not visited: " .. i)
    end
  end

  it("is walked once when nothing changes", function()
    put(0, 99)
    walk(function() end)
    for i = 0, 99 do
      assert.equal(1, visited[i])
    end
  end)

  it("is walked once when it grows", function()
    put(0, 99)
    walk(function(steps)
      if steps == 5 or steps == 40 then
        put(100 + (steps - 5) * 50, 1000 + (steps - 5) * 50)
      end
    end)
    for i = 0, 99 do
      assert.equal(1, visited[i])
    end
  end)

  it("is walked when it shrinks, and from a place of a time when it was larger", function()
    put(0, COUNT - 1)
    walk(function(steps)
      if steps == 700 then
        remove(100, COUNT - 1)
        C.od_map_fit(map)
      end
    end)
    assert.is_true(step(2 ^ 62 + 12345) < 256)
  end)
end)
