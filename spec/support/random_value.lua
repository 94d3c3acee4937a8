-- Random values for property specs: the same seed gives the same values on every machine.

local bit = require "bit"
local ffi = require "ffi"

local M = {}

local cell = ffi.new("union { double number; uint32_t half[2]; }")

-- xorshift32, because math.random differs between Lua versions.
function M.new(seed)
  local state = seed
  local random = {}

  -- A whole number from 1 to [limit].
  function random.below(limit)
    state = bit.bxor(state, bit.lshift(state, 13))
    state = bit.bxor(state, bit.rshift(state, 17))
    state = bit.bxor(state, bit.lshift(state, 5))
    return state % limit + 1
  end

  function random.pick(list)
    return list[random.below(#list)]
  end

  function random.bytes(count)
    local bytes = {}
    for at = 1, count do
      bytes[at] = string.char(random.below(256) - 1)
    end
    return table.concat(bytes)
  end

  -- Any double but NaN and the infinities, by its bits. (A NaN of odd bits must not get into Lua.)
  function random.double()
    local high = random.below(2 ^ 32) - 1
    local is_finite = bit.band(high, 0x7ff00000) ~= 0x7ff00000
    cell.half[0], cell.half[1] = random.below(2 ^ 32) - 1, is_finite and high or 0
    return cell.number
  end

  return random
end

-- The numbers at which printing and reading go wrong.
M.numbers = {
  0, -0.0, 1, -1, 0.1, 0.2, 0.3, 1 / 3, 2 / 3, 1.5, -1.25, 3.14159, 1e-3, 9.99e-4, 123456.789,
  999999.99999999, 1e6, 1e15, 1e16, 1e21, 1e22, 1e23, 2 ^ 31, 2 ^ 32, 2 ^ 53 - 1, 2 ^ 53,
  2 ^ 53 + 2,
  -2 ^ 53, 2 ^ 63, 2 ^ 64, 1.7976931348623157e308, 2.2250738585072014e-308, 5e-324, 4.9e-320,
  9007199254740993, 0.1 + 0.2, 100 / 3, 1e-7, 1.1e-7, 123456789012345680, 5e-7,
  0.000123, 72057594037927945,
}

return M
