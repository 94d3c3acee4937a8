-- Another program takes the place of the running one: the process stays the same, and nobody is
-- disconnected, whatever he is in the middle of.

local handover = require "spec.scenario.handover"
local survival = require "spec.scenario.survival"

local function upgrade(server)
  local code, said = server:asking("upgrade")
  assert.equal(0, code, said .. "\n" .. server:log())
  assert.matches("^open%-do [%d.]+ has taken over from [%d.]+: %d+ WebSockets kept, nobody was "
    .. "served for %d+ ms\n$", said)
end

describe("open-do upgrade", function()
  local server

  after_each(function()
    server:stop()
  end)

  handover.specs(it, function() return server end, function(started) server = started end, upgrade)
end)
