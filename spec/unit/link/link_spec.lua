local core = require "spec.support.core"
local ffi = core.ffi

local C = core.load("base/error.h", "link/kinds.h")

local R = core.build("spec/unit/link/recorder")

ffi.cdef [[
  uv_loop_t *uv_default_loop(void);
  bool od_link_pair(int fds[2], struct od_error *err);
]]
pcall(ffi.cdef, "int pipe(int fds[2]);")
pcall(ffi.cdef, "int dup(int fd);")
pcall(ffi.cdef, "int close(int fd);")
pcall(ffi.cdef, "long read(int fd, void *buffer, size_t size);")
pcall(ffi.cdef, "long write(int fd, const void *buffer, size_t size);")
pcall(ffi.cdef, "typedef struct { unsigned long soft, hard; } od_spec_limit;")
pcall(ffi.cdef, "int getrlimit(int resource, od_spec_limit *limit);")
pcall(ffi.cdef, "int setrlimit(int resource, const od_spec_limit *limit);")

local RLIMIT_NOFILE = 7

describe("A link", function()
  local loop = C.uv_default_loop()
  local ann, bob, fds

  local function turns(count)
    R.recorder_turns(loop, count or 4)
  end

  local function story(recorder)
    return ffi.string(R.recorder_story(recorder))
  end

  local function send(recorder, text, fd, kind)
    R.recorder_send(recorder, kind or C.OD_KIND_CALL, text, #text, fd or -1)
  end

  before_each(function()
    fds = ffi.new("int[2]")
    assert(C.od_link_pair(fds, ffi.new("struct od_error")))
    ann = R.recorder_new(loop, fds[0])
    bob = R.recorder_new(loop, fds[1])
  end)

  after_each(function()
    R.recorder_close(ann)
    R.recorder_close(bob)
    turns()
    R.recorder_free(ann)
    R.recorder_free(bob)
  end)

  it("carries messages in order, and nothing before it is flushed", function()
    send(ann, "one")
    send(ann, "", nil, C.OD_KIND_DRAINED)
    send(ann, "three")
    turns()
    assert.equal("", story(bob))
    R.recorder_flush(ann)
    turns()
    assert.equal("CALL one\nDRAINED \nCALL three\n", story(bob))
  end)

  it("carries both ways at once", function()
    send(ann, "hello")
    send(bob, "good day")
    R.recorder_flush(ann)
    R.recorder_flush(bob)
    turns()
    assert.equal("CALL hello\n", story(bob))
    assert.equal("CALL good day\n", story(ann))
  end)

  it("hands a descriptor over with its message, and only with that one", function()
    local pipe = ffi.new("int[2]")
    ffi.C.pipe(pipe)
    send(ann, "before")
    send(ann, "with", pipe[1])
    send(ann, "behind")
    R.recorder_flush(ann)
    turns()
    assert.equal("CALL before\nCALL with +fd\nCALL behind\n", story(bob))
    ffi.C.write(R.recorder_last_fd(bob), "through", 7)
    local buffer = ffi.new("char[16]")
    assert.equal(7, tonumber(ffi.C.read(pipe[0], buffer, 16)))
    assert.equal("through", ffi.string(buffer, 7))
    ffi.C.close(pipe[0])
  end)

  for what, act in pairs {
    ["has left"] = function()
      R.recorder_flush(ann)
      turns()
      assert.equal("CONNECTION  +fd\nCALL own +fd\n", story(bob))
    end,
    ["will never leave"] = function()
      R.recorder_close(ann)
    end,
  } do
    it("lends a descriptor, which is its owner's still when it " .. what, function()
      local pipe = ffi.new("int[2]")
      ffi.C.pipe(pipe)
      R.recorder_lend(ann, C.OD_KIND_CONNECTION, pipe[1])
      send(ann, "own", ffi.C.dup(pipe[1]))
      assert.is_true(R.recorder_lends(ann, pipe[1]))
      assert.is_false(R.recorder_lends(ann, pipe[0]))
      act()
      assert.is_false(R.recorder_lends(ann, pipe[1]))
      assert.equal(1, tonumber(ffi.C.write(pipe[1], "x", 1)))
      ffi.C.close(pipe[0])
      ffi.C.close(pipe[1])
    end)
  end

  -- A message of two bytes, as bytes: its length, its kind, whether it brings a descriptor, and how
  -- many have left with it.
  local function message(fd_count)
    return "\2\0\0\0" .. string.char(C.OD_KIND_CALL, 0, fd_count, fd_count) .. "hi"
  end

  for what, fd_count in pairs { ["nobody wants"] = 0, ["come with another"] = 1 } do
    it("ends when it brings descriptors that " .. what, function()
      local pipe = ffi.new("int[2]")
      ffi.C.pipe(pipe)
      R.recorder_send_strange(ann, message(fd_count), 10, pipe[1], fd_count + 1)
      turns()
      assert.matches("gone\n", story(bob), 1, true)
      ffi.C.close(pipe[1])
      local buffer = ffi.new("char[1]") -- The end of the pipe: nobody has its other side.
      if R.recorder_last_fd(bob) < 0 then
        assert.equal(0, tonumber(ffi.C.read(pipe[0], buffer, 1)))
      end
      ffi.C.close(pipe[0])
    end)
  end

  it("carries more than the socket holds, as fast as the other side reads", function()
    local large = ("x"):rep(3000000)
    for _ = 1, 4 do
      send(ann, large, ffi.C.dup(fds[0]))
    end
    R.recorder_flush(ann)
    assert.is_true(R.recorder_waiting(ann) > 10000000)
    turns(400)
    assert.equal(0, tonumber(R.recorder_waiting(ann)))
    assert.equal(12000000, tonumber(R.recorder_body_bytes(bob)))
    assert.equal(4, select(2, story(bob):gsub("%+fd\n", "")))
  end)

  it("takes five hundred descriptors of one turn", function()
    for _ = 1, 500 do
      send(ann, "c", ffi.C.dup(fds[0]), C.OD_KIND_CONNECTION)
    end
    R.recorder_flush(ann)
    turns(100)
    assert.equal(("CONNECTION c +fd\n"):rep(500), story(bob))
  end)

  it("delivers what was said before the other side left, then says that it is gone", function()
    send(ann, "last words")
    send(bob, "never read")
    R.recorder_flush(bob)
    R.recorder_flush(ann)
    R.recorder_close(ann)
    turns()
    assert.equal("CALL last words\ngone\nclosed\n", story(bob))
  end)

  it("drops what is sent to nobody, without a word to the sender", function()
    R.recorder_close(bob)
    send(ann, "into the void", ffi.C.dup(fds[0]))
    R.recorder_flush(ann)
    send(ann, "and again", ffi.C.dup(fds[0]))
    R.recorder_flush(ann)
    assert.equal("", story(ann))
    turns()
    assert.equal("gone\nclosed\n", story(ann))
    send(ann, "after the end", ffi.C.dup(0))
    assert.equal(0, tonumber(R.recorder_waiting(ann)))
  end)

  it("can be closed inside a message; the rest is not delivered", function()
    R.recorder_close_at_message(bob)
    send(ann, "one")
    send(ann, "two")
    R.recorder_flush(ann)
    turns()
    assert.equal("CALL one\nclosed\n", story(bob))
    assert.equal("gone\nclosed\n", story(ann))
  end)

  -- The kernel drops descriptors for which the receiver has no room, and says so only by a flag.
  for room, came in pairs { [0] = "CALL one\n", [1] = "CALL one +fd\n" } do
    it("knows which message lost its descriptor when the receiver has room for " .. room, function()
      local before, few = ffi.new("od_spec_limit"), ffi.new("od_spec_limit")
      ffi.C.getrlimit(RLIMIT_NOFILE, before)
      for _, name in ipairs { "one", "two", "three" } do
        send(ann, name, ffi.C.dup(fds[0]))
      end
      R.recorder_flush(ann)
      local free = ffi.C.dup(fds[0])
      ffi.C.close(free)
      few.soft, few.hard = free + room, before.hard
      ffi.C.setrlimit(RLIMIT_NOFILE, few)
      turns()
      ffi.C.setrlimit(RLIMIT_NOFILE, before)
      send(ann, "four", ffi.C.dup(fds[0]))
      R.recorder_flush(ann)
      turns()
      assert.equal(came .. "CALL two\nCALL three\nCALL four +fd\n", story(bob))
    end)
  end

  it("hands each its own when many leave together, also behind others and in between", function()
    local pipes = {}
    for i = 1, 40 do
      pipes[i] = ffi.new("int[2]")
      ffi.C.pipe(pipes[i])
      send(ann, "without")
      send(ann, "with", pipes[i][1])
    end
    R.recorder_flush(ann)
    turns(8)
    assert.equal(("CALL without\nCALL with +fd\n"):rep(40), story(bob))
    ffi.C.write(R.recorder_last_fd(bob), "the last", 8)
    local buffer = ffi.new("char[16]")
    assert.equal(8, tonumber(ffi.C.read(pipes[40][0], buffer, 16)))
    for i = 1, 40 do
      ffi.C.close(pipes[i][0])
    end
  end)

  describe("closes when the other side speaks nonsense:", function()
    local NONSENSE = {
      ["a length over the limit"] = "\1\0\0\4\1\0\0\0",
      ["no kind"] = "\0\0\0\0\0\0\0\0",
      ["an unknown kind"] = "\0\0\0\0\255\0\0\0",
      ["two descriptors"] = "\0\0\0\0\1\0\2\0",
      ["a descriptor that has not come"] = "\0\0\0\0\1\0\1\1",
      ["one that has left with none"] = "\0\0\0\0\1\0\1\0",
      ["the first of others, without one"] = "\0\0\0\0\1\0\0\1",
      ["more than can leave with it"] = "\0\0\0\0\1\0\1\255",
    }
    for what, bytes in pairs(NONSENSE) do
      it(what, function()
        send(ann, "sense")
        R.recorder_flush(ann)
        ffi.C.write(fds[0], bytes, #bytes)
        turns()
        assert.equal("CALL sense\ngone\nclosed\n", story(bob))
      end)
    end
  end)
end)
