-- Batches as rows of the engine: what is there at the end of a group, and back.
local core = require "spec.support.core"
local C = core.load("cluster/rows.h", "base/list.h")
local ffi = core.ffi

local ALARM = ("\7" .. ("\0"):rep(7)):rep(2) .. ("\0"):rep(8)

-- A submission with a batch of the object `id` (a byte), whose operations `write(bytes)` puts.
local function submission(id, write)
  local bytes, identity = ffi.new("struct od_bytes"), ffi.new("struct od_identity")
  ffi.fill(identity.id, 32, id)
  identity.space = core.slice("rooms")
  identity.name = core.slice("lobby")
  identity.has_name = true
  local begin = C.od_batch_begin(bytes, identity)
  write(bytes)
  C.od_batch_end(bytes, begin)
  local text = core.string(C.od_bytes_slice(bytes))
  C.od_bytes_deinit(bytes)
  return text
end

local function list_of(head, kind, field)
  local found, link = {}, head.next
  while link ~= head do
    found[#found + 1] = ffi.cast(kind .. " *", ffi.cast("char *", link) - ffi.offsetof(kind, field))
    link = link.next
  end
  return found
end

-- "put pair:k=v", "delete pair:k" and so on, by object in order, "wiped" first.
local KINDS = { [1] = "alarm", [2] = "page", [3] = "pair" }

local function describe_rows(rows)
  local text = {}
  for _, object in ipairs(list_of(rows.objects, "struct od_object_change", "link")) do
    if object.is_wiped then
      text[#text + 1] = "wiped"
    end
    for _, row in ipairs(list_of(object.rows, "struct od_row_change", "link")) do
      local key = ffi.string(row.key, row.key_bytes)
      local name = KINDS[key:byte()] .. ":" .. key:sub(2)
      text[#text + 1] = row.is_put and ("put %s=%s"):format(name, core.string(row.value))
        or "delete " .. name
    end
  end
  return text
end

describe("a group as rows", function()
  local rows

  before_each(function()
    rows = ffi.new("struct od_group_rows")
    C.od_group_rows_init(rows)
  end)

  after_each(function()
    C.od_group_rows_deinit(rows)
  end)

  -- Slices of the rows point into what is kept here.
  local function add(texts, ...)
    texts[#texts + 1] = submission(...)
    C.od_group_rows_add(rows, core.slice(texts[#texts]))
  end

  it("has each row once, as it is at the end", function()
    local texts = {}
    add(texts, 1, function(bytes)
      C.od_batch_put(bytes, core.slice("a"), core.slice("1"))
      C.od_batch_put(bytes, core.slice("b"), core.slice("2"))
      C.od_batch_put_page(bytes, 1, core.slice("page"))
    end)
    add(texts, 1, function(bytes)
      C.od_batch_put(bytes, core.slice("a"), core.slice("3"))
      C.od_batch_delete(bytes, core.slice("b"))
      C.od_batch_delete(bytes, core.slice("never"))
    end)
    assert.same({ "put pair:a=3", "delete pair:b", "put page:\0\0\0\1=page", "delete pair:never" },
      describe_rows(rows))
    assert.equal(1, tonumber(rows.slot_count))
  end)

  it("forgets what was before a deleteAll, and deletes nothing one by one behind it", function()
    local texts = {}
    add(texts, 1, function(bytes)
      C.od_batch_put(bytes, core.slice("a"), core.slice("1"))
      C.od_batch_delete_all(bytes)
      C.od_batch_put(bytes, core.slice("b"), core.slice("2"))
      C.od_batch_put(bytes, core.slice("c"), core.slice("3"))
      C.od_batch_delete(bytes, core.slice("c"))
      C.od_batch_set_alarm(bytes, core.slice(""), core.slice(ALARM))
    end)
    assert.same({ "wiped", "put pair:b=2", "put alarm:=" .. ALARM }, describe_rows(rows))
  end)

  it("keeps objects apart that have the same keys", function()
    local texts = {}
    for id = 1, 3 do
      add(texts, id, function(bytes)
        C.od_batch_put(bytes, core.slice("a"), core.slice(tostring(id)))
      end)
    end
    assert.same({ "put pair:a=1", "put pair:a=2", "put pair:a=3" }, describe_rows(rows))
    assert.equal(3, tonumber(rows.slot_count))
  end)
end)

describe("rows read back", function()
  local function read(...)
    local reading = ffi.new("struct od_rows_reading")
    local is_sound = true
    for _, row in ipairs { ... } do
      is_sound = is_sound and C.od_rows_reading_add(reading, core.slice(row[1]), core.slice(row[2]))
    end
    local text = is_sound and core.string(C.od_rows_reading_take(reading)) or nil
    C.od_rows_reading_deinit(reading)
    return text
  end

  -- An identity is what a batch begins with, behind its size.
  local IDENTITY = submission(5, function() end):sub(5)

  it("are the batch that wrote them", function()
    local text = read({ "\0", IDENTITY }, { "\1", ALARM }, { "\2\0\0\0\7", "page" }, { "\3k", "v" })
    assert.equal(submission(5, function(bytes)
      C.od_batch_set_alarm(bytes, core.slice(""), core.slice(ALARM))
      C.od_batch_put_page(bytes, 7, core.slice("page"))
      C.od_batch_put(bytes, core.slice("k"), core.slice("v"))
    end), text)
    assert.is_true(C.od_submission_is_valid(core.slice(text)))
    assert.equal("", read({ "\0", IDENTITY }))
  end)

  it("are refused when they make no sense", function()
    assert.is_nil(read({ "\3k", "v" }))
    assert.is_nil(read({ "\0", IDENTITY .. "x" }, { "\3k", "v" }))
    assert.is_nil(read({ "\0", IDENTITY }, { "\2\0\0\0\0", "page" }))
    assert.is_nil(read({ "\0", IDENTITY }, { "\2\0\0\7", "page" }))
    assert.is_nil(read({ "\0", IDENTITY }, { "\1", "no alarm" }))
    assert.is_nil(read({ "\0", IDENTITY }, { "\9", "" }))
    assert.is_nil(read({ "", "" }))
    assert.is_nil(read({ "\0", IDENTITY }, { "\3" .. ("k"):rep(2049), "v" }))
  end)
end)
