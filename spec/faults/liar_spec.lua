-- A worker in strange hands answers for its own objects and for nothing else (runtime/README.md):
-- whatever it says to main, main lives, the other worker's objects have what they had, and once
-- another process is in its place, so have its own, but for what it wrote itself.
--
-- liar.c speaks in its name. OPEN_DO_SEED begins elsewhere, OPEN_DO_LIES sets how much rubbish.
local core = require "spec.support.core"
local proc = require "spec.support.proc"
local process = require "spec.support.process"
local survival = require "spec.scenario.survival"
local C = core.load("link/kinds.h", "store/batch.h")
local ffi = core.ffi

local SHIM = "spec/faults/liar.c"
local SEED = tonumber(os.getenv("OPEN_DO_SEED")) or 1
local RUBBISH = tonumber(os.getenv("OPEN_DO_LIES")) or 20
local BIRTH = 0 -- In place of a pid: the next worker that is born.
local O_RDWR, READ_WRITE, MAP_SHARED = 2, 3, 1

pcall(ffi.cdef, [[
struct od_spec_lie { int32_t is_ready, pid, has_fd; uint32_t seed, size; char bytes[65536]; };
void *mmap(void *address, size_t size, int protection, int flags, int fd, long offset);
]])

local u32, u64, str = core.u32, core.u64, core.str

local function message(kind, body, has_fd)
  local head = ffi.new("uint16_t[2]", kind, has_fd and 0x0101 or 0)
  return u32(#body) .. ffi.string(head, 4) .. body
end

local function bytes_of(hex)
  return (hex:gsub("%x%x", function(byte)
    return string.char(tonumber(byte, 16))
  end))
end

local function random_bytes(count)
  local bytes = {}
  for i = 1, count do
    bytes[i] = string.char(math.random(4) == 1 and 255 or math.random(4) == 1 and 0
      or math.random(0, 255))
  end
  return table.concat(bytes)
end

describe("a worker that lies to main", function()
  local directory, lie, server, ann, ben, near, far

  setup(function()
    directory = os.tmpname()
    os.remove(directory)
    assert(os.execute("mkdir -p '" .. directory .. "'") == 0)
    assert(os.execute(("cc -O1 -shared -fPIC -o '%s/liar.so' %s"):format(directory, SHIM)) == 0)
    local path = directory .. "/lie"
    local file = assert(io.open(path, "wb"))
    file:write(("\0"):rep(ffi.sizeof("struct od_spec_lie")))
    file:close()
    local fd = ffi.C.open(path, O_RDWR)
    lie = ffi.cast("struct od_spec_lie *",
      ffi.C.mmap(nil, ffi.sizeof("struct od_spec_lie"), READ_WRITE, MAP_SHARED, fd, 0))
    ffi.C.close(fd)
  end)

  teardown(function()
    os.execute("rm -rf '" .. directory .. "'")
  end)

  -- Ann is in worker 0, the liar, Ben in worker 1.
  before_each(function()
    -- The clock is turned at will, and nobody here answers pings.
    server = survival.start { workers = 2, args = { "--ping-ms", "0" },
      env = { LD_PRELOAD = directory .. "/liar.so", OPEN_DO_LIAR = directory .. "/lie" } }
    near, far = survival.room_in(server, "near", 0), survival.room_in(server, "far", 1)
    ann, ben = survival.person(server, near, "ann"), survival.person(server, far, "ben")
    for _, person in ipairs { ann, ben } do
      person:ask("store what was true", "stored what was true")
    end
  end)

  after_each(function()
    lie.is_ready = 0
    server:stop()
  end)

  local function id_of(name)
    return bytes_of(server:get("/rooms/" .. name .. "?ask=id").body)
  end

  local function identity_of(name)
    return id_of(name) .. str("rooms") .. "\1" .. str(name)
  end

  -- Worker 0 says it, or the one that is born in its place.
  local function tell(bytes, options)
    options = options or {}
    local pid = server:status().workers[1].pid
    lie.size, lie.has_fd, lie.seed = #bytes, options.has_fd and 1 or 0, options.seed or 0
    lie.pid = options.at_birth and BIRTH or pid
    ffi.copy(lie.bytes, bytes, #bytes)
    lie.is_ready = 1
    if options.at_birth then
      process.send_signal(pid, "KILL")
    else
      ann:say("store what was true")
    end
  end

  -- The next process in its place; one that is killed again and again comes back ever later.
  local function await_other(pid)
    local other
    repeat
      server:turn_clock(5000)
      other = server:status().workers[1].pid
    until other ~= 0 and other ~= pid
    return other
  end

  -- Whoever is worker 0 now has nothing to do with the lie.
  local function replace_liar()
    local pid = await_other()
    process.send_signal(pid, "KILL")
    server:wait_log(("worker 0 %%(pid %d%%) ended"):format(pid))
    await_other(pid)
    server:wait_log("worker 0 is back after")
  end

  local function expect_all_well()
    ben:ask("stored", "what was true")
    ben:ask("who", ben:identity())
    assert.equal("what was true", server:get("/rooms/" .. far .. "?ask=stored").body)
    assert.equal("what was true", server:get("/rooms/" .. near .. "?ask=stored").body)
    local cat = survival.person(server, near, "cat")
    cat:ask("echo here", "here")
    cat.ws:close(1000)
  end

  local function expect_killed(what)
    server:wait_log("worker 0 sent a " .. what .. " that makes no sense and is killed")
    server:wait_log("worker 0 is back after")
    expect_all_well()
  end

  local function batch(name)
    local put = string.char(C.OD_OPERATION_PUT) .. str("\16stored") .. str("\16false")
    local body = identity_of(name) .. put
    return u32(7) .. u64(1000000) .. u32(#body) .. body
  end

  local LIES = {
    BATCHES = function() return batch(far) end,
    OBJECT_KEEP = function() return "\0" .. id_of(far) .. "record" end,
    ALARM_OVER = function() return id_of(far) .. "\1" end,
    SOCKET_KEEP = function() return u64(12345) .. u32(3) .. identity_of(far) end,
    CONNECTION_LEFT = function() return u32(4000000000) end,
    CONNECTION_MOVED = function() return u64(5) .. u32(77) end,
    DRAINED = function() return "" end,
    CALL = function() return u64(1) end, -- A kind that is for others.
  }

  for kind, body in pairs(LIES) do
    it("that speaks of what is not its own (" .. kind .. ") is replaced", function()
      tell(message(C["OD_KIND_" .. kind], body()))
      expect_killed(kind)
    end)
  end

  -- A socket that main had not given back yet was forgotten under the hands of who gave it.
  it("that takes its leave of sockets it has not got back yet ends nobody else", function()
    local crowd = survival.gather(server, { people = 60, rooms = 6 })
    local gone = {}
    for number = 1, 200 do
      gone[number] = message(C.OD_KIND_SOCKET_GONE, u64(number))
    end
    tell(table.concat(gone), { at_birth = true })
    server:wait_log("worker 0 is back after")
    for _, person in ipairs(crowd.people) do
      if survival.worker_of(server, person.room) == 1 then
        person:ask("who", person:identity())
      end
    end
    expect_all_well()
  end)

  it("that serves before it has loaded the script is replaced", function()
    tell(message(C.OD_KIND_BATCHES, batch(near)), { at_birth = true })
    server:wait_log("worker 0 sent a BATCHES that makes no sense and is killed")
    await_other()
    server:wait_log("worker 0 is back after")
    expect_all_well()
  end)

  it("that sends descriptors nobody wants leaves none of them in main", function()
    local main = server.process.pid
    server:status()
    local before = proc.descriptors(main)
    for _ = 1, 20 do
      tell(message(C.OD_KIND_SOCKET_FACTS, u64(99) .. str("x"), true), { has_fd = true })
      ann:hear("stored what was true")
    end
    server:status()
    assert.is_true(proc.descriptors(main) <= before + 2, "main keeps descriptors")
    expect_all_well()
  end)

  it(("that speaks rubbish ends nobody else (%d times)"):format(RUBBISH), function()
    for seed = SEED, SEED + RUBBISH - 1 do
      math.randomseed(seed)
      local bytes
      if math.random(3) == 1 then
        bytes = random_bytes(math.random(200))
      else
        bytes = message(math.random(C.OD_KIND_COUNT - 1), random_bytes(math.random(0, 100)),
          math.random(5) == 1)
      end
      tell(bytes, { has_fd = math.random(3) == 1, at_birth = math.random(3) == 1,
        seed = math.random(4) == 1 and seed or nil })
      local deadline = os.time() + 60
      while lie.is_ready ~= 0 and os.time() < deadline do
        server:status()
      end
      assert.equal(0, lie.is_ready, "seed " .. seed)
      replace_liar()
      expect_all_well()
      ann = survival.person(server, near, "ann")
    end
  end)
end)
