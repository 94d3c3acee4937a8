-- Commands of the admin listener, for /api/NAME and for the page: what they take and give, in JSON.
local _, native = ...

local figures = require "open-do.admin.figures"
local archive = require "open-do.command.archive"
local od = require "open-do"
local objects = require "open-do.command.objects"
local server = require "open-do.command.server"
local typed = require "open-do.command.typed"
local words = require "open-do.command.words"

local json = native.json
local array = json.array
local fail, usage = words.fail, words.usage

local PAGE = 1000        -- Rows of a list, when nobody says how many.
local ROWS_MAX = 10000   -- And at most.
local LIST_BYTES = 2e6   -- What a list of values may hold, about,
local VALUE_BYTES = 65536 -- and one of them.
local FOLLOWERS_MAX = 16 -- Of the log.
local EXPORT_BYTES = 32e6

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

-- How many rows of a list are wanted.
local function count(arguments, name)
  return math.max(1, math.min(number(arguments, name, PAGE), ROWS_MAX))
end

local function target(arguments)
  return words.target(text(arguments, "object"))
end

function M.encode(value)
  return assert(json.try_encode(typed.encode(value), true))
end

-- What they do ------------------------------------------------------------------------------------

local commands = {}

-- What it takes, as `GET /api/commands` tells it: names, with a "?" those that may be left out.
local function add(name, arguments, run, is_writing)
  local known = {}
  for argument in arguments:gmatch("%w+") do
    known[argument] = true
  end
  commands[name] = { name = name, arguments = arguments, known = known, run = run,
    writes = is_writing }
end

local function reads(name, arguments, run)
  add(name, arguments, run, false)
end

local function writes(name, arguments, run)
  add(name, arguments, run, true)
end

reads("status", "", function()
  return figures.status()
end)

local followers = 0

-- Waits until there is something to tell: ask again with `after` as it was answered. Each who waits
-- is one question to main, of which there may not be many.
reads("log", "after?", function(arguments)
  if followers == FOLLOWERS_MAX then
    fail("%d others follow the log already", followers)
  end
  followers = followers + 1
  local ok, after, missed, lines = pcall(server.log, text(arguments, "after", "0"))
  followers = followers - 1
  if not ok then
    error(after, 0)
  end
  local list = array {}
  for line in lines:gmatch("[^\n]+") do
    list[#list + 1] = json.try_decode(line)
  end
  return { after = after, missed = missed, lines = list }
end)

writes("drain", "", function()
  return (figures.ask("drain"):gsub("\n$", ""))
end)

reads("cluster", "", function()
  return json.try_decode(figures.ask("nodes"))
end)

-- Without `node`, the id or name of one, this one.
writes("cluster.drain", "node?", function(arguments)
  local node = arguments.node and " " .. tostring(arguments.node) or ""
  return (figures.ask("cluster", "drain" .. node):gsub("\n$", ""))
end)

reads("metrics", "", figures.collect)

--- What there is, and what this visitor may.
reads("commands", "", function(_, _, role)
  local list = array {}
  for name, command in pairs(commands) do
    list[#list + 1] = { name = name, arguments = command.arguments,
      writes = command.writes }
  end
  table.sort(list, function(a, b) return a.name < b.name end)
  return { role = role, commands = list }
end)

writes("reload", "", function()
  return (figures.ask("reload"):gsub("\n$", ""))
end)

reads("objects", "namespace?, name?, order?, awake?, limit?, cursor?", function(arguments)
  return objects.list { space = text(arguments, "namespace", ""),
    beginning = text(arguments, "name", ""), limit = count(arguments, "limit"),
    awake = arguments.awake ~= nil and arguments.awake ~= "0", order = arguments.order,
    cursor = arguments.cursor }
end)

reads("object", "object", function(arguments)
  return server.placed(target(arguments))
end)

-- Without a token that may write, or by GET, a statement that writes is refused.
reads("sql", "object, statement, arguments?", function(arguments, may)
  local given = arguments.arguments or {}
  if type(given) ~= "table" then
    usage("'arguments' is a list")
  end
  local object = target(arguments)
  server.check_exists(object)
  given = typed.decode(given)
  return server.sql(object, may ~= "write", text(arguments, "statement"),
    unpack(given, 1, #given))
end)

reads("inside", "object", function(arguments)
  local methods, fields = server.inside(target(arguments))
  table.sort(methods)
  return { methods = array(methods), fields = array(fields) }
end)

reads("events", "object", function(arguments)
  return array(server.events(target(arguments)))
end)

-- A list ends early when its values are large, and what is very large is not in it: kv.get has it.
reads("kv.list", "object, prefix?, limit?", function(arguments)
  local object, limit = target(arguments), count(arguments, "limit")
  local parts, bytes = {}, 0
  for key, value in server.each_pair(object, text(arguments, "prefix", "")) do
    if #parts >= limit or bytes > LIST_BYTES then
      break
    end
    local encoded = M.encode(value)
    local pair = #encoded > VALUE_BYTES and ('"bytes":%d'):format(#encoded) or '"value":' .. encoded
    parts[#parts + 1] = ('{"key":%s,%s}'):format(M.encode(key), pair)
    bytes = bytes + math.min(#encoded, VALUE_BYTES)
  end
  return "[" .. table.concat(parts, ",") .. "]", true
end)

reads("kv.get", "object, key", function(arguments)
  local object, key = target(arguments), text(arguments, "key")
  local is_there, value = server.get(object, key)
  return is_there and value or fail("%s has no key '%s'", object.label, key)
end)

writes("kv.put", "object, key, value", function(arguments)
  if arguments.value == nil then
    usage("'value' is missing")
  end
  server.write(target(arguments), "kv.put", text(arguments, "key"), typed.decode(arguments.value))
end)

writes("kv.delete", "object, key", function(arguments)
  return server.write(target(arguments), "kv.delete", text(arguments, "key"))
end)

reads("sockets", "object, limit?", function(arguments)
  return array(server.sockets(target(arguments), count(arguments, "limit")))
end)

-- It is watched from the first question on; `after`: the number of the last that was told.
reads("sockets.watch", "object, after?", function(arguments)
  return array(server.messages(target(arguments), number(arguments, "after", 0)))
end)

writes("sockets.send", "object, socket, message", function(arguments)
  server.write(target(arguments), "sockets.send", number(arguments, "socket"),
    text(arguments, "message"), false)
end)

writes("sockets.close", "object, socket, code?, reason?", function(arguments)
  server.write(target(arguments), "sockets.close", number(arguments, "socket"),
    number(arguments, "code", 1000), text(arguments, "reason", ""))
end)

writes("alarm.set", "object, time", function(arguments)
  server.write(target(arguments), "alarm.set", words.time(tostring(arguments.time or ""), "time"))
end)

writes("alarm.run", "object", function(arguments)
  server.write(target(arguments), "alarm.run")
end)

writes("alarm.delete", "object", function(arguments)
  server.write(target(arguments), "alarm.delete")
end)

-- A method may change anything.
writes("call", "object, method, arguments?", function(arguments)
  local given = arguments.arguments or {}
  if type(given) ~= "table" then
    usage("'arguments' is a list")
  end
  given = typed.decode(given)
  return array { server.call(target(arguments), text(arguments, "method"),
    unpack(given, 1, #given)) }
end)

for _, name in ipairs { "hibernate", "evict", "reset", "delete" } do
  writes(name, "object", function(arguments)
    server.act(target(arguments), name)
  end)
end

-- A file that is no more than its text, and of a size that can be answered.
local Memory = {}
Memory.__index = Memory

local function memory()
  return setmetatable({ parts = {}, bytes = 0 }, Memory)
end

function Memory:write(...)
  for _, part in ipairs { ... } do
    self.parts[#self.parts + 1] = part
    self.bytes = self.bytes + #part
  end
  if self.bytes > EXPORT_BYTES then
    fail("that is more than %d MB; `open-do export` has no bound", EXPORT_BYTES / 1e6)
  end
end

function Memory:read()
  local all = table.concat(self.parts)
  self.parts = {}
  return all ~= "" and all or nil
end

function Memory:seek()
  return self
end

function Memory:close()
  self.parts = {}
end

-- Lines as `open-do export` writes them, in one list.
reads("export", "object", function(arguments)
  local file = memory()
  archive.export(target(arguments).label, file, memory, function(why)
    fail("%s; try again when it does less", why)
  end)
  return "[" .. file:read():gsub("\n(.)", ",%1") .. "]", true
end)

writes("import", "lines", function(arguments)
  local lines = arguments.lines
  if type(lines) ~= "table" then
    usage("'lines' is a list, as `export` gives it")
  end
  local at = 0
  return archive.import(function()
    at = at + 1
    return lines[at]
  end)
end)

reads("schedules", "object", function(arguments)
  return array(server.schedules(target(arguments)))
end)

-- Running them ------------------------------------------------------------------------------------

--- { name =, arguments =, known =, run =, writes = }, or nil.
function M.find(name)
  return commands[name]
end

local Refusal = {}

-- A misspelt one would be taken for one that was left out.
local function check_names(command, arguments)
  for name in pairs(arguments) do
    if not command.known[name] then
      usage("%s has no argument '%s'; it takes %s", command.name, tostring(name),
        command.arguments == "" and "none" or command.arguments)
    end
  end
end

--- Its answer, as JSON. Raises what M.explain explains.
---@param by_get? boolean Then nothing may be written, whatever the role.
function M.run(command, arguments, role, by_get)
  local may = by_get and "read" or role
  if command.writes and may ~= "write" then
    error(setmetatable({}, Refusal), 0)
  end
  check_names(command, arguments)
  local value, is_json = command.run(arguments, may, role)
  return is_json and value or value == nil and "null" or M.encode(value)
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

--- What HTTP gets in the place of an answer.
function M.refusal(status, said)
  return od.Response(M.encode { error = said } .. "\n", { status = status, headers = JSON })
end

--- What HTTP gets.
function M.response(command, visitor)
  local arguments, problem = arguments_of(visitor.request)
  if not arguments then
    return M.refusal(400, problem or "the body is no JSON object")
  end
  local by_get = visitor.request.method ~= "POST"
  local ok, result = pcall(M.run, command, arguments, visitor.role, by_get)
  if ok then
    return od.Response(result .. "\n", { headers = JSON })
  end
  local said, status = M.explain(result)
  return M.refusal(status, said)
end

return M
