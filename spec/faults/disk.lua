-- A disk whose every write a spec knows, and that can fail (disk.c).
--
--   local disk = Disk.new()
--   local server = Server.start { source = ..., env = disk.environment }
--   disk:fail("sync", { of = "data", skip = 2, times = 1, error = "EIO" })
--   disk:position()  --> where in the trace we are: what is told now has to survive from here on
--   for position, write_image in disk:cuts { images = 1000, seed = 1 } do ... end
--
-- A cut: all that was synced is there, of what was not, any part may be: none, all, or some of the
-- sectors of some of the writes.

local ffi = require "ffi"
local socket = require "socket"
local shell = require "spec.support.shell"

pcall(ffi.cdef, [[
struct od_spec_disk_plan { int32_t part, call, skip, times, error, is_lying, failed; };
void *mmap(void *address, size_t size, int protection, int flags, int fd, long offset);
int munmap(void *address, size_t size);
int open(const char *path, int flags, ...);
int close(int fd);
int mkdir(const char *path, unsigned mode);
long read(int fd, void *memory, size_t size);
long write(int fd, const void *memory, size_t size);
long lseek(int fd, long offset, int from);
]])

local C = ffi.C
local SECTOR, PATIENCE_S = 512, 20
local O_RDONLY, O_RDWR, O_CREAT, O_TRUNC, SEEK_END = 0, 2, 64, 512, 2
local MAP_SHARED, READ_WRITE = 1, 3
local FILE_MODE, DIRECTORY_MODE = ffi.cast("int", 384), 448 -- 0600, 0700
local FILE_BYTES_MAX = 64 * 2 ^ 20
local PARTS = { data = 1, journal = 2 }
local CALLS = { write = 1, sync = 2, dsync = 3, grow = 4 }
local ERRORS = { EIO = 5, ENOSPC = 28 }

local Disk = {}
Disk.__index = Disk

local build = os.getenv("OPEN_DO_BUILD") or "build/testing"

local function absolute(path)
  return path:sub(1, 1) == "/" and path or os.getenv("PWD") .. "/" .. path
end

-- On a file system in memory: images are many, and a real disk is not what is tested here.
function Disk.new()
  local self = setmetatable({}, Disk)
  local name = os.tmpname()
  os.remove(name)
  self.directory = "/dev/shm" .. name
  assert(os.execute("mkdir -p '" .. self.directory .. "'") == 0)
  self.trace = self.directory .. "/trace"
  assert(io.open(self.trace, "wb")):close()
  local path = self.directory .. "/plan"
  local file = assert(io.open(path, "wb"))
  file:write(("\0"):rep(ffi.sizeof("struct od_spec_disk_plan")))
  file:close()
  local fd = C.open(path, O_RDWR)
  self.plan = ffi.cast("struct od_spec_disk_plan *",
    C.mmap(nil, ffi.sizeof("struct od_spec_disk_plan"), READ_WRITE, MAP_SHARED, fd, 0))
  C.close(fd)
  self.trace_fd = C.open(self.trace, O_RDONLY)
  self.environment = {
    LD_PRELOAD = absolute(build) .. "/open_do_disk.so",
    OPEN_DO_DISK_TRACE = self.trace, OPEN_DO_DISK_PLAN = path,
  }
  return self
end

function Disk:remove()
  C.munmap(self.plan, ffi.sizeof("struct od_spec_disk_plan"))
  C.close(self.trace_fd)
  os.execute("rm -rf '" .. self.directory .. "'")
end

-- Calls of a kind ("write", "sync", "dsync", "grow") fail: after `skip` good ones `times` more (-1:
-- all); `of` the "data" file, the "journal", or both.
function Disk:fail(call, options)
  self.plan.times = 0
  self.plan.part = PARTS[options.of] or 0
  self.plan.call, self.plan.skip = CALLS[call], options.skip or 0
  self.plan.error = ERRORS[options.error or "EIO"]
  self.plan.times = options.times or 1
end

function Disk:mend()
  self.plan.times = 0
end

function Disk:failures()
  return self.plan.failed
end

-- Until what was told to fail has failed.
function Disk:await_failure()
  local deadline = socket.gettime() + PATIENCE_S
  while self.plan.times > 0 do
    assert(socket.gettime() < deadline, "nothing failed")
    socket.select(nil, nil, 0.001)
  end
end

-- From now on a sync is claimed and not done.
function Disk:lie()
  self.plan.is_lying = 1
end

function Disk:position()
  return tonumber(C.lseek(self.trace_fd, 0, SEEK_END))
end

-- --- The trace -----------------------------------------------------------------------------------

local function number_at(text, at, ctype)
  return tonumber(ffi.cast("const " .. ctype .. " *", ffi.cast("const char *", text) + at)[0])
end

-- The records in order: { kind, file, offset, size, at = of the bytes, position = behind it }.
function Disk:records()
  local text = shell.read(self.trace)
  local records, at = {}, 0
  while at < #text do
    local kind = text:sub(at + 1, at + 1)
    local record = { kind = kind, file = text:byte(at + 2) }
    at = at + 2
    if kind ~= "s" then
      record.offset = number_at(text, at, "uint64_t")
      record.size = number_at(text, at + 8, "uint32_t")
      record.at = at + 12
      at = at + 12 + ((kind == "w" or kind == "r") and record.size or 0)
    end
    record.position = at
    records[#records + 1] = record
  end
  return records, text
end

-- --- What is on the disk -------------------------------------------------------------------------

local Platter = {} -- Of one file.
Platter.__index = Platter

local function new_platter(text)
  return setmetatable({
    bytes = ffi.cast("const char *", text), text = text,
    synced = ffi.new("char[?]", FILE_BYTES_MAX), synced_size = 0,
    image = ffi.new("char[?]", FILE_BYTES_MAX), pending = {}, name = nil, grown_size = 0,
  }, Platter)
end

local function put(target, size, platter, write, from, count)
  local offset = write.offset + from
  assert(offset + count <= FILE_BYTES_MAX, "the data file of the spec is too large")
  ffi.copy(target + offset, platter.bytes + write.at + from, count)
  return math.max(size, offset + count)
end

function Platter:sync()
  for _, write in ipairs(self.pending) do
    self.synced_size = put(self.synced, self.synced_size, self, write, 0, write.size)
  end
  self.pending = {}
end

-- The last write was one that waits for the disk.
function Platter:sync_last()
  local write = table.remove(self.pending)
  self.synced_size = put(self.synced, self.synced_size, self, write, 0, write.size)
end

function Platter:take(record)
  if record.kind == "w" then
    self.pending[#self.pending + 1] = record
  elseif record.kind == "s" then
    self:sync()
  elseif record.kind == "d" then
    self:sync_last()
  elseif record.kind == "g" then
    self.grown_size = math.max(self.grown_size, record.offset)
  elseif record.kind == "r" then
    self.name = self.text:sub(record.at + 1, record.at + record.size)
  end
end

-- How much of a write has made it: sectors, chosen by `choose`.
function Platter:put_sectors(size, write, choose)
  local from = 0
  while from < write.size do
    local count = math.min(SECTOR - (write.offset + from) % SECTOR, write.size - from)
    if choose() then
      size = put(self.image, size, self, write, from, count)
    end
    from = from + count
  end
  return size
end

local MODES = {
  function() return function() return false end end,          -- Nothing more.
  function() return function() return true end end,           -- All of it.
  function(random) return function() return random(2) == 1 end end,
  function(random) return function() return random(16) > 1 end end,
  function(random)                                             -- A beginning, in order.
    local left = random(1, 64)
    return function() left = left - 1 return left >= 0 end
  end,
}

-- Leaves one image in self.image; returns its size.
function Platter:cut(mode, random)
  ffi.copy(self.image, self.synced, self.synced_size)
  local size, choose = self.synced_size, MODES[mode](random)
  for _, write in ipairs(self.pending) do
    local before = size
    size = self:put_sectors(size, write, choose)
    if size > before then -- A hole that was never written reads as zeros.
      local first = math.max(before, self.synced_size)
      for i = first, math.min(write.offset, size) - 1 do
        self.image[i] = 0
      end
    end
  end
  if self.grown_size > size and random(2) == 1 then -- Its length is there before its bytes are.
    ffi.fill(self.image + size, self.grown_size - size)
    size = self.grown_size
  end
  return size
end

-- So many power cuts (options.images), spread over the trace or its first options.records, each
-- after a record of it and in one of the ways in which it can come out, for each file its own.
-- Yields the position in the trace and the directory with the image, which is a new one of its own
-- until `disk:clear()`. A file without a name yet is data.mdb in the making, the first there is, or
-- a segment.
function Disk:cuts(options)
  local records, text = self:records()
  local last = options.records or #records
  local platters = {}
  math.randomseed(options.seed)
  return coroutine.wrap(function()
    local due = 0
    for i = 1, last do
      local record = records[i]
      platters[record.file] = platters[record.file] or new_platter(text)
      platters[record.file]:take(record)
      due = due + options.images / last
      while due >= 1 do
        due = due - 1
        coroutine.yield(record.position, self:write_image(platters))
      end
    end
  end)
end

function Disk:write_image(platters)
  self.images = (self.images or 0) + 1
  local directory = ("%s/images/%d"):format(self.directory, self.images)
  C.mkdir(self.directory .. "/images", DIRECTORY_MODE)
  C.mkdir(directory, DIRECTORY_MODE)
  C.mkdir(directory .. "/journal", DIRECTORY_MODE)
  for number, platter in pairs(platters) do
    local size = platter:cut(math.random(#MODES), math.random)
    local name = platter.name or (number == 1 and "new-data.mdb" or "journal/spare")
    local fd = C.open(directory .. "/" .. name, O_RDWR + O_CREAT + O_TRUNC, FILE_MODE)
    assert(C.write(fd, platter.image, size) == size, "no room for the image")
    C.close(fd)
  end
  return directory
end

function Disk:clear()
  os.execute("rm -rf '" .. self.directory .. "/images'")
end

return Disk
