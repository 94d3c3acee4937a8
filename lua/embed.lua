-- Turns the Lua modules of this folder into one C file, so that the program is one file.
-- Run by CMake: luajit embed.lua ROOT OUTPUT MODULE.lua ...

local root, output = arg[1], arg[2]

-- Names as `require` knows them: ROOT/open-do/http.lua is "open-do.http". What is no Lua keeps its
-- path: "open-do/admin/page/index.html".
local function module_name(path)
  if not path:find("%.lua$") then
    return path:sub(#root + 2)
  end
  local name = path:sub(#root + 2):gsub("%.lua$", ""):gsub("/", "."):gsub("%.init$", "")
  return name
end

local function c_array(source)
  local lines = {}
  for start = 1, #source, 20 do
    local numbers = {}
    for index = start, math.min(start + 19, #source) do
      numbers[#numbers + 1] = tostring(source:byte(index))
    end
    lines[#lines + 1] = "    " .. table.concat(numbers, ", ") .. ","
  end
  return table.concat(lines, "\n")
end

local parts, rows = {}, {}
for index = 3, #arg do
  local path = arg[index]
  if not path:match("embed%.lua$") then
    local file = assert(io.open(path, "rb"))
    local source = file:read("*a")
    file:close()
    parts[#parts + 1] = ("static const unsigned char module_%d[] = {\n%s\n    0};"):format(
      index, c_array(source))
    rows[#rows + 1] = ('    {"%s", (const char *)module_%d, sizeof module_%d - 1},'):format(
      module_name(path), index, index)
  end
end

local file = assert(io.open(output, "wb"))
file:write('#include "engine/modules.h"\n\n', table.concat(parts, "\n\n"), "\n\n",
  "const struct od_module od_modules[] = {\n", table.concat(rows, "\n"),
  "\n    {0, 0, 0},\n};\n")
file:close()
