-- No memory at the start: whichever allocation fails, the program says so and ends by itself, with
-- an exit code and not by a signal; or it did not need it. After the start the same holds of each
-- process: it ends with that line, and main replaces a worker.
local SHIM = "spec/faults/memory.c"
local LAST = tonumber(os.getenv("OPEN_DO_ALLOCATIONS")) or 40
local TIMED_OUT, SIGNALLED = 124, 128

local SCRIPT = [[
return { namespaces = { things = { fetch = function() end } } }
]]

describe("an allocation that fails at the start", function()
  local directory, program, shim

  setup(function()
    directory = os.tmpname()
    os.remove(directory)
    assert(os.execute("mkdir -p '" .. directory .. "'") == 0)
    shim = directory .. "/memory.so"
    assert(os.execute(("cc -O1 -shared -fPIC -o '%s' %s"):format(shim, SHIM)) == 0)
    program = (os.getenv("OPEN_DO_BUILD") or "build/testing") .. "/open-do"
    local file = assert(io.open(directory .. "/script.lua", "w"))
    file:write(SCRIPT)
    file:close()
  end)

  teardown(function()
    os.execute("rm -rf '" .. directory .. "'")
  end)

  -- Starts the program, in which the `n`-th allocation of `whose` processes fails, and stops it
  -- once it serves. Returns its exit code and what it said.
  local function try(n, whose)
    local pipe = io.popen(([[
      rm -rf '%s/data'
      OPEN_DO_MEMORY_FAILS=%d OPEN_DO_MEMORY_OF=%s LD_PRELOAD='%s' timeout 20 '%s' \
        check '%s/script.lua' 2>&1
      echo "|$?"
    ]]):format(directory, n, whose, shim, program, directory))
    local output = pipe:read("*a")
    pipe:close()
    local said, code = output:match("^(.*)|(%d+)%s*$")
    return tonumber(code), said
  end

  for _, whose in ipairs({ "main", "worker" }) do
    it(("of %s ends it in order (1 to %d)"):format(whose, LAST), function()
      local failed = 0
      for n = 1, LAST do
        local code, said = try(n, whose)
        local what = ("allocation %d: exit code %d, %s"):format(n, code, said)
        assert.is_true(code ~= TIMED_OUT and code < SIGNALLED, what)
        if code ~= 0 then
          failed = failed + 1
          assert.is_truthy(said:find("memory", 1, true), what)
        end
      end
      assert.is_true(failed > 0, "none of them was needed")
    end)
  end
end)
