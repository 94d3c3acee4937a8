-- The coroutines of scripts, with a spec in the engine's place: whatever yields the token waits,
-- and is resumed with what it waited for.
local TOKEN = {}

local function load_module()
  local chunk = assert(loadfile("lua/engine/coroutine.lua"))
  return chunk("engine.coroutine", {
    token = TOKEN,
    coroutine = { running = coroutine.running, has_room = function() return true end },
  })
end

-- What the engine does with a handler: `answers` are what its waits give, in order.
local function run(handler, answers)
  local co = coroutine.create(handler)
  local waits, answer = 0, nil
  while true do
    local ok, first = coroutine.resume(co, answer)
    assert(ok, first)
    if coroutine.status(co) == "dead" then
      return first, waits
    end
    assert.equal(TOKEN, first)
    waits = waits + 1
    answer = answers and answers[waits]
  end
end

local function wait()
  return coroutine.yield(TOKEN)
end

describe("a coroutine of a script", function()
  local scripts

  before_each(function()
    scripts = load_module()
  end)

  it("yields and ends as in Lua", function()
    local seen = {}
    local co = scripts.create(function(a, b)
      seen[1] = scripts.yield(a + b)
      return "end", nil, 3
    end)
    assert.same({ true, 3 }, { scripts.resume(co, 1, 2) })
    assert.same({ n = 4, true, "end", nil, 3 }, { n = select("#", scripts.resume(co, "x")), true,
      "end", nil, 3 })
    assert.equal("x", seen[1])
    assert.equal("dead", scripts.status(co))
    assert.is_false((scripts.resume(co)))
  end)

  it("gives errors to whoever resumed it, with the place they have", function()
    local co = scripts.create(function() error({ code = 7 }) end)
    local ok, problem = scripts.resume(co)
    assert.is_false(ok)
    assert.equal(7, problem.code)
    local wrapped = scripts.wrap(function() error("here", 1) end)
    ok, problem = pcall(wrapped)
    assert.is_false(ok)
    assert.matches("engine_coroutine_spec.lua:%d+: here$", problem)
  end)

  it("can wait for the engine, between its own yields", function()
    local result, waits = run(function()
      local co = scripts.wrap(function(a)
        local b = wait()
        local c = scripts.yield(a .. b)
        return c .. wait()
      end)
      local first = co("a")
      return first .. co("c")
    end, { "b", "d" })
    assert.equal("abcd", result)
    assert.equal(2, waits)
  end)

  it("can wait at any depth", function()
    local function nest(depth)
      if depth == 0 then
        return wait()
      end
      return scripts.wrap(nest)(depth - 1)
    end
    assert.equal("found", (run(function() return nest(50) end, { "found" })))
  end)

  it("cannot be resumed by others while it waits", function()
    local co
    local handler = coroutine.create(function()
      co = scripts.create(wait)
      return select(2, scripts.resume(co))
    end)
    coroutine.resume(handler)
    assert.same({ false, "cannot resume a coroutine that waits for the runtime" },
      { scripts.resume(co, "intruder") })
    local _, answer = coroutine.resume(handler, "answer")
    assert.equal("answer", answer)
  end)

  it("is made of a function", function()
    assert.has_error(function() scripts.wrap(nil) end)
    assert.has_error(function() scripts.create(nil) end)
  end)
end)
