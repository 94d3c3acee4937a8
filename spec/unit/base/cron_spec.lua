-- Cron strings: which are taken, which refused and why, and when they come, also in the hours that
-- summer time skips and repeats. Which offsets a zone has is asked of `date`, which reads the same
-- files by other code.
local core = require "spec.support.core"
local shell = require "spec.support.shell"
local C = core.load("base/cron.h")
local ffi = core.ffi

local NEVER = 2 ^ 63

local function parse(text)
  local cron, err = ffi.new("struct od_cron"), ffi.new("struct od_error")
  if C.od_cron_parse(core.slice(text), cron, err) then
    return cron
  end
  return nil, ffi.string(err.text)
end

local function zone_of(name)
  local zone, err = ffi.new("struct od_zone *[1]"), ffi.new("struct od_error")
  if not C.od_zone_open(zone, core.slice(name), err) then
    return nil, ffi.string(err.text)
  end
  return { at = ffi.gc(zone[0], C.od_zone_free) }
end

-- "2026-03-29 01:59 UTC" -> seconds.
local function seconds(text)
  return tonumber(shell.text(("date -u -d '%s' +%%s"):format(text)))
end

-- The next [count] times of [text] behind the moment [from], as UTC.
local function times(text, zone, from, count)
  local cron, found = assert(parse(text)), {}
  local at = seconds(from)
  for i = 1, count or 1 do
    at = tonumber(C.od_cron_next_s(cron, assert(zone_of(zone)).at, at))
    found[i] = at >= NEVER and "never" or os.date("!%Y-%m-%d %H:%M", at)
  end
  return found
end

-- What is right, with the first time behind 2026-01-01 00:00 UTC, which is a Thursday.
local RIGHT = {
  { "* * * * *", "2026-01-01 00:01" },
  { "*/5 * * * *", "2026-01-01 00:05" },
  { "0 * * * *", "2026-01-01 01:00" },
  { "0 9 * * 1", "2026-01-05 09:00" },
  { "0 9 * * MON", "2026-01-05 09:00" },
  { "0 9 * * mon-fri", "2026-01-01 09:00" },
  { "0 0 * * 0", "2026-01-04 00:00" },
  { "0 0 * * 7", "2026-01-04 00:00" },
  { "0 0 * * 5-7", "2026-01-02 00:00" },
  { "0 0 * * SAT-SUN", "2026-01-03 00:00" },
  { "0 0 1 1 *", "2027-01-01 00:00" },
  { "0 0 29 2 *", "2028-02-29 00:00" },
  { "0 0 31 * *", "2026-01-31 00:00" },
  { "0 0 31 4,5 *", "2026-05-31 00:00" },
  { "0 0 L * *", "2026-01-31 00:00" },
  { "0 0 L 2 *", "2026-02-28 00:00" },
  { "0 0 1,15 * *", "2026-01-15 00:00" },
  { "0 0 13 * FRI", "2026-01-02 00:00" },      -- Either: both are restricted.
  { "0 0 */2 * FRI", "2026-01-09 00:00" },     -- Both: a day that begins with * is not.
  { "15,45 8-18/2 * * *", "2026-01-01 08:15" },
  { "0-4 23 * * *", "2026-01-01 23:00" },
  { "59 23 31 12 *", "2026-12-31 23:59" },
  { "05 04 * * *", "2026-01-01 04:05" },
  { "0 0 * JAN,jul *", "2026-01-02 00:00" },
  { "0 0 1 FEB-APR *", "2026-02-01 00:00" },
  { "\t0   12 *  * * ", "2026-01-01 12:00" },
  { "@hourly", "2026-01-01 01:00" },
  { "@daily", "2026-01-02 00:00" },
  { "@weekly", "2026-01-04 00:00" },
  { "@yearly", "2027-01-01 00:00" },
}

local WRONG = {
  { "", "has 0 fields" },
  { "   ", "has 0 fields" },
  { "* * * *", "has 4 fields" },
  { "* * * * * *", "has more than 5 fields" },
  { "@reboot", "has 1 fields" },
  { "@Daily", "has 1 fields" },
  { "60 * * * *", "minute 60 is not between 0 and 59" },
  { "* 24 * * *", "hour 24 is not between 0 and 23" },
  { "* * 0 * *", "day 0 is not between 1 and 31" },
  { "* * 32 * *", "day 32 is not between 1 and 31" },
  { "* * * 0 *", "month 0 is not between 1 and 12" },
  { "* * * 13 *", "month 13 is not between 1 and 12" },
  { "* * * * 8", "weekday 8 is not between 0 and 7" },
  { "-1 * * * *", "minute: there must be numbers" },
  { "1.5 * * * *", "minute: what follows is not known" },
  { "5-1 * * * *", "minute: a range must rise" },
  { "1- * * * *", "minute: there must be numbers" },
  { "1-2-3 * * * *", "minute: what follows is not known" },
  { "1,,2 * * * *", "minute: there must be numbers" },
  { ",1 * * * *", "minute: there must be numbers" },
  { "1, * * * *", "minute: there must be numbers" },
  { "*/0 * * * *", "minute: a step must be a number from 1 up" },
  { "*/ * * * *", "minute: a step must be a number from 1 up" },
  { "*/60 * * * *", "minute: the step is longer" },
  { "5/10 * * * *", "minute: a step belongs behind" },
  { "** * * * *", "minute: what follows is not known" },
  { "* * ? * *", "day: there must be numbers" },
  { "* * * MONDAY *", "month: there must be numbers, ranges or names" },
  { "* * * * MONDAY", "weekday: what follows is not known" },
  { "* * * * 5#2", "weekday: what follows is not known" },
  { "0 0 30 2 *", "never comes" },
  { "0 0 31 2,4,6 *", "never comes" },
  { "99999999999999999999 * * * *", "is not between 0 and 59" },
  { "* * * * *\n", "weekday: what follows is not known" },
  { "*\0* * * *", "has 4 fields" },
  { ("0,"):rep(200) .. "0 * * * *", "at most 255 bytes" },
}

describe("a cron string", function()
  it("that is right comes when it says", function()
    for _, case in ipairs(RIGHT) do
      assert.same({ case[2] }, times(case[1], "UTC", "2026-01-01 00:00 UTC"), case[1])
    end
  end)

  it("that is wrong is refused with what is wrong in which field", function()
    for _, case in ipairs(WRONG) do
      local cron, problem = parse(case[1])
      assert.is_nil(cron, case[1])
      assert.is_truthy(problem:find(case[2], 1, true), problem)
    end
  end)

  it("comes again and again", function()
    assert.same({ "2026-01-01 00:20", "2026-01-01 00:40", "2026-01-01 01:00" },
      times("*/20 * * * *", "UTC", "2026-01-01 00:00 UTC", 3))
    assert.same({ "2028-02-29 12:00", "2032-02-29 12:00" },
      times("0 12 29 2 *", "UTC", "2026-01-01 00:00 UTC", 2))
    assert.same({ "2096-02-29 12:00", "2104-02-29 12:00" },
      times("0 12 29 2 *", "UTC", "2095-01-01 00:00 UTC", 2))
  end)
end)

describe("a cron string in a zone with summer time", function()
  -- In Berlin 2026-03-29 has no 02:00 to 02:59; 2026-10-25 has it twice.
  local zone = "Europe/Berlin"

  it("follows the clocks there", function()
    assert.same({ "2026-03-28 08:00", "2026-03-29 07:00" },
      times("0 9 * * *", zone, "2026-03-28 00:00 UTC", 2))
  end)

  it("in an hour that is skipped comes when the clocks change, once", function()
    assert.same({ "2026-03-28 01:30", "2026-03-29 01:00", "2026-03-30 00:30" },
      times("30 2 * * *", zone, "2026-03-28 00:00 UTC", 3))
    assert.same({ "2026-03-29 01:00", "2026-03-30 00:00" },
      times("*/10 2 * * *", zone, "2026-03-28 02:00 UTC", 2))
    assert.same({ "2026-03-29 01:00", "2026-03-29 01:30", "2026-03-30 00:30" },
      times("30 2,3 * * *", zone, "2026-03-28 03:00 UTC", 3))
  end)

  it("in an hour that is repeated comes in the first of the two", function()
    assert.same({ "2026-10-25 00:30", "2026-10-26 01:30" },
      times("30 2 * * *", zone, "2026-10-25 00:00 UTC", 2))
    assert.same({ "2026-10-26 01:30" }, times("30 2 * * *", zone, "2026-10-25 01:10 UTC"))
    assert.same({ "2026-10-25 02:00" }, times("0 3 * * *", zone, "2026-10-25 00:59 UTC"))
  end)

  it("for every hour takes time as it passes", function()
    assert.same({ "2026-03-29 00:30", "2026-03-29 01:30", "2026-03-29 02:30" },
      times("30 * * * *", zone, "2026-03-29 00:00 UTC", 3))
    assert.same({ "2026-10-25 00:30", "2026-10-25 01:30", "2026-10-25 02:30" },
      times("30 * * * *", zone, "2026-10-25 00:00 UTC", 3))
    assert.same({ "2026-10-25 00:45", "2026-10-25 01:00", "2026-10-25 01:15" },
      times("*/15 */1 * * *", zone, "2026-10-25 00:30 UTC", 3))
  end)

  it("knows changes of half an hour, across midnight, and south of the equator", function()
    -- Lord Howe turns half an hour; Havana skips 00:00 to 00:59 on a Sunday.
    assert.same({ "2026-10-03 15:30" },
      times("15 2 * * *", "Australia/Lord_Howe", "2026-10-02 16:00 UTC"))
    assert.same({ "2026-03-08 05:00" },
      times("0 0 8 3 *", "America/Havana", "2026-03-01 00:00 UTC"))
    assert.same({ "2026-10-03 16:00" },
      times("30 2 * * *", "Australia/Sydney", "2026-10-03 00:00 UTC"))
  end)
end)

describe("a zone", function()
  it("has the offsets that the system says, now and in years its file does not list", function()
    local names = { "Europe/Berlin", "America/New_York", "Asia/Kolkata", "Australia/Lord_Howe",
      "America/Nuuk", "Asia/Gaza", "Africa/Casablanca", "Europe/Dublin", "Pacific/Apia",
      "America/Sao_Paulo", "Etc/GMT+5", "Antarctica/Troll" }
    local moments = {}
    for at = seconds("1950-01-03 00:00 UTC"), seconds("2120-01-01 00:00 UTC"), 86400 * 73 do
      moments[#moments + 1] = at
    end
    local list = "@" .. table.concat(moments, "\\n@")
    local wrong = {}
    for _, name in ipairs(names) do
      local zone, i = assert(zone_of(name)), 0
      local said = shell.text(("printf '%s' | TZ=%s date -f - +%%z"):format(list, name))
      for sign, hours, minutes in said:gmatch("([+-])(%d%d)(%d%d)") do
        i = i + 1
        local expected = (hours * 3600 + minutes * 60) * (sign == "-" and -1 or 1)
        if C.od_zone_offset_s(zone.at, moments[i]) ~= expected then
          wrong[#wrong + 1] = ("%s at %d"):format(name, moments[i])
        end
      end
      assert.equal(#moments, i)
    end
    assert.same({}, wrong)
  end)

  it("that is none is refused with a name that is one", function()
    for _, name in ipairs { "", "Berlin", "Europe/Berln", "../../etc/passwd", "/etc/localtime",
      "zone.tab", "tzdata.zi", "Europe", "UTC\0", ("A"):rep(65), "europe/berlin" } do
      local zone, problem = zone_of(name)
      assert.is_nil(zone, name)
      assert.is_truthy(problem:find("is no time zone; it must be a name of", 1, true), problem)
    end
  end)
end)
