-- The C core for unit specs: headers are read through the preprocessor and given to LuaJIT's FFI,
-- so a spec sees exactly the declarations the program was built from.
--
--   local core = require "spec.support.core"
--   local C = core.load("base/bytes.h", "codec/frame.h")
--   local bytes = core.ffi.new("struct od_bytes")

local ffi = require "ffi"
local shell = require "spec.support.shell"

local M = { ffi = ffi }

local LIBRARY = (os.getenv("OPEN_DO_BUILD") or "build/testing") .. "/libopen-do-testing.so"
local library

-- busted loads this module anew for each file, but the FFI forgets nothing: so neither does this.
local registry = debug.getregistry()
registry.open_do_declared = registry.open_do_declared or {}
local declared = registry.open_do_declared

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

local function declare(header)
  local text = shell.text(("echo '#include \"%s\"' | cc -E -nostdinc -DOD_FFI "
    .. "-Ispec/support/include -I. -Iruntime -x c -"):format(header))
  ffi.cdef(new_declarations(text))
end

-- Declares the headers (paths below runtime/) and returns the library.
function M.load(...)
  for _, header in ipairs({ ... }) do
    declare(header)
  end
  library = library or ffi.load(LIBRARY)
  return library
end

-- Compiles the C file of that name for the library, declares the header beside it, and loads it:
-- core.build("spec/unit/net/stage"). (The FFI cannot be called back with a struct by value, so some
-- of a spec has to be C.)
function M.build(name)
  local path = os.tmpname()
  declare(name .. ".h")
  shell.text(("cc -std=gnu11 -D_GNU_SOURCE -g -fPIC -shared %s -I. -Iruntime -o %s %s.c %s"):format(
    os.getenv("OPEN_DO_SANITIZED") and "-fsanitize=address,undefined" or "", path, name,
    LIBRARY))
  local built = ffi.load(path)
  os.remove(path)
  return built
end

-- A slice of a Lua string; keep the string alive while C uses it.
function M.slice(text)
  return ffi.new("od_slice", text, #text)
end

-- As the core writes it: numbers, the lowest byte first, and a text behind its size.
function M.u32(number)
  return ffi.string(ffi.new("uint32_t[1]", number), 4)
end

function M.u64(number)
  return ffi.string(ffi.new("uint64_t[1]", number), 8)
end

function M.str(text)
  return M.u32(#text) .. text
end

-- A Lua string of a slice, or of a struct od_bytes.
function M.string(slice)
  return ffi.string(slice.at, slice.size)
end

return M
