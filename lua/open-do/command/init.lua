-- Commands that look into a running program, as a person or a program says them: `open-do object`,
-- `kv`, `call` and the like. Each takes its words and gives what is to be printed, and for a person
-- how (show.lua), and the exit code when it is not 0.
local _, native = ...

local od = require "open-do"
local archive = require "open-do.command.archive"
local log = require "open-do.command.log"
local objects = require "open-do.command.objects"
local progress = require "open-do.command.progress"
local server = require "open-do.command.server"
local show = require "open-do.command.show"
local words = require "open-do.command.words"

local WATCH_MS = 250 -- How often messages are looked for.

local array = od.json.array
local fail, need, usage = words.fail, words.need, words.usage

local commands = {}

function commands.objects(given, options)
  local space, beginning = (given[1] or ""):match("^([^/]*)/?(.*)$")
  local list = objects.list { space = space, beginning = beginning, awake = options.awake,
    order = options.order, limit = options.limit, cursor = options.cursor }
  if space ~= "" and #list.objects == 0 and not list.missing then
    server.check_namespace(space)
  end
  return list, function(result)
    return show.objects(result, options.order)
  end, list.missing and 1 or 0 -- It is not whole.
end

function commands.object(given, options)
  local target = words.target(given[1])
  if options.events then
    server.check_exists(target)
    return array(server.events(target)), show.events
  end
  return server.placed(target), show.object
end

function commands.call(given)
  local target, method = words.target(given[1]), need(given[2], "the name of the method")
  local results = { server.call(target, method, words.json_list(given, 3)) }
  if #results > 1 then
    return array(results)
  end
  return results[1]
end

function commands.sql(given, options)
  local target, statement = words.target(given[1]), need(given[2], "the statement")
  server.check_exists(target)
  return server.sql(target, options.read_only, statement, words.json_list(given, 3)), show.rows_of
end

-- kv ----------------------------------------------------------------------------------------------

local kv = {}

function kv.list(target, given)
  server.check_exists(target)
  local list = array {}
  for key, value in server.each_pair(target, given[3] or "") do
    list[#list + 1] = { key = key, value = value }
  end
  return list, show.pairs
end

function kv.get(target, given)
  local is_there, value = server.get(target, need(given[3], "the key"))
  if not is_there then
    server.check_exists(target)
    fail("%s has no key '%s'", target.label, given[3])
  end
  return value
end

function kv.put(target, given)
  local key = need(given[3], "the key")
  server.write(target, "kv.put", key, words.json(given[4], "the value"))
end

function kv.delete(target, given)
  local key = need(given[3], "the key")
  server.check_exists(target)
  if server.write(target, "kv.delete", key) == 0 then
    fail("%s has no key '%s'", target.label, key)
  end
end

-- Sockets -----------------------------------------------------------------------------------------

local sockets = {}

function sockets.list(target)
  server.check_exists(target)
  return array(server.sockets(target)), show.sockets
end

-- To the end of the program, or of whoever reads.
function sockets.watch(target, _, options)
  local last, is_read = 0, true
  server.check_exists(target)
  repeat
    for _, message in ipairs(server.messages(target, last)) do
      is_read = io.stdout:write(options.json and show.json(message) or show.message(message), "\n")
      last = message.number
    end
    is_read = is_read and io.stdout:flush() and native.command.pause(WATCH_MS)
  until not is_read
end

function sockets.send(target, given)
  local number = words.number(given[3], "the number of the socket")
  server.write(target, "sockets.send", number, need(given[4], "what to send"), false)
end

function sockets.close(target, given)
  local number = words.number(given[3], "the number of the socket")
  server.write(target, "sockets.close", number, 1000, given[4] or "")
end

-- The alarm ---------------------------------------------------------------------------------------

local alarm = {}

function alarm.get(target)
  return server.check_exists(target).alarmMs or od.json.null, function(ms)
    return ms == od.json.null and "none" or show.time(ms)
  end
end

function alarm.set(target, given)
  server.write(target, "alarm.set", words.time(given[3], "WHEN"))
end

function alarm.run(target)
  server.check_exists(target)
  server.write(target, "alarm.run")
end

function alarm.delete(target)
  server.check_exists(target)
  server.write(target, "alarm.delete")
end

-- Those that have a second word -------------------------------------------------------------------

local function add(name, parts, fallback)
  commands[name] = function(given, options)
    local run = parts[given[1]]
    if not run and fallback and given[1]:find("/", 1, true) then
      table.insert(given, 1, fallback)
      run = parts[fallback]
    end
    if not run then
      local known = {}
      for part in pairs(parts) do
        known[#known + 1] = part
      end
      table.sort(known)
      usage("'%s' is not something to do: say open-do %s %s NAMESPACE/NAME", given[1], name,
        table.concat(known, "|"))
    end
    return run(words.target(given[2]), given, options)
  end
end

add("kv", kv)
add("sockets", sockets, "list")
add("alarm", alarm, "get")

for _, name in ipairs { "hibernate", "evict", "reset", "delete" } do
  commands[name] = function(given)
    local target = words.target(given[1])
    server.check_exists(target)
    server.act(target, name)
  end
end

function commands.log(given, options)
  log.write({ object = given[1] or "", level = options.log_level }, options.follow, options.json)
end

-- Export and import -------------------------------------------------------------------------------

-- What export writes to; it says how far it is. Counting costs a walk, so only for who sees it.
local function counted_output(word)
  local total, bytes, count = nil, 0, 0
  if progress.is_seen() and not word:find("/", 1, true) then
    total = 0
    for _ in server.each_object { scope = "all", space = word, beginning = "" } do
      total = total + 1
    end
  end
  local shown = progress.new("exported", total)
  local output = {}
  function output.write(_, ...)
    for i = 1, select("#", ...) do
      local text = select(i, ...)
      bytes = bytes + #text
      count = count + (text:find('^{"object":') and 1 or 0)
    end
    shown:step(count, ("%d objects, %s"):format(count, show.size(bytes)))
    local ok, problem = io.stdout:write(...)
    return ok or fail("cannot write what is exported: %s", problem)
  end
  return output, shown
end

function commands.export(given)
  local output, shown = counted_output(given[1])
  local ok, problem = pcall(archive.export, given[1], output, nil, function(text)
    io.stderr:write("open-do: ", text, "\n")
  end)
  shown:finish()
  if ok then
    ok, problem = io.stdout:flush()
    problem = "cannot write what is exported: " .. tostring(problem)
  end
  if not ok then
    error(problem, 0)
  end
end

-- The lines of a file, and how far one is in it.
local function counted_lines(file)
  local total = file:seek("end")
  local shown, bytes = progress.new("imported", total), 0
  if total then
    file:seek("set")
  end
  return function()
    local line = file:read("*l")
    bytes = bytes + (line and #line + 1 or 0)
    shown:step(bytes, show.size(bytes))
    return line
  end, shown
end

function commands.import(given)
  local file, problem = io.stdin, nil
  if given[1] ~= "-" then
    file, problem = io.open(given[1], "rb")
  end
  if not file then
    fail("cannot read %s", problem)
  end
  problem = select(2, file:read(0))
  if problem then -- It is a directory.
    fail("cannot read %s: %s", given[1], problem)
  end
  if file:seek("set") then -- A file that is cut or wrong changes nothing.
    archive.import(file:lines(), true)
  end
  local lines, shown = counted_lines(file)
  local ok, objects_or_problem = pcall(archive.import, lines)
  shown:finish()
  if not ok then
    error(objects_or_problem, 0)
  end
  return { objects = objects_or_problem }, function(done)
    return ("imported %d object%s"):format(done.objects, done.objects == 1 and "" or "s")
  end
end

return function(name, given, options)
  local ok, result, for_people, exit_code = pcall(commands[name], given, options)
  if not ok then
    local text, code = words.explain(result)
    io.stderr:write("open-do: ", text, "\n")
    return code
  end
  if result ~= nil then
    local text = (not options.json and for_people or show.json)(result)
    io.stdout:write(text, text == "" and "" or "\n") -- Of no pairs there is no line.
  end
  return exit_code or 0
end
