-- An answer that is written word by word, to many readers at once. Each gets what was said so far
-- and then every word as it comes; who lost the connection goes on where he was. Words are stored
-- before anybody sees them, so also the writer goes on where it was when its worker dies.
local od = require "open-do"

local NAME_BYTES_MAX, QUESTION_BYTES_MAX = 64, 2000
local WORD_MS = 60

local Answer = {}

local function key_of(number)
  return ("word:%06d"):format(number)
end

-- Stands for a model of language. With a real one this is a loop over the events of
-- od.fetch(url, { method = "POST", body = ..., stream = true }).
local function words_for(question)
  local words = {}
  local text = ("You asked: %s That is a good question, and the answer has to be given slowly. "
    .. "First, nobody knows. Second, whoever says otherwise has not read to the end. "
    .. "And third, this sentence will be finished also when the program is killed in the middle.")
    :format(question)
  for word in text:gmatch("%S+") do
    words[#words + 1] = word
  end
  return words
end

function Answer:constructor()
  self.said = self.state.storage:get("said") or 0
end

function Answer:say(word)
  self.said = self.said + 1
  self.state.storage:put { said = self.said, [key_of(self.said)] = word }
  self.state:broadcast(word, { event = "word", id = tostring(self.said) })
end

-- The alarm is what lets the answer outlive everything: it rings again until it was done once.
function Answer:alarm()
  local words = words_for(self.state.storage:get("question"))
  while self.said < #words do
    self:say(words[self.said + 1])
    od.sleep(WORD_MS)
  end
  self.state.storage:put("done", true)
  self.state:broadcast("", { event = "done" })
end

function Answer:ask(request)
  local question = request:text()
  if self.state.storage:get("question") then
    return od.Response("It was asked already\n", { status = 409 })
  elseif question == "" or #question > QUESTION_BYTES_MAX or not od.utf8.len(question) then
    return od.Response("A question is text, and not a book\n", { status = 400 })
  end
  self.state.storage:put("question", question)
  self.state.storage:setAlarm(od.now())
  return od.Response("Listen at /answers/" .. self.state.id.name .. "\n", { status = 202 })
end

function Answer:words_after(number)
  return self.state.storage:list { startAfter = key_of(number), prefix = "word:" }
end

-- For EventSource: it says itself what it has got when it comes back.
function Answer:listen(request)
  local response, stream = self.state:acceptEventStream(request, nil, { retry = 500 })
  local number = tonumber(request.headers:get("last-event-id")) or 0
  if not stream then
    return response
  end
  for _, word in self:words_after(number) do
    number = number + 1
    stream:send(word, { event = "word", id = tostring(number) })
  end
  if self.state.storage:get("done") then
    stream:send("", { event = "done" })
  end
  return response
end

-- For curl: the same as one text that grows.
function Answer:read()
  return od.Response(function(stream)
    local number = 0
    repeat
      local is_done = self.state.storage:get("done")
      for _, word in self:words_after(number) do
        number = number + 1
        stream:write((number == 1 and "" or " ") .. word)
      end
      od.sleep(WORD_MS)
    until is_done
    stream:write("\n")
  end, { headers = { ["content-type"] = "text/plain; charset=utf-8" } })
end

local routes = {
  ["POST "] = Answer.ask, ["GET "] = Answer.listen, ["HEAD "] = Answer.listen,
  ["GET /text"] = Answer.read,
}

function Answer:fetch(request)
  local route = routes[request.method .. " " .. request.path:match("^/answers/[^/]+(.*)$")]
  return route and route(self, request) or od.Response("Not found\n", { status = 404 })
end

local function fetch(request, env)
  local name = request.path:match("^/answers/([%w_-]+)")
  if not name or #name > NAME_BYTES_MAX then
    return od.Response("Not found\n", { status = 404 })
  end
  return env.answers:getByName(name):fetch(request)
end

return { namespaces = { answers = Answer }, fetch = fetch, assets = "public" }
