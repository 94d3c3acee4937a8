-- od.html: text in pages.
local module_name = ...
assert(module_name == "open-do.html")

local error, gsub, tostring, type = error, string.gsub, tostring, type

local ENTITIES = {
  ["&"] = "&amp;", ["<"] = "&lt;", [">"] = "&gt;", ['"'] = "&quot;", ["'"] = "&#39;",
}

---@class od.html
local M = {}

--- Text as it may stand between tags and in quoted attributes: & < > " and ' become entities. What
--- stands inside of <script>, <style> or an unquoted attribute is not safe with it.
---@param text string|number
---@return string
function M.escape(text)
  local kind = type(text)
  if kind ~= "string" and kind ~= "number" then
    error(("html.escape: argument 1 must be a string or a number, got %s"):format(kind), 2)
  end
  return (gsub(tostring(text), "[&<>\"']", ENTITIES))
end

return M
