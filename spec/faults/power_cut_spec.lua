-- Nothing acknowledged is lost to a power cut. The whole server runs under load on a disk that
-- writes down every write and sync of the data file and the journal; from that we make what a cut
-- at any moment may leave, half-written sectors included, and open each as the server would.
--
-- OPEN_DO_IMAGES sets how many (1,000), OPEN_DO_SEED repeats a run.

local Disk = require "spec.faults.disk"
local Server = require "spec.support.server"
local world = require "spec.unit.store.world"
local core = world.core
local C, ffi = core.load("object/names/id.h", "sql/sql.h", "base/bytes.h"), core.ffi

local IMAGES = tonumber(os.getenv("OPEN_DO_IMAGES")) or 1000
local SEED = tonumber(os.getenv("OPEN_DO_SEED")) or os.time()
local LEDGERS, ROUNDS, IN_FLIGHT = 6, 60, 4
local IMAGES_AT_ONCE = 50

-- Each message is a batch of two equal numbers, of rows in two tables, and of what makes the file
-- move: values of all sizes, long keys, deletes, and at times everything goes.
local SOURCE = [==[
local od = require "open-do"
local Ledger = {}

function Ledger:fetch()
  local client, server = od.WebSocketPair()
  self.state:acceptWebSocket(server)
  return od.Response(nil, { status = 101, webSocket = client })
end

local function write(storage, n)
  storage:put("last", tostring(n))
  storage.sql:exec [[
    CREATE TABLE IF NOT EXISTS one (n INTEGER PRIMARY KEY, bytes);
    CREATE TABLE IF NOT EXISTS two (n UNIQUE, one REFERENCES one (n)) ]]
  storage.sql:exec("INSERT INTO one VALUES (?, ?)", n, ("b"):rep(n * 7907 % 9000))
  storage.sql:exec("UPDATE one SET bytes = NULL WHERE n % 3 = ?", n % 3)
  storage:put("value " .. n % 9, ("v"):rep(n * 7919 % 9000))
  storage:put(("long"):rep(200) .. n % 3, n)
  storage:delete("value " .. n % 4)
  storage.sql:exec("INSERT INTO two VALUES (?1, ?1)", n)
  storage:put("twin", tostring(n))
end

function Ledger:webSocketMessage(ws, message)
  local storage, n = self.state.storage, tonumber(message)
  if n % 25 == 0 then
    storage:deleteAll()
    write(storage, n)
  elseif n % 2 == 0 then
    write(storage, n)
  else
    storage:transaction(function() write(storage, n) end)
  end
  ws:send(message)
end

return { namespaces = { ledgers = Ledger } }
]==]

local function id_of(name)
  local key = C.od_namespace_key_of(core.slice("ledgers"))
  return ffi.string(C.od_id_of_name(key, core.slice(name)).bytes, 32)
end

-- One ledger: who writes to it, and what was told when.
local Ledger = {}
Ledger.__index = Ledger

local function new_ledger(server, index)
  local name = tostring(index)
  return setmetatable({
    name = name, id = id_of(name), sent = 0, told = {}, heard = 0,
    socket = server:connect("/ledgers/" .. name),
  }, Ledger)
end

function Ledger:send_burst()
  for _ = 1, IN_FLIGHT do
    self.sent = self.sent + 1
    self.socket:send(tostring(self.sent))
  end
end

function Ledger:hear_all(disk)
  while self.heard < self.sent do
    self.heard = tonumber((self.socket:receive()))
    self.told[#self.told + 1] = { number = self.heard, position = disk:position() }
  end
end

-- The last number that was told while the trace was not longer than `position`.
function Ledger:told_at(position)
  local low, high = 0, #self.told
  while low < high do
    local middle = math.ceil((low + high) / 2)
    if self.told[middle].position <= position then
      low = middle
    else
      high = middle - 1
    end
  end
  return low > 0 and self.told[low].number or 0
end

-- A short string as it is stored (bindings/value/value_format.h): two bytes, then the text.
local function decode(value)
  return value and tonumber(value:sub(3)) or 0
end

local QUERY = "SELECT (SELECT max(n) FROM one) || ' ' || (SELECT max(n) FROM two) || ' ' || "
  .. "(SELECT quick_check FROM pragma_quick_check)"

-- The largest numbers of the two tables, and what SQLite thinks of the database: "3 3 ok".
local function rows_of(object)
  local query, result = ffi.new("struct od_sql_query"), ffi.new("struct od_sql_result")
  local bytes, value = ffi.new("struct od_bytes[1]"), ffi.new("struct od_sql_value")
  query.text = core.slice(QUERY)
  query.deadline_us, result.bytes = 2 ^ 62, bytes
  if tonumber(C.od_sql_exec(object.storage, query, result, object.err)) ~= 0 then
    return ffi.string(object.err.text)
  end
  local cursor = ffi.new("struct od_cursor[1]", { C.od_cursor_of(C.od_bytes_slice(bytes)) })
  C.od_cursor_string(cursor)
  C.od_sql_value_read(cursor, value)
  local text = core.string(value.bytes)
  C.od_bytes_deinit(bytes)
  return text
end

-- What is wrong with what the ledger has in the image; nil: nothing.
local function fault_of_ledger(ledger, object, told)
  local last, twin = decode(object:get("last")), decode(object:get("twin"))
  if last ~= twin then
    return ("ledger %s: half a batch, %d and %d"):format(ledger.name, last, twin)
  elseif last > 0 and rows_of(object) ~= ("%d %d ok"):format(last, last) then
    return ("ledger %s: %d in keys, %s in rows"):format(ledger.name, last, rows_of(object))
  elseif last < told then
    return ("ledger %s: %d was acknowledged, %d is stored"):format(ledger.name, told, last)
  elseif last > ledger.sent then
    return ("ledger %s: %d is stored, which nobody wrote"):format(ledger.name, last)
  end
end

-- Opens the image as the server would, and goes on with it.
local function examine(directory, ledgers, position)
  local image, why = world.try(directory)
  if not image then
    return "it does not open: " .. why
  end
  for _, ledger in ipairs(ledgers) do
    local object = image:object(ledger.name, 1, { id = ledger.id, space = "ledgers" })
    why = why or fault_of_ledger(ledger, object, ledger:told_at(position))
    object:put("afterwards", "1")
    object:seal()
  end
  local seq = image:turn()
  image:close() -- LMDB has it then; while it is open it would wait for more.
  return why or not image:find("applied", 1, seq) and "what was written afterwards is not applied"
end

-- Examines images in a process of their own, because a damaged file may end it. Returns a line for
-- each that it got to, in order: "fine", or what is wrong.
local function examine_some(images, ledgers)
  local fds = ffi.new("int[2]")
  assert(ffi.C.pipe2(fds, 0) == 0)
  local pid = ffi.C.fork()
  if pid == 0 then
    world.arm("journal.small", -1)
    for _, image in ipairs(images) do
      local ok, why = pcall(examine, image.directory, ledgers, image.position)
      local line = (ok and why or not ok and why or "fine"):gsub("\n", " ") .. "\n"
      ffi.C.write(fds[1], line, #line)
    end
    ffi.C._exit(0)
  end
  ffi.C.close(fds[1])
  local text, piece = {}, ffi.new("char[4096]")
  local size = tonumber(ffi.C.read(fds[0], piece, 4096))
  while size > 0 do
    text[#text + 1] = ffi.string(piece, size)
    size = tonumber(ffi.C.read(fds[0], piece, 4096))
  end
  ffi.C.close(fds[0])
  ffi.C.waitpid(pid, nil, 0)
  return table.concat(text)
end

local function examine_all(images, ledgers, faults)
  while #images > 0 do
    local count = 0
    for line in examine_some(images, ledgers):gmatch("(.-)\n") do
      count = count + 1
      faults[#faults + 1] = line ~= "fine" and line or nil
    end
    if count < #images then
      count = count + 1
      faults[#faults + 1] = "the process that opened it has died"
    end
    images = { unpack(images, count + 1) }
  end
end

local function run_load(disk)
  local server = Server.prepare { source = SOURCE, workers = 2, env = disk.environment }
  server:fault("journal.small") -- So that segments are used again.
  server:launch()
  local ledgers = {}
  for index = 1, LEDGERS do
    ledgers[index] = new_ledger(server, index)
  end
  for _ = 1, ROUNDS do
    for _, ledger in ipairs(ledgers) do
      ledger:send_burst()
    end
    for _, ledger in ipairs(ledgers) do
      ledger:hear_all(disk)
    end
  end
  server:stop()
  return ledgers
end

local function faults_of(disk, ledgers, count, records)
  local total, faults, images = 0, {}, {}
  for position, directory in disk:cuts { images = count, records = records, seed = SEED } do
    images[#images + 1] = { position = position, directory = directory }
    total = total + 1
    if #images == IMAGES_AT_ONCE then
      examine_all(images, ledgers, faults)
      disk:clear()
      images = {}
    end
  end
  examine_all(images, ledgers, faults)
  disk:clear()
  return faults, total
end

describe("a power cut", function()
  local disk

  before_each(function()
    disk = Disk.new()
  end)

  after_each(function()
    disk:remove()
  end)

  it(("loses nothing that was acknowledged: %d images (seed %d)"):format(IMAGES, SEED), function()
    local faults, count = faults_of(disk, run_load(disk), IMAGES)
    if os.getenv("OPEN_DO_IMAGES") then
      print(("%d images, of a trace of %d writes and syncs"):format(count, #disk:records()))
    end
    assert.is_true(count >= IMAGES * 0.99)
    assert.same({}, faults)
  end)

  it("in the first moments of a data directory leaves one that opens", function()
    local faults, count = faults_of(disk, run_load(disk), 200, 10)
    assert.is_true(count >= 190)
    assert.same({}, faults)
  end)

  it("is noticed by this spec when the disk lies about syncs", function()
    disk:lie()
    local faults = faults_of(disk, run_load(disk), 300)
    assert.is_true(#faults > 30, #faults .. " of 300 images are wrong; many should be")
  end)
end)
