-- Commands of the shell and files, for specs.
local ffi = require "ffi"

pcall(ffi.cdef, "char *mkdtemp(char *template);")

local M = {}

-- [text] as one word of a command.
function M.quoted(text)
  return "'" .. text:gsub("'", "'\\''") .. "'"
end

-- Runs a [command]; returns whether it ended with 0, and all it wrote to stdout and stderr. What is
-- preloaded here, the sanitizer's runtime, is not for the programs of others.
function M.run(command)
  local pipe = assert(io.popen("export LD_PRELOAD=; { " .. command .. "\n} 2>&1; echo \"exit=$?\""))
  local output = pipe:read("*a")
  pipe:close()
  return output:match("exit=(%d+)%s*$") == "0", (output:gsub("exit=%d+%s*$", ""))
end

-- What a [command] that has to end well writes, without the last end of line.
function M.text(command)
  local is_well, output = M.run(command)
  assert(is_well, output)
  return (output:gsub("\n$", ""))
end

-- The lines that a [command] writes, however it ends: grep finds none, say.
function M.lines(command)
  local lines, _, output = {}, M.run(command)
  for line in output:gmatch("[^\n]+") do
    lines[#lines + 1] = line
  end
  return lines
end

function M.read(path)
  local file = assert(io.open(path, "rb"))
  local bytes = file:read("*a")
  file:close()
  return bytes
end

function M.write(path, bytes)
  local file = assert(io.open(path, "wb"))
  file:write(bytes)
  file:close()
end

-- A new directory under [TMPDIR], and its end.
function M.make_directory()
  local template = (os.getenv("TMPDIR") or "/tmp") .. "/open-do-spec-XXXXXX"
  local name = ffi.new("char[?]", #template + 1, template)
  assert(ffi.C.mkdtemp(name) ~= nil, "cannot make a directory")
  return ffi.string(name)
end

function M.remove(path)
  assert(os.execute("rm -rf " .. M.quoted(path)) == 0)
end

return M
