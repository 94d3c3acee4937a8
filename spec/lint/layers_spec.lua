-- Who may include whom. A layer that looks upward is a design mistake before it is a bug.

-- Folder → the folders (or single headers) its files may include besides their own.
local ALLOWED = {
  ["runtime/base"] = {},
  ["runtime/link"] = { "base" },
  ["runtime/net"] = { "base", "link" },
  ["runtime/store"] = { "base", "link" },
  ["runtime/sql"] = { "base", "link", "store" },
  ["runtime/object"] = { "base", "link", "net", "store", "sql" },
  ["runtime/worker"] = { "base", "link", "net", "store", "sql", "object" },
  ["runtime/main"] = { "base", "link", "net", "store", "object" },
  ["runtime"] = { "base", "link", "main", "worker", "object", "bindings.h" },
  ["bindings"] = { "base", "link", "object", "store/storage.h", "store/range.h", "store/limits.h" },
}

-- A library → the only folder that may include its headers.
local WALLS = {
  ["libwebsockets.h"] = "runtime/net",
  ["lmdb.h"] = "runtime/store",
  ["sqlite3.h"] = "runtime/sql",
  ["lua.h"] = "bindings",
  ["lauxlib.h"] = "bindings",
  ["lualib.h"] = "bindings",
  ["luajit.h"] = "bindings",
  ["zlib.h"] = "runtime/net",
  ["curl/curl.h"] = "runtime/net",
}

local function each_line(command)
  local pipe = assert(io.popen(command))
  local text = pipe:read("*a")
  pipe:close()
  return text:gmatch("[^\n]+")
end

local function includes()
  local found = {}
  for line in each_line("grep -rnE '^ *#include' runtime bindings --include=*.c --include=*.h") do
    local file, number, target = line:match('^([^:]+):(%d+):%s*#include%s*[<"]([^>"]+)[>"]')
    found[#found + 1] = { file = file, folder = file:match("^(.*)/"), where = file .. ":" .. number,
      target = target }
  end
  return found
end

local function is_ours(include)
  local folder = include.target:match("^(%w+)/")
  return folder and ALLOWED["runtime/" .. folder] ~= nil
end

local function is_allowed(include)
  local folder = include.target:match("^(%w+)/")
  if "runtime/" .. folder == include.folder then
    return true
  end
  for _, allowed in ipairs(ALLOWED[include.folder]) do
    if allowed == folder or allowed == include.target then
      return true
    end
  end
  return false
end

describe("the layers", function()
  it("look down, never up", function()
    local wrong = {}
    for _, include in ipairs(includes()) do
      assert.is_table(ALLOWED[include.folder], "a folder without a place: " .. include.folder)
      if is_ours(include) and not is_allowed(include) then
        wrong[#wrong + 1] = include.where .. " includes " .. include.target
      end
    end
    assert.same({}, wrong)
  end)

  it("keep each library behind its wall", function()
    local wrong = {}
    for _, include in ipairs(includes()) do
      local wall = WALLS[include.target]
      if wall and wall ~= include.folder then
        wrong[#wrong + 1] = include.where .. " includes " .. include.target
      end
    end
    assert.same({}, wrong)
  end)
end)
