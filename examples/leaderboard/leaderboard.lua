-- Who is best, in many games at once. Each player is an object and knows its own points, each board
-- is an object and keeps its players in order. A player tells the board by calling a method of it.
local od = require "open-do"

local TOP_MAX, POINTS_MAX = 100, 1e9

-- A player ----------------------------------------------------------------------------------------

local Player = {}

-- Adds [points] to this player's in [game]; returns all of them, and the player's rank.
function Player:play(game, points)
  local storage, key = self.state.storage, "points:" .. game
  local total = math.min((storage:get(key) or 0) + points, POINTS_MAX)
  storage:put(key, total)
  local rank = self.env.boards:getByName(game):report(self.state.id.name, total)
  return total, rank
end

-- The games of this player, with points.
function Player:games()
  local games = {}
  for key, points in self.state.storage:list { prefix = "points:" } do
    games[key:sub(8)] = points
  end
  return games
end

-- A board -----------------------------------------------------------------------------------------

local Board = {}

-- Keys sort as bytes: so the points count down, with zeros in front.
local function place_key(name, points)
  return ("place:%012d:%s"):format(POINTS_MAX - points, name)
end

-- Puts [name] where it belongs with so many [points]; returns its rank. Reports may come twice and
-- late: fewer points than are known are an old one.
function Board:report(name, points)
  local storage = self.state.storage
  local known = storage:get("player:" .. name)
  if not known or points > known then
    if known then
      storage:delete(place_key(name, known))
    end
    storage:put { ["player:" .. name] = points, [place_key(name, points)] = true }
  end
  return self:rank(name)
end

-- 1 for the best; nil for who has not played. (It counts those before: for boards of millions, keep
-- the counts of thousands.)
function Board:rank(name)
  local points = self.state.storage:get("player:" .. name)
  if not points then
    return nil
  end
  local rank = 1
  for _ in self.state.storage:list { prefix = "place:", ["end"] = place_key(name, points) } do
    rank = rank + 1
  end
  return rank
end

-- The best [count] as { { name =, points = }, ... }.
function Board:top(count)
  local top = od.json.array {}
  for key in self.state.storage:list { prefix = "place:", limit = count } do
    local left, name = key:match("^place:(%d+):(.*)$")
    top[#top + 1] = { name = name, points = POINTS_MAX - tonumber(left, 10) }
  end
  return top
end

-- The way in --------------------------------------------------------------------------------------

local function is_name(name)
  return name and #name <= 64 and name:find("^[%w_-]+$") ~= nil
end

local routes = {}

-- POST /games/chess/ann with the points as body
function routes.POST(request, env, game, name)
  local points = tonumber(request:text():match("^%s*(%d+)%s*$"))
  if not name or not points or points > POINTS_MAX then
    return od.Response("POST a number of points to /games/GAME/NAME\n", { status = 400 })
  end
  local total, rank = env.players:getByName(name):play(game, points)
  return od.Response.json { name = name, points = total, rank = rank }
end

-- GET /games/chess, or /games/chess?top=3
function routes.GET(request, env, game, name)
  local board = env.boards:getByName(game)
  if name then
    return od.Response.json { name = name, rank = board:rank(name) or od.json.null }
  end
  local count = math.min(math.max(math.floor(tonumber(request.query.top) or 10), 1), TOP_MAX)
  return od.Response.json(board:top(count))
end

local function fetch(request, env)
  local game, name = request.path:match("^/games/([^/]+)/?([^/]*)$")
  name = name ~= "" and name or nil
  local route = routes[request.method]
  local player = request.path:match("^/players/([^/]+)$")
  if route and is_name(game) and (not name or is_name(name)) then
    return route(request, env, game, name)
  elseif is_name(player) and request.method == "GET" then
    return od.Response.json(env.players:getByName(player):games())
  end
  return od.Response("Not found\n", { status = 404 })
end

return { namespaces = { players = Player, boards = Board }, fetch = fetch }
