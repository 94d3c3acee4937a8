-- What a service manager hears: that the program serves, once it does, and that it stops. Here the
-- spec is the manager, with a socket of its own.

local ffi = require "ffi"
local Server = require "spec.support.server"

pcall(ffi.cdef, [[
  typedef struct { uint16_t family; char path[108]; } od_spec_unix;
]])
pcall(ffi.cdef, "int socket(int domain, int type, int protocol);")
pcall(ffi.cdef, "int bind(int fd, const void *address, unsigned size);")
pcall(ffi.cdef, "long recv(int fd, void *buffer, size_t size, int flags);")
pcall(ffi.cdef, "int unlink(const char *path);")
pcall(ffi.cdef, "int close(int fd);")

local AF_UNIX, SOCK_DGRAM, CLOEXEC, MSG_DONTWAIT = 1, 2, 0x80000, 0x40
local SOURCE = "return { namespaces = { rooms = { fetch = function() end } } }"
local BROKEN = "return { namespaces = "

describe("A service manager", function()
  local fd, name

  after_each(function()
    ffi.C.close(fd)
    if name:sub(1, 1) == "/" then
      ffi.C.unlink(name)
    end
  end)

  local function listen(as)
    name = as
    local address = ffi.new("od_spec_unix", { family = AF_UNIX })
    ffi.copy(address.path, (as:gsub("^@", "\0")), #as)
    fd = ffi.C.socket(AF_UNIX, SOCK_DGRAM + CLOEXEC, 0)
    assert(ffi.C.bind(fd, address, 2 + #as) == 0)
  end

  -- The next datagram, or nil: what was said is here when the program has said the next thing in
  -- its log.
  local function heard()
    local bytes = ffi.new("char[256]")
    local size = ffi.C.recv(fd, bytes, 256, MSG_DONTWAIT)
    return size >= 0 and ffi.string(bytes, size) or nil
  end

  for _, kind in ipairs { "/tmp/open-do-notify-%d", "@open-do-notify-%d" } do
    it("hears that it serves and that it stops, at " .. kind, function()
      listen(kind:format(ffi.C.getpid()))
      local server = Server.start { source = SOURCE, env = { NOTIFY_SOCKET = name } }
      assert.equal("READY=1", heard())
      server:get("/rooms/a")
      assert.is_nil(heard())
      server:stop()
      assert.equal("STOPPING=1", heard())
      assert.is_nil(heard())
    end)
  end

  it("does not hear that a broken script serves", function()
    listen("@open-do-notify-" .. ffi.C.getpid())
    local code = Server.refuse { source = BROKEN, env = { NOTIFY_SOCKET = name } }
    assert.equal(1, code)
    assert.not_equal("READY=1", heard())
  end)

  it("that has gone, or is none, is no reason not to serve", function()
    listen("/tmp/open-do-notify-" .. ffi.C.getpid())
    for _, socket in ipairs { "/nowhere/at-all", "here", "@" .. ("x"):rep(200) } do
      local server = Server.start { source = SOURCE, env = { NOTIFY_SOCKET = socket } }
      assert.equal(404, server:get("/").status)
      server:stop()
    end
    assert.is_nil(heard())
  end)
end)
