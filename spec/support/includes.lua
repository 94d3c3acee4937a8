-- Who includes whom in runtime/ and bindings/, by folder. A .c file and its header are one node,
-- with the header's name: what one of them needs, who uses the other needs as well.

local M = {}

local function lines_of(command)
  local pipe = assert(io.popen(command))
  local text = pipe:read("*a")
  pipe:close()
  return text:gmatch("[^\n]+")
end

local function exists(path)
  local file = io.open(path)
  return file and file:close()
end

-- The folder in which a header of ours is; nil for one of a library. They are written from runtime/
-- or bindings/ on: "base/bytes.h" is in runtime/base, "bindings.h" in bindings.
local function folder_of(target)
  for _, top in ipairs({ "runtime/", "bindings/" }) do
    if exists(top .. target) then
      return (top .. target):match("^(.*)/")
    end
  end
end

-- All #include lines, each { file =, folder =, where = "file:line", target = as written,
-- target_folder = nil for a library's }.
function M.all()
  local found, folders = {}, {}
  for line in lines_of("grep -rnE '^ *#include' runtime bindings --include=*.c --include=*.h") do
    local file, number, target = line:match('^([^:]+):(%d+):%s*#include%s*[<"]([^>"]+)[>"]')
    if folders[target] == nil then
      folders[target] = folder_of(target) or false
    end
    found[#found + 1] = { file = file, folder = file:match("^(.*)/"), where = file .. ":" .. number,
      target = target, target_folder = folders[target] or nil }
  end
  return found
end

local function stem_of(path)
  return path:match("([%w_]+)%.[ch]$")
end

-- folder -> { node -> { node it includes in the same folder -> true } }.
function M.by_folder()
  local folders = {}
  for _, include in ipairs(M.all()) do
    local nodes = folders[include.folder] or {}
    folders[include.folder] = nodes
    local from, to = stem_of(include.file), stem_of(include.target)
    nodes[from] = nodes[from] or {}
    if include.target_folder == include.folder and to ~= from then
      nodes[to] = nodes[to] or {}
      nodes[from][to] = true
    end
  end
  return folders
end

-- All headers of ours that files of folders like [pattern] include, and what these include: path ->
-- the file that does so.
function M.reached_from(pattern)
  local by_file, seen, front = {}, {}, {}
  for _, include in ipairs(M.all()) do
    by_file[include.file] = by_file[include.file] or {}
    table.insert(by_file[include.file], include)
    front[#front + 1] = include.folder:match(pattern) and include.file or nil
  end
  while #front > 0 do
    local file = table.remove(front)
    for _, include in ipairs(by_file[file] or {}) do
      local header = include.target_folder
        and include.target_folder .. "/" .. include.target:match("[^/]+$")
      if header and not seen[header] then
        seen[header] = file
        front[#front + 1] = header
      end
    end
  end
  return seen
end

local function sorted_keys(set)
  local keys = {}
  for key in pairs(set) do
    keys[#keys + 1] = key
  end
  table.sort(keys)
  return keys
end
M.sorted_keys = sorted_keys

-- Tarjan: the strongly connected parts of a graph { node -> set }, those below first. Each is a
-- sorted array of nodes.
function M.parts(nodes)
  local index, low, on_stack, stack, parts, count = {}, {}, {}, {}, {}, 0
  local function close(node)
    local part = {}
    repeat
      local popped = table.remove(stack)
      on_stack[popped] = nil
      part[#part + 1] = popped
    until popped == node
    table.sort(part)
    parts[#parts + 1] = part
  end
  local function visit(node)
    count = count + 1
    index[node], low[node] = count, count
    stack[#stack + 1] = node
    on_stack[node] = true
    for _, other in ipairs(sorted_keys(nodes[node])) do
      if not index[other] then
        visit(other)
        low[node] = math.min(low[node], low[other])
      elseif on_stack[other] then
        low[node] = math.min(low[node], index[other])
      end
    end
    if low[node] == index[node] then
      close(node)
    end
  end
  for _, node in ipairs(sorted_keys(nodes)) do
    if not index[node] then
      visit(node)
    end
  end
  return parts
end

-- The parts of more than one node.
function M.circles(nodes)
  local circles = {}
  for _, part in ipairs(M.parts(nodes)) do
    if #part > 1 then
      circles[#circles + 1] = part
    end
  end
  return circles
end

return M
