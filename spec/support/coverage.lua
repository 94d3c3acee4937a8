-- Reads what `gcov --json-format --stdout` says of many object files, and prints how many lines of
-- each folder of runtime/ and of bindings/ ran. A source in several objects counts once.
local json = require "dkjson"

local lines = {} -- file -> line -> whether it ran

for text in io.lines() do
  local report = json.decode(text)
  for _, file in ipairs(report and report.files or {}) do
    local name = file.file:match("(runtime/.*%.c)$") or file.file:match("(bindings/.*%.c)$")
    if name then
      lines[name] = lines[name] or {}
      for _, line in ipairs(file.lines) do
        lines[name][line.line_number] = lines[name][line.line_number] or line.count > 0
      end
    end
  end
end

local folders, order, files = {}, {}, {}
local function add(key, ran, all)
  if not folders[key] then
    folders[key] = { ran = 0, all = 0 }
    order[#order + 1] = key
  end
  folders[key].ran, folders[key].all = folders[key].ran + ran, folders[key].all + all
end

for name, of_file in pairs(lines) do
  local ran, all = 0, 0
  for _, did in pairs(of_file) do
    ran, all = ran + (did and 1 or 0), all + 1
  end
  add(name:match("^(.*)/"), ran, all)
  add("total", ran, all)
  files[#files + 1] = { name = name, missing = all - ran, all = all }
end

table.sort(order)
for _, key in ipairs(order) do
  local each = folders[key]
  print(("%-18s %6d of %6d lines  %5.1f %%"):format(key, each.ran, each.all,
    100 * each.ran / each.all))
end
table.sort(files, function(a, b) return a.missing > b.missing end)
print("\nmost lines that never ran:")
for i = 1, math.min(10, #files) do
  print(("%6d of %4d  %s"):format(files[i].missing, files[i].all, files[i].name))
end
