-- Who has a slot, and to whom it belongs.
local core = require "spec.support.core"
local C = core.load("cluster/placement.h")
local ffi = core.ffi

local SLOTS = 1024
local HERE, THERE = tonumber(C.OD_PLACE_HERE), tonumber(C.OD_PLACE_THERE)

local function nodes(...)
  local list = ffi.new("struct od_cluster_node[?]", select("#", ...))
  for i, id in ipairs { ... } do
    list[i - 1].id = id
    list[i - 1].incarnation = 1
  end
  return list, select("#", ...)
end

local function owners(...)
  local list, count = nodes(...)
  local found = {}
  for slot = 0, SLOTS - 1 do
    found[slot] = C.od_placement_rendezvous(list, count, slot)
  end
  return found
end

local function count_of(found, id)
  local count = 0
  for slot = 0, SLOTS - 1 do
    count = count + (found[slot] == id and 1 or 0)
  end
  return count
end

describe("a placement", function()
  it("has all here without a cluster, and nothing with one", function()
    local placement = ffi.new("struct od_placement")
    C.od_placement_init(placement, false)
    for slot = 0, SLOTS - 1 do
      assert.is_true(C.od_placement_is_here(placement, slot))
    end
    C.od_placement_init(placement, true)
    for slot = 0, SLOTS - 1 do
      assert.is_false(C.od_placement_is_here(placement, slot))
    end
  end)

  it("knows what is here, and a node as long as it lives", function()
    local placement = ffi.new("struct od_placement")
    C.od_placement_init(placement, true)
    placement.self.id = 1
    C.od_placement_put_nodes(placement, nodes(1, 2))
    local function put(slot, place, node)
      local placed = ffi.new("struct od_placed_slot", { place = place, node = node, epoch = 5 })
      C.od_placement_put_slot(placement, slot, placed)
    end
    put(7, THERE, 2)
    put(8, HERE, 1)
    assert.is_false(C.od_placement_is_here(placement, 7))
    assert.is_true(C.od_placement_is_here(placement, 8))
    assert.equal(2, C.od_placement_node(placement, 2).id)
    C.od_placement_put_nodes(placement, nodes(1))
    assert.is_true(C.od_placement_node(placement, 2) == nil)
  end)

  it("shares slots evenly, and moves only those of who comes or goes", function()
    local two, three = owners(1, 2), owners(1, 2, 3)
    for id = 1, 3 do
      local count = count_of(three, id)
      assert.is_true(count > SLOTS / 4 and count < SLOTS / 2, id .. " has " .. count)
    end
    for slot = 0, SLOTS - 1 do
      assert.is_true(three[slot] == 3 or three[slot] == two[slot])
    end
    assert.equal(SLOTS, count_of(owners(), 0))
  end)
end)
