-- What modules of others (lua_modules, bindings/engine/require.h) look at though scripts have
-- nothing of it. They share globals of their own: a copy of those of scripts that they may write,
-- so a module that adds to `table` adds to this copy, and a few names more.
local _, native = ...

local info = native.runtime.log.info
local concat, error, floor, gsub = table.concat, error, math.floor, string.gsub
local getinfo, internal, traceback = debug.getinfo, debug.getmetatable, debug.traceback
local getfenv, getmetatable, pairs, select = getfenv, getmetatable, pairs, select
local setfenv, setmetatable, tostring, type = setfenv, setmetatable, tostring, type

-- A stream that is the log: a call is a line.
local stream = {}
stream.__index = stream

function stream:write(...)
  local parts = {}
  for i = 1, select("#", ...) do
    parts[i] = tostring((select(i, ...)))
  end
  info((gsub(concat(parts), "\n$", "")))
  return self
end

function stream:flush()
  return self
end

local stdout = setmetatable({}, stream)

local io = { stdout = stdout, stderr = stdout }

function io.write(...)
  return stdout:write(...)
end

-- Nothing is a file.
function io.type()
  return nil
end

local safe_debug = { traceback = traceback, getmetatable = getmetatable }

-- Where a function is, never the function.
function safe_debug.getinfo(at)
  return (getinfo(type(at) == "number" and floor(at) + 1 or at, "Sl"))
end

-- Hooks are the engine's, and the methods of strings are everybody's: who takes them away for a
-- while, as Penlight does around code it does not trust, is not hindered, and nothing changes.
function safe_debug.gethook() end

function safe_debug.sethook() end

function safe_debug.setmetatable(value, metatable)
  return type(value) == "table" and setmetatable(value, metatable) or value
end

-- The head of what Lua 5.1 gives, which says how large its types are. There is no bytecode.
local function dump()
  return "\27Lua\81\0\1\4\8\4\8\0"
end

-- What a frozen table shows (bindings/engine/freeze.h).
local function contents(frozen)
  local copy = {}
  for name, value in pairs(internal(frozen).__index) do
    copy[name] = value
  end
  return copy
end

-- setfenv and getfenv for functions of scripts and of such modules; ours keep what they have.
local function environments(scripts, foreign)
  local function function_at(at)
    if type(at) == "function" then
      return at
    end
    local found = getinfo(floor(at or 1) + 2, "f")
    return found and found.func
  end

  local made = setmetatable({}, { __mode = "k" })

  local function is_theirs(of)
    local environment = of and getfenv(of)
    return environment == scripts or environment == foreign or made[environment] ~= nil
  end

  function foreign.getfenv(at)
    local of = function_at(at)
    return is_theirs(of) and getfenv(of) or foreign
  end

  function foreign.setfenv(at, environment)
    local of = function_at(at)
    if not is_theirs(of) or type(environment) ~= "table" then
      error("setfenv: only functions of scripts and their modules have another environment", 2)
    end
    made[environment] = true
    return setfenv(of, environment)
  end
end

-- globals: those of scripts. There is no `jit`: modules that find it want the FFI as well.
return function(globals)
  local foreign = contents(globals)
  for _, name in pairs { "bit", "coroutine", "math", "os", "string", "table" } do
    foreign[name] = contents(foreign[name])
  end
  foreign.string.dump = dump
  foreign.io, foreign.debug, foreign._G = io, safe_debug, foreign
  environments(globals, foreign)
  local load, require = foreign.load, foreign.require
  function foreign.load(text, name, mode, environment)
    return load(text, name, mode, environment or foreign)
  end
  foreign.loadstring = foreign.load
  function foreign.require(name)
    if name == "io" or name == "debug" then
      return foreign[name]
    end
    return require(name)
  end
  -- Penlight calls what it finds there.
  return setmetatable(foreign, { __index = function() return nil end })
end
