-- The library part of module "open-do" in a plain luajit, as an engine would load it.
--
--   local library = require "spec.support.library"
--   local od, native = library.od, library.native

local build = os.getenv("OPEN_DO_BUILD") or "build/testing"

local function load_native()
  local path = build .. "/open_do_library.so"
  local open = assert(package.loadlib(path, "luaopen_open_do_library"))
  return open()
end

local native = load_native()
local loaded = {}

-- Each file sees a `require` that knows only the files of lua/open-do.
local function load_module(name)
  if loaded[name] == nil then
    local file = name == "open-do" and "init" or name:match("^open%-do%.(.+)$")
    local chunk = assert(loadfile("lua/open-do/" .. file .. ".lua"))
    setfenv(chunk, setmetatable({ require = load_module }, { __index = _G }))
    loaded[name] = chunk(name, native)
  end
  return loaded[name]
end

native.runtime.version = "spec"

return { native = native, od = load_module("open-do"), load = load_module }
