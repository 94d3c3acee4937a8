-- An HTTP API over objects: notes of users. Each user is an object with a database of its own, so
-- no two requests of one user are ever in each other's way.
--
--   PUT    /users/ann/notes          {"text": "milk"}   201 {"id": 1, "text": "milk"}
--   GET    /users/ann/notes                             200 [{"id": 1, "text": "milk"}]
--   DELETE /users/ann/notes/1                           204
local od = require "open-do"

---@class User: DurableObject
local User = {}

function User:constructor(state)
  state.storage:migrate {
    "CREATE TABLE note (id INTEGER PRIMARY KEY, text TEXT NOT NULL, at INTEGER NOT NULL)",
  }
end

function User:add(text)
  return self.state.storage.sql:exec(
    "INSERT INTO note (text, at) VALUES (?, ?) RETURNING id, text", text, od.now()):one()
end

function User:notes()
  return self.state.storage.sql:exec("SELECT id, text FROM note ORDER BY id"):toArray()
end

function User:remove(id)
  return self.state.storage.sql:exec("DELETE FROM note WHERE id = ?", id).rowsWritten > 0
end

-- The entry: from requests to methods.
local function problem(status, text)
  return od.Response.json({ error = text }, { status = status })
end

local function put(user, request)
  local ok, body = pcall(function() return request:json() end)
  if not ok or type(body) ~= "table" or type(body.text) ~= "string" or body.text == "" then
    return problem(400, 'the body must be like {"text": "milk"}')
  end
  return od.Response.json(user:add(body.text), { status = 201 })
end

local function fetch(request, env)
  local name, id = request.path:match("^/users/(%w+)/notes/?(%d*)$")
  if not name then
    return problem(404, "there is nothing here")
  end
  local user = env.users:getByName(name)
  if request.method == "PUT" and id == "" then
    return put(user, request)
  elseif request.method == "GET" and id == "" then
    return od.Response.json(od.json.array(user:notes()))
  elseif request.method == "DELETE" and id ~= "" then
    return user:remove(tonumber(id)) and od.Response(nil, { status = 204 })
      or problem(404, "there is no such note")
  end
  return problem(405, "not with this method")
end

return { namespaces = { users = User }, fetch = fetch }
