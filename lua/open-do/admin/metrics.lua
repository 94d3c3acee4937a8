local od = require "open-do"
local M = {}
function M.response()
  return od.Response("")
end
return M
