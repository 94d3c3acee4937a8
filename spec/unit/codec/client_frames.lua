-- A client of our own that can also do everything wrong: frames as byte strings, for the specs.

local websocket = require "spec.support.websocket"

local M = {}

M.opcodes = { continuation = 0, text = 1, binary = 2, close = 8, ping = 9, pong = 10 }

local function big_endian(number, bytes)
  local text = ""
  for _ = 1, bytes do
    text = string.char(number % 256) .. text
    number = math.floor(number / 256)
  end
  return text
end

local function length_field(size, form)
  form = form or (size < 126 and 7 or size < 65536 and 16 or 64)
  if form == 7 then
    return size, ""
  end
  return form == 16 and 126 or 127, big_endian(size, form / 8)
end

---A frame. Options: fin (default true), rsv (0 to 7), mask (4 bytes; false: unmasked), form (7, 16
---or 64: how the length is written), size (the length that is written, when it is a lie).
---@param opcode string|integer
---@param payload string
---@param options table?
---@return string
function M.frame(opcode, payload, options)
  options = options or {}
  local mask = options.mask == nil and "\55\250\33\61" or options.mask
  local first = (options.fin == false and 0 or 128) + (options.rsv or 0) * 16
    + (M.opcodes[opcode] or opcode)
  local size, more = length_field(options.size or #payload, options.form)
  return string.char(first, size + (mask and 128 or 0)) .. more .. (mask or "")
    .. (mask and websocket.mask(payload, mask) or payload)
end

---A message cut into frames of the given payloads.
function M.fragments(opcode, payloads, options)
  local out = {}
  for i, payload in ipairs(payloads) do
    local rsv = i == 1 and options and options.rsv or 0
    local frame_opcode = i == 1 and opcode or "continuation"
    out[i] = M.frame(frame_opcode, payload, { fin = i == #payloads, rsv = rsv })
  end
  return table.concat(out)
end

function M.close(code, reason)
  return M.frame("close", code and big_endian(code, 2) .. (reason or "") or "")
end

return M
