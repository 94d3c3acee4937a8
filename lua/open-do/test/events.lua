-- A reader of server-sent events for specs: each wait has a deadline and says what came instead.
--
--   local ann = events.connect(address, "/rooms/lobby", { headers = { ["last-event-id"] = "7" } })
--   ann:receive() --> { event = "message", data = "hello", id = "8" }
--   ann:expect("hello"); ann:expect_end()

local events = require "open-do.events"
local http = require "open-do.test.http"

local M = {}

local SECONDS = 10 * (tonumber(os.getenv("OPEN_DO_TEST_PATIENCE")) or 1) -- As in process.lua.

local Reader = {}
Reader.__index = Reader

-- Whatever has come, at least one byte; nil at the end.
local function read_some(tcp)
  local byte, why = tcp:receive(1)
  if not byte then
    assert(why == "closed", "no event came: " .. why)
    return nil
  end
  tcp:settimeout(0)
  local rest, _, part = tcp:receive(65536)
  return byte .. (rest or part)
end

-- `options` = { headers = { name = value }, receive_buffer = as for http.open }.
function M.connect(address, path, options)
  options = options or {}
  local connection = http.open { host = address.host, port = address.port,
    receive_buffer = options.receive_buffer }
  connection:send_request(options.method or "GET", path, { headers = options.headers })
  local self = setmetatable({ connection = connection, tcp = connection.tcp, text = "" }, Reader)
  self.head = connection:read_head()
  assert(self.head.status == 200 and self.head.headers["content-type"] == "text/event-stream",
    ("no event stream, but %d %s"):format(self.head.status, self.head.reason))
  self.next = events.of(function()
    self.tcp:settimeout(self.seconds or SECONDS)
    local piece = read_some(self.tcp)
    self.text = self.text .. (piece or "")
    return piece
  end)
  return self
end

-- The next event.
function Reader:receive(seconds)
  self.seconds = seconds
  local event = self.next()
  assert(event, "the event stream has ended")
  return event
end

function Reader:expect(data)
  local event = self:receive()
  assert(event.data == data, ("expected the event %q, got %q"):format(data, event.data))
  return event
end

-- Only good behind something that proves that an event would be here by now.
function Reader:expect_silence()
  local has_news = self.connection:has_news()
  assert(not has_news, "something has come")
end

function Reader:expect_end(seconds)
  self.seconds = seconds
  local event = self.next()
  assert(not event, event and ("expected the end, got %q"):format(event.data))
end

-- The comments so far, which keep the connection alive.
function Reader:comments()
  local _, count = self.text:gsub("%f[^\n%z]:\n", "")
  return count
end

function Reader:cut()
  self.connection:close()
end

return M
