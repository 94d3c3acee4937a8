-- The running program, as the commands see it: what can be asked of it about its objects.
local _, native = ...

local words = require "open-do.command.words"

local ask, decode, encode = native.command, native.test.decode, native.test.encode
local array = native.json.array
local fail = words.fail

local PAGE = 500
local PAGE_BYTES = 4096     -- Of a page of a database.
local ALL_SLOTS = 1024 * 1025 * 2049 / 6 -- The sum of (slot + 1) squared.
local SUGGESTED_MAX = 10000 -- Objects looked at for a name that was meant.

local M = {}

local function yielded(ok, ...)
  if not ok then
    error((...), 0)
  end
  return ...
end

-- What `walk` yields, one after the other. coroutine.wrap would put a line of this program in front
-- of an error.
local function iterate(walk)
  local thread = coroutine.create(walk)
  return function()
    return yielded(coroutine.resume(thread))
  end
end

local function perform(target, method, command, sent)
  local bytes, why = ask.call(target.space, target.name, target.id, method, command, sent)
  return bytes or fail("%s: %s", target.label, why)
end

local function values(...)
  local bytes, why = encode(...)
  return bytes or fail("%s", why)
end

--- What a method of the object returns.
function M.call(target, method, ...)
  return decode(perform(target, method, nil, values(...)))
end

--- Has the object itself do something (lua/engine/commands.lua).
function M.write(target, command, ...)
  return decode(perform(target, nil, command, values(...)))
end

--- Does something about the object, whose code has no part in it.
function M.act(target, command)
  perform(target, nil, command, "")
end

--- What is known of the object.
function M.object(target)
  return ask.facts(perform(target, nil, "object", ""))[1]
end

--- Fails when the script has no such namespace. `label` is what was asked for.
function M.check_namespace(space, label)
  M.object { label = label or space, space = space, name = "-" } -- As any object of it would.
end

-- An array of them, and how many they are when some are nil.
local function listed(...)
  local list, count = array { ... }, select("#", ...)
  for i = 1, count do
    if list[i] == nil then
      return { ... }, count
    end
  end
  return list
end

--- Its schedules: { name =, time =, every = or cron = and zone =, method =, arguments =, count = }.
function M.schedules(target)
  local schedules = ask.facts(perform(target, nil, "schedules.list", ""))
  for _, schedule in ipairs(schedules) do
    schedule.arguments, schedule.count = listed(decode(schedule.arguments))
  end
  return schedules
end

--- Gives it a schedule as `schedules` returns it.
function M.put_schedule(target, schedule)
  local kind = schedule.cron and 2 or schedule.every and 1 or 0
  local arguments = values(unpack(schedule.arguments, 1, schedule.count or #schedule.arguments))
  perform(target, nil, "schedules.put", ask.pack(schedule.name) .. ask.count(schedule.time) ..
    string.char(kind) .. ask.count(schedule.every or 0) ..
    ask.pack(schedule.cron or "", schedule.zone or "", schedule.method, arguments))
end

--- Its sockets, or the first `limit` of them, as tables of facts.
function M.sockets(target, limit)
  return ask.facts(perform(target, nil, "sockets.list", limit and ask.pack(limit) or ""))
end

--- Messages of its sockets behind the one with the number `after`, while they are watched: from the
--- first question on.
function M.messages(target, after)
  return ask.facts(perform(target, nil, "sockets.watch", ask.count(after)))
end

--- The methods of its class, and the fields of its instance: { field =, type =, value = }.
function M.inside(target)
  local records = ask.facts(perform(target, nil, "inside", ""))
  return (table.remove(records, 1) or {}).methods or {}, records
end

--- Its last events, as tables of facts; it is watched from now on.
function M.events(target)
  return ask.facts(perform(target, nil, "events", ""))
end

--- Whether it has [key], and its value.
function M.get(target, key)
  local pair = ask.pairs(perform(target, nil, "kv.get", ask.pack(key)))[1]
  if pair then
    return true, pair[2]
  end
  return false
end

--- What statements give: { columns =, rows =, rowsRead =, rowsWritten = }. What only reads does not
--- wake the object.
function M.sql(target, read_only, statement, ...)
  local columns, rows, read = ask.rows(perform(target, nil, "sql.read", ask.query(statement, ...)))
  if columns then
    return { columns = array(columns), rows = array(rows), rowsRead = read, rowsWritten = 0 }
  elseif read_only then
    fail("%s: the statement writes, and only reading is allowed", target.label)
  end
  local names, written_rows, rows_read, written = M.write(target, "sql", statement, ...)
  return { columns = array(names), rows = array(written_rows), rowsRead = rows_read,
    rowsWritten = written }
end

--- Each of its pairs in turn. Values may be so large that one answer does not hold a page of them.
function M.each_pair(target, prefix)
  return iterate(function()
    local after, limit = "", PAGE
    repeat
      local sent = ask.pack(prefix, after, limit)
      local bytes, why = ask.call(target.space, target.name, target.id, nil, "kv.list", sent)
      if not bytes and limit > 1 and why:find("would return more than", 1, true) then
        limit = math.ceil(limit / 20)
      else
        local page = ask.pairs(bytes or fail("%s: %s", target.label, why))
        for _, pair in ipairs(page) do
          coroutine.yield(pair[1], pair[2])
        end
        after = #page == limit and page[#page][1] or nil
      end
    until not after
  end)
end

--- A number for all it has stored now; `number` again: nothing was stored since it was given.
function M.mark(target, number)
  return perform(target, nil, "mark", number or ("\0"):rep(8))
end

--- Each page of its database in turn, and how many there are; nil: it was written to meanwhile.
function M.each_page(target)
  return iterate(function()
    local number, mark = 1, ("\0"):rep(8)
    repeat
      local bytes = perform(target, nil, "database.get", ask.pack(number) .. mark)
      local count, begin = ask.number(bytes, 8), 12
      mark = bytes:sub(1, 8)
      if mark == ("\0"):rep(8) then
        coroutine.yield(false)
        return
      end
      while begin < #bytes do
        coroutine.yield(bytes:sub(begin + 1, begin + PAGE_BYTES), count)
        number, begin = number + 1, begin + PAGE_BYTES
      end
    until number > count
  end)
end

--- Writes pages of its database, from the one with this number on.
function M.put_pages(target, number, bytes)
  perform(target, nil, "database.put", ask.pack(number, bytes))
end

--- What is logged behind the line `after` ("0": what is remembered), once there is something: the
--- number of the last line, how many are missing, the lines as JSON.
function M.log(after)
  local text, why = ask.ask("log", after)
  local number, missed, lines = (text or fail("%s", why)):match("^(%d+) (%d+)\n(.*)$")
  return number, tonumber(missed), lines
end

-- Where the list of the node behind `id` begins, nil: there is none. A program that is no node is
-- 0.
local function node_behind(id)
  local text = ask.ask("nodes", "all")
  for _, node in ipairs(text and native.json.try_decode(text).nodes or { { id = 0 } }) do
    if node.id > id then
      return { node = node.id, worker = 0, place = "" }
    end
  end
end

--- Where a list begins: with the first node of a cluster.
function M.first_page()
  return node_behind(-1)
end

-- A node that cannot be asked now is left out of a list that says so.
local function leave_out(query, at, why)
  local is_known = why:find("is no place in the list", 1, true) -- It is the question that is wrong.
  if at.node == 0 or is_known or not query.missing then
    fail("%s", at.node == 0 and why or ("node %d: %s"):format(at.node, why))
  end
  table.insert(query.missing, ("node %d: %s"):format(at.node, why))
  return {}, node_behind(at.node), 0
end

--- A page of the list of objects, of about `limit` but perhaps of none, as facts; and where the
--- next one begins, nil: there is none; and the sum of the slots of the worker that has it. In
--- a cluster one node comes behind the other; with `missing`, those that cannot be asked are told
--- there.
--- With `order`, of the living ones only the first `limit` of those it looked at.
---@param query { scope: string, space: string, beginning: string, bytes?: boolean,
---  order?: string, missing?: string[] }
function M.page(query, at, limit)
  local bytes, why = ask.list(at.node, at.worker, query.scope, query.space, query.beginning,
    query.bytes, limit, at.place, query.order)
  if not bytes then
    return leave_out(query, at, why)
  end
  local workers, place, begin, slots = ask.page(bytes)
  if at.workers and at.workers ~= workers then
    fail("the cursor is of a time with %d workers, now there are %d: begin without it", at.workers,
      workers)
  end
  local worker, objects = place == "" and at.worker + 1 or at.worker, ask.facts(bytes, begin)
  for _, object in ipairs(objects) do
    object.node = at.node > 0 and at.node or nil
  end
  if worker < workers then
    return objects, { node = at.node, workers = workers, worker = worker, place = place }, slots
  end
  return objects, at.node > 0 and node_behind(at.node) or nil, slots
end

--- Each object of a query, as facts, or with `order` those that may be among the first `limit`. One
--- that comes or goes meanwhile may come twice or not at all. Without `missing` it fails when it
--- was not over all slots, for some were on their way from one node to another.
function M.each_object(query)
  return iterate(function()
    local at, sum, has_moved, slots_before = M.first_page(), 0, false, nil
    while at do
      local objects, behind, slots = M.page(query, at, query.order and query.limit or PAGE)
      has_moved = has_moved or slots_before ~= nil and slots_before ~= slots
      local goes_on = behind and behind.node == at.node and behind.worker == at.worker
      slots_before, sum = goes_on and slots or nil, sum + (goes_on and 0 or slots)
      at = behind
      for _, object in ipairs(objects) do
        coroutine.yield(object)
      end
    end
    if not query.missing and (has_moved or sum ~= ALL_SLOTS) then
      fail("objects are on their way from one node to another; try again when open-do cluster " ..
        "status has no slots on their way")
    end
  end)
end

local IDLE = { asleep = true, ["without a class"] = true }

local function is_there(object)
  return not IDLE[object.state] or object.stored ~= 0 or (object.sockets or 0) > 0 or
    (object.errors or 0) > 0
end

local function names_of(space)
  local names = {}
  for object in M.each_object { scope = "all", space = space, beginning = "", missing = {} } do
    names[#names + 1] = is_there(object) and object.name or nil
    if #names == SUGGESTED_MAX then
      break
    end
  end
  return names
end

--- Fails when there is no such object: it has no instance, no socket and nothing stored.
function M.check_exists(target)
  local object = M.object(target)
  if is_there(object) then
    return object
  end
  local meant = target.name and ask.nearest(target.name, names_of(target.space))
  fail("there is no object %s%s", target.label,
    meant and ("; did you mean %s/%s?"):format(target.space, meant) or "")
end

--- The object, as check_exists has it, and in a cluster which node serves it, unless it is on its
--- way to one.
function M.placed(target)
  local object = M.check_exists(target)
  local node = tonumber((ask.ask("nodes", "owner " .. object.id)))
  object.node = node and node > 0 and node or nil
  return object
end

return M
