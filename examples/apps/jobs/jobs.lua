-- A queue of jobs that are webhooks: each is posted to its URL, tried again with growing pauses,
-- and kept as a dead letter when it never succeeds. SECRET signs what is posted.
--
--   POST /queues/NAME/jobs {"url": "https://...", "body": {...}, "delay": ms}   202 {"id": 1}
--   GET  /queues/NAME                       {"waiting": 2, "done": 7, "dead": [{"id":, "why":}]}
--   POST /queues/NAME/dead/ID               it is tried again from the beginning
local od = require "open-do"

local TRIES, FIRST_PAUSE_MS, TIMEOUT_MS = 5, 1000, 10000

local Queue = {}

local function key(kind, id)
  return ("%s:%012d"):format(kind, id)
end

function Queue:add(url, body, delay)
  local storage = self.state.storage
  local id = (storage:get("last") or 0) + 1
  storage:put { last = id, [key("job", id)] = { url = url, body = body, tries = 0 } }
  self:later(id, delay)
  return id
end

function Queue:later(id, ms)
  self.state.storage:schedule(key("job", id), { at = od.now() + ms }, "_run", id)
end

-- Whether it was taken, and why not. The other side must know our signature and the number, by
-- which it notices what comes twice: a job is delivered at least once.
function Queue:deliver(id, job)
  local body = od.json.encode(job.body)
  local ok, response = pcall(od.fetch, job.url, { method = "POST", body = body,
    timeout = TIMEOUT_MS, headers = {
      ["content-type"] = "application/json",
      ["x-job"] = self.state.id.name .. "/" .. id,
      ["x-signature"] = od.hex.encode(od.hmacSha256(self.env.SECRET, body)),
    } })
  if not ok then
    return false, tostring(response)
  end
  return response.status < 300, "answered " .. response.status
end

function Queue:_run(_, id)
  local storage = self.state.storage
  local job = storage:get(key("job", id))
  local is_done, why = self:deliver(id, job)
  job.tries, job.why = job.tries + 1, why
  if is_done then
    storage:delete(key("job", id))
    storage:put("done", (storage:get("done") or 0) + 1)
  elseif job.tries < TRIES then
    storage:put(key("job", id), job)
    self:later(id, FIRST_PAUSE_MS * 4 ^ (job.tries - 1))
  else
    storage:delete(key("job", id))
    storage:put(key("dead", id), job)
    od.log.warn("job", id, "is dead:", why)
  end
end

function Queue:revive(id)
  local storage = self.state.storage
  local job = storage:get(key("dead", id))
  if not job then
    return false
  end
  job.tries = 0
  storage:delete(key("dead", id))
  storage:put(key("job", id), job)
  self:later(id, 0)
  return true
end

function Queue:report()
  local storage = self.state.storage
  local waiting, dead = 0, od.json.array()
  for _ in storage:list { prefix = "job:" } do
    waiting = waiting + 1
  end
  for name, job in storage:list { prefix = "dead:" } do
    dead[#dead + 1] = { id = tonumber(name:match("%d+")), url = job.url, why = job.why }
  end
  return { waiting = waiting, done = storage:get("done") or 0, dead = dead }
end

-- The entry ---------------------------------------------------------------------------------------

local function problem(status, text)
  return od.Response.json({ error = text }, { status = status })
end

local function add(queue, request)
  local ok, job = pcall(function() return request:json() end)
  if not ok or type(job) ~= "table" or type(job.url) ~= "string"
    or not job.url:match("^https?://[^/]") or type(job.delay or 0) ~= "number" then
    return problem(400, 'a job is like {"url": "https://...", "body": {}, "delay": 0}')
  end
  local id = queue:add(job.url, job.body or od.json.null, math.max(0, job.delay or 0))
  return od.Response.json({ id = id }, { status = 202 })
end

local function fetch(request, env)
  local name, rest = request.path:match("^/queues/([%w-]+)(.*)$")
  local queue = name and env.queues:getByName(name)
  if queue and request.method == "POST" and rest == "/jobs" then
    return add(queue, request)
  elseif queue and request.method == "GET" and rest == "" then
    return od.Response.json(queue:report())
  elseif queue and request.method == "POST" and rest:match("^/dead/%d+$") then
    local was_dead = queue:revive(tonumber(rest:match("%d+")))
    return was_dead and od.Response(nil, { status = 204 }) or problem(404, "no such dead letter")
  end
  return problem(404, "there is nothing here")
end

return { namespaces = { queues = Queue }, fetch = fetch }
