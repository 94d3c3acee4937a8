-- Makes a project in DIR for `open-do new`: the files of a template, types, and what git is to pass
-- over.
local _, native = ...

local make_folder, source = native.types.make_folder, native.types.source
local write_file = native.types.write_file

-- The first is the script.
local FILES = {
  chat = { "chat.lua", "page.lua", "spec/chat_spec.lua" },
  api = { "api.lua", "spec/api_spec.lua" },
  empty = { "app.lua", "spec/app_spec.lua" },
}

-- What is stored, and what nobody else may read: secrets and keys as our pages name them.
local IGNORED = ".open-do/\n.env\nsecret\n*.pem\n"

local function exists(path)
  local file = io.open(path, "rb")
  if file then
    file:close()
  end
  return file ~= nil
end

local function check(path, ok, problem)
  if not ok then
    error(("cannot make %s: %s"):format(path, problem), 0)
  end
end

local function write(path, text)
  check(path, write_file(path, text))
  print("wrote " .. path)
end

-- As a person would type it.
local function shell_word(text)
  return text:find("^[%w%./_-]+$") and text or "'" .. text:gsub("'", "'\\''") .. "'"
end

-- write_types: what `open-do types` does.
return function(folder, template, write_types)
  local files = FILES[template]
  for _, name in ipairs(files) do
    if exists(folder .. "/" .. name) then
      error(("%s/%s is there already; name a folder that is empty, or new"):format(folder, name), 0)
    end
  end
  for _, path in ipairs { folder, folder .. "/spec", folder .. "/types" } do
    check(path, make_folder(path))
  end
  for _, name in ipairs(files) do
    local module = ("new.%s.%s"):format(template, name:gsub("%.lua$", ""):gsub("/", "."))
    write(folder .. "/" .. name, source(module))
  end
  if not exists(folder .. "/.gitignore") then
    write(folder .. "/.gitignore", IGNORED)
  end
  write_types(folder)
  local into = folder == "." and "" or ("cd %s\n    "):format(shell_word(folder))
  print(("\nGo on with:\n    %sopen-do dev %s     # serves it, reloads it on save\n"
    .. "    open-do test%s     # runs its spec"):format(into, files[1], (" "):rep(#files[1])))
end
