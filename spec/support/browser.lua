-- Pages in a real browser: NAME_page.mjs beside the specs holds the conversation. Screenshots are
-- left in the directory OPEN_DO_SCREENSHOTS, or in a new one whose name the failure tells.
local Server = require "spec.support.server"

local M = {}

local function quoted(text)
  return "'" .. text:gsub("'", "'\\''") .. "'"
end

-- Runs a shell [command]; returns whether it ended with 0, and all it wrote.
local function run(command)
  local pipe = assert(io.popen(command .. " 2>&1; echo exit=$?"))
  local output = pipe:read("*a")
  pipe:close()
  return output:match("exit=(%d+)%s*$") == "0", (output:gsub("exit=%d+%s*$", ""))
end

local function new_directory(example)
  local _, made = run("mktemp -d -t open-do-" .. example .. "-XXXXXX")
  return (made:gsub("%s+$", ""))
end

local function file_exists(path)
  local file = io.open(path)
  return file ~= nil and file:close()
end

-- Makes the page of the [example], serves it and plays its conversation; returns whether that went
-- well and what to show if not, or nil without OPEN_DO_NODE_MODULES. With options.watch a copy is
-- served, and the conversation is told the path of its script, to save it while people are there;
-- options.folder is where it lies, if not in examples, options.args are more for the server, and
-- options.other is more for the conversation.
function M.play(example, options)
  if not os.getenv("OPEN_DO_NODE_MODULES") then
    return nil
  end
  options = options or {}
  local source = (options.folder or "examples/") .. example
  local made, why = true, nil
  if file_exists(source .. "/page.js") then
    made, why = run("node examples/bundle.mjs " .. quoted(example))
  end
  if not made then
    return false, why
  end
  local watch = options.watch
  if watch then
    local copy = new_directory(example)
    run(("cp -r %s/. %s"):format(quoted(source), quoted(copy)))
    source = copy
  end
  local script = ("%s/%s.lua"):format(source, example)
  local args = { watch and "--watch" or nil }
  for _, argument in ipairs(options.args or {}) do
    args[#args + 1] = argument
  end
  local server = Server.start { script = script, args = args }
  local directory = os.getenv("OPEN_DO_SCREENSHOTS") or new_directory(example)
  local passed, output = run(("node spec/examples/%s_page.mjs %s %s %s %s"):format(
    example, quoted(server.url), quoted(directory), quoted(script), quoted(options.other or "")))
  server:stop()
  if watch then
    run("rm -r " .. quoted(source))
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
