-- A model of language that says what a spec tells it to: POST /models/it speaks as OpenAI's does,
-- PUT adds a word. Who asked last gets the words.
local od = require "open-do"

local Model = {}

function Model:constructor()
  self.words, self.turn = {}, 0
end

-- nil, or the answer that is given in place of words.
function Model:refuse(status)
  self.status = status
end

function Model:say(...)
  for _, word in ipairs { ... } do
    self.words[#self.words + 1] = word
  end
end

function Model:asked()
  return self.body
end

local function event_of(word)
  if word == "[DONE]" then
    return word
  end
  return od.json.encode { choices = { { delta = { content = word } } } }
end

function Model:fetch(request)
  if request.method == "PUT" then
    self:say(request:text())
    return od.Response(nil, { status = 204 })
  end
  self.body = request:json()
  if self.status then
    return od.Response("no\n", { status = self.status })
  end
  self.turn = self.turn + 1
  local turn = self.turn
  return od.Response(function(stream)
    while self.turn == turn do
      local word = table.remove(self.words, 1)
      if word and word ~= "[CUT]" then
        stream:write("data: " .. event_of(word) .. "\n\n")
      end
      if word == "[CUT]" or word == "[DONE]" then
        return
      end
      od.sleep(2)
    end
  end, { headers = { ["content-type"] = "text/event-stream" } })
end

return { namespaces = { models = Model } }
