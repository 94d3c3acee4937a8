-- What a script can do to the process it runs in: loops that never end, and bombs that take all
-- memory. Each is the body of a handler, in which `self`, `ws` and `od` are there.

local M = {}

-- Ways not to end: name, body of a handler.
M.LOOPS = {
  { "a plain loop", "while true do end" },
  { "a compiled loop", "local x = 0 while x < math.huge do x = x + 1 x = x % 1000 end" },
  { "a loop of goto", "::again:: goto again" },
  { "repeat until false", "local n = 0 repeat n = n + 1 until n < 0" },
  { "a numeric for", "for i = 1, math.huge do local _ = i end" },
  { "an iterator without end", "for _ in function() return 1 end do end" },
  { "a loop in pcall", "pcall(function() while true do end end)" },
  { "pcall in a loop", "while true do pcall(error, 'x') end" },
  { "a loop in the handler of xpcall", "xpcall(error, function() while true do end end)" },
  { "a loop in a coroutine", "coroutine.wrap(function() while true do end end)()" },
  { "coroutines without end", "while true do coroutine.wrap(function() end)() end" },
  { "two coroutines that play", "local c = coroutine.wrap(function() "
    .. "while true do coroutine.yield() end end) while true do c() end" },
  { "tail calls", "local function f() return f() end f()" },
  { "a hostile pattern", "string.find(('a'):rep(60), ('a-'):rep(60) .. 'b')" },
  { "a comparison that loops", "table.sort({ 2, 1 }, function() while true do end end)" },
  { "a loop in gsub", "string.gsub('abc', '.', function() while true do end end)" },
  { "a loop in __index", "local _ = setmetatable({}, { __index = function() "
    .. "while true do end end }).x" },
  { "a loop in __tostring", "tostring(setmetatable({}, { __tostring = function() "
    .. "while true do end end }))" },
  { "string.rep again and again", "while true do local _ = ('x'):rep(1e6) end" },
  { "reads without end", "while true do self.state.storage:get('k') end" },
  -- Also past the limit on the writes of one stretch, which a fast machine reaches.
  { "writes without end", "local storage = self.state.storage "
    .. "while true do pcall(storage.put, storage, 'k', 1) end" },
  { "sockets without end", "while true do self.state:getWebSockets() end" },
  { "JSON without end", "while true do od.json.decode('[1,2,3]') end" },
  { "waitUntil that loops", "self.state:waitUntil(function() while true do end end)" },
  { "memory that runs out again and again", "while true do pcall(function() "
    .. "local t = {} while true do t[#t + 1] = {} end end) end" },
  { "a loop in __newindex", "setmetatable({}, { __newindex = function() "
    .. "while true do end end }).x = 1" },
  { "a loop in __concat", "local _ = setmetatable({}, { __concat = function() "
    .. "while true do end end }) .. 'x'" },
  { "a pattern that looks for itself", "string.match(('x'):rep(1e6), '.-.-.-.-b')" },
  { "gsub with a hostile pattern", "(('a'):rep(40) .. 'c'):gsub(('a?'):rep(40) .. ('a'):rep(40) "
    .. "..'b', '')" },
  { "a module that loops", "require 'endless'" },
  { "attachments without end", "while true do ws:serializeAttachment { 1 } end" },
  { "lists without end", "while true do for _ in self.state.storage:list() do end end" },
  { "hashes without end", "while true do od.sha256('x') end" },
  { "requests made without end", "while true do od.Request('http://a/b?c=d') end" },
}

-- Ways to take all memory: name, body of a handler.
M.BOMBS = {
  { "string.rep", "return ('x'):rep(1e9)" },
  { "doubling a string", "local s = 'x' while true do s = s .. s end" },
  { "table.concat", "local t = {} for i = 1, 1e3 do t[i] = ('x'):rep(1e5) end "
    .. "return table.concat(t)" },
  { "gsub", "return (('x'):rep(1e6):gsub('x', ('y'):rep(1e3)))" },
  { "a table that grows", "local t = {} for i = 1, math.huge do t[i] = i end" },
  { "tables in tables", "local t = {} while true do t = { t, {}, {} } end" },
  { "many strings", "local t = {} for i = 1, math.huge do t[i] = 'number ' .. i end" },
  { "closures", "local f = print while true do local g = f f = function() return g end end" },
  { "coroutines", "local t = {} while true do t[#t + 1] = coroutine.create(function() end) end" },
  { "string.format", "return string.format(('%s'):rep(20), ('x'):rep(1e6), ('x'):rep(1e6), "
    .. "('x'):rep(1e6), ('x'):rep(1e6), ('x'):rep(1e6), ('x'):rep(1e6), ('x'):rep(1e6), "
    .. "('x'):rep(1e6), ('x'):rep(1e6), ('x'):rep(1e6), ('x'):rep(1e6), ('x'):rep(1e6), "
    .. "('x'):rep(1e6), ('x'):rep(1e6), ('x'):rep(1e6), ('x'):rep(1e6), ('x'):rep(1e6), "
    .. "('x'):rep(1e6), ('x'):rep(1e6), ('x'):rep(1e6)):rep(4)" },
  { "deep recursion", "local function f(...) return 1 + f('x', ...) end return f()" },
  { "JSON", "local t = {} for i = 1, 1e6 do t[i] = 'abcdefgh' end "
    .. "return od.json.encode(t):rep(9)" },
}

-- Lua that makes a table `torments` of all of `list`, by number.
function M.source(list)
  local parts = { "local torments = {}\n" }
  for i, torment in ipairs(list) do
    parts[#parts + 1] = ("torments[%d] = function(self, ws) %s end\n"):format(i, torment[2])
  end
  return table.concat(parts)
end

return M
