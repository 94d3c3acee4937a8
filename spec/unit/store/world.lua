-- A data directory with a committer and workers' stores in one process, for the specs of the store.
-- News from the committer waits in `world.news` until a spec lets a store hear it.
local core = require "spec.support.core"
local kept = require "spec.support.kept"
local shell = require "spec.support.shell"
local C = core.load("store/files.h", "store/committer.h", "store/store.h", "store/storage.h",
  "store/reader.h", "base/fault.h")
local ffi = core.ffi

ffi.cdef [[
size_t uv_loop_size(void);
int uv_loop_init(struct uv_loop_s *loop);
int uv_loop_close(struct uv_loop_s *loop);
int uv_run(struct uv_loop_s *loop, int mode);
int uv_backend_fd(const struct uv_loop_s *loop);
struct store_spec_pollfd { int fd; short events, revents; };
int poll(struct store_spec_pollfd *fds, unsigned long count, int timeout_ms);
void *mmap(void *address, size_t size, int protection, int flags, int fd, long offset);
int open(const char *path, int flags, ...);
int close(int fd);
int setenv(const char *name, const char *value, int overwrite);
void *malloc(size_t size);
void free(void *memory);
]]

local M = { C = C, ffi = ffi, core = core, slice = core.slice, string = core.string }
local World = {}
World.__index = World
M.World = World

local DEADLINE_S = 20 * (tonumber(os.getenv("OPEN_DO_TEST_PATIENCE")) or 1)
local RUN_NOWAIT = 2

-- --- Faults --------------------------------------------------------------------------------------

local page

local function fault_page()
  if page then
    return page
  end
  local given = os.getenv("OPEN_DO_TEST_PAGE")
  local path = given or os.tmpname()
  if not given then
    shell.write(path, ("\0"):rep(ffi.sizeof("struct od_fault_page")))
    ffi.C.setenv("OPEN_DO_TEST_PAGE", path, 1)
  end
  C.od_fault_open()
  local fd = ffi.C.open(path, 2)
  page = ffi.cast("struct od_fault_page *",
    ffi.C.mmap(nil, ffi.sizeof("struct od_fault_page"), 3, 1, fd, 0))
  ffi.C.close(fd)
  if not given then
    os.remove(path) -- Both maps stay.
  end
  return page
end

-- Arms a fault: after `skip` calls, `times` fail (-1: all).
function M.arm(name, times, skip)
  local slots = fault_page().slots
  for i = 0, 7 do
    local known = ffi.string(slots[i].name)
    if known == name or known == "" then
      slots[i].skip = skip or 0
      ffi.copy(slots[i].name, name)
      slots[i].times = times
      return
    end
  end
  error("no free fault slot")
end

function M.disarm(name)
  M.arm(name, 0)
end

function M.disarm_all()
  for i = 0, 7 do
    fault_page().slots[i].times = 0
  end
end

-- Makes room for other names, while no world is open that could look at one.
local function forget_all()
  local slots = fault_page().slots
  ffi.fill(slots, ffi.sizeof(slots))
end

-- How often an armed fault has still to fail.
function M.times_left(name)
  local slots = fault_page().slots
  for i = 0, 7 do
    if ffi.string(slots[i].name) == name then
      return tonumber(slots[i].times)
    end
  end
  return 0
end

-- --- Events --------------------------------------------------------------------------------------

local current -- The world whose committer is being run.

local function push(kind, source, fields)
  fields.kind, fields.source = kind, source
  current.news[#current.news + 1] = fields
end

-- One set of callbacks for all worlds: LuaJIT has room for only a few hundred.
local events = ffi.new("struct od_committer_events", {
  durable = function(_, source, seq)
    push("durable", source, { seq = tonumber(seq) })
  end,
  applied = function(_, source, seq)
    push("applied", source, { seq = tonumber(seq) })
  end,
  failed = function(_, source, generation, first_seq, why)
    push("failed", source,
      { generation = generation, seq = tonumber(first_seq), why = ffi.string(why) })
  end,
  forgotten = function(_, source)
    push("forgotten", source, {})
  end,
  stalled = function(_, why)
    push("stalled", 0, { why = ffi.string(why) })
  end,
  lost = function(_, why)
    push("lost", 0, { why = ffi.string(why) })
  end,
  alarm = function(_, due_ms)
    push("alarm", 0, { due = tonumber(due_ms) })
  end,
})

local broken_storages
local on_broken = ffi.cast("void (*)(struct od_storage *)", function(storage)
  broken_storages[#broken_storages + 1] = storage
end)

-- --- Life ----------------------------------------------------------------------------------------

function M.temporary_directory()
  local path = os.tmpname()
  os.remove(path)
  return path
end

function M.remove_directory(path)
  assert(path:match("^/tmp/"))
  os.execute("rm -rf '" .. path .. "'")
end

-- Paths of the segments of a journal, in their order.
function M.segments(folder)
  return shell.lines(("ls -d '%s'/* | grep '/[0-9]*$'"):format(folder))
end

-- Tries to open; nil and the error text when it is refused.
function M.try(directory)
  local self = setmetatable({ directory = directory, news = {}, stores = {}, anchors = {} }, World)
  self.loop_memory = ffi.new("char[?]", tonumber(C.uv_loop_size()))
  self.loop = ffi.cast("struct uv_loop_s *", self.loop_memory)
  assert(C.uv_loop_init(self.loop) == 0)
  local committer, err = ffi.new("struct od_committer *[1]"), ffi.new("struct od_error")
  if C.od_committer_open(committer, self.loop, directory, -1, nil, events, nil, err) ~= 0 then
    C.uv_run(self.loop, RUN_NOWAIT)
    C.uv_loop_close(self.loop)
    return nil, ffi.string(err.text)
  end
  self.committer = committer[0]
  return self
end

function M.open(directory)
  return assert(M.try(directory or M.temporary_directory()))
end

-- The store of a worker, made when it is first asked for.
function World:store(source)
  source = source or 1
  if not self.stores[source] then
    local store, err = ffi.new("struct od_store *[1]"), ffi.new("struct od_error")
    assert(C.od_store_open(store, self.directory, err), ffi.string(err.text))
    self.stores[source] = store[0]
  end
  return self.stores[source]
end

function World:close_committer()
  current = self
  C.od_committer_close(self.committer)
  self.committer = nil
  C.uv_run(self.loop, RUN_NOWAIT)
  C.uv_run(self.loop, RUN_NOWAIT)
  assert(C.uv_loop_close(self.loop) == 0, "the loop still has handles")
end

-- Objects first, then stores, then the committer.
function World:close()
  for object in pairs(self.anchors) do
    object:deinit()
  end
  for _, store in pairs(self.stores) do
    C.od_store_close(store)
  end
  self.stores = {}
  if self.committer then
    self:close_committer()
  end
end

-- Opens what has been closed: what was stored is there, objects have to be made anew.
function World:reopen()
  for key, value in pairs(M.open(self.directory)) do
    self[key] = value
  end
end

-- Ends it, and all that is stored with it.
function World:stop()
  M.disarm_all()
  self:close()
  forget_all()
  M.remove_directory(self.directory)
end

-- Called in a `describe`: a world for each of its tests.
function M.each()
  return kept.each(getfenv(2), M.open)
end

-- Why [directory] cannot be opened; an error when it can.
function M.refusal(directory)
  local world, why = M.try(directory)
  if world then
    world:close()
    error("it opened")
  end
  return why
end

-- --- Waiting -------------------------------------------------------------------------------------

function World:pump(timeout_ms)
  current = self
  C.uv_run(self.loop, RUN_NOWAIT)
  local fds = ffi.new("struct store_spec_pollfd[1]", { { C.uv_backend_fd(self.loop), 1, 0 } })
  ffi.C.poll(ffi.cast("void *", fds), 1, timeout_ms) -- Another module may have named the type.
  C.uv_run(self.loop, RUN_NOWAIT)
end

local function describe_news(news)
  local lines = {}
  for i, item in ipairs(news) do
    lines[i] = ("%s source %d seq %s %s"):format(item.kind, item.source, item.seq, item.why or "")
  end
  return table.concat(lines, "\n")
end

-- Runs the loop until `condition` gives something; fails with what came instead.
function World:wait(what, condition)
  local deadline = os.time() + DEADLINE_S
  while true do
    local result = condition()
    if result then
      return result
    end
    assert(os.time() <= deadline,
      ("waited %d s for %s; news so far:\n%s"):format(DEADLINE_S, what, describe_news(self.news)))
    self:pump(100)
  end
end

-- The first news of that kind (and source, and at least that seq), removed from nothing.
function World:find(kind, source, seq)
  for _, item in ipairs(self.news) do
    if item.kind == kind and item.source == (source or 1) and (not seq or item.seq >= seq) then
      return item
    end
  end
end

function World:wait_news(kind, source, seq)
  local what = ("%s from source %d, seq %s"):format(kind, source or 1, tostring(seq))
  return self:wait(what, function()
    return self:find(kind, source, seq)
  end)
end

function World:stats()
  local stats = ffi.new("struct od_committer_stats")
  C.od_committer_stats(self.committer, stats)
  return {
    groups = tonumber(stats.groups), submissions = tonumber(stats.submissions),
    failed_groups = tonumber(stats.failed_groups), discarded = tonumber(stats.discarded),
    swept = tonumber(stats.swept), waiting_bytes = tonumber(stats.waiting_bytes),
    has_trash = stats.has_trash,
  }
end

-- --- A worker's turn -----------------------------------------------------------------------------

-- Ends the turn of a store: sends what it wrote. Returns the last sequence number, or nil.
function World:turn(source)
  source = source or 1
  local store = self:store(source)
  local submission, last = ffi.new("struct od_submission"), nil
  while C.od_store_next_submission(store, submission) do
    C.od_committer_submit(self.committer, source, submission.generation, submission.seq,
      submission.batches)
    last = tonumber(submission.seq)
  end
  C.od_store_end_turn(store)
  return last
end

-- Lets the stores hear the first `count` news (all by default). Returns the broken storages.
function World:hear(count)
  broken_storages = {}
  for _ = 1, math.min(count or #self.news, #self.news) do
    local item = table.remove(self.news, 1)
    local store = self.stores[item.source]
    if store and item.kind == "durable" then
      local moment = ffi.new("struct od_journal_moment[1]", { store.moment })
      if self.committer ~= nil then -- What it said last may be heard after its end.
        moment[0] = C.od_committer_moment(self.committer)
      end
      C.od_store_durable(store, item.seq, moment)
    elseif store and item.kind == "applied" then
      C.od_store_applied(store, item.seq)
      while C.od_store_forget(store) do end
    elseif store and item.kind == "failed" then
      C.od_store_failed(store, item.generation, item.seq, on_broken)
    end
  end
  return broken_storages
end

-- Sends the turn, waits until it is applied, and lets the store know. Nothing else is to come, so
-- LMDB need not wait for it.
function World:settle(source)
  M.arm("apply.soon", -1)
  local seq = self:turn(source)
  if seq then
    self:wait_news("applied", source, seq)
  end
  M.disarm("apply.soon")
  self:hear()
end

-- All alarms in the order of their time, as LMDB has them: an array of { due =, id =, name = }, the
-- last of those with one.
function World:order()
  local reader, err = ffi.new("struct od_reader *[1]"), ffi.new("struct od_error")
  assert(C.od_reader_open(reader, self.directory, err), ffi.string(err.text))
  self.order_seen = {}
  current = self
  C.od_reader_walk_alarms(reader[0], ffi.new("struct od_alarm_place"), M.on_alarm, nil)
  C.od_reader_close(reader[0])
  return self.order_seen
end

M.on_alarm = ffi.cast("bool (*)(void *, const struct od_alarm_place *)", function(_, place)
  current.order_seen[#current.order_seen + 1] = {
    due = tonumber(place.due_ms), id = ffi.string(place.id, 32),
    name = place.name_size > 0 and ffi.string(place.name, place.name_size) or nil,
  }
  return true
end)

-- --- An object -----------------------------------------------------------------------------------

local Object = {}
Object.__index = Object

-- An id from a number or a name; its first bytes vary, so slots do too.
function M.id_of(name)
  local text = tostring(name)
  local hash = 5381
  for i = 1, #text do
    hash = (hash * 33 + text:byte(i)) % 65536
  end
  local id = string.char(math.floor(hash / 256), hash % 256) .. text
  return (id .. ("\0"):rep(32)):sub(1, 32)
end

function World:object(name, source, options)
  options = options or {}
  local self_id = options.id or M.id_of(name)
  local object = setmetatable({ world = self, name = name }, Object)
  object.space = options.space or "rooms"
  object.identity = ffi.new("struct od_identity")
  ffi.copy(object.identity.id, self_id, 32)
  object.identity.space = core.slice(object.space)
  if not options.nameless then
    object.identity.has_name = true
    object.identity.name = core.slice(object.name)
  end
  object.storage = ffi.new("struct od_storage")
  C.od_storage_init(object.storage, self:store(source), object.identity)
  object.err = ffi.new("struct od_error")
  self.anchors[object] = true
  return object
end

function Object:deinit()
  C.od_storage_deinit(self.storage)
  self.world.anchors[self] = nil
end

function Object:get(key)
  local value = ffi.new("od_slice[1]")
  if C.od_storage_get(self.storage, core.slice(key), value) then
    return core.string(value[0])
  end
  return nil
end

function Object:put(key, value, unconfirmed)
  local ok = C.od_storage_put(self.storage, core.slice(key), core.slice(value),
    unconfirmed or false, self.err)
  assert(ok, ffi.string(self.err.text))
end

function Object:delete(key)
  local existed = ffi.new("bool[1]")
  assert(C.od_storage_delete(self.storage, core.slice(key), false, existed, self.err))
  return existed[0]
end

function Object:delete_all()
  assert(C.od_storage_delete_all(self.storage, false, self.err))
end

local function fields_of(row)
  local alarm = row.alarm
  local body = core.string(row.body)
  return { time = tonumber(alarm.time_ms), due = tonumber(alarm.due_ms), retries = alarm.retries,
    serial = alarm.serial, body = body ~= "" and body or nil }
end

-- As { time =, due =, retries =, serial =, body = }, the last unless it is empty; nil when there is
-- none. Without a name the alarm, with one a schedule; so in what follows.
function Object:alarm(name)
  local row = ffi.new("struct od_alarm_row")
  return C.od_storage_alarm(self.storage, core.slice(name or ""), row) and fields_of(row) or nil
end

function Object:set_alarm(fields, unconfirmed, name)
  local row = ffi.new("struct od_alarm_row")
  row.alarm = { time_ms = fields.time, due_ms = fields.due or fields.time,
    retries = fields.retries or 0, serial = fields.serial or 1 }
  row.body = core.slice(fields.body or "")
  assert(C.od_storage_set_alarm(self.storage, core.slice(name or ""), row, unconfirmed or false,
    self.err), ffi.string(self.err.text))
end

function Object:delete_alarm(name)
  assert(C.od_storage_delete_alarm(self.storage, core.slice(name or ""), false, self.err))
end

-- All of them: name -> fields.
function Object:alarms()
  local bytes, found = ffi.new("struct od_bytes"), {}
  assert(C.od_storage_list_alarms(self.storage, bytes, self.err))
  local cursor = ffi.new("struct od_cursor[1]", { C.od_cursor_of(C.od_bytes_slice(bytes)) })
  local row, last = ffi.new("struct od_alarm_row"), nil
  while not C.od_cursor_at_end(cursor) do
    local name = core.string(C.od_cursor_string(cursor))
    assert(C.od_alarm_row_read(C.od_cursor_string(cursor), row))
    assert(last == nil or last < name, "not in order")
    found[name], last = fields_of(row), name
  end
  C.od_bytes_deinit(bytes)
  return found
end

-- Options as scripts give them.
local function range_of(options)
  local range = ffi.new("struct od_range")
  range.prefix = core.slice(options.prefix or "")
  for field, name in pairs({ start = "start", start_after = "startAfter", ["end"] = "end" }) do
    if options[name] then
      range[field] = core.slice(options[name])
      range["has_" .. field] = true
    end
  end
  range.reverse = options.reverse or false
  range.limit = options.limit or 0
  return range
end

local function pairs_of(pairs_bytes)
  local cursor = ffi.new("struct od_cursor[1]", { C.od_cursor_of(C.od_bytes_slice(pairs_bytes)) })
  local list = {}
  while not C.od_cursor_at_end(cursor) do
    local key = core.string(C.od_cursor_string(cursor))
    list[#list + 1] = { key, core.string(C.od_cursor_string(cursor)) }
  end
  C.od_bytes_deinit(pairs_bytes)
  return list
end

-- An array of { key, value }.
function Object:list(options)
  local pairs_bytes, count = ffi.new("struct od_bytes"), ffi.new("uint64_t[1]")
  local range = range_of(options or {})
  local ok = C.od_storage_list(self.storage, range, pairs_bytes, count, self.err)
  assert(ok, ffi.string(self.err.text))
  local list = pairs_of(pairs_bytes)
  assert(#list == tonumber(count[0]))
  return list
end

-- The same in pieces, and how many these were.
function Object:list_in_pieces(options)
  local pieces, pairs_bytes = ffi.new("struct od_list_pieces"), ffi.new("struct od_bytes")
  local count = 0
  C.od_list_pieces_init(pieces, range_of(options or {}))
  repeat
    assert(C.od_storage_list_piece(self.storage, pieces, pairs_bytes, self.err),
      ffi.string(self.err.text))
    count = count + 1
  until pieces.is_over
  return pairs_of(pairs_bytes), count
end

function Object:seal()
  return tonumber(C.od_storage_seal(self.storage))
end

function Object:pending()
  return tonumber(C.od_storage_pending_seq(self.storage))
end

function Object:is_clean()
  return C.od_storage_is_clean(self.storage)
end

-- The keys of a list, joined: for short expectations.
function Object:keys(options)
  local keys = {}
  for i, pair in ipairs(self:list(options)) do
    keys[i] = pair[1]
  end
  return table.concat(keys, " ")
end

-- Callbacks from C must not come out of compiled code.
for _, name in ipairs({ "close_committer", "pump", "hear", "order" }) do
  jit.off(World[name])
end

return M
