-- Stores in step, with TinyBase's synchronizer as npm has it.
local npm = require "spec.support.npm"

describe("the tinybase example", function()
  local scene = npm.scenes "tinybase"

  scene("keeps two stores in step", function(server, client)
    local ann, ben = client "ann", client "ben"
    ann:open(server.url)
    ben:open(server.url)
    ann:setCell("pets", "fido", "species", "dog")
    ben:setCell("pets", "felix", "species", "cat")
    ben:setValue("open", true)
    local tables = { pets = { fido = { species = "dog" }, felix = { species = "cat" } } }
    ann:agree(tables, { open = true })
    ben:agree(tables, { open = true })
    ben:delRow("pets", "fido")
    ann:agree({ pets = { felix = { species = "cat" } } }, { open = true })
  end)

  scene("remembers when nobody is here, over kill -9; the later wins", function(server, client)
    local ann = client "ann"
    ann:setCell("pets", "fido", "species", "dog") -- Before it has ever been connected.
    ann:open(server.url)
    ann:setCell("pets", "rex", "species", "dog")
    ann:delRow("pets", "rex")
    ann:setValue("open", true)
    client("witness"):open(server.url)
    client("witness"):agree({ pets = { fido = { species = "dog" } } }, { open = true })
    ann:close()
    server:kill()
    server:launch()
    local ben = client "ben"
    ben:open(server.url)
    ben:agree({ pets = { fido = { species = "dog" } } }, { open = true })
    ann:setCell("pets", "fido", "species", "wolf") -- While it is away.
    ann:open(server.url)
    ben:agree({ pets = { fido = { species = "wolf" } } }, { open = true })
  end)

  scene("closes a socket that says nonsense, and no other", function(server, client)
    local ann, ben = client "ann", client "ben"
    ann:open(server.url)
    ben:open(server.url)
    local nonsense = { "", "hello", "\n", "\n7", "\n[]", "\n[1,9,{}]", "\n[null,3,7]", "server\n{" }
    for _, text in ipairs(nonsense) do
      local stranger = server:connect "/stores/lobby"
      stranger:send(text)
      stranger:expect_close(1007)
    end
    ann:setValue("still", "here")
    ben:agree({}, { still = "here" })
    assert.equal(0, ann:lost() + ben:lost())
  end)
end)
