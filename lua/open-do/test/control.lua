-- Questions to the control socket of a running server, as `open-do status` asks them.
local ffi = require "ffi"

require "open-do.test.process" -- Declares poll, read, close.

local C = ffi.C

if not pcall(ffi.typeof, "od_test_address") then
  ffi.cdef [[
  typedef struct { unsigned short family; char path[108]; } od_test_address;
  int socket(int domain, int type, int protocol);
  int connect(int fd, const od_test_address *address, unsigned int size);
  long send(int fd, const void *bytes, size_t size, int flags);
  ]]
end

local AF_UNIX, SOCK_STREAM, MSG_NOSIGNAL, POLLIN = 1, 1, 0x4000, 1

local M = {}

local buffer = ffi.new("char[65536]")

local function read_answer(fd, seconds)
  local parts = {}
  local waits = ffi.new("od_spec_pollfd[1]", { { fd, POLLIN, 0 } })
  while true do
    if C.poll(waits, 1, seconds * 1000) ~= 1 then
      return nil, ("no answer within %d s"):format(seconds)
    end
    local count = tonumber(C.read(fd, buffer, 65536))
    if count <= 0 then
      return table.concat(parts)
    end
    parts[#parts + 1] = ffi.string(buffer, count)
  end
end

-- Says `line` to the server over the data directory; returns its answer, or nil and why not.
function M.ask(directory, line, seconds)
  local path = directory .. "/control.sock"
  if #path > 107 then
    return nil, "the path of the data directory is too long: " .. directory
  end
  local fd = C.socket(AF_UNIX, SOCK_STREAM, 0)
  local address = ffi.new("od_test_address", { AF_UNIX, path })
  local text, why = nil, "the server is not there"
  if C.connect(fd, address, ffi.sizeof(address)) == 0 then
    C.send(fd, line .. "\n", #line + 1, MSG_NOSIGNAL)
    text, why = read_answer(fd, seconds)
  end
  C.close(fd)
  if not text then
    return nil, why
  end
  local verdict, rest = text:match("^(%w+)\n(.*)$")
  if verdict ~= "ok" then
    return nil, rest or text
  end
  return rest
end

return M
