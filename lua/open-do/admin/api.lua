-- Commands of the admin listener, for /api/NAME and for the page: what they take and give, in JSON.
local _, native = ...

local figures = require "open-do.admin.figures"
local od = require "open-do"
local objects = require "open-do.command.objects"
local server = require "open-do.command.server"
local typed = require "open-do.command.typed"
local words = require "open-do.command.words"

local json = native.json
local array = json.array
local fail, usage = words.fail, words.usage

local PAGE = 1000 -- Rows of a list, when nobody says how many.

local M = {}

-- Arguments ---------------------------------------------------------------------------------------

local function text(arguments, name, fallback)
  local value = arguments[name]
  if value == nil then
    value = fallback
  end
  return type(value) == "string" and value or usage("'%s' is a text that is needed", name)
end

local function number(arguments, name, fallback)
  local value = arguments[name]
  return tonumber(value == nil and fallback or value) or usage("'%s' is a number", name)
end

local function target(arguments)
  return words.target(text(arguments, "object"))
end

-- What they do ------------------------------------------------------------------------------------

local commands = {}

commands.status = { run = function()
  return figures.status()
end }

-- Waits until there is something to tell: ask again with `after` as it was answered.
commands.log = { run = function(arguments)
  local after, missed, lines = server.log(text(arguments, "after", "0"))
  local list = array {}
  for line in lines:gmatch("[^\n]+") do
    list[#list + 1] = json.try_decode(line)
  end
  return { after = after, missed = missed, lines = list }
end }

commands.drain = { writes = true, run = function()
  return (figures.ask("drain"):gsub("\n$", ""))
end }

commands.metrics = { run = figures.collect }

--- What there is, and what this visitor may.
commands.commands = { run = function(_, role)
  local names = array {}
  for name in pairs(commands) do
    names[#names + 1] = name
  end
  table.sort(names)
  return { role = role, commands = names }
end }

commands.reload = { writes = true, run = function()
  return (figures.ask("reload"):gsub("\n$", ""))
end }

commands.objects = { run = function(arguments)
  local list, cursor = objects.list { space = text(arguments, "namespace", ""),
    beginning = text(arguments, "name", ""), limit = number(arguments, "limit", PAGE),
    awake = arguments.awake ~= nil and arguments.awake ~= "0", order = arguments.order,
    cursor = arguments.cursor }
  return { objects = list, cursor = cursor }
end }

commands.object = { run = function(arguments)
  return server.check_exists(target(arguments))
end }

-- Without a token that may write, or by GET, a statement that writes is refused.
commands.sql = { run = function(arguments, role)
  local given = arguments.arguments or {}
  if type(given) ~= "table" then
    usage("'arguments' is a list")
  end
  local object = target(arguments)
  server.check_exists(object)
  given = typed.decode(given)
  return server.sql(object, role ~= "write", text(arguments, "statement"),
    unpack(given, 1, #given))
end }

commands.inside = { run = function(arguments)
  local methods, fields = server.inside(target(arguments))
  table.sort(methods)
  return { methods = array(methods), fields = array(fields) }
end }

commands.events = { run = function(arguments)
  return array(server.events(target(arguments)))
end }

commands["kv.list"] = { run = function(arguments)
  local list, limit = array {}, number(arguments, "limit", PAGE)
  for key, value in server.each_pair(target(arguments), text(arguments, "prefix", "")) do
    if #list >= limit then
      break
    end
    list[#list + 1] = { key = key, value = value }
  end
  return list
end }

commands["kv.get"] = { run = function(arguments)
  local object, key = target(arguments), text(arguments, "key")
  local is_there, value = server.get(object, key)
  return is_there and value or fail("%s has no key '%s'", object.label, key)
end }

commands["kv.put"] = { writes = true, run = function(arguments)
  if arguments.value == nil then
    usage("'value' is missing")
  end
  server.write(target(arguments), "kv.put", text(arguments, "key"), typed.decode(arguments.value))
end }

commands["kv.delete"] = { writes = true, run = function(arguments)
  return server.write(target(arguments), "kv.delete", text(arguments, "key"))
end }

commands.sockets = { run = function(arguments)
  return array(server.sockets(target(arguments)))
end }

commands["sockets.send"] = { writes = true, run = function(arguments)
  server.write(target(arguments), "sockets.send", number(arguments, "socket"),
    text(arguments, "message"), false)
end }

commands["sockets.close"] = { writes = true, run = function(arguments)
  server.write(target(arguments), "sockets.close", number(arguments, "socket"),
    number(arguments, "code", 1000), text(arguments, "reason", ""))
end }

commands["alarm.set"] = { writes = true, run = function(arguments)
  server.write(target(arguments), "alarm.set", words.time(tostring(arguments.time or ""), "time"))
end }

commands["alarm.run"] = { writes = true, run = function(arguments)
  server.write(target(arguments), "alarm.run")
end }

commands["alarm.delete"] = { writes = true, run = function(arguments)
  server.write(target(arguments), "alarm.delete")
end }

-- A method may change anything.
commands.call = { writes = true, run = function(arguments)
  local given = arguments.arguments or {}
  if type(given) ~= "table" then
    usage("'arguments' is a list")
  end
  given = typed.decode(given)
  return array { server.call(target(arguments), text(arguments, "method"),
    unpack(given, 1, #given)) }
end }

for _, name in ipairs { "hibernate", "evict", "reset", "delete" } do
  commands[name] = { writes = true, run = function(arguments)
    server.act(target(arguments), name)
  end }
end

-- Running them ------------------------------------------------------------------------------------

--- { run =, writes = }, or nil.
function M.find(name)
  return commands[name]
end

function M.encode(value)
  return assert(json.try_encode(typed.encode(value), true))
end

local Refusal = {}

--- Its answer, as JSON. Raises what M.explain explains.
function M.run(command, arguments, role)
  if command.writes and role ~= "write" then
    error(setmetatable({}, Refusal), 0)
  end
  local value = command.run(arguments, role)
  return value == nil and "null" or M.encode(value)
end

--- The text of an error, and the status of HTTP it stands for.
function M.explain(problem)
  if getmetatable(problem) == Refusal then
    return "this token may look and change nothing", 403
  end
  local said, code = words.explain(problem)
  return said, code == 2 and 400 or 409
end

local JSON = { ["content-type"] = "application/json" }

local function arguments_of(request)
  if request.method == "GET" or request:text() == "" then
    return request.query
  end
  local given, problem = json.try_decode(request:text())
  return type(given) == "table" and given or nil, problem
end

--- What HTTP gets.
function M.response(command, visitor)
  local arguments, problem = arguments_of(visitor.request)
  if not arguments then
    return od.Response(M.encode { error = problem or "the body is no JSON object" } .. "\n",
      { status = 400, headers = JSON })
  end
  local role = visitor.request.method == "POST" and visitor.role or "read"
  local ok, result = pcall(M.run, command, arguments, role)
  if ok then
    return od.Response(result .. "\n", { headers = JSON })
  end
  local said, status = M.explain(result)
  return od.Response(M.encode { error = said } .. "\n", { status = status, headers = JSON })
end

return M
