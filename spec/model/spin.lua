-- A model of this folder, searched by spin: all orders of what can happen in it.
local M = {}

local SEARCH = [[
  directory=$(mktemp -d -t open-do-spin-XXXXXX) && trap 'rm -rf "$directory"' EXIT
  cd "$directory" && spin -a %s "$OLDPWD/spec/model/%s.pml" &&
  cc -O2 -w -DSAFETY -DCOLLAPSE -o pan pan.c && ./pan -m400000 2>&1]]

-- How many errors there are, 0 or 1, and what does not hold. `defines` as for cpp.
function M.search(model, defines)
  local pipe = assert(io.popen(SEARCH:format(defines, model)))
  local text = pipe:read("*a")
  pipe:close()
  local errors = text:match("errors: (%d+)")
  assert(errors and not text:find("max search depth too small", 1, true), text)
  return tonumber(errors), text:match("assertion violated%s+([^\n]+) %(at depth")
end

return M
