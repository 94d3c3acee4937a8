-- A conversation with a model of language: everybody who has the link reads what it says while it
-- says it, and files of any size lie beside it. MODEL is the URL of a model that speaks as OpenAI's
-- does (llama.cpp, Ollama and vLLM do), KEY its key, NAME the name it has there.
--
--   POST /talks/ID/messages {"text": "Why?"}   202, and the answer comes to the readers; or 409
--   GET  /talks/ID/events     server-sent events: "message" {"role":, "text":}, whose id is its
--                             number; "begin" of an answer, "token" "a piece of it"
--   PUT  /talks/ID/files/x    201, and a message {"role": "file", "name":, "size":}
--   GET  /talks/ID/files/x
local od = require "open-do"

local TEXT_BYTES_MAX, FILE_BYTES_MAX, NAME_BYTES_MAX = 20000, 100 * 2 ^ 20, 200
local MODEL_MS, KEPT_MS = 60000, 3600000

local Talk = { streamBody = true }

local function problem(status, text)
  return od.Response.json({ error = text }, { status = status })
end

local function key(kind, number)
  return ("%s:%06d"):format(kind, number)
end

-- The conversation --------------------------------------------------------------------------------

function Talk:add(message)
  local storage = self.state.storage
  local number = (storage:get("last") or 0) + 1
  storage:put { last = number, [key("message", number)] = message }
  self.state:broadcast(od.json.encode(message), { event = "message", id = tostring(number) })
end

-- A reader says by itself what it has seen when it comes back.
function Talk:events(request)
  local response, stream = self.state:acceptEventStream(request)
  local number = tonumber(request.headers:get("last-event-id")) or 0
  if not stream then
    return response
  end
  for _, message in self.state.storage:list { prefix = "message:",
    startAfter = key("message", number) } do
    number = number + 1
    stream:send(od.json.encode(message), { event = "message", id = tostring(number) })
  end
  if self.draft then
    stream:send("", { event = "begin" })
    stream:send(od.json.encode(self.draft), { event = "token" })
  end
  return response
end

function Talk:ask(request)
  local storage = self.state.storage
  local ok, body = pcall(function() return request:json() end)
  local text = ok and type(body) == "table" and body.text
  if type(text) ~= "string" or text == "" or #text > TEXT_BYTES_MAX then
    return problem(400, 'ask like {"text": "Why?"}')
  elseif storage:get("asked") then
    return problem(409, "wait for the answer")
  end
  self:add { role = "user", text = text }
  storage:put("asked", true)
  storage:schedule("answer", { at = od.now() }, "_answer")
  return od.Response(nil, { status = 202 })
end

-- What the model is told: all that was said.
function Talk:prompt()
  local messages = od.json.array()
  for _, message in self.state.storage:list { prefix = "message:" } do
    if message.role ~= "file" then
      messages[#messages + 1] = { role = message.role, content = message.text }
    end
  end
  return od.json.encode { model = self.env.NAME or "default", stream = true, messages = messages }
end

function Talk:read_answer()
  local answer = od.fetch(self.env.MODEL, { method = "POST", body = self:prompt(), stream = true,
    timeout = MODEL_MS, headers = { ["content-type"] = "application/json",
      authorization = "Bearer " .. (self.env.KEY or "none") } })
  if answer.status ~= 200 then
    error("the model answered " .. answer.status, 0)
  end
  self.draft = ""
  self.state:broadcast("", { event = "begin" })
  for event in answer:events() do
    if event.data == "[DONE]" then
      return self.draft
    end
    local text = od.json.decode(event.data).choices[1].delta.content
    if type(text) == "string" then
      self.draft = self.draft .. text
      self.state:broadcast(od.json.encode(text), { event = "token" })
    end
  end
  error("the model broke off", 0)
end

-- A schedule is tried again when it fails or its worker dies; the answer begins anew then.
function Talk:_answer(info)
  local ok, text = pcall(self.read_answer, self)
  self.draft = nil
  if not ok and info.retryCount < 3 then
    error(text, 0)
  end
  self.state.storage:delete("asked")
  self:add { role = "assistant", text = ok and text or "(" .. tostring(text) .. ")" }
end

-- Files -------------------------------------------------------------------------------------------

-- Pieces come before the file that they are, so they go by themselves if it never comes; those of a
-- file that is replaced stay while somebody may still read them.
function Talk:drop_later(number)
  self.state.storage:schedule(key("drop", number), { at = od.now() + KEPT_MS }, "_drop", number)
end

function Talk:_drop(_, number)
  local storage = self.state.storage
  for name in storage:list { prefix = key("piece", number) } do
    storage:delete(name)
  end
end

function Talk:put_file(request, name)
  local storage, size, count = self.state.storage, 0, 0
  local number = (storage:get("files") or 0) + 1
  storage:put("files", number)
  self:drop_later(number)
  for piece in request:chunks() do
    size, count = size + #piece, count + 1
    if size > FILE_BYTES_MAX then
      return problem(413, "a file has at most 100 MiB")
    end
    storage:put(key(key("piece", number), count), piece)
  end
  local before = storage:get("file:" .. name)
  if before then
    self:drop_later(before.number)
  end
  storage:unschedule(key("drop", number))
  storage:put("file:" .. name, { number = number, size = size })
  self:add { role = "file", name = name, size = size }
  return od.Response(nil, { status = 201 })
end

-- For whoever has the link, so never shown as a page of ours.
function Talk:get_file(_, name)
  local storage = self.state.storage
  local file = storage:get("file:" .. name)
  if not file then
    return problem(404, "there is no such file")
  end
  return od.Response(function(stream)
    for _, piece in storage:list { prefix = key("piece", file.number) } do
      stream:write(piece)
    end
  end, { headers = { ["content-type"] = "application/octet-stream",
    ["content-length"] = tostring(file.size), ["content-disposition"] = "attachment" } })
end

-- The ways in -------------------------------------------------------------------------------------

local routes = {
  { "POST", "^/messages$", Talk.ask }, { "GET", "^/events$", Talk.events },
  { "PUT", "^/files/([^/]+)$", Talk.put_file }, { "GET", "^/files/([^/]+)$", Talk.get_file },
}

function Talk:fetch(request)
  local rest = request.path:match("^/talks/[^/]+(.*)$")
  for _, route in ipairs(routes) do
    local found = request.method == route[1] and rest:match(route[2])
    if found and #found <= NAME_BYTES_MAX then
      return route[3](self, request, od.url.decode(found))
    end
  end
  return problem(404, "there is nothing here")
end

local function fetch(request, env)
  local id = request.path:match("^/talks/([%w-]+)/")
  if not id or #id > NAME_BYTES_MAX then
    return problem(404, "there is nothing here")
  end
  return env.talks:getByName(id):fetch(request)
end

return { namespaces = { talks = Talk }, fetch = fetch, assets = "public", streamBody = true }
