-- /metrics: what the program counts, as Prometheus reads it: OpenMetrics 1.0 for who asks for it,
-- the older text for others. No label ever holds the name of an object.
local figures = require "open-do.admin.figures"
local od = require "open-do"

local M = {}

local OPEN = "application/openmetrics-text; version=1.0.0; charset=utf-8"
local PLAIN = "text/plain; version=0.0.4; charset=utf-8"

-- As link/meters.h has them.
local BOUNDS = { "0.0001", "0.0003", "0.001", "0.003", "0.01", "0.03", "0.1", "0.3", "1.0", "3.0",
  "10.0", "30.0", "+Inf" }
local EVENTS = { "constructor", "fetch", "call", "command", "message", "close", "error", "alarm",
  "timer" }

-- The families, in the order in which they are shown. `read` gives samples: put(value, labels).
local families = {}

local function family(kind, name, help, read)
  families[#families + 1] = { kind = kind, name = name, help = help, read = read,
    unit = name:match("_(seconds)$") or name:match("_(bytes)$") }
end

local function sum(all, fact)
  local total = 0
  for _, worker in ipairs(all.workers) do
    total = total + (worker[fact] or 0)
  end
  return total
end

-- A counter of workers, and one of main.
local function count(name, help, fact, factor)
  family("counter", name, help, function(all, put)
    put(sum(all, fact) * (factor or 1))
  end)
end

local function count_main(name, help, fact)
  family("counter", name, help, function(all, put)
    put(all.main[fact])
  end)
end

local function gauge_main(name, help, fact, factor)
  family("gauge", name, help, function(all, put)
    put((all.main[fact] or 0) * (factor or 1))
  end)
end

-- What workers report when they are asked; one that does not answer is left out.
local function gauge_reported(name, help, fact)
  family("gauge", name, help, function(all, put)
    for _, worker in ipairs(all.status.workers) do
      if worker.answers then
        put(worker[fact], { { "worker", worker.worker } })
      end
    end
  end)
end

local function labelled(name, help, label, facts)
  family("counter", name, help, function(all, put)
    for _, row in ipairs(facts) do
      put(row.main and all.main[row.main] or sum(all, row.fact), { { label, row[1] } })
    end
  end)
end

local function times(name, help, fact)
  family("histogram", name, help, function(all, put)
    local total = 0
    for i, bound in ipairs(BOUNDS) do
      total = total + sum(all, fact .. "." .. i)
      put(total, { { "le", bound } }, "_bucket")
    end
    put(total, nil, "_count")
    put(sum(all, fact .. ".us") / 1e6, nil, "_sum")
  end)
end

local function of_processes(kind, name, help, fact)
  family(kind, name, help, function(all, put)
    for _, process in ipairs(all.processes) do
      if process[fact] then
        put(process[fact], { { "process", process.name } })
      end
    end
  end)
end

family("info", "open_do_build", "The program that runs.", function(all, put)
  put(1, { { "version", all.status.version } })
end)
gauge_main("open_do_uptime_seconds", "Since it started.", "uptimeMs", 0.001)
gauge_main("open_do_script_version", "Of the script that is served.", "version")

labelled("open_do_requests", "Requests that were answered, by the first digit of their status.",
  "status", { { "1xx", fact = "answers1" }, { "2xx", fact = "answers2" },
    { "3xx", fact = "answers3" }, { "4xx", fact = "answers4" }, { "5xx", fact = "answers5" } })
count("open_do_requests_refused", "Requests that no script has seen: malformed, too large or slow.",
  "refusals")
labelled("open_do_messages", "Messages of WebSockets.", "direction",
  { { "in", fact = "messagesIn" }, { "out", fact = "messagesOut" } })
labelled("open_do_message_bytes", "What they held.", "direction",
  { { "in", fact = "bytesIn" }, { "out", fact = "bytesOut" } })
family("counter", "open_do_events", "Events that objects have handled.", function(all, put)
  for _, kind in ipairs(EVENTS) do
    for _, result in ipairs { "ok", "failed" } do
      put(sum(all, ("event.%s.%s"):format(kind, result)), { { "kind", kind },
        { "result", result } })
    end
  end
end)
times("open_do_event_queue_seconds", "From the arrival of an event until its handler runs.",
  "queue")
times("open_do_event_run_seconds", "Of Lua, from one wait of a handler to the next.", "run")
times("open_do_commit_seconds", "From a turn's end until its writes are on disk.", "commit")

count_main("open_do_commit_groups", "Commits of the disk, each of the writes of many objects.",
  "groups")
count_main("open_do_commit_failures", "Commits that failed and were undone.", "failedGroups")
count_main("open_do_batches", "Turns of workers whose writes were committed.", "batches")
gauge_main("open_do_committing_bytes", "Writes on their way to the disk.", "committing")
gauge_main("open_do_disk_bytes", "What the data file takes of the disk.", "diskBytes")
gauge_main("open_do_history_bytes", "What bases and segments of the history take of the disk.",
  "historyBytes")
gauge_main("open_do_history_seconds", "How far back restore --at can go.", "historyMs", 0.001)
gauge_main("open_do_archive_waiting", "Files that are not archived yet.", "archiveWaiting")
gauge_main("open_do_archive_lag_seconds", "For how long the oldest of them could have been.",
  "archiveLagMs", 0.001)
gauge_main("open_do_cluster_away", "1 while PostgreSQL does not answer this node.", "clusterAway")
gauge_main("open_do_cluster_nodes", "Other nodes of the cluster.", "clusterNodes")
gauge_main("open_do_cluster_links", "Those of them that this node is linked with.", "clusterLinked")
gauge_main("open_do_cluster_slots", "Slots that this node has.", "clusterSlots")
gauge_main("open_do_cluster_slots_free", "Slots that no node has, as this one knows.",
  "clusterNowhere")
gauge_main("open_do_cluster_slots_filling", "Slots of this node that it has not wholly loaded.",
  "clusterFilling")
gauge_main("open_do_stored_objects", "Objects that have something stored.", "stored")
gauge_reported("open_do_awake_objects", "Objects with an instance.", "awake")
gauge_reported("open_do_asleep_objects", "Objects without one that a worker knows of.", "asleep")
gauge_reported("open_do_queued_events", "Events that wait for their object.", "queued")
gauge_reported("open_do_sockets", "WebSockets that are open.", "sockets")
gauge_reported("open_do_script_memory_bytes", "What scripts use.", "memoryBytes")
gauge_reported("open_do_script_memory_max_bytes", "What they may use (--script-memory-mb).",
  "memoryBytesMax")
gauge_reported("open_do_databases", "SQL databases that are open.", "databases")
gauge_main("open_do_alarms", "Alarms that are set.", "alarms")
gauge_main("open_do_alarm_lag_seconds", "How late the alarm is that is due for longest.",
  "alarmLateMs", 0.001)

labelled("open_do_fetches", "Requests to the outside.", "result",
  { { "ok", fact = "fetchesOk" }, { "failed", fact = "fetchesFailed" } })
count("open_do_resets", "Instances that were dropped with what they had not stored.", "resets")
labelled("open_do_limits", "Limits that somebody met.", "limit",
  { { "slow_reader", fact = "slowReaders" }, { "disk_behind", fact = "diskBehind" },
    { "script_memory", fact = "memoryRelief" },
    { "connections_per_address", main = "refusedConnections" } })
family("counter", "open_do_reloads", "Versions of the script that were tried after the first.",
  function(all, put)
    put(math.max(0, all.main.version - 1), { { "result", "ok" } })
    put(all.main.reloadFailures, { { "result", "failed" } })
  end)
family("counter", "open_do_worker_deaths", "Workers that ended unasked.", function(all, put)
  for _, cause in ipairs { "stuck", "killed", "crash", "exit" } do
    put(all.main["deaths." .. cause], { { "cause", cause } })
  end
end)
family("gauge", "open_do_workers", "Workers, by whether they answer.", function(all, put)
  local answers = 0
  for _, worker in ipairs(all.status.workers) do
    answers = answers + (worker.answers and 1 or 0)
  end
  put(answers, { { "state", "answers" } })
  put(#all.status.workers - answers, { { "state", "silent" } })
end)
family("counter", "open_do_worker_busy_seconds", "Time in turns: a worker's second has one.",
  function(all, put)
    for _, worker in ipairs(all.workers) do
      put(worker.busyUs / 1e6, { { "worker", worker.worker } })
    end
  end)
of_processes("counter", "open_do_cpu_seconds", "Processor time.", "cpu")
of_processes("gauge", "open_do_resident_memory_bytes", "Memory of the processes.", "resident")
of_processes("gauge", "open_do_open_fds", "Descriptors that are open.", "descriptors")

-- How it is written -------------------------------------------------------------------------------

local SUFFIXES = { counter = "_total", info = "_info" }

local function number(value)
  return value == math.floor(value) and ("%.0f"):format(value) or ("%.9g"):format(value)
end

local function label_text(labels)
  if not labels then
    return ""
  end
  local parts = {}
  for i, label in ipairs(labels) do
    parts[i] = ('%s="%s"'):format(label[1], (tostring(label[2]):gsub('[\\"\n]', "")))
  end
  return "{" .. table.concat(parts, ",") .. "}"
end

local function write_family(lines, all, row, is_open)
  local suffix = SUFFIXES[row.kind] or ""
  local name = is_open and row.name or row.name .. suffix
  local kind = not is_open and row.kind == "info" and "gauge" or row.kind
  lines[#lines + 1] = ("# HELP %s %s"):format(name, row.help)
  lines[#lines + 1] = ("# TYPE %s %s"):format(name, kind)
  if is_open and row.unit then
    lines[#lines + 1] = ("# UNIT %s %s"):format(name, row.unit)
  end
  row.read(all, function(value, labels, part)
    lines[#lines + 1] = ("%s%s%s %s"):format(row.name, part or suffix, label_text(labels),
      number(value))
  end)
end

function M.text(all, is_open)
  local lines = {}
  for _, row in ipairs(families) do
    write_family(lines, all, row, is_open)
  end
  lines[#lines + 1] = is_open and "# EOF" or nil
  return table.concat(lines, "\n") .. "\n"
end

--- What HTTP gets, by the header Accept.
function M.response(accept)
  local is_open = accept:find("application/openmetrics-text", 1, true) ~= nil
  return od.Response(M.text(figures.collect(), is_open),
    { headers = { ["content-type"] = is_open and OPEN or PLAIN } })
end

return M
