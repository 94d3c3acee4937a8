-- Commands that look into a running program, as a person or a program says them: `open-do object`,
-- `kv`, `call` and the like. Each is a function of its words that returns what is to be printed.
local _, native = ...

local od = require "open-do"
local typed = require "open-do.command.typed"

local ask, decode, encode = native.command, native.test.decode, native.test.encode
local json = od.json

-- Mistakes of who called: their texts end the program with exit code 2.
local Usage = {}

local function usage(text, ...)
  error(setmetatable({ text = text:format(...) }, Usage), 0)
end

local function fail(text, ...)
  error(text:format(...), 0)
end

-- Words -------------------------------------------------------------------------------------------

-- "rooms/lobby" or "rooms/#hex".
local function target_of(word)
  local space, name = (word or ""):match("^([^/]+)/(.+)$")
  if not space then
    usage("name an object as NAMESPACE/NAME or NAMESPACE/#ID%s", word and ", not " .. word or "")
  end
  local id = name:match("^#(%x+)$")
  return { label = word, space = space, name = not id and name or nil, id = id }
end

local function json_of(word, what)
  if not word then
    usage("%s is missing", what)
  end
  local value, problem = json.try_decode(word)
  if value == nil then
    usage("%s is no JSON: %s (a text needs quotes: '\"%s\"')", what, problem, word)
  end
  return value
end

local function need(word, what)
  return word or usage("%s is missing", what)
end

-- Asking ------------------------------------------------------------------------------------------

local function perform(target, method, command, sent)
  local bytes, why = ask.call(target.space, target.name, target.id, method, command, sent)
  return bytes or fail("%s: %s", target.label, why)
end

local function values(...)
  local bytes, why = encode(...)
  return bytes or fail("%s", why)
end

local function write(target, command, ...)
  return decode(perform(target, nil, command, values(...)))
end

local function look(target, command, ...)
  return perform(target, nil, command, ask.pack(...))
end

-- Commands ----------------------------------------------------------------------------------------

local commands = {}

function commands.call(words)
  local target = target_of(words[1])
  local method, count, arguments = need(words[2], "the name of the method"), #words - 2, {}
  for i = 1, count do
    arguments[i] = json_of(words[i + 2], "argument " .. i)
  end
  local results = { decode(perform(target, method, nil, values(unpack(arguments, 1, count)))) }
  if #results > 1 then
    return json.array(results)
  end
  return results[1]
end

function commands.object(words)
  return ask.facts(look(target_of(words[1]), "object"))[1]
end

local kv = {}

function kv.get(target, words)
  local pair = ask.pairs(look(target, "kv.get", need(words[3], "the key")))[1]
  if not pair then
    fail("%s has no key '%s'", target.label, words[3])
  end
  return pair[2]
end

local PAGE = 500

-- Each pair in turn. Values may be so large that a page of them is more than one answer holds.
local function each_pair(target, prefix)
  return coroutine.wrap(function()
    local after, limit = "", PAGE
    while true do
      local sent = ask.pack(prefix, after, limit)
      local bytes, why = ask.call(target.space, target.name, target.id, nil, "kv.list", sent)
      if not bytes and limit > 1 and why:find("more than", 1, true) then
        limit = math.ceil(limit / 10)
      else
        local page = ask.pairs(bytes or fail("%s: %s", target.label, why))
        for _, pair in ipairs(page) do
          coroutine.yield(pair[1], pair[2])
        end
        if #page < limit then
          return
        end
        after = page[#page][1]
      end
    end
  end)
end

function kv.list(target, words)
  local list = json.array {}
  for key, value in each_pair(target, words[3] or "") do
    list[#list + 1] = { key = key, value = value }
  end
  return list
end

function kv.put(target, words)
  local key = need(words[3], "the key")
  write(target, "kv.put", key, json_of(words[4], "the value"))
end

function kv.delete(target, words)
  local key = need(words[3], "the key")
  if write(target, "kv.delete", key) == 0 then
    fail("%s has no key '%s'", target.label, key)
  end
end

function commands.kv(words)
  local run = kv[words[1]] or usage("say open-do kv list, get, put or delete")
  return run(target_of(words[2]), words)
end

for _, name in ipairs { "hibernate", "evict", "reset", "delete" } do
  commands[name] = function(words)
    look(target_of(words[1]), name)
  end
end

-- Printing ----------------------------------------------------------------------------------------

local function text_of(value)
  return (json.try_encode(typed.encode(value), true))
end

local function print_value(value)
  if value ~= nil then
    print(text_of(value))
  end
end

return function(name, words, as_json)
  local _ = as_json
  local ok, result = pcall(commands[name], words)
  if ok then
    print_value(result)
    return 0
  end
  local is_usage = getmetatable(result) == Usage
  io.stderr:write("open-do: ", is_usage and result.text or tostring(result), "\n")
  return is_usage and 2 or 1
end
