-- Module "open-do.test": tests for objects. Each test has servers of its own, with nothing stored;
-- they are stopped when it ends.
local busted = require "busted"
local lfs = require "lfs"

local apps = require "open-do.test.app"
local stubs = require "open-do.test.stub"

local M = {}

local running = {} -- Servers, with the place in busted where they were started, and how long their
                   -- logs were when the test began.
local here = {}    -- From the outside in: what busted is executing.

-- A test that fails -------------------------------------------------------------------------------

local failed = {} -- Tests, with what their servers have logged.
local latest      -- Of them: what was logged last may not have been read yet.

local function finish_latest()
  for _, each in ipairs(latest and latest.servers or {}) do
    local lines = each.app:mishaps(each.log_size)
    if lines ~= "" then
      failed[#failed + 1] = ("\nLog of %s -> %s\n%s\n"):format(each.app.script, latest.name, lines)
    end
  end
  latest = nil
end

local function begin_test()
  finish_latest()
  for _, each in ipairs(running) do
    each.log_size = #each.app:log()
  end
  return nil, true
end

local function note_failure()
  local names = {}
  for _, element in ipairs(here) do
    names[#names + 1] = element.descriptor ~= "file" and element.name or nil
  end
  latest = { name = table.concat(names, " "), servers = {} }
  for _, each in ipairs(running) do
    table.insert(latest.servers, { app = each.app, log_size = each.log_size })
  end
end

-- Behind busted's own report, and not in it, as that may be for a program.
local function show_failed()
  finish_latest()
  io.stdout:flush()
  io.stderr:write(table.concat(failed))
  return nil, true
end

-- The end of a test -------------------------------------------------------------------------------

local function stop_those_of(place)
  local problem
  for at = #running, 1, -1 do
    if running[at].place == place then
      local ok, why = pcall(running[at].app.stop, running[at].app)
      problem = problem or not ok and why
      table.remove(running, at)
    end
  end
  return problem
end

local function enter(element)
  here[#here + 1] = element
  return nil, true
end

-- A server that did not end well is an error of the test that used it: busted reports what is
-- raised here. (Where a file began before this module was there, its servers have no place.)
local function leave(element, _, status)
  if status == "failure" or status == "error" then
    note_failure()
  end
  if here[#here] == element then
    here[#here] = nil
  end
  local problem = stop_those_of(element) or element.descriptor == "file" and stop_those_of(nil)
  if problem then
    error(problem, 0)
  end
  return nil, true
end

for _, kind in ipairs { "test", "describe", "file" } do
  busted.subscribe({ kind, "start" }, enter)
  busted.subscribe({ kind, "end" }, leave)
end
busted.subscribe({ "test", "start" }, begin_test)
busted.subscribe({ "suite", "end" }, show_failed)

-- Scripts -----------------------------------------------------------------------------------------

-- The nearest spec file among the callers, for paths beside it.
local function folder_of_caller()
  for level = 3, 20 do
    local info = debug.getinfo(level, "S")
    if not info then
      break
    end
    local file = info.source:match("^@(.*)$")
    if file and not file:match("/busted/") then
      return file:match("^(.*)/[^/]*$") or "."
    end
  end
  return "."
end

-- Beside the spec, beside its folder, or from where open-do test was called.
local function find_script(name)
  local tried = {}
  local folder = folder_of_caller()
  for _, path in ipairs { folder .. "/" .. name, folder .. "/../" .. name, name } do
    if lfs.attributes(path, "mode") == "file" then
      return path
    end
    tried[#tried + 1] = "    " .. path
  end
  return nil, table.concat(tried, "\n")
end

local OPTIONS = { workers = true, vars = true, args = true }

function M.start(script, options)
  if type(script) ~= "string" then
    error("t.start: argument 1 must be the path of a script, got " .. type(script), 2)
  end
  for name in pairs(options or {}) do
    if not OPTIONS[name] then
      error(("t.start: there is no option '%s'; there are workers, vars, args"):format(
        tostring(name)), 2)
    end
  end
  local path, tried = find_script(script)
  if not path then
    error(("t.start: there is no script %s; looked for\n%s"):format(script, tried), 2)
  end
  local ok, app = pcall(apps.start, path, options or {})
  if not ok then
    error(app, 2)
  end
  running[#running + 1] = { app = app, place = here[#here], log_size = 0 }
  return app
end

-- Objects -----------------------------------------------------------------------------------------

M.runInObject, M.runObjectAlarm = stubs.runInObject, stubs.runObjectAlarm
M.listObjectIds = stubs.listObjectIds

return M
