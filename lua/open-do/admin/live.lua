-- The page's WebSocket: it says which commands it wants to see, and gets their answers anew each
-- second, until it says otherwise.
--
--   page  {"id":1,"command":"objects","arguments":{"namespace":"rooms"},"again":true}
--   here  {"id":1,"ok":true,"value":[...]}  or  {"id":1,"ok":false,"error":"..."}
--   page  {"id":1,"stop":true}
local _, native = ...

local api = require "open-do.admin.api"
local guard = require "open-do.admin.guard"
local task = require "open-do.admin.task"

local send, close = native.admin.send, native.admin.close
local json = native.json

local WATCHED_MAX = 32 -- Of one page.

local M = {}

local pages = {} -- Number of the WebSocket -> { visitor =, who =, watched = { [id] = watch } }

function M.open(number, visitor)
  if not native.admin.upgrade(number) then
    return false
  end
  pages[number] = { visitor = visitor, who = guard.describe(visitor.request), watched = {} }
  return true
end

function M.closed(number)
  pages[number] = nil
end

local function tell(number, watch, id, head, body)
  local text = ('{"id":%d,%s%s}'):format(id, head, body)
  if watch and watch.last == text then
    return
  end
  if send(number, text) and watch then
    watch.last = text
  end
end

local function run(number, id, command, arguments, watch)
  local page = pages[number]
  task.start(page.who, function()
    local ok, result = pcall(api.run, command, arguments, page.visitor.role)
    if watch then
      watch.is_running = false
    end
    if ok then
      tell(number, watch, id, '"ok":true,"value":', result)
    else
      tell(number, watch, id, '"ok":false,"error":', api.encode((api.explain(result))))
    end
  end)
end

local function again(number, id, watch)
  if not watch.is_running then
    watch.is_running = true
    run(number, id, watch.command, watch.arguments, watch)
  end
end

local function count_of(watched)
  local count = 0
  for _ in pairs(watched) do
    count = count + 1
  end
  return count
end

local function begin(number, wish)
  local page, command = pages[number], api.find(wish.command or "")
  local arguments = type(wish.arguments) == "table" and wish.arguments or {}
  if not command then
    tell(number, nil, wish.id, '"ok":false,"error":', '"there is no such command"')
  elseif not wish.again or command.writes then
    run(number, wish.id, command, arguments)
  elseif count_of(page.watched) < WATCHED_MAX then
    page.watched[wish.id] = { command = command, arguments = arguments }
    again(number, wish.id, page.watched[wish.id])
  end
end

function M.message(number, text)
  local page, wish = pages[number], json.try_decode(text)
  if not page then
    return
  elseif type(wish) ~= "table" or type(wish.id) ~= "number" then
    close(number, 1003, "that is no question")
  elseif wish.stop then
    page.watched[wish.id] = nil
  else
    begin(number, wish)
  end
end

function M.tick()
  for number, page in pairs(pages) do
    for id, watch in pairs(page.watched) do
      again(number, id, watch)
    end
  end
end

return M
