local support = require "spec.unit.store.world"
local C, ffi = support.C, support.ffi

ffi.cdef [[
int fork(void);
int execvp(const char *file, char *const arguments[]);
int kill(int pid, int signal);
int waitpid(int pid, int *status, int options);
int pipe(int fds[2]);
int dup2(int from, int to);
void _exit(int status);
long read(int fd, void *memory, size_t size);
]]

local SIGKILL = 9

-- Starts the writer; returns its pid and the descriptor of what it prints.
local function start_writer(directory)
  local fds = ffi.new("int[2]")
  assert(ffi.C.pipe(fds) == 0)
  local words = { "luajit", "spec/unit/store/writer_child.lua", directory }
  local arguments = ffi.new("char *[4]")
  for i, word in ipairs(words) do
    arguments[i - 1] = ffi.cast("char *", word)
  end
  local pid = ffi.C.fork()
  if pid == 0 then
    ffi.C.dup2(fds[1], 1)
    ffi.C.execvp("luajit", arguments)
    ffi.C._exit(127)
  end
  ffi.C.close(fds[1])
  return pid, fds[0]
end

-- Reads until `enough(text)`, or to the end.
local function read_until(fd, text, enough)
  local buffer = ffi.new("char[4096]")
  while not enough(text) do
    local size = tonumber(ffi.C.read(fd, buffer, 4096))
    if size <= 0 then
      return text
    end
    text = text .. ffi.string(buffer, size)
  end
  return text
end

local function last(kind, text)
  local found = 0
  for number in text:gmatch(kind .. " (%d+)\n") do
    found = tonumber(number)
  end
  return found
end

local function never()
  return false
end

describe("a server that is killed", function()
  local directory, pid

  before_each(function()
    directory = support.temporary_directory()
  end)

  after_each(function()
    if pid then
      ffi.C.kill(pid, SIGKILL)
      ffi.C.waitpid(pid, nil, 0)
    end
    support.remove_directory(directory)
  end)

  local function kill_and_read_rest(fd, text)
    ffi.C.kill(pid, SIGKILL)
    ffi.C.waitpid(pid, nil, 0)
    pid = nil
    text = read_until(fd, text, never)
    ffi.C.close(fd)
    return text
  end

  it("has stored all that it called durable, and whole batches only", function()
    local floor = 0
    for round = 1, 5 do
      local fd
      pid, fd = start_writer(directory)
      local text = read_until(fd, "", function(so_far)
        return last("durable", so_far) >= 40 * round
      end)
      assert(last("durable", text) > 0, "the writer ended early")
      local durable = last("durable", kill_and_read_rest(fd, text))
      local world = support.open(directory)
      local object = world:object("crash")
      local x, y = tonumber(object:get("x")), tonumber(object:get(("y"):rep(1200)))
      world:close()
      assert.equal(x, y)
      assert(x >= durable, ("stored %d, but %d was called durable"):format(x, durable))
      floor = math.max(floor, durable)
    end
    assert.is_true(floor >= 200)
  end)

  it("is read by another process while it writes, and names its pid to a second server", function()
    local fd
    pid, fd = start_writer(directory)
    local text = read_until(fd, "", function(so_far)
      return last("applied", so_far) >= 20
    end)
    local store, err = ffi.new("struct od_store *[1]"), ffi.new("struct od_error")
    assert(C.od_store_open(store, directory, err), ffi.string(err.text))
    local identity = ffi.new("struct od_identity")
    ffi.copy(identity.id, support.id_of("crash"), 32)
    local storage = ffi.new("struct od_storage")
    C.od_storage_init(storage, store[0], identity)
    local before, value = 0, ffi.new("od_slice[1]")
    for _ = 1, 200 do
      assert.is_true(C.od_storage_get(storage, support.slice("x"), value))
      local x = tonumber(support.string(value[0]))
      assert.is_true(C.od_storage_get(storage, support.slice(("y"):rep(1200)), value))
      assert.equal(x, tonumber(support.string(value[0]))) -- One moment, however fast it writes.
      assert.is_true(x >= before)
      before = x
      C.od_store_end_turn(store[0])
    end
    assert.is_true(before >= 20)
    C.od_storage_deinit(storage)
    C.od_store_close(store[0])
    local refused, why = support.try(directory)
    assert.is_nil(refused)
    assert.matches("in use by the open%-do with pid " .. pid, why)
    kill_and_read_rest(fd, text)
    support.open(directory):close()
  end)
end)
