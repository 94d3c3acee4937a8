-- Points and lines that clients sent: what is none is refused, and nothing is passed on that was
-- not asked for. The board is measured in units of its own; a page shows it at any size.
local M = {}

local BOARD_WIDTH, BOARD_HEIGHT = 1600, 1200
local COLORS, PEN_WIDTH_MAX, POINTS_MAX = 8, 40, 500

-- A number that a client sent, made whole, or false. Comparisons refuse what is not a number.
local function whole(value, low, high)
  return type(value) == "number" and value >= low and value <= high and math.floor(value)
end

function M.color_of(value)
  return whole(value, 1, COLORS)
end

-- Where a cursor is, and its color; nil if one of them is missing.
function M.point_of(data)
  local x, y = whole(data.x, 0, BOARD_WIDTH), whole(data.y, 0, BOARD_HEIGHT)
  local color = M.color_of(data.color)
  if x and y and color then
    return x, y, color
  end
end

-- The line in a message, with nothing in it that was not asked for; nil if it is none. Points are
-- one flat array { x, y, x, y, ... }: half the bytes, and nothing in it has a name to get wrong.
function M.line_of(data)
  local points = type(data.points) == "table" and data.points or {}
  local line = { color = M.color_of(data.color), width = whole(data.width, 1, PEN_WIDTH_MAX) }
  if not (line.color and line.width and whole(#points, 2, 2 * POINTS_MAX) and #points % 2 == 0) then
    return nil
  end
  line.points = {}
  for i, value in ipairs(points) do
    line.points[i] = whole(value, 0, i % 2 == 1 and BOARD_WIDTH or BOARD_HEIGHT)
    if not line.points[i] then
      return nil
    end
  end
  return line
end

return M
