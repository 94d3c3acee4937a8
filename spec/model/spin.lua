-- A model of this folder, searched by spin: all orders of what can happen in it.
--
--   local model = spin.model "cluster"      -- cluster.pml
--   model.holds "-DBREAKS=1"                -- What defines it, as for cpp.
--   model.fails("-DNO_FENCE", "acknowledged<=value") -- What does not hold then.
local assert = require "luassert"

local M = {}

local SEARCH = [[
  directory=$(mktemp -d -t open-do-spin-XXXXXX) && trap 'rm -rf "$directory"' EXIT
  cd "$directory" && spin -a %s "$OLDPWD/spec/model/%s.pml" &&
  cc -O2 -w -DSAFETY -DCOLLAPSE -o pan pan.c && ./pan -m400000 2>&1]]

-- How many errors there are, 0 or 1, and what does not hold.
local function search(model, defines)
  local pipe = assert(io.popen(SEARCH:format(defines, model)))
  local text = pipe:read("*a")
  pipe:close()
  local errors = text:match("errors: (%d+)")
  assert(errors and not text:find("max search depth too small", 1, true), text)
  return tonumber(errors), text:match("assertion violated%s+([^\n]+) %(at depth")
end

function M.model(name)
  local model = {}

  function model.holds(defines)
    assert.same({ 0 }, { search(name, defines) })
  end

  function model.fails(defines, what)
    local errors, told = search(name, defines)
    assert.equal(1, errors)
    assert.matches(what, told, 1, true)
  end

  return model
end

return M
