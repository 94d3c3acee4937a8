-- What --watch notices: every way in which editors and people save, move, break and restore files.
-- The script is two files: it answers with what the module says.
local ffi = require "ffi"
local Server = require "spec.support.server"

pcall(ffi.cdef, "int symlink(const char *target, const char *path);")

local SOURCE = [[
local od = require "open-do"
local part = require "lib.part"
local Thing = {}
function Thing:fetch(request)
  if request.query.need then
    part = require(request.query.need)
  end
  return od.Response("VERSION_NAME " .. part)
end
return { namespaces = { things = Thing } }
]]

local function source(version)
  return (SOURCE:gsub("VERSION_NAME", version))
end

local function module(word)
  return ("return %q\n"):format(word)
end

describe("a watched script", function()
  local server

  before_each(function()
    server = Server.start {
      source = source("a"), files = { ["lib/part.lua"] = module("one") }, args = { "--watch" },
    }
  end)

  after_each(function()
    server:stop()
  end)

  local function answers(expected)
    assert.equal(expected, server:get("/things/x").body)
  end

  local function shell(command, ...)
    assert(os.execute(("cd '%s' && " .. command):format(server.directory, ...)) == 0, command)
  end

  local function wait_failure(why)
    server:wait_log("reload failed, version 1 still serves: .*" .. why)
    answers("a one")
  end

  it("is reloaded when it is saved in place", function()
    server:save(source("b"))
    server:wait_version(2)
    answers("b one")
  end)

  it("is reloaded when an editor writes a new file and renames it, again and again", function()
    for version = 2, 4 do
      server:save_by_renaming(source("v" .. version))
      server:wait_version(version)
      answers(("v%d one"):format(version))
    end
  end)

  it("is reloaded when one of its modules is saved, also by renaming", function()
    server:save(module("two"), "lib/part.lua")
    server:wait_version(2)
    answers("a two")
    server:save_by_renaming(module("three"), "lib/part.lua")
    server:wait_version(3)
    answers("a three")
  end)

  it("is reloaded when a module appears that is looked for first", function()
    shell "mkdir lib/part && mv lib/part.lua lib/part/init.lua"
    server:wait_version(2)
    answers("a one")
    server:save(module("first"), "lib/part.lua")
    server:wait_version(3)
    answers("a first")
  end)

  it("is reloaded when a module that was missing is made, in a folder that was missing", function()
    shell "mv lib away"
    wait_failure "lib/part/init.lua"
    shell "mkdir lib"
    server:save(module("two"), "lib/part.lua")
    server:wait_version(2)
    answers("a two")
  end)

  it("is reloaded when a module that a handler has required is saved", function()
    server:save(module("late"), "late.lua")
    assert.equal("a late", server:get("/things/x?need=late").body)
    server:save(module("later"), "late.lua")
    server:wait_version(2)
    answers("a one")
    assert.equal("a later", server:get("/things/x?need=late").body)
  end)

  it("serves on while it is removed, and takes what comes back", function()
    os.remove(server:path())
    wait_failure "script.lua: cannot be opened: No such file"
    server:save(source("b"))
    server:wait_version(2)
    answers("b one")
  end)

  it("serves on while it is a directory, and takes what comes back", function()
    shell "rm script.lua && mkdir script.lua"
    wait_failure "script.lua: not a file"
    shell "rmdir script.lua"
    server:wait_log("No such file")
    server:save(source("b"))
    server:wait_version(2)
    answers("b one")
  end)

  it("serves on while it is empty, and takes what is written then", function()
    server:save("")
    wait_failure "it must end with a table"
    server:save(source("b"))
    server:wait_version(2)
    answers("b one")
  end)

  it("serves on while it cannot be read, and takes it when it can", function()
    server:save(source("b"), "other.lua")
    shell "ln -sf /proc/self/mem script.lua" -- Nobody may read that, not even root.
    wait_failure "script.lua: "
    shell "ln -sf other.lua script.lua"
    server:wait_version(2)
    answers("b one")
  end)

  it("is not taken while it is half written", function()
    local whole = source("b")
    local file = assert(io.open(server:path(), "wb"))
    file:write(whole:sub(1, #whole / 2))
    file:flush()
    file:write(whole:sub(#whole / 2 + 1))
    file:close()
    server:wait_version(2)
    answers("b one")
    assert.not_matches("reload failed", server:log(), 1, true)
  end)

  it("that leads elsewhere by a link is watched there, and so is the link", function()
    shell "mkdir releases releases/1 releases/2"
    server:save(source("b"), "releases/1/s.lua")
    server:save(source("c"), "releases/2/s.lua")
    shell "ln -s 1 releases/current && ln -sf releases/current/s.lua script.lua"
    server:wait_version(2)
    answers("b one")
    server:save(source("b2"), "releases/1/s.lua")
    server:wait_version(3)
    answers("b2 one")
    shell "ln -sfn 2 releases/next && mv -T releases/next releases/current"
    server:save(source("c2"), "releases/2/s.lua")
    server:wait_version(4)
    answers("c2 one")
  end)

  it("saved without a change keeps its version, and so do other files in its folder", function()
    server:save(source("a"))
    server:save("nobody reads this", "notes.txt")
    shell "touch script.lua lib/part.lua"
    server:save(source("b"))
    server:wait_version(2)
    answers("b one")
  end)

  it("can be saved by many hands at once: the last word counts", function()
    for i = 1, 50 do
      server:save(source("b" .. i))
      server:save(module("part" .. i), "lib/part.lua")
    end
    while server:get("/things/x").body ~= "b50 part50" do
      server:wait_log("version %d+ of script.lua serves")
    end
  end)
end)
