-- `open-do types`: what an author's editor and linter are given.
local process = require "spec.support.process"
local shell = require "spec.support.shell"

describe("open-do types", function()
  local folder

  local function run(path)
    local writing = process.start { argv = { process.program, "types", path } }
    return writing:wait_exit(10), writing:output()
  end

  local function read(name)
    return shell.read(folder .. "/" .. name)
  end

  before_each(function()
    folder = shell.make_directory()
  end)

  after_each(function()
    process.stop_all()
    shell.remove(folder)
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

  it("says nothing of files that are as it has left them", function()
    run(folder)
    local code, output = run(folder)
    assert.equal(0, code, output)
    assert.is_nil(output:find("stays as it is", 1, true), output)
  end)

  it("says why it cannot write", function()
    local code, output = run(folder .. "/nowhere")
    assert.equal(1, code)
    assert.matches("cannot make the folder " .. folder .. "/nowhere/types: No such file", output, 1,
      true)
  end)
end)
