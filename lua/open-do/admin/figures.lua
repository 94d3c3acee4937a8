-- What is known of the program as a whole: its status, and all that is counted.
local _, native = ...

local words = require "open-do.command.words"

local M = {}

--- The answer of main to a question that is about no object.
function M.ask(name, body)
  local bytes, why = native.command.ask(name, body or "")
  return bytes or words.fail("%s", why)
end

--- As `open-do status --json` has it; `brief`: without its objects.
function M.status(brief)
  return native.json.try_decode(M.ask("status", brief and "brief" or "json"))
end

local function process(name, pid)
  local facts = pid ~= 0 and native.admin.process(pid) or {}
  facts.name, facts.pid = name, pid
  return facts
end

--- Counters as they are now, as main counts them (main/operator/metrics.h):
--- { main =, workers =, status =, processes = }.
function M.collect()
  local records = native.command.facts(M.ask("metrics"))
  local all = { main = table.remove(records, 1), workers = native.json.array(records),
    status = M.status(true) }
  all.processes = native.json.array { process("main", all.main.pid),
    process("admin", all.main.admin) }
  for _, worker in ipairs(records) do
    table.insert(all.processes, process("worker-" .. worker.worker, worker.pid))
  end
  return all
end

return M
