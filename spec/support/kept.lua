-- What the tests of a `describe` have: made before and ended after each of them, or once for all.
-- Specs use it through those who know how to make it (server, workbench, callers, world, stage).
--
--   local server = Server.each { script = "examples/counter/counter.lua" } -- In a `describe`.
--   it("counts", function() server:get("/counters/a") end)
local M = {}

-- Stands for what there is at the moment, as nothing is there yet when the tests are described.
local function stand_in(current)
  return setmetatable({}, {
    current = current,
    __index = function(_, key) return current.value[key] end,
    __newindex = function(_, key, value) current.value[key] = value end,
  })
end

local function ending(current)
  return function()
    if current.value then
      current.value:stop()
      current.value = nil
    end
  end
end

local function keep(make, before, after)
  local current = {}
  before(function()
    current.value = make()
  end)
  after(ending(current))
  return stand_in(current)
end

-- [suite]: the words of busted, which it gives to the functions of the spec alone: `getfenv(2)` in
-- a function that a spec calls. `make()` gives what can be told to `stop`.
function M.each(suite, make)
  return keep(make, suite.before_each, suite.after_each)
end

function M.once(suite, make)
  return keep(make, suite.setup, suite.teardown)
end

-- Made when a test asks for it, with words of its own: returns it, and the function that makes it.
function M.asked(suite, make)
  local current = {}
  suite.after_each(ending(current))
  return stand_in(current), function(...)
    current.value = make(...)
    return current.value
  end
end

-- For one test: stops what is kept, and keeps what `make()` gives.
function M.replace(stands_for, make)
  local current = getmetatable(stands_for).current
  current.value:stop()
  current.value = make()
end

return M
