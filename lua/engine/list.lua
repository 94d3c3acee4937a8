-- storage:list and txn:list, from part to part (bindings/api/storage_list.c): a large list is read,
-- and gone through, a few milliseconds at a time, and other objects have a go in between.
local _, native = ...

local list, leave = native.list, native.section.leave
local collectgarbage = collectgarbage

local M = {}

-- What a part leaves behind goes before the next: while what is still to come counts as in use, the
-- collector would let hundreds of thousands of keys gather, and LuaJIT's table of all strings would
-- grow with them, in one piece.
local STEPS, STEP_KB = 32, 64 -- Two milliseconds.

local function collect()
  for _ = 1, STEPS do
    if collectgarbage("step", STEP_KB) then
      return
    end
  end
end

local function pause()
  local number = list.enter()
  if number then
    list.wait()
    leave(number)
  end
end

local function walk(next_pair)
  return function()
    local key, value, begins_part = next_pair()
    if begins_part then
      collect()
      pause()
    end
    return key, value
  end
end

--- The pairs whose keys are in a range, as they are now: `for key, value in storage:list() do`. A
--- large list is read and gone through in parts, between which other objects have a go; nothing of
--- its own object runs meanwhile.
---@param options? ListOptions
---@return fun(): string?, any iterator of key, value in byte order
function M:list(options)
  local next_pair, others, reading = list.begin(self, options)
  if not reading then
    return next_pair
  end
  while list.read_on(self, others, reading) do
    pause()
  end
  return walk(next_pair)
end

return M
