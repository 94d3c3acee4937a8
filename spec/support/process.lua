-- Processes of a spec, with the program under test: see lua/open-do/test/process.lua.
local process = require "open-do.test.process"
local shell = require "spec.support.shell"

-- The open-do of the build under test.
process.program = (os.getenv("OPEN_DO_BUILD") or "build/testing") .. "/open-do"

-- The same, for a process in another directory.
function process.absolute_program()
  return shell.text("realpath " .. shell.quoted(process.program))
end

return process
