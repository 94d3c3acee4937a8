-- The globals of scripts, for luacheck: `stds.open_do = dofile "types/open-do/luacheck.lua"`.
local function fields(names)
  local found = {}
  for name in names:gmatch("%S+") do
    found[name] = {}
  end
  return { fields = found }
end

local M = { read_globals = {} }

for name in ([[
  _G _VERSION assert collectgarbage error getmetatable ipairs load loadstring next pairs pcall print
  rawequal rawget rawset require select setmetatable tonumber tostring type unpack xpcall
]]):gmatch("%S+") do
  M.read_globals[name] = {}
end

M.read_globals.bit = fields "arshift band bnot bor bswap bxor lshift rol ror rshift tobit tohex"
M.read_globals.coroutine = fields "create isyieldable resume running status wrap yield"
M.read_globals.math = fields [[
  abs acos asin atan atan2 ceil cos cosh deg exp floor fmod frexp huge ldexp log log10 max min modf
  pi pow rad random randomseed sin sinh sqrt tan tanh
]]
M.read_globals.os = fields "clock date difftime time"
M.read_globals.string = fields [[
  byte char find format gmatch gsub len lower match rep reverse sub upper
]]
M.read_globals.package = fields "config loaded path searchpath"
M.read_globals.table = fields "concat insert maxn move pack remove sort unpack"

return M
