-- `open-do new`: a project that runs, is tested and has types at once.
local process = require "spec.support.process"
local shell = require "spec.support.shell"

local program = process.absolute_program()

describe("open-do new", function()
  local folder

  before_each(function()
    folder = shell.make_directory()
  end)

  after_each(function()
    process.stop_all()
    shell.remove(folder)
  end)

  local function say(cwd, ...)
    local running = process.start { argv = { ... }, cwd = cwd }
    return running:wait_exit(60), running:output()
  end

  for template, script in pairs { chat = "chat.lua", api = "api.lua", empty = "app.lua" } do
    it("makes of " .. template .. " a project that passes its spec and luacheck", function()
      local code, output = say(folder, program, "new", "project", "--template", template)
      assert.equal(0, code, output)
      assert.matches("open%-do dev " .. script, output)
      local project = folder .. "/project"
      code, output = say(project, program, "check", script)
      assert.equal(0, code, output)
      code, output = say(project, program, "test")
      assert.equal(0, code, output)
      assert.matches("[1-9]%d* success", output)
      code, output = say(project, "luacheck", "-q", ".")
      assert.equal(0, code, output)
      assert.equal(0, (say(project, "test", "-f", "types/open-do/object.lua", "-a", "-f",
        ".gitignore")))
    end)
  end

  it("changes nothing that is there, and says what it takes", function()
    assert.equal(0, (say(folder, program, "new")))
    local file = assert(io.open(folder .. "/chat.lua", "wb"))
    file:write("-- mine")
    file:close()
    local code, output = say(folder, program, "new")
    assert.equal(1, code)
    assert.matches("./chat.lua is there already; name a folder that is empty, or new", output)
    assert.equal("-- mine", assert(io.open(folder .. "/chat.lua")):read("*a"))
    code, output = say(folder, program, "new", "x", "--template", "blog")
    assert.equal(2, code)
    assert.matches("%-%-template blog: expected chat, api or empty", output)
    code, output = say(folder, program, "new", "no/such/place")
    assert.equal(1, code)
    assert.matches("cannot make no/such/place: No such file or directory", output)
  end)

  it("says so when a file cannot be written whole", function()
    for command, file in pairs { new = "chat.lua", types = "types/open%-do/open%-do.lua" } do
      local code, output = say(folder, "sh", "-c",
        ("ulimit -f 1; exec '%s' %s"):format(program, command))
      assert.equal(1, code, output)
      assert.matches("/" .. file .. ": File too large", output)
      assert.not_matches("wrote", output, 1, true)
    end
  end)

  it("says how one gets there as a shell takes it", function()
    local code, output = say(folder, program, "new", "Ann's chat")
    assert.equal(0, code, output)
    local go_there = output:match("cd [^\n]+")
    assert.equal(0, (say(folder, "sh", "-c", go_there .. " && test -f chat.lua")))
  end)
end)
