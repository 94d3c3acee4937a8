-- What the admin listener answers, and to whom: bindings/admin_site.c calls these functions.
local _, native = ...

local api = require "open-do.admin.api"
local figures = require "open-do.admin.figures"
local guard = require "open-do.admin.guard"
local live = require "open-do.admin.live"
local metrics = require "open-do.admin.metrics"
local task = require "open-do.admin.task"
local od = require "open-do"

local answer = native.admin.answer

local M = {}

local TYPES = { html = "text/html; charset=utf-8", css = "text/css; charset=utf-8",
  js = "text/javascript; charset=utf-8", svg = "image/svg+xml" }
local PAGE = { ["/"] = "index.html" }
for _, name in ipairs { "style.css", "icon.svg", "app.js", "chart.js", "dom.js", "events.js",
  "figures.js", "live.js", "log.js", "messages.js", "object.js", "objects.js", "overview.js",
  "sql.js", "value.js" } do
  PAGE["/" .. name] = name
end

local function page_file(name)
  local text = native.admin.text("open-do/admin/page/" .. name)
  return od.Response(text, { headers = { ["content-type"] = TYPES[name:match("%.(%w+)$")] } })
end

local function plain(status, text)
  return od.Response(text .. "\n", { status = status })
end

-- Without a token ---------------------------------------------------------------------------------

local open = {}

-- Main answers, so the program lives.
open["/healthz"] = function()
  figures.ask("metrics")
  return plain(200, "ok")
end

-- All workers serve.
open["/readyz"] = function()
  local status = figures.status(true)
  if status.listen == "" then
    return plain(503, "it does not serve yet")
  end
  for _, worker in ipairs(status.workers) do
    if not worker.answers then
      return plain(503, ("worker %d does not answer"):format(worker.worker))
    end
  end
  return plain(200, "ok")
end

open["/metrics"] = function(request)
  return metrics.response(request.headers:get("accept") or "")
end

-- With one ----------------------------------------------------------------------------------------

local function call_api(name, visitor)
  local request = visitor.request
  local command = api.find(name)
  if not command then
    return api.refusal(404, "there is no command " .. name .. "; /api/commands has them")
  elseif request.method ~= "POST" and (command.writes or request.method ~= "GET") then
    local refusal = api.refusal(405, "a command that writes is a POST")
    refusal.headers:set("allow", command.writes and "POST" or "GET, POST")
    return refusal
  end
  return api.response(command, visitor)
end

local function route(request)
  local path = request.path
  if open[path] and (request.method == "GET" or request.method == "HEAD") then
    return open[path](request)
  end
  local visitor, refusal = guard.admit(request)
  if not visitor then
    return refusal
  end
  local command = path:match("^/api/([%w.-]+)$")
  if command then
    return call_api(command, visitor)
  elseif PAGE[path] and request.method == "GET" then
    return page_file(PAGE[path])
  end
  return plain(404, "there is nothing at this path")
end

local function refuse(problem)
  native.admin.log("error", "the admin listener: " .. tostring(problem))
  return plain(500, "a bug in open-do, see its log")
end

function M.request(exchange, request)
  local refusal = guard.refuses(request)
  if refusal then
    answer(exchange, guard.seal(refusal))
  elseif request.path == "/live" and request:isWebSocketUpgrade() then
    local visitor, why = guard.admit(request)
    if not visitor or not live.open(exchange, visitor) then
      answer(exchange, guard.seal(why or plain(400, "that is no WebSocket")))
    end
  else
    task.start(guard.describe(request), function()
      local ok, response = pcall(route, request)
      answer(exchange, guard.seal(ok and response or refuse(response)))
    end)
  end
end

M.tokens = guard.set_tokens
M.message = live.message
M.closed = live.closed
M.answer = task.answer

function M.tick()
  guard.tick()
  live.tick()
end

return M
