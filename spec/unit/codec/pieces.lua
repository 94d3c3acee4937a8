-- Bytes arrive in pieces that nobody chooses. A codec must tell the same whatever they are, so
-- specs feed every conversation in all the ways that this module cuts it, each piece in memory of
-- its own.

local core = require "spec.support.core"
local assert = require "luassert"
local ffi = core.ffi

ffi.cdef [[
void *malloc(size_t size);
void free(void *memory);
]]

local M = {}

local RANDOM_WAYS = 6

local function by_size(text, size)
  local pieces = {}
  for from = 1, #text, size do
    pieces[#pieces + 1] = text:sub(from, from + size - 1)
  end
  return pieces
end

local function at_random(text, seed)
  math.randomseed(seed)
  local longest = math.random(2, math.max(2, math.min(#text, 4096)))
  local pieces, from = {}, 1
  while from <= #text do
    local size = math.random(1, longest)
    pieces[#pieces + 1] = text:sub(from, from + size - 1)
    from = from + size
  end
  return pieces
end

-- Ways to cut [text]: a list of { name = string, pieces = string[] }, the first of them in one
-- piece. Long texts are not cut into single bytes.
function M.ways(text)
  if text == "" then
    return { { name = "in one piece", pieces = { "" } } }
  end
  local ways = { { name = "in one piece", pieces = { text } } }
  if #text <= 20000 then
    ways[2] = { name = "byte by byte", pieces = by_size(text, 1) }
  end
  for seed = 1, RANDOM_WAYS do
    ways[#ways + 1] = { name = "at random, seed " .. seed, pieces = at_random(text, seed) }
  end
  return ways
end

-- Calls [hear] with the pieces of each way, asserts that all results are the same, and returns it.
function M.same_in_all(text, hear)
  local first
  for i, way in ipairs(M.ways(text)) do
    local result = hear(way.pieces)
    first = i == 1 and result or first
    assert.same(first, result, "the input was cut " .. way.name)
  end
  return first
end

-- Calls [use] with a copy of [text] in memory that ends where the text ends, so that a sanitizer
-- sees a codec that reads too far. Returns what [use] returns.
function M.with_copy(text, use)
  local memory = ffi.cast("char *", ffi.C.malloc(math.max(#text, 1)))
  ffi.copy(memory, text, #text)
  local ok, result = pcall(use, memory, #text)
  ffi.C.free(memory)
  assert(ok, result)
  return result
end

return M
