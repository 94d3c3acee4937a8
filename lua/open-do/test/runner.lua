-- Runs busted for `open-do test PATH`: finds out which specs are meant, and says what is missing.
-- Returns a text when it cannot begin; else busted ends the process with its own exit code.
local _, native = ...

local MISSING = [[busted is not installed, which runs the specs. On Debian and Ubuntu:
    apt-get install lua-busted lua-socket
or with LuaRocks, for the Lua that open-do has (5.1):
    luarocks --lua-version 5.1 install busted
    luarocks --lua-version 5.1 install luasocket]]

local function kind_of(path)
  local lfs = require "lfs"
  return lfs.attributes(path, "mode")
end

local function folder_of(path)
  return path:match("^(.*)/[^/]*$") or "."
end

-- A script means the specs beside it, a folder the ones in its spec/.
local function specs_of(path)
  if not path then
    return kind_of("spec") and "spec", "there is no folder spec/ here: say open-do test PATH"
  end
  local kind = kind_of(path)
  if not kind then
    return nil, ("there is no %s to test"):format(path)
  end
  if kind == "file" and not path:match("_spec%.lua$") then
    path = folder_of(path)
    return kind_of(path .. "/spec") and path .. "/spec",
      ("there is no folder %s/spec with the specs of that script"):format(path)
  end
  return kind_of(path .. "/spec") == "directory" and path .. "/spec" or path
end

-- What of module "open-do" needs a runtime in a server, and can do without one in a spec.
local function put_runtime()
  local socket = require "socket"
  local runtime = native.runtime
  function runtime.now() return math.floor(socket.gettime() * 1000) end
  function runtime.sleep(ms) socket.sleep(ms / 1000) end
  runtime.log = { debug = print, info = print, warn = print, error = print }
end

-- Takes --watch, which is ours, out of the words for busted.
local function take_watch(words)
  for at, word in ipairs(words) do
    if word == "--watch" then
      table.remove(words, at)
      return true
    end
  end
  return false
end

return function(path, words)
  if not pcall(require, "busted.runner") or not pcall(require, "socket") then
    return MISSING
  end
  put_runtime()
  local specs, problem = specs_of(path)
  if not specs then
    return problem
  end
  if take_watch(words) then
    require "open-do.test.watch"(specs, words)
  end
  _G.arg = words
  table.insert(words, specs)
  require "busted.runner" { standalone = false }
end
