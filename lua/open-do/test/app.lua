-- A server with the author's script: started for a test with nothing stored, and stopped after it.
local ffi = require "ffi"

local od = require "open-do"
local control = require "open-do.test.control"
local events = require "open-do.test.events"
local page = require "open-do.test.page"
local process = require "open-do.test.process"
local socket = require "open-do.test.socket"
local stubs = require "open-do.test.stub"
local websocket = require "open-do.test.websocket"

pcall(ffi.cdef, "char *mkdtemp(char *template);")

local START_SECONDS, STOP_SECONDS, ASK_SECONDS, LOG_SECONDS, LAST_LINES = 20, 30, 20, 10, 20

local App = {}
App.__index = App

local M = {}

-- From start to stop ------------------------------------------------------------------------------

local function temporary_folder()
  local template = (os.getenv("TMPDIR") or "/tmp") .. "/open-do-test-XXXXXX"
  local name = ffi.new("char[?]", #template + 1, template)
  assert(ffi.C.mkdtemp(name) ~= nil, "cannot make a folder in " .. template)
  return ffi.string(name)
end

function App:arguments()
  local argv = { "/proc/self/exe", "run", self.script, "--listen", "127.0.0.1:0",
    "--data", self.folder .. "/data", "--workers", tostring(self.options.workers or 2) }
  for name, value in pairs(self.options.vars or {}) do
    argv[#argv + 1] = "--var"
    argv[#argv + 1] = name .. "=" .. tostring(value)
  end
  for _, argument in ipairs(self.options.args or {}) do
    argv[#argv + 1] = argument
  end
  return argv
end

function App:launch()
  self.process = process.start {
    argv = self:arguments(), env = { OPEN_DO_TEST_PAGE = self.page.path },
  }
  local port = self.process:wait_output("listening on http://127%.0%.0%.1:(%d+)", START_SECONDS)
  self.address = { host = "127.0.0.1", port = tonumber(port) }
  self.url = "http://127.0.0.1:" .. port
  self:wait_for_history()
end

-- Bookmarks are to be had from the first base on, which is made while the server begins to serve.
function App:wait_for_history()
  local has_history = table.concat(self.options.args or {}, " "):find("--history", 1, true)
  local deadline = os.time() + START_SECONDS
  while has_history and self:status().history.bases == 0 do
    if os.time() > deadline then
      error("the history does not begin", 0)
    end
  end
end

-- A server with `script`, a path. Raises with what the server said when it does not start.
function M.start(script, options)
  local self = setmetatable({ script = script, options = options, sockets = {} }, App)
  self.folder = temporary_folder()
  self.page = page.new(self.folder .. "/page")
  self.env = stubs.env(self)
  local ok, problem = pcall(self.launch, self)
  if not ok then
    self:throw_away()
    error(("t.start: %s does not start:\n%s"):format(script, problem), 0)
  end
  return self
end

function App:throw_away()
  self.process:stop()
  self.is_over = true
  os.execute(("rm -rf '%s'"):format(self.folder))
end

function App:hang_up()
  for _, each in ipairs(self.sockets) do
    each:cut()
  end
  self.sockets = {}
end

function App:end_well()
  self:hang_up()
  self.process:signal("TERM")
  local code, signal = self.process:wait_exit(STOP_SECONDS)
  if code ~= 0 then
    error(("the server ended with %s; its last lines:\n%s"):format(tostring(code or signal),
      self:lastLines()), 0)
  end
end

function App:stop()
  if self.is_over then
    return
  end
  local ok, problem = pcall(self.end_well, self)
  self:throw_away()
  if not ok then
    error(problem, 0)
  end
end

-- Ends it as an operator would and starts it over the same data.
function App:restart()
  self:end_well()
  self:launch()
end

-- The same without a farewell: kill -9, as a power cut would be.
function App:crash()
  self:hang_up()
  local workers = self.process:children()
  self.process:signal("KILL")
  self.process:wait_exit(STOP_SECONDS)
  process.wait_gone(workers, STOP_SECONDS)
  self:launch()
end

-- Requests and sockets ----------------------------------------------------------------------------

function App:keep(one)
  table.insert(self.sockets, one)
  return one
end

function App:fetch(request, init)
  local url
  url, init = stubs.url_and_init(request, init)
  local headers = {}
  for name, value in od.Headers(init.headers):entries() do
    headers[name] = value
  end
  return stubs.send(self, url:gsub("^%a+://[^/]*", ""), init.method or "GET", headers, init.body)
end

function App:connect(path, options)
  local ok, client = pcall(websocket.connect, self.address, path, options)
  if not ok then
    error(("connect %s: %s; the server's last lines:\n%s"):format(path,
      tostring(client):gsub("^[%w%-./]+:%d+: ", ""), self:lastLines()), 2)
  end
  return self:keep(socket.new(client, self))
end

-- A reader of an event stream.
function App:connectEvents(path, options)
  local ok, reader = pcall(events.connect, self.address, path, options)
  if not ok then
    error(("connectEvents %s: %s; the server's last lines:\n%s"):format(path,
      tostring(reader):gsub("^[%w%-./]+:%d+: ", ""), self:lastLines()), 2)
  end
  return self:keep(socket.reader(reader, self))
end

-- What it does ------------------------------------------------------------------------------------

function App:ask(line)
  local answer, problem = control.ask(self.folder .. "/data", line, ASK_SECONDS)
  if not answer then
    error(("%s: %s; the server's last lines:\n%s"):format(line:match("^%w+"), problem,
      self:lastLines()), 3)
  end
  return answer
end

-- Waits until nothing is left to do. Twice: what one worker does last may be work for another.
function App:settle()
  self:ask("settle")
  self:ask("settle")
end

-- Turns all clocks forward; returns when what is due by then has been done.
function App:advance(ms)
  if type(ms) ~= "number" or ms < 0 or ms ~= math.floor(ms) then
    error("advance: argument 1 must be a whole number of milliseconds, 0 or more", 2)
  end
  self.page:turn_clock(ms)
  self:settle()
end

function App:reload()
  return (self:ask("reload"):gsub("%s+$", ""))
end

function App:status()
  return od.json.decode(self:ask("status json"))
end

-- od.fetch of that URL is answered with `answer`, by no server. The URL may end with *.
function App:mockFetch(url, answer)
  return stubs.mock_fetch(self, url, answer)
end

-- The next commits fail, so many of them (1). Their objects are reset; what waited is never sent.
function App:failCommits(count)
  self.page:arm("commit.fail", count or 1)
end

function App:hibernate(stub)
  stubs.instruct(stub, "hibernate")
end

function App:evict(stub)
  stubs.instruct(stub, "evict")
end

-- Ends worker `index` (from 0; all without it) by force, and waits for the one in its place.
function App:restartWorker(index)
  local before = self:status().workers
  self:settle()
  for number, worker in ipairs(before) do
    if (index == nil or number == index + 1) and worker.pid then
      process.send_signal(worker.pid, "KILL")
      self.process:wait_output(("worker %d is back after"):format(number - 1), LOG_SECONDS)
    end
  end
end

-- What it says ------------------------------------------------------------------------------------

function App:log()
  return self.process:output()
end

function App:waitLog(pattern)
  return self.process:wait_output(pattern, LOG_SECONDS)
end

local function last_of(lines)
  return table.concat(lines, "\n", math.max(1, #lines - LAST_LINES + 1))
end

function App:lastLines()
  local lines = {}
  for line in (self.process and self.process:output() or ""):gmatch("[^\n]+") do
    lines[#lines + 1] = "    " .. line
  end
  return #lines == 0 and "    (none)" or last_of(lines)
end

-- Warnings and errors of its log behind the first `size` bytes, each with what explains it.
function App:mishaps(size)
  local lines, is_one = {}, false
  for line in self:log():sub(size + 1):gmatch("[^\n]+") do
    local level = line:match("^%d+:%d+:%d+%.%d+ (%u+) ")
    if level then
      is_one = level == "WARN" or level == "ERROR"
    end
    if is_one then
      lines[#lines + 1] = "    " .. line
    end
  end
  return last_of(lines)
end

return M
