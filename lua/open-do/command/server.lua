-- The running program, as the commands see it: what can be asked of it about its objects.
local _, native = ...

local words = require "open-do.command.words"

local ask, decode, encode = native.command, native.test.decode, native.test.encode
local fail = words.fail

local PAGE = 500
local PAGE_BYTES = 4096     -- Of a page of a database.
local SUGGESTED_MAX = 10000 -- Objects looked at for a name that was meant.

local M = {}

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

--- Its sockets, as tables of facts.
function M.sockets(target)
  return ask.facts(perform(target, nil, "sockets.list", ""))
end

--- Whether it has [key], and its value.
function M.get(target, key)
  local pair = ask.pairs(perform(target, nil, "kv.get", ask.pack(key)))[1]
  if pair then
    return true, pair[2]
  end
  return false
end

--- Each of its pairs in turn. Values may be so large that one answer does not hold a page of them.
function M.each_pair(target, prefix)
  return coroutine.wrap(function()
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

--- Each page of its database in turn, and how many there are; nil: it was written to meanwhile.
function M.each_page(target)
  return coroutine.wrap(function()
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

-- The objects of one worker; false: there is no such worker.
local function walk_worker(worker, space, beginning)
  local after = ""
  repeat
    local bytes, why = ask.inspect(worker, space, beginning, false, PAGE, after)
    if not bytes then
      return why ~= "there is no such worker" and fail("worker %d: %s", worker, why)
    end
    local place, size = ask.string(bytes)
    for _, object in ipairs(ask.facts(bytes, size)) do
      coroutine.yield(object)
    end
    after = place
  until after == ""
  return true
end

--- Each object that is stored or lives, as facts; those of the namespace [space] whose names begin
--- with [beginning]; both may be empty.
function M.each_object(space, beginning)
  return coroutine.wrap(function()
    local worker = 0
    while walk_worker(worker, space, beginning) do
      worker = worker + 1
    end
  end)
end

local function is_there(object)
  return object.state ~= "asleep" or object.stored ~= 0 or object.sockets > 0
end

local function names_of(space)
  local names = {}
  for object in M.each_object(space, "") do
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

return M
