-- Reads what `llvm-cov export -format=lcov` says, prints how many lines of each folder of runtime/
-- and of bindings/ ran, and writes to the file of the first argument which did not: by file, most
-- first, with their text.

local M = { files = {} } -- name -> { all, ran, lines = { number = whether it ran } }

-- A source is part of several programs, and its line ran when it ran in one of them.
function M.read(input)
  local lines
  for text in input:lines() do
    local path = text:match("^SF:(.*)")
    local number, count = text:match("^DA:(%d+),(%d+)")
    if path then
      local name = path:match("(runtime/.*%.c)$") or path:match("(bindings/.*%.c)$")
      lines = {}
      if name then
        M.files[name] = M.files[name] or { name = name, lines = lines }
        lines = M.files[name].lines
      end
    elseif number then
      lines[tonumber(number)] = lines[tonumber(number)] or tonumber(count) > 0
    end
  end
end

local function count(file)
  file.all, file.ran = 0, 0
  for _, has_run in pairs(file.lines) do
    file.all, file.ran = file.all + 1, file.ran + (has_run and 1 or 0)
  end
end

local function print_folders(files)
  local folders, order = {}, {}
  local function add(name, file)
    if not folders[name] then
      folders[name] = { ran = 0, all = 0 }
      order[#order + 1] = name
    end
    folders[name].ran = folders[name].ran + file.ran
    folders[name].all = folders[name].all + file.all
  end
  for _, file in pairs(files) do
    add(file.name:match("^(.*)/"), file)
    add("total", file)
  end
  table.sort(order)
  for _, name in ipairs(order) do
    local each = folders[name]
    print(("%-18s %6d of %6d lines  %5.1f %%"):format(name, each.ran, each.all,
      100 * each.ran / each.all))
  end
end

local function write_missing(files, path)
  local order, output = {}, assert(io.open(path, "w"))
  for _, file in pairs(files) do
    order[#order + 1] = file.ran < file.all and file or nil
  end
  table.sort(order, function(a, b)
    local missing, other = a.all - a.ran, b.all - b.ran
    return missing > other or missing == other and a.name < b.name
  end)
  for _, file in ipairs(order) do
    output:write(("%s: %d of %d lines\n"):format(file.name, file.all - file.ran, file.all))
    local number = 0
    for text in io.lines(file.name) do
      number = number + 1
      if file.lines[number] == false then
        output:write(("%6d  %s\n"):format(number, text))
      end
    end
  end
  output:close()
end

M.read(io.stdin)
for _, file in pairs(M.files) do
  count(file)
end
print_folders(M.files)
write_missing(M.files, arg[1])
print(("\nlines that never ran: %s"):format(arg[1]))
