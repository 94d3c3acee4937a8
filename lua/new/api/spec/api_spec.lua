local t = require "open-do.test"

describe("the API of notes", function()
  local app

  before_each(function()
    app = t.start "api.lua"
  end)

  local function put(text)
    return app:fetch("/users/ann/notes", { method = "PUT", body = ('{"text":"%s"}'):format(text) })
  end

  local function texts()
    local found = {}
    for i, note in ipairs(app:fetch("/users/ann/notes"):json()) do
      found[i] = note.text
    end
    return found
  end

  it("keeps notes, also through a power cut", function()
    assert.same({}, texts())
    assert.equal(201, put("milk").status)
    assert.equal(201, put("bread").status)
    app:crash()
    assert.same({ "milk", "bread" }, texts())
  end)

  it("removes a note once", function()
    local id = put("milk"):json().id
    local path = "/users/ann/notes/" .. id
    assert.equal(204, app:fetch(path, { method = "DELETE" }).status)
    assert.equal(404, app:fetch(path, { method = "DELETE" }).status)
    assert.same({}, texts())
  end)

  it("says what is wrong", function()
    assert.equal(400, put("").status)
    assert.equal(400, app:fetch("/users/ann/notes", { method = "PUT", body = "no JSON" }).status)
    assert.equal(404, app:fetch("/elsewhere").status)
    assert.equal(405, app:fetch("/users/ann/notes", { method = "POST" }).status)
  end)
end)
