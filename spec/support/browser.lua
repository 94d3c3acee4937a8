-- Pages in a real browser: NAME_page.mjs beside the specs holds the conversation. Screenshots are
-- left in the directory OPEN_DO_SCREENSHOTS, or in a new one whose name the failure tells.
local Server = require "spec.support.server"
local shell = require "spec.support.shell"

local M = {}

local function file_exists(path)
  local file = io.open(path)
  return file ~= nil and file:close()
end

-- Makes the page of the [example], serves it and plays its conversation; returns whether that went
-- well and what to show if not, or nil without OPEN_DO_NODE_MODULES. With options.watch a copy is
-- served, and the conversation is told the path of its script, to save it while people are there;
-- options.folder is where it lies, if not in examples, options.args are more for the server,
-- options.command is "dev" for one that does more than `run --watch`, and options.other is more for
-- the conversation.
function M.play(example, options)
  if not os.getenv("OPEN_DO_NODE_MODULES") then
    return nil
  end
  options = options or {}
  local source = (options.folder or "examples/") .. example
  local made, why = true, nil
  if file_exists(source .. "/page.js") then
    made, why = shell.run("node examples/bundle.mjs " .. shell.quoted(example))
  end
  if not made then
    return false, why
  end
  local watch = options.watch
  if watch then
    local copy = shell.make_directory()
    shell.run(("cp -r %s/. %s"):format(shell.quoted(source), shell.quoted(copy)))
    source = copy
  end
  local script = ("%s/%s.lua"):format(source, example)
  local args = { watch and not options.command and "--watch" or nil }
  for _, argument in ipairs(options.args or {}) do
    args[#args + 1] = argument
  end
  local server = Server.start { script = script, args = args, command = options.command }
  local directory = os.getenv("OPEN_DO_SCREENSHOTS") or shell.make_directory()
  local passed, output = shell.run(("node spec/examples/%s_page.mjs %s %s %s %s"):format(example,
    shell.quoted(server.url), shell.quoted(directory), shell.quoted(script),
    shell.quoted(options.other or "")))
  server:stop()
  if watch then
    shell.run("rm -r " .. shell.quoted(source))
  end
  return passed, output .. "screenshots in " .. directory
end

-- Plays it in a spec. [pending] is busted's, which only specs have: where there is no browser to
-- play in, the spec has not passed.
function M.converse(pending, example, options)
  local passed, output = M.play(example, options)
  if passed == nil then
    return pending "OPEN_DO_NODE_MODULES does not name a directory with playwright-core"
  end
  assert(passed, output)
end

return M
