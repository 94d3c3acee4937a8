-- The C core for unit specs: headers are read through the preprocessor and given to LuaJIT's FFI,
-- so a spec sees exactly the declarations the program was built from.
--
--   local core = require "spec.support.core"
--   local C = core.load("base/bytes.h", "codec/frame.h")
--   local bytes = core.ffi.new("struct od_bytes")

local ffi = require "ffi"

local M = { ffi = ffi }

local build = os.getenv("OPEN_DO_BUILD") or "build/testing"
local library

-- busted loads this module anew for each file, but the FFI forgets nothing: so neither does this.
local registry = debug.getregistry()
registry.open_do_declared = registry.open_do_declared or {}
local declared = registry.open_do_declared

-- Runs a command and returns what it printed; a failure is an error with its output.
local function output_of(command)
  local pipe = assert(io.popen(command .. " 2>&1; echo \"|$?\"", "r"))
  local text = pipe:read("*a")
  pipe:close()
  local output, status = text:match("^(.*)|(%d+)%s*$")
  assert(status == "0", output)
  return output
end

-- Only declarations no earlier call has given to the FFI: line markers of the preprocessor say
-- which header a line is from.
local function new_declarations(text)
  local kept, current, fresh = {}, nil, {}
  for line in text:gmatch("[^\n]*") do
    local file = line:match('^# %d+ "([^"]*)"')
    if file then
      current = file
      fresh[file] = true
    elseif current and current:match("%.h$") and not declared[current] then
      kept[#kept + 1] = line
    end
  end
  for file in pairs(fresh) do
    declared[file] = true
  end
  return table.concat(kept, "\n")
end

-- Declares the headers (paths below runtime/) and returns the library.
function M.load(...)
  for _, header in ipairs({ ... }) do
    local text = output_of(("echo '#include \"%s\"' | cc -E -nostdinc -DOD_FFI "
      .. "-Ispec/support/include -Iruntime -x c -"):format(header))
    ffi.cdef(new_declarations(text))
  end
  library = library or ffi.load(build .. "/libopen-do-testing.so")
  return library
end

-- A slice of a Lua string; keep the string alive while C uses it.
function M.slice(text)
  return ffi.new("od_slice", text, #text)
end

-- A Lua string of a slice, or of a struct od_bytes.
function M.string(slice)
  return ffi.string(slice.at, slice.size)
end

return M
