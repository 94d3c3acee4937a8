-- Prints the figures of a run as one Markdown table: the median of the rounds for each server,
-- open-do's ratio to each of the others, and what open-do has promised.
--
--   luajit table.lua RESULTS OTHERS_MAX
--
-- A server without any figure has no column. A figure during which other programs used more than
-- OTHERS_MAX cores is named below the table.
--
-- A line of RESULTS is: ROUND MEASURE SERVER KEY=VALUE...

local servers = { "bare", "open-do", "workerd", "bun", "nginx" }

-- A row: which measure, what it is called, how it is read from a line, how it is printed, and its
-- targets: at least (or at most) a number, or that many times another server's figure. A row that
-- is `alone` is not compared.
local function key(name)
  return function(line)
    return line[name]
  end
end

local whole, tenth, hundredth = "%.0f", "%.1f", "%.2f"

local function busy(line)
  return line.load_busy * 100
end

local function kept(line)
  return line.without_per_second and line.per_second / line.without_per_second
end

local function speed(measure, title, unit, targets)
  return {
    { measure, title .. ": " .. unit .. "/s", key "per_second", whole, targets },
    { measure, "p50 ms", function(l) return l.p50_us / 1000 end, hundredth },
    { measure, "p99 ms", function(l) return l.p99_us / 1000 end, hundredth },
    { measure, "server CPU µs each", key "server_cpu_us", hundredth },
    { measure, "load program busy %", busy, whole, alone = true },
  }
end

local sections = {
  speed("echo-1", "echo, 50 sockets, 1 in flight", "messages",
    { { least = 0.95, of = "bare" }, { least = 3, of = "workerd" } }),
  speed("echo-8", "echo, 50 sockets, 8 in flight", "messages",
    { { least = 0.8, of = "bare" }, { least = 1, of = "bun" }, { least = 3, of = "workerd" } }),
  speed("tls", "the first of these by TLS", "messages"),
  {
    { "tls", "of the same without TLS", kept, hundredth, { { least = 0.5 } }, alone = true },
  },
  speed("broadcast", "broadcast to 200 sockets", "deliveries",
    { { least = 0.95, of = "bare" }, { least = 2, of = "workerd" } }),
  speed("room", "broadcast to 9,000 sockets", "deliveries"),
  speed("put", "put and answer, 50 objects", "messages",
    { { least = 0.5, of = "bare" }, { least = 60, of = "workerd" } }),
  speed("keys", "put over 1,000,000 stored keys, 50 objects", "messages", { { least = 81000 } }),
  speed("sql", "insert into a table and answer, 50 objects", "messages",
    { { least = 15000 }, { least = 5, of = "workerd" } }),
  {
    { "idle", "9,000 idle sockets: kB a socket", function(l) return l.idle_kb / l.idle_sockets end,
      tenth, { { most = 5 } } },
    { "idle", "echo beside them, messages/s", key "per_second", whole },
    { "idle", "of the same without them", kept, hundredth },
    { "idle", "server CPU µs each", key "server_cpu_us", hundredth },
  },
  speed("counter", "first touch and first value, 5,000 objects", "objects", { { least = 60000 } }),
  speed("sqlcounter", "first touch, first table and row, 5,000 objects", "objects",
    { { least = 10000 } }),
  speed("touch", "first touch, nothing stored, 5,000 objects", "objects",
    { { least = 0.6, of = "bare" }, { least = 1, of = "bun" } }),
  speed("connect", "a WebSocket, one message, gone, 64 at once", "connections",
    { { least = 25000 } }),
  speed("visit", "a connection, one request, gone, 64 at once", "connections",
    { { least = 0.7, of = "nginx" } }),
  {
    { "awake", "100,000 objects awake: kB an object",
      function(l) return l.awake_kb / l.awake_objects end,
      tenth, alone = true },
    { "awake", "echo beside them, messages/s", key "per_second", whole, alone = true },
    { "awake", "of the same without them", kept, hundredth, alone = true },
  },
  {
    { "workers", "0.1 ms of Lua a message, two workers on two cores: messages/s", key "per_second",
      whole, alone = true },
    { "workers", "of one worker on one core",
      function(l) return l.per_second / l.one_per_second end,
      hundredth, { { least = 1.7 } }, alone = true },
  },
}

local function parse(text)
  local _, measure, server, rest = text:match("^(%S+) (%S+) (%S+) (.*)$")
  local line = { measure = measure, server = server }
  for name, value in rest:gmatch("(%S+)=(%S+)") do
    line[name] = tonumber(value)
  end
  return line
end

local function median(values)
  table.sort(values)
  local middle = math.floor((#values + 1) / 2)
  if #values % 2 == 1 then
    return values[middle]
  end
  return #values > 0 and (values[middle] + values[middle + 1]) / 2 or nil
end

local function figures(lines, measure, read)
  local result = {}
  for _, server in ipairs(servers) do
    local values = {}
    for _, line in ipairs(lines) do
      if line.measure == measure and line.server == server then
        values[#values + 1] = read(line)
      end
    end
    result[server] = median(values)
  end
  return result
end

-- 1234567 as 1,234,567. Of a server that has answered nothing there is no median, and no mean.
local function show(format, value)
  if not value or value ~= value or math.abs(value) == math.huge then
    return "–"
  end
  local sign, digits, rest = string.format(format, value):match("^(%-?)(%d+)(.*)$")
  digits = digits:reverse():gsub("(%d%d%d)", "%1,"):reverse():gsub("^,", "")
  return sign .. digits .. rest
end

local function ratio(found, other)
  if not (found["open-do"] and found[other] and found[other] > 0) then
    return "–"
  end
  return string.format("%.2f", found["open-do"] / found[other])
end

local function met(found, target)
  local mine, other = found["open-do"], target.of and found[target.of] or (not target.of and 1)
  if not (mine and other) then
    return nil
  end
  if target.least then
    return mine >= target.least * other
  end
  return mine <= target.most * other
end

local function describe(found, target)
  local verdict = met(found, target)
  local mark = verdict == nil and "" or verdict and " met" or " MISSED"
  local sign = target.least and "≥ " or "≤ "
  local amount = show("%.10g", target.least or target.most)
  return sign .. amount .. (target.of and " × " .. target.of or "") .. mark
end

local function row_cells(lines, row)
  local measure, title, read, format, targets = unpack(row)
  local found = figures(lines, measure, read)
  local cells, promises = { title }, {}
  for _, server in ipairs(servers) do
    cells[#cells + 1] = show(format, found[server])
  end
  for _, other in ipairs(servers) do
    if other ~= "open-do" then
      cells[#cells + 1] = row.alone and "" or ratio(found, other)
    end
  end
  for _, target in ipairs(targets or {}) do
    promises[#promises + 1] = describe(found, target)
  end
  cells[#cells + 1] = table.concat(promises, ", ")
  return cells, next(found) ~= nil
end

-- Characters, not bytes: the table has µ and ≥ in it.
local function width(text)
  return select(2, text:gsub("[^\128-\191]", ""))
end

local function print_table(rows)
  local widths = {}
  for _, cells in ipairs(rows) do
    for column, cell in ipairs(cells) do
      widths[column] = math.max(widths[column] or 3, width(cell))
    end
  end
  for number, cells in ipairs(rows) do
    local line, rule = {}, {}
    for column, cell in ipairs(cells) do
      local space, right = (" "):rep(widths[column] - width(cell)), column > 1 and column < #cells
      line[column] = right and space .. cell or cell .. space
      rule[column] = right and ("-"):rep(widths[column] - 1) .. ":" or ("-"):rep(widths[column])
    end
    print("| " .. table.concat(line, " | ") .. " |")
    if number == 1 then
      print("| " .. table.concat(rule, " | ") .. " |")
    end
  end
end

local path, others_max = assert(arg[1], "usage: table.lua RESULTS OTHERS_MAX"), tonumber(arg[2])
local lines = {}
for text in io.lines(path) do
  lines[#lines + 1] = parse(text)
end

local function has_figures(server)
  for _, line in ipairs(lines) do
    if line.server == server then
      return true
    end
  end
end

local present = {}
for _, server in ipairs(servers) do
  present[#present + 1] = has_figures(server) and server or nil
end
servers = present

local heads = { "", unpack(servers) }
for _, server in ipairs(servers) do
  heads[#heads + 1] = server ~= "open-do" and "÷ " .. server or nil
end
heads[#heads + 1] = "target for open-do"

local rows = { heads }
for _, section in ipairs(sections) do
  for _, row in ipairs(section) do
    local cells, any = row_cells(lines, row)
    if any then
      rows[#rows + 1] = cells
    end
  end
end
print_table(rows)

local disturbed = {}
for _, line in ipairs(lines) do
  if line.others > others_max then
    disturbed[#disturbed + 1] = line.measure .. " of " .. line.server
  end
end
if #disturbed > 0 then
  print("\nDisturbed by other programs on the machine: " .. table.concat(disturbed, ", ") .. ".")
end
