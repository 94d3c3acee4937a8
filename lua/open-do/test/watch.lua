-- `open-do test -- --watch`: the specs are run again whenever a file beside them changes, each time
-- by a program of its own.
local _, native = ...

local sha256 = native.bytes.sha256

local LOOK_SECONDS = 0.2

local WATCHED = { lua = true, html = true, js = true, css = true }

-- Of what is in it: a file may be saved twice within the second that its time is told in.
local function digest(path)
  local file = io.open(path, "rb")
  local text = file and file:read("*a") or ""
  if file then
    file:close()
  end
  return sha256(text)
end

-- How all files below a folder look that may be part of an application.
local function look_into(folder, seen)
  local lfs = require "lfs"
  for name in lfs.dir(folder) do
    local path = folder .. "/" .. name
    local facts = not name:match("^%.") and name ~= "node_modules" and lfs.attributes(path)
    if facts and facts.mode == "directory" then
      look_into(path, seen)
    elseif facts and WATCHED[name:match("%.(%w+)$")] then
      seen[#seen + 1] = path .. digest(path)
    end
  end
  return seen
end

local function look(folder)
  local seen = look_into(folder, {})
  table.sort(seen)
  return table.concat(seen, "\n")
end

local function quoted(word)
  return "'" .. word:gsub("'", "'\\''") .. "'"
end

local function program()
  local pipe = assert(io.popen("readlink /proc/$PPID/exe"))
  local path = pipe:read("*l")
  pipe:close()
  return path
end

-- specs: the folder or file of the specs; words: for busted. Never returns.
return function(specs, words)
  local command = { quoted(program()), "test", quoted(specs), "--" }
  for _, word in ipairs(words) do
    command[#command + 1] = quoted(word)
  end
  local folder = specs:match("^(.*)/[^/]*_spec%.lua$") or specs
  folder = folder:match("^(.*)/spec$") or (folder == "spec" and ".") or folder
  while true do
    local before = look(folder)
    os.execute(table.concat(command, " "))
    print(("\n-- waits for a change in %s; Ctrl-C ends --"):format(folder))
    io.stdout:flush()
    while look(folder) == before do
      require "socket".sleep(LOOK_SECONDS)
    end
  end
end
