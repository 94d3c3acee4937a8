-- What Linux tells of a process.
local shell = require "spec.support.shell"

local M = {}

-- A file of it, like "status"; "" when it has ended.
function M.read(pid, name)
  local ok, text = pcall(shell.read, ("/proc/%d/%s"):format(pid, name))
  return ok and text or ""
end

-- A field of its "status", a number: "VmRSS".
function M.status(pid, field)
  return tonumber(M.read(pid, "status"):match("\n" .. field .. ":%s*(%d+)"))
end

-- Memory that is in use now.
function M.resident_kb(pid)
  return assert(M.status(pid, "VmRSS"), "it has ended")
end

-- How many are open.
function M.descriptors(pid)
  return tonumber(shell.text(("ls /proc/%d/fd | wc -l"):format(pid)))
end

return M
