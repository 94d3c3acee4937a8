-- Objects as JSON lines, and back. A line that has "object" begins one: its namespace, its name or
-- its id, its alarm; the lines behind it are its pairs. Values come back exactly as they were
-- (typed.lua).
local _, native = ...

local server = require "open-do.command.server"
local typed = require "open-do.command.typed"
local words = require "open-do.command.words"

local json = native.json

local BATCH = 100       -- Pairs that are imported with one event,
local BATCH_BYTES = 4e6 -- and about what their lines may hold.

local M = {}

local function text_of(value)
  return assert(json.try_encode(typed.encode(value, true)))
end

local function write_object(file, target)
  local facts = server.check_exists(target)
  if facts.database ~= 0 then
    words.fail("%s has a database (storage.sql), which export cannot write yet", target.label)
  end
  if facts.schedules ~= 0 then
    words.fail("%s has schedules, which export cannot write yet", target.label)
  end
  local alarm = facts.alarmMs and (',"alarm":%d'):format(facts.alarmMs) or ""
  file:write(('{"object":{"namespace":"%s","name":%s,"id":"%s"%s}}\n'):format(facts.namespace,
    facts.name and text_of(facts.name) or "null", facts.id, alarm))
  for key, value in server.each_pair(target, "") do
    file:write('{"key":', text_of(key), ',"value":', text_of(value), "}\n")
  end
end

--- Writes the object of `NAMESPACE/NAME`, or all stored ones of `NAMESPACE`.
function M.export(word, file)
  if word:find("/", 1, true) then
    write_object(file, words.target(word))
    return
  end
  for object in server.each_object(word, "") do
    if object.stored ~= 0 then
      write_object(file, { label = word .. "/#" .. object.id, space = word, id = object.id })
    end
  end
end

local Reading = {}
Reading.__index = Reading

function Reading:flush()
  if self.count > 0 then
    server.write(self.target, "kv.put", unpack(self.batch, 1, 2 * self.count))
  end
  self.batch, self.count, self.bytes = {}, 0, 0
end

-- The alarm comes last: it may be due at once.
function Reading:finish()
  self:flush()
  if self.alarm then
    server.write(self.target, "alarm.set", self.alarm)
  end
end

function Reading:begin(object)
  self:finish()
  local name = object.name ~= json.null and typed.decode(object.name) or nil
  self.target = { label = ("%s/%s"):format(object.namespace, name or "#" .. object.id),
    space = object.namespace, name = name, id = object.id }
  self.alarm = object.alarm
  self.objects = self.objects + 1
end

function Reading:add(line, size)
  if not self.target or line.key == nil or line.value == nil then
    words.fail("it is neither an object nor a pair of one")
  end
  self.batch[2 * self.count + 1] = typed.decode(line.key)
  self.batch[2 * self.count + 2] = typed.decode(line.value)
  self.count, self.bytes = self.count + 1, self.bytes + size
  if self.count == BATCH or self.bytes > BATCH_BYTES then
    self:flush()
  end
end

function Reading:take(text)
  local line, problem = json.try_decode(text)
  if type(line) ~= "table" then
    words.fail("%s", problem or "it is no JSON object")
  elseif line.object then
    self:begin(line.object)
  else
    self:add(line, #text)
  end
end

--- Reads what `export` wrote; what is there already under other keys stays.
---@return integer objects
function M.import(lines)
  local reading = setmetatable({ objects = 0, batch = {}, count = 0, bytes = 0 }, Reading)
  local number = 0
  for text in lines do
    number = number + 1
    local ok, problem = pcall(reading.take, reading, text)
    if not ok then
      words.fail("line %d: %s", number, (words.explain(problem)))
    end
  end
  reading:finish()
  return reading.objects
end

return M
