-- `open-do types`: what an author's editor and linter are given.
local ffi = require "ffi"
local process = require "spec.support.process"

pcall(ffi.cdef, "char *mkdtemp(char *template);")

describe("open-do types", function()
  local folder

  local function run(path)
    local writing = process.start { argv = { process.program, "types", path } }
    return writing:wait_exit(10), writing:output()
  end

  local function read(name)
    local file = assert(io.open(folder .. "/" .. name, "rb"))
    local text = file:read("*a")
    file:close()
    return text
  end

  before_each(function()
    local template = "/tmp/open-do-types-XXXXXX"
    local name = ffi.new("char[?]", #template + 1, template)
    assert(ffi.C.mkdtemp(name) ~= nil)
    folder = ffi.string(name)
  end)

  after_each(function()
    process.stop_all()
    os.execute(("rm -rf '%s'"):format(folder))
  end)

  it("writes definitions and what makes editors find them", function()
    local code, output = run(folder)
    assert.equal(0, code, output)
    assert.matches("function od.Headers", read("types/open-do/open-do.lua"), 1, true)
    assert.matches('"types/open-do"', read(".luarc.json"), 1, true)
  end)

  it("lets luacheck know the names of a script, and find one that is not there", function()
    run(folder)
    for text, expected in pairs {
      ["return { namespaces = { a = { fetch = function() return _G, bit.band(1, 2) end } } }"] = 0,
      ["return { namespaces = { a = { fetch = function() return io.open('x') end } } }"] = 1,
    } do
      local file = assert(io.open(folder .. "/script.lua", "wb"))
      file:write(text, "\n")
      file:close()
      local checking = process.start { argv = { "luacheck", "script.lua" }, cwd = folder }
      assert.equal(expected, checking:wait_exit(20), checking:output())
    end
  end)

  it("leaves files of the author alone, and says what belongs into them", function()
    local file = assert(io.open(folder .. "/.luarc.json", "wb"))
    file:write("{}\n")
    file:close()
    local code, output = run(folder)
    assert.equal(0, code, output)
    assert.equal("{}\n", read(".luarc.json"))
    assert.matches(".luarc.json is there already and stays as it is; this belongs into it:", output,
      1, true)
  end)

  it("says why it cannot write", function()
    local code, output = run(folder .. "/nowhere")
    assert.equal(1, code)
    assert.matches("cannot make the folder " .. folder .. "/nowhere/types: No such file", output, 1,
      true)
  end)
end)
