-- Processes of a spec: started without a shell, watched without sleeping, gone at the end. Every
-- wait has a deadline, and its failure shows what was expected, what came, and the last output.
--
--   local server = process.start { argv = { "open-do", "run", "chat.lua" } }
--   local port = server:wait_output("listening on http://[^:]+:(%d+)", 10)
--   server:signal("TERM")
--   assert.equal(0, server:wait_exit(10))
--   after_each(process.stop_all)

local bit = require "bit"
local ffi = require "ffi"

local C = ffi.C

-- busted gives each spec file modules of its own, but the FFI is one: only the first declares.
if not pcall(ffi.typeof, "od_spec_pollfd") then
  ffi.cdef [[
  extern char **environ;
  typedef struct { int fd; short events; short revents; } od_spec_pollfd;
  typedef struct { long seconds; long nanoseconds; } od_spec_time;
  int fork(void);
  int execvpe(const char *file, char *const argv[], char *const envp[]);
  void _exit(int status);
  int pipe2(int fds[2], int flags);
  int dup2(int from, int to);
  int close(int fd);
  int open(const char *path, int flags, ...);
  long read(int fd, void *buffer, size_t size);
  int chdir(const char *path);
  int setpgid(int pid, int group);
  int kill(int pid, int signal);
  int getppid(void);
  int getpid(void);
  int setsid(void);
  int posix_openpt(int flags);
  int grantpt(int fd);
  int unlockpt(int fd);
  char *ptsname(int fd);
  long write(int fd, const void *buffer, size_t size);
  int dup(int fd);
  int tcgetattr(int fd, unsigned int *settings);
  int prctl(int option, unsigned long argument, ...);
  int waitpid(int pid, int *status, int options);
  int poll(od_spec_pollfd *fds, unsigned long count, int timeout_ms);
  int clock_gettime(int clock, od_spec_time *now);
  long syscall(long number, ...);
  char *strerror(int error);
]]
end

local M = {}

local O_RDWR, O_NOCTTY, O_NONBLOCK, O_CLOEXEC = 2, 0x100, 0x800, 0x80000
local POLLIN, WNOHANG, EINTR, EAGAIN, ESRCH, PR_SET_PDEATHSIG = 1, 1, 4, 11, 3, 1
local PIDFD_OPEN = 434
local CLOCK_MONOTONIC = 1
local STOP_SECONDS = 10
-- On a machine that is slow (a sanitizer, other work) deadlines are further away by this.
local PATIENCE = tonumber(os.getenv("OPEN_DO_TEST_PATIENCE")) or 1
local LAST_LINES = 20

local SIGNALS = { HUP = 1, INT = 2, QUIT = 3, ABRT = 6, KILL = 9, USR1 = 10, SEGV = 11, USR2 = 12,
  PIPE = 13, TERM = 15, CONT = 18, STOP = 19 }

local Process = {}
Process.__index = Process

local started = {}

local function now()
  local time = ffi.new("od_spec_time")
  C.clock_gettime(CLOCK_MONOTONIC, time)
  return tonumber(time.seconds) + tonumber(time.nanoseconds) / 1e9
end

local function check(result, what)
  if result < 0 then
    error(what .. ": " .. ffi.string(C.strerror(ffi.errno())), 3)
  end
  return result
end

-- An array of C strings; the Lua strings must stay alive in `texts`.
local function string_array(texts)
  local array = ffi.new("const char *[?]", #texts + 1)
  for i, text in ipairs(texts) do
    array[i - 1] = text
  end
  array[#texts] = nil
  return ffi.cast("char *const *", array), array
end

-- This process's environment with `extra`, and without OPEN_DO_*: those are for the specs alone.
local function environment(extra)
  local texts = {}
  for name, value in pairs(extra or {}) do
    texts[#texts + 1] = name .. "=" .. value
  end
  local i = 0
  while C.environ[i] ~= nil do
    local text = ffi.string(C.environ[i])
    local name = text:match("^[^=]*")
    if not name:match("^OPEN_DO_") and not (extra and extra[name]) then
      texts[#texts + 1] = text
    end
    i = i + 1
  end
  return texts
end

-- A terminal of its own for the new process: our end, and the path of its end.
local function open_terminal()
  local fd = check(C.posix_openpt(O_RDWR + O_NOCTTY + O_NONBLOCK + O_CLOEXEC), "posix_openpt")
  check(C.grantpt(fd), "grantpt")
  check(C.unlockpt(fd), "unlockpt")
  return fd, ffi.string(C.ptsname(fd))
end

local function sit_at_terminal(path)
  C.setsid()
  local fd = C.open(path, O_RDWR)
  for i = 0, 2 do
    C.dup2(fd, i)
  end
end

-- The new process: dies with the specs, and is a group of its own, so that a Ctrl-C of the person
-- who runs them reaches only the specs.
local function become(options, output, argv, envp, parent)
  C.prctl(PR_SET_PDEATHSIG, ffi.cast("unsigned long", SIGNALS.KILL))
  if options.terminal then
    sit_at_terminal(options.terminal)
  else
    C.setpgid(0, 0)
    C.dup2(C.open("/dev/null", 0), 0)
    C.dup2(output, 1)
    C.dup2(output, 2)
  end
  if C.getppid() ~= parent or (options.cwd and C.chdir(options.cwd) ~= 0) then
    C._exit(126)
  end
  C.execvpe(argv[0], argv, envp)
  C._exit(127)
end

-- options: argv = array of words; env = { NAME = value } on top of the environment; cwd =
-- directory; at_terminal = true: it sits at a terminal, see type(). Standard output and errors are
-- read as one text.
function M.start(options)
  local argv, argv_anchor = string_array(options.argv)
  local texts = environment(options.env)
  local envp, envp_anchor = string_array(texts)
  local fds = ffi.new("int[2]")
  if options.at_terminal then
    fds[0], options.terminal = open_terminal()
    fds[1] = C.dup(fds[0])
  else
    check(C.pipe2(fds, O_NONBLOCK + O_CLOEXEC), "pipe")
  end
  local parent = C.getpid()
  local pid = check(C.fork(), "fork")
  if pid == 0 then
    become(options, fds[1], argv, envp, parent)
  end
  C.close(fds[1])
  if not options.at_terminal then
    C.setpgid(pid, pid) -- Here too: whoever comes first.
  end
  local self = setmetatable({ pid = pid, words = options.argv, output_fd = fds[0], text = "",
    matched = 1, anchors = { argv_anchor, envp_anchor, texts } }, Process)
  self.terminal_fd = options.at_terminal and C.dup(fds[0])
  self.pid_fd = check(C.syscall(PIDFD_OPEN, ffi.cast("int", pid), ffi.cast("int", 0)), "pidfd_open")
  started[#started + 1] = self
  return self
end

-- What it says -----------------------------------------------------------------------------------

local buffer = ffi.new("char[65536]")

-- Takes what is in the pipe; true when something was.
function Process:read_output()
  local any = false
  while self.output_fd do
    local count = tonumber(C.read(self.output_fd, buffer, 65536))
    if count > 0 then
      self.text = self.text .. ffi.string(buffer, count)
      any = true
    elseif count < 0 and ffi.errno() == EINTR then
      any = any -- Again.
    elseif count < 0 and ffi.errno() == EAGAIN then
      return any
    else
      C.close(self.output_fd)
      self.output_fd = nil
    end
  end
  return any
end

-- All it has said so far.
function Process:output()
  self:read_output()
  return self.text
end

local function last_lines(text)
  local lines = {}
  for line in text:gmatch("[^\n]+") do
    lines[#lines + 1] = "    " .. line
  end
  return #lines == 0 and "    (nothing)"
    or table.concat(lines, "\n", math.max(1, #lines - LAST_LINES + 1))
end

local function describe(self)
  if self.code then
    return "ended with exit code " .. self.code
  end
  return self.ended_by and "was ended by SIG" .. self.ended_by or "is still running"
end

function Process:fail(expected, seconds)
  error(("expected within %g s: %s\n  %s (pid %d) %s; its last output:\n%s"):format(seconds,
    expected, table.concat(self.words, " "), self.pid, describe(self),
    last_lines(self:output())), 3)
end

-- Waits until output or the end is there to be looked at; false when `deadline` is over.
function Process:wait(deadline)
  local fds = ffi.new("od_spec_pollfd[2]")
  fds[0].fd, fds[0].events = self.output_fd or -1, POLLIN
  fds[1].fd, fds[1].events = self.pid_fd, POLLIN
  local left_ms = math.ceil((deadline - now()) * 1000)
  return left_ms > 0 and C.poll(fds, 2, left_ms) ~= 0
end

-- Waits for output that matches the Lua pattern, behind what the last call has matched. Returns its
-- captures, or the match.
function Process:wait_output(pattern, seconds)
  seconds = seconds * PATIENCE
  local deadline = now() + seconds
  while true do
    self:read_output()
    local first, last = self.text:find(pattern, self.matched)
    if first then
      self.matched = last + 1
      return self.text:match(pattern, first)
    end
    self:reap()
    if self:has_ended() and not self:read_output() or not self:wait(deadline) then
      self:fail("output that matches '" .. pattern .. "'", seconds)
    end
  end
end

-- Its terminal ---------------------------------------------------------------------------------

-- Presses keys.
function Process:type(keys)
  check(tonumber(C.write(self.terminal_fd, keys, #keys)), "write")
end

-- Whether lines are edited and shown by the terminal, as a shell leaves it: ICANON and ECHO.
function Process:terminal_is_cooked()
  local settings = ffi.new("unsigned int[16]") -- struct termios begins with four of them.
  check(C.tcgetattr(self.terminal_fd, settings), "tcgetattr")
  return bit.band(settings[3], 2 + 8) == 2 + 8
end

-- How it ends ------------------------------------------------------------------------------------

function Process:has_ended()
  return self.code ~= nil or self.ended_by ~= nil
end

local function signal_number(name)
  return SIGNALS[name] or error("unknown signal: " .. tostring(name), 3)
end

local function signal_name(number)
  for name, value in pairs(SIGNALS) do
    if value == number then
      return name
    end
  end
  return tostring(number)
end

function Process:reap()
  local status = ffi.new("int[1]")
  if self:has_ended() or C.waitpid(self.pid, status, WNOHANG) ~= self.pid then
    return
  end
  local signal = status[0] % 128
  if signal == 0 then
    self.code = math.floor(status[0] / 256)
  else
    self.ended_by = signal_name(signal)
  end
end

-- Waits for its end. Returns the exit code, or nil and the name of the signal that ended it.
function Process:wait_exit(seconds)
  seconds = seconds * PATIENCE
  local deadline = now() + seconds
  self:reap()
  while not self:has_ended() do
    if not self:wait(deadline) then
      self:fail("its end", seconds)
    end
    self:read_output() -- A full pipe would hold it up.
    self:reap()
  end
  self:read_output()
  return self.code, self.ended_by
end

-- Sends a signal: "TERM", "INT", "KILL", ... One that has ended already is left alone.
function Process:signal(name)
  self:reap()
  if not self:has_ended() then
    C.kill(self.pid, signal_number(name))
  end
end

-- Sends a signal to a process by its pid, to a worker, say.
function M.send_signal(pid, name)
  C.kill(pid, signal_number(name))
end

-- As Ctrl-C in a terminal does it: to the process and all its children at once.
function Process:signal_group(name)
  C.kill(-self.pid, signal_number(name))
end

-- The pids of its children, in the order of their start.
function Process:children()
  local pids = {}
  local file = io.open(("/proc/%d/task/%d/children"):format(self.pid, self.pid))
  for pid in (file and file:read("*a") or ""):gmatch("%d+") do
    pids[#pids + 1] = tonumber(pid)
  end
  if file then
    file:close()
  end
  return pids
end

-- Waits until no process of `pids` runs any more, whoever's child it is.
function M.wait_gone(pids, seconds)
  seconds = seconds * PATIENCE
  local deadline = now() + seconds
  for _, pid in ipairs(pids) do
    local fd = tonumber(C.syscall(PIDFD_OPEN, ffi.cast("int", pid), ffi.cast("int", 0)))
    if fd >= 0 then
      local fds = ffi.new("od_spec_pollfd[1]", { { fd, POLLIN, 0 } })
      local left_ms = math.max(0, math.ceil((deadline - now()) * 1000))
      local gone = C.poll(fds, 1, left_ms) == 1
      C.close(fd)
      assert(gone, ("expected within %g s: the end of process %d, which still runs"):format(
        seconds, pid))
    else
      assert(ffi.errno() == ESRCH, "pidfd_open failed")
    end
  end
end

local function put_away(each)
  each:signal("KILL")
  each:wait_exit(STOP_SECONDS)
  C.close(each.pid_fd)
  if each.terminal_fd then
    C.close(each.terminal_fd)
  end
  if each.output_fd then
    C.close(each.output_fd)
    each.output_fd = nil
  end
end

-- Kills those of `all` that still run, and fails when one of their children survives that.
local function stop(all)
  local orphans = {}
  for _, each in ipairs(all) do
    for _, pid in ipairs(each:children()) do
      orphans[#orphans + 1] = pid
    end
    put_away(each)
  end
  M.wait_gone(orphans, STOP_SECONDS)
end

-- The end of one.
function Process:stop()
  for at, each in ipairs(started) do
    if each == self then
      table.remove(started, at)
      stop { self }
      return
    end
  end
end

-- The end of a scenario: the end of all.
function M.stop_all()
  local all = started
  started = {}
  stop(all)
end

return M
