-- Processes of a spec, with the program under test: see lua/open-do/test/process.lua.
local process = require "open-do.test.process"

-- The open-do of the build under test.
process.program = (os.getenv("OPEN_DO_BUILD") or "build/testing") .. "/open-do"

return process
