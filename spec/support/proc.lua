-- What Linux tells of a process.
local ffi = require "ffi"
local shell = require "spec.support.shell"

pcall(ffi.cdef, [[
long syscall(long number, ...);
int close(int fd);
int getsockopt(int fd, int level, int option, void *value, unsigned *size);
int setsockopt(int fd, int level, int option, const void *value, unsigned size);
]])

local PIDFD_OPEN, PIDFD_GETFD = 434, 438 -- On all processors.

local M = {}

-- A file of it, like "status"; "" when it has ended.
function M.read(pid, name)
  local ok, text = pcall(shell.read, ("/proc/%d/%s"):format(pid, name))
  return ok and text or ""
end

-- A field of its "status", a number: "VmRSS".
function M.status(pid, field)
  return tonumber(M.read(pid, "status"):match("\n" .. field .. ":%s*(%d+)"))
end

-- Memory that is in use now.
function M.resident_kb(pid)
  return assert(M.status(pid, "VmRSS"), "it has ended")
end

-- How many are open.
function M.descriptors(pid)
  return tonumber(shell.text(("ls /proc/%d/fd | wc -l"):format(pid)))
end

-- Calls `visit` with a duplicate of each descriptor of it, which is closed behind that.
function M.each_descriptor(pid, visit)
  local handle = tonumber(ffi.C.syscall(PIDFD_OPEN, ffi.cast("int", pid), ffi.cast("int", 0)))
  assert(handle >= 0, "no such process, or none that we may look into")
  for _, number in ipairs(shell.lines(("ls /proc/%d/fd"):format(pid))) do
    local fd = tonumber(ffi.C.syscall(PIDFD_GETFD, ffi.cast("int", handle),
      ffi.cast("int", tonumber(number)), ffi.cast("int", 0)))
    if fd >= 0 then
      visit(fd)
      ffi.C.close(fd)
    end
  end
  ffi.C.close(handle)
end

-- What is set of a socket; nil: it is none of that kind.
function M.socket_option(fd, level, option)
  local value, size = ffi.new("int[1]"), ffi.new("unsigned[1]", 4)
  return ffi.C.getsockopt(fd, level, option, value, size) == 0 and value[0] or nil
end

function M.set_socket_option(fd, level, option, value)
  assert(ffi.C.setsockopt(fd, level, option, ffi.new("int[1]", value), 4) == 0)
end

return M
