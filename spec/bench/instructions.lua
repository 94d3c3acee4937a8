-- One row of the table of spec/bench/instructions, out of the profiles that callgrind has written.
--
--   luajit instructions.lua                          the head of the table
--   luajit instructions.lua OPERATION TIMES FOLDER   of FOLDER's profiles "few" and "many"

local titles = {
  ["echo-8"] = "echo, 8 in flight",
  ["echo-1"] = "echo, 1 in flight",
  broadcast = "broadcast to 200, a delivery",
  put = "put and answer",
  touch = "first touch, by HTTP",
  counter = "first touch and first value",
  websocket = "WebSocket: connect, one echo, leave",
  http = "HTTP: connect, one request, leave",
}

local allocators = { malloc = true, calloc = true, realloc = true, posix_memalign = true }

-- Instructions, and calls of allocators. A name follows its number only where that is first used.
-- What under_valgrind.c does for the bench is not the program's: that is taken away, with what it
-- has called.
local function read(path)
  local names, objects, instructions, allocations, callee = {}, {}, 0, 0, nil
  local is_ours = false
  for line in io.lines(path) do
    local object, file = line:match "^ob=(%(%d+%)) ?(.*)"
    if object then
      objects[object] = file ~= "" and file or objects[object]
      is_ours = objects[object]:find("under_valgrind", 1, true) ~= nil
    end
    object, file = line:match "^cob=(%(%d+%)) ?(.*)"
    if object and file ~= "" then
      objects[object] = file
    end
    instructions = instructions - (is_ours and line:match "^[%d+*-]%S* (%d+)" or 0)
    local key, number, name = line:match "^(c?fn)=(%(%d+%)) ?(.*)"
    if key then
      names[number] = name ~= "" and name or names[number]
      callee = key == "cfn" and names[number] or nil
    end
    local calls = line:match "^calls=(%d+)"
    if calls and allocators[callee] then
      allocations = allocations + calls
    end
    instructions = instructions + tonumber(line:match "^totals: (%d+)" or 0)
  end
  return { instructions, allocations }
end

local operation, times, folder = unpack(arg)
if not operation then
  print "| operation                           | worker | allocations |   main | allocations |"
  print "| ----------------------------------- | -----: | ----------: | -----: | ----------: |"
  return
end

local row = {}
for _, process in ipairs { "worker", "main" } do
  local few = read(folder .. "/few." .. process)
  local many = read(folder .. "/many." .. process)
  for i = 1, 2 do
    row[#row + 1] = (many[i] - few[i]) / times
  end
end
print(("| %-35s | %6.0f | %11.2f | %6.0f | %11.2f |"):format(titles[operation], unpack(row)))
