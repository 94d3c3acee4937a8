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

local function screenshot_directory(example)
  local named = os.getenv("OPEN_DO_SCREENSHOTS")
  if named then
    return named
  end
  local _, made = run("mktemp -d -t open-do-" .. example .. "-XXXXXX")
  return (made:gsub("%s+$", ""))
end

-- Makes the page of the [example], serves it and plays its conversation; returns whether that went
-- well and what to show if not, or nil without OPEN_DO_NODE_MODULES.
function M.play(example)
  if not os.getenv("OPEN_DO_NODE_MODULES") then
    return nil
  end
  local made, why = run("node examples/bundle.mjs " .. quoted(example))
  if not made then
    return false, why
  end
  local script = ("examples/%s/%s.lua"):format(example, example)
  local server = Server.start { script = script }
  local directory = screenshot_directory(example)
  local passed, output = run(("node spec/examples/%s_page.mjs %s %s"):format(example,
    quoted(server.url), quoted(directory)))
  server:stop()
  return passed, output .. "screenshots in " .. directory
end

return M
