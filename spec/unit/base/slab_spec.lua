-- Blocks that come and go: each number finds its block as long as that is taken, and nothing later.
local core = require "spec.support.core"
local C = core.load("base/slab.h")
local ffi = core.ffi

describe("a slab", function()
  local slab, number = nil, ffi.new("uint64_t[1]")

  local function take()
    local block = ffi.cast("uint32_t *", C.od_slab_take(slab, number))
    return number[0], block
  end

  local function find(of)
    local block = ffi.cast("uint32_t *", C.od_slab_find(slab, of))
    return block ~= nil and block or nil
  end

  local function count()
    local seen, block = 0, C.od_slab_next(slab, nil)
    while block ~= nil do
      seen, block = seen + 1, C.od_slab_next(slab, block)
    end
    return seen
  end

  before_each(function()
    slab = ffi.new("struct od_slab")
    C.od_slab_init(slab, 20)
  end)

  after_each(function()
    C.od_slab_deinit(slab)
  end)

  it("finds nothing by the number of a block whose place is taken again", function()
    local first, block = take()
    C.od_slab_give(slab, find(first))
    local second, same = take()
    assert.are.equal(block, same)
    assert.is_nil(find(first))
    assert.are.equal(same, find(second))
    assert.is_nil(find(0))
    assert.is_nil(find(second + 1000)) -- A place that no block ever had.
    C.od_slab_give(slab, find(second))
  end)

  it("is zeros in a block at first, and what was given back in one that is taken again", function()
    local first, block = take()
    assert.are.same({ 0, 0 }, { block[0], block[4] })
    block[0], block[4] = 5, 7
    C.od_slab_give(slab, find(first))
    local second, same = take()
    assert.are.same({ 5, 7 }, { same[0], same[4] })
    C.od_slab_give(slab, find(second))
  end)

  it("keeps the contents of those that stay while thousands come and go", function()
    math.randomseed(7)
    local taken, gone = {}, {}
    for step = 1, 20000 do
      if #taken == 0 or (math.random() < 0.55 and step < 12000) then
        local id, block = take()
        block[0], block[4] = step, step
        taken[#taken + 1] = { id = id, step = step }
      else
        local at = math.random(#taken)
        gone[#gone + 1] = taken[at].id
        C.od_slab_give(slab, find(taken[at].id))
        taken[at] = taken[#taken]
        taken[#taken] = nil
      end
      if step % 1000 == 0 then
        C.od_slab_fit(slab)
        assert.are.equal(#taken, tonumber(slab.size))
        assert.are.equal(#taken, count())
      end
    end
    for _, entry in ipairs(taken) do
      assert.are.equal(entry.step, find(entry.id)[0])
      assert.are.equal(entry.step, find(entry.id)[4])
      C.od_slab_give(slab, find(entry.id))
    end
    for _, id in ipairs(gone) do
      assert.is_nil(find(id))
    end
  end)

  it("gives back the memory of blocks that are gone", function()
    local numbers = {}
    for i = 1, 5000 do
      numbers[i] = take()
    end
    local chunks = tonumber(slab.chunk_count)
    for i = 1, 5000 do
      C.od_slab_give(slab, find(numbers[i]))
    end
    C.od_slab_fit(slab)
    assert.is_true(chunks > 10)
    assert.are.equal(1, tonumber(slab.chunk_count))
    local id, block = take()
    assert.are.equal(block, find(id))
    C.od_slab_give(slab, find(id))
  end)
end)
