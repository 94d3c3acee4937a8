-- A running open-do for a spec: started on a port of its own with an empty data directory, stopped
-- and checked at the end. A server that does not end cleanly fails the spec that used it, so leaks
-- (under the sanitizers), crashes and left-over processes are seen where they come from.
--
--   local server = Server.start { script = "examples/counter/counter.lua" }
--   local server = Server.start { source = [[ return { namespaces = ... } ]], workers = 2 }
--   server:get("/counters/a").body; server:connect("/rooms/lobby"); server:stop()

local json = require "dkjson"
local http = require "spec.support.http"
local kept = require "spec.support.kept"
local page = require "open-do.test.page"
local proc = require "spec.support.proc"
local process = require "spec.support.process"
local shell = require "spec.support.shell"
local events = require "spec.support.events"
local Upstream = require "spec.support.upstream"
local websocket = require "spec.support.websocket"

local Server = {}
Server.__index = Server

local PROGRAM = (os.getenv("OPEN_DO_BUILD") or "build/testing") .. "/open-do"
local START_SECONDS, STOP_SECONDS = 20, 30
-- What main says of workers that do not end by themselves, and the sanitizers of anybody. (A spec
-- that wants the former starts the process itself.)
local MISHAPS = {
  "another one is started", "have not finished within", "refused by --confine", "Sanitizer",
  "runtime error:",
}

-- What some have in the place of a worker's number (runtime/main/processes/process.h).
local NUMBERS = { tls = 1000002, node = 1000004 }

local ADMIN = { [true] = "127.0.0.1:0", off = "off" } -- And "usual": where dev has it by itself.

function Server.prepare(options)
  local self = setmetatable({ options = options, clients = {}, faults = {} }, Server)
  self.directory = shell.make_directory()
  self.script = options.script
  if options.source then
    for name, text in pairs(options.files or {}) do
      os.execute(("mkdir -p '%s/%s'"):format(self.directory, name:match("^(.*)/") or "."))
      shell.write(self.directory .. "/" .. name, text)
    end
    self.script = self.directory .. "/script.lua"
    shell.write(self.script, options.source)
  end
  self.page = page.new(self.directory .. "/test-page")
  return self
end

-- Where the file `name` beside the script is; without a name, the script itself.
function Server:path(name)
  return self.directory .. "/" .. (name or "script.lua")
end

-- Saves the script, or the file `name` beside it, in one write, as `cat >` does it.
function Server:save(text, name)
  shell.write(self:path(name), text)
end

-- Saves it as most editors do: a new file takes the name of the old one.
function Server:save_by_renaming(text, name)
  shell.write(self:path("saved~"), text)
  assert(os.rename(self:path("saved~"), self:path(name)))
end

-- Waits until version `number` of the script serves; returns how long that took, in milliseconds.
function Server:wait_version(number)
  return tonumber(self:wait_log(("version %d of script.lua serves after (%%d+) ms"):format(number)))
end

-- Saves another script, and returns once it serves.
function Server:change(text)
  self.version = self.version + 1
  self:save(text)
  self:wait_version(self.version)
end

-- options: script = path, or source = Lua text (files = { name = text } beside it); workers
-- (default 2; false: without the option); args = further arguments; command = "dev" for "run";
-- env = { NAME = value }; words = { what stands before the program, "chrt", "--idle", "0" };
-- keep_port = true: it comes back where clients look for it, and nobody else is there meanwhile;
-- uid = number: it runs as that user, who has nothing else (so the specs must be root);
-- admin = true: it has an admin listener, admin = "usual": if it has one by itself.
function Server.start(options)
  local self = Server.prepare(options)
  self:launch()
  return self
end

-- Called in a `describe`: a server for each of its tests, or one for all of them.
function Server.each(options)
  return kept.each(getfenv(2), function() return Server.start(options) end)
end

function Server.once(options)
  return kept.once(getfenv(2), function() return Server.start(options) end)
end

-- What stands before the program.
function Server:user_words()
  local uid = self.options.uid
  if not uid then
    return { unpack(self.options.words or {}) }
  end
  assert(os.execute(("chown -R %d '%s'"):format(uid, self.directory)) == 0)
  return { "setpriv", "--reuid", tostring(uid), "--regid", tostring(uid), "--clear-groups" }
end

function Server:port()
  if not self.options.keep_port then
    return 0
  end
  return self.address and self.address.port or Upstream.free_port()
end

function Server:spawn()
  local argv = self:user_words()
  for _, argument in ipairs { PROGRAM, self.options.command or "run", self.script,
    "--listen", "127.0.0.1:" .. self:port(), "--data", self.directory .. "/data" } do
    argv[#argv + 1] = argument
  end
  if self.options.workers ~= false then
    argv[#argv + 1] = "--workers=" .. (self.options.workers or 2)
  end
  for _, argument in ipairs(self.options.args or {}) do
    argv[#argv + 1] = argument
  end
  local env = { OPEN_DO_TEST_PAGE = self.page.path,
    OPEN_DO_ADMIN = ADMIN[self.options.admin or "off"] }
  for name, value in pairs(self.options.env or {}) do
    env[name] = value
  end
  if os.getenv("OPEN_DO_SANITIZED") then
    -- In the specs' own process it is off: LuaJIT would leak.
    env.ASAN_OPTIONS = "detect_leaks=1:" .. (env.ASAN_OPTIONS or "")
  end
  self.process = process.start {
    argv = argv, env = env, at_terminal = self.options.at_terminal,
  }
end

-- Starts the program over the same data; fails with its output when it does not listen.
function Server:launch()
  self.version = 1
  self:spawn()
  self:wait_listening()
end

function Server:wait_listening()
  local port = self.process:wait_output("listening on http://127%.0%.0%.1:(%d+)", START_SECONDS)
  self.address = { host = "127.0.0.1", port = tonumber(port) }
  self.url = "http://127.0.0.1:" .. port
  if self.options.admin == true then
    self:find_admin()
  end
end

-- Where its admin listener is, and the tokens for it.
function Server:find_admin()
  local line = self.options.command == "dev" and "inspector +http://127%.0%.0%.1:(%d+)"
    or "admin at http://127%.0%.0%.1:(%d+)"
  local port = self.process:wait_output(line, START_SECONDS)
  local function token(name)
    local file = assert(io.open(self.directory .. "/data/" .. name))
    return file:read("*l"), file:close()
  end
  self.admin = { address = { host = "127.0.0.1", port = tonumber(port) },
    url = "http://127.0.0.1:" .. port, token = token "admin.token",
    read_token = token "admin-read.token" }
end

-- For a script that must not load: options as for start; returns the exit code and all it said.
function Server.refuse(options)
  local self = Server.prepare(options)
  self:spawn()
  local code = self.process:wait_exit(START_SECONDS)
  local output = self.process:output()
  process.stop_all()
  os.execute(("rm -rf '%s'"):format(self.directory))
  return code, output
end

-- The spec does to the server what would otherwise be a mishap: a worker dies, say.
function Server:expect_mishap(text)
  self.expected = self.expected or {}
  self.expected[text] = true
end

-- Ends the program as an operator would, and expects it to end well.
function Server:shut_down()
  self.process:signal("TERM")
  local code, signal = self.process:wait_exit(STOP_SECONDS)
  local output = self.process:output()
  assert(code == 0, ("the server ended with %s; its output:\n%s"):format(
    tostring(code or signal), output))
  for _, mishap in ipairs(MISHAPS) do
    local is_expected = self.expected and self.expected[mishap]
    assert(is_expected or not output:find(mishap, 1, true),
      "not all ended well; the output:\n" .. output)
  end
end

-- All connections end: nobody reads them any more, and the server would wait for answers to its
-- Close.
function Server:hang_up()
  for _, client in ipairs(self.clients) do
    client:cut()
  end
  self.clients = {}
end

function Server:stop()
  if not self.process then
    return
  end
  self:hang_up()
  self:clear_faults()
  local ok, why = pcall(self.shut_down, self)
  process.stop_all()
  self.process = nil
  os.execute(("rm -rf '%s'"):format(self.directory))
  assert(ok, why)
end

-- It has ended in a way that is right for this spec alone: no more is expected of it.
function Server:abandon()
  self:hang_up()
  process.stop_all()
  self.process = nil
  os.execute(("rm -rf '%s'"):format(self.directory))
end

function Server:restart()
  self:hang_up()
  self:shut_down()
  self:launch()
end

-- kill -9 of the main process, and so of everything; returns when all of it is gone.
function Server:kill()
  local workers = self.process:children()
  self.process:signal("KILL")
  self.process:wait_exit(STOP_SECONDS)
  process.wait_gone(workers, STOP_SECONDS)
end

-- Its processes of one kind: "worker", "tls" or "node".
function Server:processes(kind)
  local found = {}
  for _, pid in ipairs(self.process:children()) do
    local number = tonumber(proc.read(pid, "environ"):match("OPEN_DO_WORKER_LINK=(%d+):"))
    if number and (number == NUMBERS[kind] or kind == "worker" and number < 1000000) then
      found[#found + 1] = pid
    end
  end
  return found
end

-- Asks the running server as a person would, `open-do status --data DIR ...`; returns the process.
function Server:begin_asking(command, ...)
  return process.start { argv = { PROGRAM, command, "--data", self.directory .. "/data", ... } }
end

-- The same, to its end: exit code and what it said.
function Server:asking(command, ...)
  local asking = self:begin_asking(command, ...)
  return asking:wait_exit(10), asking:output()
end

-- What `open-do status --json` says, as a table.
function Server:status()
  local code, output = self:asking("status", "--json")
  assert(code == 0, output)
  return assert(json.decode(output))
end

-- What the status says of the object `label` ("things/a"): { awakeMs =, why = { ... } }; nil when
-- it is not awake.
function Server:why_awake(label)
  for _, worker in ipairs(self:status().workers) do
    for _, object in ipairs(worker.objects or {}) do
      if object.object == label then
        return object
      end
    end
  end
end

function Server:log()
  return self.process:output()
end

-- Waits until the log has a line that matches `pattern`; returns its captures.
function Server:wait_log(pattern)
  return self.process:wait_output(pattern, 10)
end

function Server:get(path, headers)
  return http.request(self.address, "GET", path, { headers = headers })
end

function Server:post(path, body, headers)
  return http.request(self.address, "POST", path, { body = body, headers = headers })
end

function Server:open()
  local client = http.open(self.address)
  self.clients[#self.clients + 1] = client
  return client
end

function Server:handshake(path, options)
  local answer, connection = websocket.handshake(self.address, path, options)
  self.clients[#self.clients + 1] = connection
  return answer, connection
end

function Server:connect(path, options)
  local client = websocket.connect(self.address, path, options)
  self.clients[#self.clients + 1] = client
  return client
end

-- A reader of server-sent events.
function Server:listen(path, options)
  local reader = events.connect(self.address, path, options)
  self.clients[#self.clients + 1] = reader
  return reader
end

-- Arms the fault point `name`: after `skip` passes (0) it fails `times` times (-1: until cleared).
function Server:fault(name, options)
  options = options or {}
  self.page:arm(name, options.times or -1, options.skip)
  self.faults[name] = options.times ~= 0 or nil
end

function Server:clear_fault(name)
  self:fault(name, { times = 0 })
end

-- What stands still for a fault could not end well.
function Server:clear_faults()
  for name in pairs(self.faults) do
    self:clear_fault(name)
  end
end

-- All clocks of the server go forward by `ms`.
function Server:turn_clock(ms)
  self.page:turn_clock(ms)
end

-- Somebody sets the wall clock, `ms` ahead or (below zero) back.
function Server:set_wall_clock(ms)
  self.page:set_wall_clock(ms)
end

return Server
