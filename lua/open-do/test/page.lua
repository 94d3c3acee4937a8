-- The test page of a server: the file through which a spec sets its clock and arms its faults. Its
-- form is that of struct od_fault_page (runtime/base/fault.h).
local ffi = require "ffi"

local SLOTS, NAME_BYTES = 8, 24
local SLOT_BYTES, FIRST_SLOT = NAME_BYTES + 8, 8
local WALL_CLOCK = FIRST_SLOT + SLOTS * SLOT_BYTES

local Page = {}
Page.__index = Page

local M = {}

-- Makes the file `path`.
function M.new(path)
  local file = assert(io.open(path, "wb"))
  file:write(("\0"):rep(WALL_CLOCK + 8))
  file:close()
  return setmetatable({ path = path, faults = {}, fault_count = 0, ms = 0, wall_ms = 0 },
    Page)
end

function Page:write(offset, bytes)
  local file = assert(io.open(self.path, "r+b"))
  file:seek("set", offset)
  file:write(bytes)
  file:close()
end

local function number(kind, value)
  return ffi.string(ffi.new(kind .. "[1]", value), ffi.sizeof(kind))
end

-- Arms the fault `name`: after `skip` passes (0) it fails `times` times (-1: until it is set anew).
function Page:arm(name, times, skip)
  local slot = self.faults[name]
  if not slot then
    slot = self.fault_count
    assert(slot < SLOTS, "too many faults")
    self.faults[name], self.fault_count = slot, slot + 1
  end
  local offset = FIRST_SLOT + slot * SLOT_BYTES
  self:write(offset + NAME_BYTES, number("int32_t", skip or 0))
  self:write(offset, name .. ("\0"):rep(NAME_BYTES - #name))
  self:write(offset + NAME_BYTES + 4, number("int32_t", times))
end

-- How many passes of the fault `name` are left before it fails.
function Page:skips(name)
  local file = assert(io.open(self.path, "rb"))
  file:seek("set", FIRST_SLOT + self.faults[name] * SLOT_BYTES + NAME_BYTES)
  local skip = ffi.new("int32_t[1]")
  ffi.copy(skip, file:read(4), 4)
  file:close()
  return skip[0]
end

-- All clocks of the server go forward.
function Page:turn_clock(ms)
  self.ms = self.ms + ms
  self:write(0, number("int64_t", self.ms))
end

-- Somebody sets the wall clock, ahead or (below zero) back.
function Page:set_wall_clock(ms)
  self.wall_ms = self.wall_ms + ms
  self:write(WALL_CLOCK, number("int64_t", self.wall_ms))
end

return M
