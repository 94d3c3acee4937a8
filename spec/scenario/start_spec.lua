-- The page for beginners (lua/START.md) from top to end: its files are made, its commands run,
-- its spec passes, and what it serves is there.
local process = require "spec.support.process"
local shell = require "spec.support.shell"

local program = process.absolute_program()

-- In their order: { name = of a file, text = } and { command = }.
local function blocks_of(page)
  local blocks = {}
  for head, text in page:gmatch("```(%l+[^\n]*)\n(.-)\n```") do
    blocks[#blocks + 1] = { name = head:match("^lua (.+)$"), command = head == "sh" and text,
      text = text .. "\n" }
  end
  return blocks
end

describe("the page for beginners", function()
  local folder

  before_each(function()
    folder = shell.make_directory()
    assert(os.execute(("mkdir %s/bin && ln -s %s %s/bin/open-do"):format(folder, program, folder))
      == 0)
  end)

  after_each(function()
    process.stop_all()
    shell.remove(folder)
  end)

  local function run(cwd, command)
    local running = process.start { cwd = cwd,
      argv = { "bash", "-ec", ("PATH=%s/bin:$PATH\n%s"):format(folder, command) } }
    local code = running:wait_exit(120)
    assert.equal(0, code, command .. "\n" .. running:output())
    return running:output()
  end

  -- The page of the door, from the server that a command of the page starts, with ports of its own;
  -- what it says with its port makes the URL.
  local function fetch(project, command, said, url)
    local argv = { program }
    for word in command:gsub("127%.0%.0%.1:%d+", "127.0.0.1:0"):gmatch("%S+") do
      argv[#argv + 1] = word
    end
    table.remove(argv, 2)
    local server = process.start { cwd = project, argv = argv }
    local port = server:wait_output(said, 20)
    local page = run(project, "unset LD_PRELOAD; curl -sS --cacert cert.pem " .. url .. port)
    server:signal("TERM")
    assert.equal(0, (server:wait_exit(30)))
    return page
  end

  it("leads to a chat that is served", function()
    local page = shell.read "lua/START.md"
    local project = folder .. "/hello"
    local count = 0
    for _, block in ipairs(blocks_of(page)) do
      if block.name then
        local file = assert(io.open(project .. "/" .. block.name, "wb"))
        file:write(block.text)
        file:close()
      else
        local output = run(count == 0 and folder or project, block.command)
        assert(block.command ~= "open-do test" or output:match("4 successes / 0 failures"), output)
      end
      count = count + 1
    end
    assert.equal(7, count)
    run(project, "luacheck -q --no-color . --exclude-files types")
    local dev = assert(page:match("\n    (open%-do dev [^\n]+)"))
    assert.matches("Sign in", fetch(project, dev .. " --listen 127.0.0.1:0 --admin 127.0.0.1:0",
      "listening on http://127%.0%.0%.1:(%d+)", "http://127.0.0.1:"))
    local served = assert(page:match("\n    (open%-do run [^\n]+)"))
    assert.matches("Sign in", fetch(project, served, "TLS on port (%d+)", "https://localhost:"))
  end)
end)
