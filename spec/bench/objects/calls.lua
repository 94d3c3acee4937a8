-- The objects of spec/bench/calls: one that calls another as often as a request asks it to.

local od = require "open-do"

local worker = od.randomUUID() -- Made once a process.

local Callee = {}

function Callee:add(n)
  self.sum = (self.sum or 0) + n
  return self.sum
end

function Callee:worker()
  return worker
end

function Callee:take(n)
  local sum = self.sum
  self.sum = nil
  return sum, n
end

local Caller = {}

-- /callers/NAME?to=CALLEE&times=N
function Caller:fetch(request)
  local query = request.query
  if not query.to then
    return od.Response(worker)
  end
  local stub = self.env.callees:getByName(query.to)
  if query.ask then
    return od.Response(tostring((stub[query.ask](stub))))
  end
  for _ = 1, tonumber(query.times) do
    stub:add(1)
  end
  return od.Response("done")
end

return { namespaces = { callers = Caller, callees = Callee } }
