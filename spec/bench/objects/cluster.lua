-- The objects of spec/bench/cluster: those of bench and calls, and each says at which node it is.

local od = require "open-do"
local bench = require "bench"
local calls = require "calls"

local function placed(class)
  local accept = class.fetch
  function class:fetch(request)
    if request:isWebSocketUpgrade() then
      return accept(self)
    end
    return od.Response(self.env.NODE)
  end
  return class
end

return { namespaces = { echo = placed(bench.namespaces.echo), put = placed(bench.namespaces.put),
  callers = calls.namespaces.callers, callees = calls.namespaces.callees } }
