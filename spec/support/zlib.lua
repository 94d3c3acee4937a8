-- Raw deflate as RFC 7692 uses it, with Debian's zlib through the FFI: for clients of specs.
local ffi = require "ffi"

pcall(ffi.cdef, [[
typedef struct {
  const char *next_in; unsigned avail_in; unsigned long total_in;
  char *next_out; unsigned avail_out; unsigned long total_out;
  const char *msg; void *state; void *zalloc; void *zfree; void *opaque;
  int data_type; unsigned long adler; unsigned long reserved;
} od_spec_zstream;
const char *zlibVersion(void);
int deflateInit2_(od_spec_zstream *s, int level, int method, int bits, int mem, int strategy,
                  const char *version, int size);
int deflate(od_spec_zstream *s, int flush);
int deflateEnd(od_spec_zstream *s);
int inflateInit2_(od_spec_zstream *s, int bits, const char *version, int size);
int inflate(od_spec_zstream *s, int flush);
int inflateEnd(od_spec_zstream *s);
]])
local z = ffi.load("z.so.1")

local M = {}

local SYNC_FLUSH, FULL_FLUSH, DEFLATED = 2, 3, 8
local TAIL = "\0\0\255\255"

-- The payload of a compressed message; `options` = { bits = 15, level = 6, flush = "full" }.
function M.deflate(message, options)
  options = options or {}
  local stream, room = ffi.new("od_spec_zstream"), #message + #message / 100 + 1024
  local out = ffi.new("char[?]", room)
  assert(z.deflateInit2_(stream, options.level or 6, DEFLATED, -(options.bits or 15), 8, 0,
    z.zlibVersion(), ffi.sizeof(stream)) == 0)
  stream.next_in, stream.avail_in = message, #message
  stream.next_out, stream.avail_out = out, room
  z.deflate(stream, options.flush == "full" and FULL_FLUSH or SYNC_FLUSH)
  assert(stream.avail_in == 0)
  z.deflateEnd(stream)
  local payload = ffi.string(out, room - stream.avail_out)
  assert(payload:sub(-4) == TAIL)
  return payload:sub(1, -5)
end

-- What such a payload says; `bits` is the window that is enough for it, `room` its largest size.
function M.inflate(payload, bits, room)
  local input, stream = payload .. TAIL, ffi.new("od_spec_zstream")
  room = room or 200 * 1024
  local out = ffi.new("char[?]", room)
  assert(z.inflateInit2_(stream, -(bits or 15), z.zlibVersion(), ffi.sizeof(stream)) == 0)
  stream.next_in, stream.avail_in = input, #input
  stream.next_out, stream.avail_out = out, room
  local status = z.inflate(stream, SYNC_FLUSH)
  z.inflateEnd(stream)
  assert((status == 0 or status == 1) and stream.avail_in == 0, "not what a compressor made")
  return ffi.string(out, room - stream.avail_out)
end

return M
