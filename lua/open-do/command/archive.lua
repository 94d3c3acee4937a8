-- Objects as JSON lines, and back. A line that has "object" begins one: its namespace, its name or
-- id, its alarm, how many pages its database has; the lines behind it are its schedules, its pairs,
-- and then the pages. Values come back exactly as they were (typed.lua), and so does the database:
-- its pages in base64, decoded and one behind the other, are a file of SQLite.
local _, native = ...

local od = require "open-do"
local server = require "open-do.command.server"
local typed = require "open-do.command.typed"
local words = require "open-do.command.words"

local json = native.json

local BATCH = 100       -- Pairs that are imported with one event,
local BATCH_BYTES = 4e6 -- and about what their lines may hold.
local BATCH_PAGES = 256 -- Of a database, with one command.
local TRIES = 5         -- To read an object that is written to.

local SCHEDULE_FIELDS = { "name", "time", "every", "cron", "zone", "method", "arguments", "count" }

local TIME_MAX = 8.64e15   -- Of alarms and schedules: the last moment of a Date.
local ARGUMENTS_MAX = 1000 -- Of a schedule.
local WHOLE = "%s is whole ms since 1970"

local M = {}

local function text_of(value)
  return assert(json.try_encode(typed.encode(value, true)))
end

-- Its fields, always in this order: what is exported twice is the same.
local function schedule_text(schedule)
  local fields = {}
  for _, name in ipairs(SCHEDULE_FIELDS) do
    if schedule[name] ~= nil then
      fields[#fields + 1] = ('"%s":%s'):format(name, text_of(schedule[name]))
    end
  end
  return table.concat(fields, ",")
end

-- All pages as lines, in a file; they are one database only when nothing is written meanwhile.
local function try_pages(target, scratch)
  local file, count = assert(scratch()), 0
  for page, of in server.each_page(target) do
    if not page then
      file:close()
      return
    end
    file:write('{"page":"', od.base64.encode(page), '"}\n')
    count = of
  end
  file:seek("set")
  return file, count
end

local function copy(from, to)
  for block in function() return from:read(65536) end do
    to:write(block)
  end
  from:close()
end

-- Nil: its database was written to meanwhile.
local function try_object(target, scratch)
  local facts = server.check_exists(target)
  local alarm = facts.alarmMs and (',"alarm":%d'):format(facts.alarmMs) or ""
  local pages, page_count
  if facts.database ~= 0 then
    pages, page_count = try_pages(target, scratch)
    if not pages then
      return
    end
    alarm = alarm .. (page_count > 0 and (',"pages":%d'):format(page_count) or "")
  end
  local file = assert(scratch())
  file:write(('{"object":{"namespace":"%s","name":%s,"id":"%s"%s}}\n'):format(facts.namespace,
    facts.name and text_of(facts.name) or "null", facts.id, alarm))
  for _, schedule in ipairs(facts.schedules > 0 and server.schedules(target) or {}) do
    file:write('{"schedule":{', schedule_text(schedule), "}}\n")
  end
  for key, value in server.each_pair(target, "") do
    file:write('{"key":', text_of(key), ',"value":', text_of(value), "}\n")
  end
  if pages then
    copy(pages, file)
  end
  file:seek("set")
  return file
end

-- What was read is of one moment when nothing was stored from the first question to the last.
local function write_object(file, target, scratch, warn)
  local mark, lines = server.mark(target), nil
  for _ = 1, TRIES do
    lines = try_object(target, scratch)
    local before = mark
    mark = server.mark(target, before)
    if lines and mark == before then
      return copy(lines, file)
    end
  end
  if not lines then
    words.fail("%s writes to its database all the time; try again when it does less", target.label)
  end
  warn(("%s writes all the time: its lines are not of one moment"):format(target.label))
  copy(lines, file)
end

--- Writes the object of `NAMESPACE/NAME`, or all stored ones of `NAMESPACE`. `scratch` makes a file
--- for a while, without it on disk. Each object is as it was at one moment, or `warn` says which is
--- not.
function M.export(word, file, scratch, warn)
  scratch = scratch or io.tmpfile
  if word:find("/", 1, true) then
    write_object(file, words.target(word), scratch, warn)
    return
  end
  local is_empty = true
  for object in server.each_object { scope = "all", space = word, beginning = "" } do
    is_empty = false
    if object.stored ~= 0 then
      local target = { label = word .. "/#" .. object.id, space = word, id = object.id }
      write_object(file, target, scratch, warn)
    end
  end
  if is_empty then
    server.check_namespace(word)
  end
end

-- In place of the server, when nothing is to be changed.
local NOBODY = setmetatable({ check_namespace = server.check_namespace },
  { __index = function() return function() end end })

-- What a line says -------------------------------------------------------------------------------

local function check(is_right, what)
  return is_right or words.fail("%s", what)
end

local function decoded(value, what)
  local ok, found = pcall(typed.decode, value)
  check(ok and found ~= nil, what .. " is not written as `export` writes it")
  return found
end

local function is_whole(value, least, most)
  return type(value) == "number" and value >= least and value <= most and value % 1 == 0
end

local function is_text(value)
  return type(value) == "string" and value ~= ""
end

-- Its name, nil when it has none.
local function check_object(object)
  check(type(object) == "table" and is_text(object.namespace),
    'an object is {"namespace":...,"name":...,"id":...}')
  local id, name = object.id, nil
  if object.name ~= nil and object.name ~= json.null then
    name = decoded(object.name, "its name")
    check(is_text(name), "its name is a text")
  end
  local has_id = type(id) == "string" and #id == 64 and id:find("^%x+$") ~= nil
  check(has_id or name and (id == nil or id == "" or id == json.null), name and
    "its id is 64 hex digits, or is left out" or "it needs a name, or an id of 64 hex digits")
  check(object.alarm == nil or is_whole(object.alarm, 0, TIME_MAX), WHOLE:format("its alarm"))
  check(object.pages == nil or is_whole(object.pages, 0, 2 ^ 32 - 1),
    "how many pages it has is a whole number")
  return name
end

local function check_schedule(line)
  local schedule = decoded(line, "a schedule")
  check(type(schedule) == "table" and is_text(schedule.name) and is_text(schedule.method),
    'a schedule is {"name":...,"time":...,"method":...,"arguments":[...]}')
  check(is_whole(schedule.time, 0, TIME_MAX), WHOLE:format("the time of a schedule"))
  check(schedule.every == nil or is_whole(schedule.every, 1000, TIME_MAX),
    ("'every' of a schedule is a whole number of ms, from 1000 to %.0f"):format(TIME_MAX))
  check((schedule.cron == nil or is_text(schedule.cron)) and
    (schedule.zone == nil or type(schedule.zone) == "string"), "'cron' and 'zone' are texts")
  check(type(schedule.arguments) == "table", "the arguments of a schedule are a list")
  check(schedule.count == nil or is_whole(schedule.count, 0, ARGUMENTS_MAX),
    "how many arguments a schedule has is a whole number")
  return schedule
end

local Reading = {}
Reading.__index = Reading

function Reading:flush()
  if self.count > 0 then
    self.server.write(self.target, "kv.put", unpack(self.batch, 1, 2 * self.count))
  end
  self.batch, self.count, self.bytes = {}, 0, 0
end

function Reading:flush_pages()
  if self.held > 0 then
    self.server.put_pages(self.target, self.pages - self.held + 1, table.concat(self.held_pages))
  end
  self.held_pages, self.held = {}, 0
end

-- The first page is kept until all others are there: it makes a database of them.
function Reading:add_page(text)
  local page = decoded({ ["$base64"] = text }, "a page")
  self.pages = self.pages + 1
  if self.pages == 1 then
    self:flush()
    self.first_page = page
    self.server.act(self.target, "database.delete")
  else
    self.held = self.held + 1
    self.held_pages[self.held] = page
  end
  if self.held == BATCH_PAGES then
    self:flush_pages()
  end
end

function Reading:finish_pages()
  if self.pages ~= (self.wanted_pages or 0) then
    words.fail("%s: %d of %d pages of its database are there", self.target.label, self.pages,
      self.wanted_pages or 0)
  end
  self:flush_pages()
  if self.first_page then
    self.server.put_pages(self.target, 1, self.first_page)
  end
  self.pages, self.first_page = 0, nil
end

-- What rings comes last: it may be due at once.
function Reading:finish()
  self:flush()
  self:finish_pages()
  for _, schedule in ipairs(self.schedules) do
    self.server.put_schedule(self.target, schedule)
  end
  self.schedules = {}
  if self.alarm then
    self.server.write(self.target, "alarm.set", self.alarm)
  end
end

-- An object of which nothing is stored is nothing to write: nobody else would notice.
function Reading:check_namespace(name)
  if not self.known[name] then
    self.server.check_namespace(name, self.target.label)
    self.known[name] = true
  end
end

function Reading:begin(object)
  self:finish()
  local name = check_object(object)
  self.target = { label = ("%s/%s"):format(object.namespace, name or "#" .. object.id),
    space = object.namespace, name = name, id = object.id }
  self:check_namespace(object.namespace)
  self.alarm, self.wanted_pages = object.alarm, object.pages
  self.objects = self.objects + 1
end

function Reading:add(line, size)
  if not self.target or not line.page and not line.schedule and
    (line.key == nil or line.value == nil) then
    words.fail("it is neither an object nor a schedule, a pair or a page of one")
  end
  if line.page then
    self:add_page(line.page)
    return
  end
  if line.schedule then
    self.schedules[#self.schedules + 1] = check_schedule(line.schedule)
    return
  end
  local key = decoded(line.key, "the key")
  check(type(key) == "string", "the key is a text")
  self.batch[2 * self.count + 1] = key
  self.batch[2 * self.count + 2] = decoded(line.value, "the value of a pair")
  self.count, self.bytes = self.count + 1, self.bytes + size
  if self.count == BATCH or self.bytes > BATCH_BYTES then
    self:flush()
  end
end

function Reading:take(line)
  local size, problem = 0, nil
  if type(line) == "string" then
    size, line, problem = #line, json.try_decode(line)
  end
  if type(line) ~= "table" then
    words.fail("%s", problem or "it is no JSON object")
  elseif line.object ~= nil then
    self:begin(line.object)
  else
    self:add(line, size)
  end
end

--- Reads what `export` wrote; what is there already under other keys stays. A database that is
--- there already stays when none was exported, and else takes the place of it. `lines` gives each
--- in turn, as text or as what that is in JSON.
---@param only_look? boolean Changes nothing: fails where the lines are wrong by themselves.
---@return integer objects
function M.import(lines, only_look)
  local reading = setmetatable({ server = only_look and NOBODY or server, objects = 0, batch = {},
    count = 0, bytes = 0, schedules = {}, held_pages = {}, held = 0, pages = 0,
    known = {} }, Reading)
  local number = 0
  for line in lines do
    number = number + 1
    local ok, problem = pcall(reading.take, reading, line)
    if not ok then
      words.fail("line %d: %s", number, (words.explain(problem)))
    end
  end
  reading:finish()
  return reading.objects
end

return M
