-- A WebSocket of a test: what a client does, with a deadline for everything it waits for.
local od = require "open-do"

local Socket = {}
Socket.__index = Socket

local M = {}

function M.new(client, app)
  return setmetatable({ client = client, app = app, protocol = client.protocol }, Socket)
end

-- Calls a method of the client; a failure is at the spec's line and shows the server's last lines.
-- (No tail call leads here: it would leave the stack, and the spec's line would be another one.)
local function try(self, method, ...)
  local results = { pcall(self.client[method], self.client, ...) }
  if not results[1] then
    local text = tostring(results[2]):gsub("^[%w%-./]+:%d+: ", "")
    error(("%s; the server's last lines:\n%s"):format(text, self.app:lastLines()), 3)
  end
  return unpack(results, 2)
end

function Socket:send(message, isBinary)
  return (try(self, "send", message, isBinary))
end

function Socket:sendJson(value)
  return (try(self, "send", od.json.encode(value)))
end

function Socket:receive(ms)
  local message, is_binary = try(self, "receive", ms and ms / 1000)
  return message, is_binary
end

function Socket:receiveJson(ms)
  local message = try(self, "receive", ms and ms / 1000)
  local ok, value = pcall(od.json.decode, message)
  if not ok then
    error(("expected JSON, got %q"):format(message), 2)
  end
  return value
end

function Socket:expect(message)
  return (try(self, "expect", message))
end

function Socket:expectSilence()
  return (try(self, "expect_silence"))
end

function Socket:close(code, reason)
  return (try(self, "close", code, reason))
end

function Socket:expectClose(code, reason)
  local given, why = try(self, "expect_close", code, reason)
  return given, why
end

function Socket:cut()
  self.client:cut()
end

-- A reader of an event stream.
local Reader = {}
Reader.__index = Reader

function M.reader(client, app)
  return setmetatable({ client = client, app = app, headers = client.head.headers }, Reader)
end

function Reader:receive(ms)
  return (try(self, "receive", ms and ms / 1000))
end

function Reader:expect(data)
  return (try(self, "expect", data))
end

function Reader:expectSilence()
  return (try(self, "expect_silence"))
end

function Reader:expectEnd()
  return (try(self, "expect_end"))
end

function Reader:cut()
  self.client:cut()
end

return M
