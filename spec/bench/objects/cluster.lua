-- The objects of spec/bench/cluster: those of bench and calls, and each says at which node it is.

local od = require "open-do"
local bench = require "bench"
local calls = require "calls"

-- A request without anything else asks for the node.
local function placed(class)
  local fetch = class.fetch
  function class:fetch(request)
    if fetch and (request:isWebSocketUpgrade() or request.query.times) then
      return fetch(self, request)
    end
    return od.Response(self.env.NODE)
  end
  return class
end

local namespaces = { echo = bench.namespaces.echo, put = bench.namespaces.put,
  callers = calls.namespaces.callers, callees = calls.namespaces.callees }
for _, class in pairs(namespaces) do
  placed(class)
end

return { namespaces = namespaces }
