-- Documents for yjs: y-websocket as npm has it, two and more editors.
local json = require "dkjson"
local npm = require "spec.support.npm"

describe("the yjs example", function()
  local scene = npm.scenes "yjs"
  local server, client

  local function open(name, room)
    local one = client(name)
    one:open(server.url, room)
    return one
  end

  scene("carries what one types to the other, and to who comes later", function(...)
    server, client = ...
    local ann, ben = open "Ann", open "Ben"
    ann:say "one"
    assert.same({ "one" }, ben:hear(1))
    ben:say "two"
    assert.same({ "one", "two" }, ann:hear(2))
    local cleo = open "Cleo"
    assert.same({ "one", "two" }, cleo:hear(2))
    assert.same({}, open("Dan", "kitchen"):hear(0))
  end)

  scene("shows who is here, and that somebody left", function(...)
    server, client = ...
    local ann, ben = open "Ann", open "Ben"
    ann:people("Ann", "Ben")
    ben:people("Ann", "Ben")
    ben:close()
    ann:people("Ann")
  end)

  scene("gives a document that was written over and over to a newcomer, whole", function(...)
    server, client = ...
    local writers = { open "Ann", open "Ben", open "Cleo" }
    for round = 1, 6 do
      for i, writer in ipairs(writers) do
        writer:scribble(round * 10 + i, 150)
      end
    end
    writers[1]:say "end"
    writers[2]:hear(1)
    server:restart()
    for _, writer in ipairs(writers) do
      writer:back(1)
    end
    local newcomer = open "Dan"
    local contents = newcomer:contents()
    for _, writer in ipairs(writers) do
      writer:agree(contents)
    end
  end)

  scene("merges what was typed, so that a restless person does not fill the disk", function(...)
    server, client = ...
    local ann, ben = open "Ann", open "Ben"
    ann:say "kept"
    ben:hear(1)
    ann:fidget(1000)
    ann:say "end"
    ben:hear(2)
    local stored = json.decode(server:get("/docs/lobby").body)
    assert.is_true(stored.logBytes < 9000, "log of " .. stored.logBytes)
    assert.is_true(stored.documentBytes < 1000, "document of " .. stored.documentBytes)
    server:kill()
    server:launch()
    assert.same({ "kept", "end" }, open("Cleo"):hear(2))
  end)

  scene("keeps a paste of several megabytes", function(...)
    server, client = ...
    local ann, ben = open "Ann", open "Ben"
    ann:paste(1200000) -- Twice as many bytes: more than one value can have.
    ann:say "end"
    assert.equal("end", ben:hear(2)[2])
    server:restart()
    local cleo = open "Cleo"
    cleo:hear(2)
    assert.equal(1200005, cleo:length())
  end)

  scene("refuses what is no update, and nobody else notices", function(...)
    server, client = ...
    local ann, ben = open "Ann", open "Ben"
    ann:say "before"
    ben:hear(1)
    local lies = {
      "", "00", "07", "0002", "00020102", "000203010100", "0002ffffffff7f", "0003020000",
      -- One struct each of which no client could read: kinds 0, 11 and 4 with bytes that are no
      -- UTF-8.
      "00020601010100800000", "000206010101008b0000", "00020a01010100040101740141ff", "01050101",
      "0106010101022020",
    }
    for i, lie in ipairs(lies) do
      assert.equal(1008, open("Liar " .. i):lie(lie), lie)
    end
    ann:say "after"
    assert.same({ "before", "after" }, ben:hear(2))
    assert.same({ "before", "after" }, open("Cleo"):hear(2))
    assert.equal(0, ann:lost() + ben:lost())
  end)
end)
