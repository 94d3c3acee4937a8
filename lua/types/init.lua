-- Writes the type definitions of this folder for `open-do types DIR`.
local _, native = ...

local exists, make_folder = native.types.exists, native.types.make_folder
local source, write_file = native.types.source, native.types.write_file

local FOLDER = "types/open-do"
local FILES = { "open-do", "object", "http", "test", "cjson" }

local LUARC = [[{
  "runtime.version": "LuaJIT",
  "workspace.library": ["types/open-do", "${3rd}/busted/library", "${3rd}/luassert/library"],
  "diagnostics.disable": ["lowercase-global"]
}
]]

local LUACHECKRC = [[-- What scripts of open-do see: types/open-do/luacheck.lua has the names.
stds.open_do = dofile "types/open-do/luacheck.lua"
std = "open_do"
self = false -- A method need not use its object.
exclude_files = { "types/" }
files["**/*_spec.lua"] = { std = "luajit+busted" }
]]

local function write(path, text)
  local ok, problem = write_file(path, text)
  if not ok then
    error(("cannot write %s: %s"):format(path, problem), 0)
  end
  print("wrote " .. path)
end

local function has(path, text)
  local file = io.open(path, "rb")
  local found = file and file:read(#text + 1)
  if file then
    file:close()
  end
  return found == text
end

-- A file of the author, who may have put more into it.
local function offer(path, text)
  if has(path, text) then
    return -- As we have left it.
  elseif exists(path) then
    print(path .. " is there already and stays as it is; this belongs into it:\n" .. text)
  else
    write(path, text)
  end
end

return function(folder)
  local path = folder
  for part in FOLDER:gmatch("[^/]+") do
    path = path .. "/" .. part
    local ok, problem = make_folder(path)
    if not ok then
      error(("cannot make the folder %s: %s"):format(path, problem), 0)
    end
  end
  for _, name in ipairs(FILES) do
    write(("%s/%s.lua"):format(path, name), source("types." .. name))
  end
  write(path .. "/luacheck.lua", source("types.luacheck"))
  offer(folder .. "/.luarc.json", LUARC)
  offer(folder .. "/.luacheckrc", LUACHECKRC)
end
