-- The heap of deadlines, against a list that is sorted anew each time.
local core = require "spec.support.core"
local C = core.load("base/timers.h")
local ffi = core.ffi

local COUNT, OPERATIONS = 50, 3000
local seed = tonumber(os.getenv("OPEN_DO_SEED")) or os.time()

describe("timers", function()
  local timers, all, fired, on_fire

  -- C calls back into Lua from here, which compiled code cannot do.
  local function run(now_ms)
    fired = {}
    C.od_timers_run(timers, now_ms)
    return fired
  end
  jit.off(run)

  before_each(function()
    timers = ffi.new("struct od_timers")
    C.od_timers_init(timers)
    all = ffi.new("struct od_timer[?]", COUNT)
    on_fire = ffi.cast("void (*)(struct od_timer *)", function(timer)
      fired[#fired + 1] = tonumber(timer - all)
    end)
    for i = 0, COUNT - 1 do
      all[i].fire = on_fire
    end
  end)

  after_each(function()
    for i = 0, COUNT - 1 do
      C.od_timers_clear(timers, all + i)
    end
    C.od_timers_deinit(timers)
    on_fire:free()
  end)

  it("fire by time, and those of one millisecond as they were set", function()
    for i = 0, 9 do
      C.od_timers_set(timers, all + i, 100 - i % 2)
    end
    C.od_timers_set(timers, all + 1, 99) -- Again: it is the last of them now.
    assert.same({}, run(98))
    assert.same({ 3, 5, 7, 9, 1 }, run(99))
    assert.same({ 0, 2, 4, 6, 8 }, run(1000))
    assert.equal(-1, tonumber(C.od_timers_next_ms(timers)))
  end)

  it("keep their order when the count of settings goes round", function()
    timers.last_order = 0xFFFFFFFE
    for i = 0, 4 do
      C.od_timers_set(timers, all + i, 7)
    end
    assert.same({ 0, 1, 2, 3, 4 }, run(7))
  end)

  it("do what a sorted list does, whatever is set, moved and cleared", function()
    math.randomseed(seed)
    local model, order, now = {}, 0, 0
    for _ = 1, OPERATIONS do
      local i = math.random(0, COUNT - 1)
      local roll = math.random(10)
      if roll <= 6 then
        order = order + 1
        model[i] = { due = now + math.random(0, 8), order = order, index = i }
        C.od_timers_set(timers, all + i, model[i].due)
      elseif roll <= 8 then
        model[i] = nil
        C.od_timers_clear(timers, all + i)
      else
        now = now + math.random(0, 3)
        local due = {}
        for index, timer in pairs(model) do
          if timer.due <= now then
            due[#due + 1] = timer
            model[index] = nil
          end
        end
        table.sort(due, function(a, b)
          return a.due < b.due or a.due == b.due and a.order < b.order
        end)
        for k, timer in ipairs(due) do
          due[k] = timer.index
        end
        assert.same(due, run(now), "seed " .. seed)
      end
    end
  end)
end)
