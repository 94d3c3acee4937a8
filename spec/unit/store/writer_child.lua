-- A server that writes until it is killed, for crash_spec.lua: two keys a batch, always equal;
-- prints "durable N" when batch N is on disk, "applied N" when readers see it. Arguments: the data
-- directory.
local support = require "spec.unit.store.world"

local world = support.open(arg[1])
local object = world:object("crash")
local printed = { durable = 0, applied = 0 }

io.stdout:setvbuf("no")
for i = 1, math.huge do
  object:put("x", tostring(i))
  object:put(("y"):rep(1200), tostring(i))
  if i % 50 == 0 then
    object:put("log " .. i, ("z"):rep(5000))
  end
  object:seal()
  world:turn()
  world:pump(i % 3 == 0 and 1 or 0) -- Some groups of one, some of several.
  for _, item in ipairs(world.news) do
    if printed[item.kind] and item.seq > printed[item.kind] then
      printed[item.kind] = item.seq
      io.write(("%s %d\n"):format(item.kind, item.seq))
    end
  end
  world:hear()
end
