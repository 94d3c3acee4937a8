-- Who may include whom. A layer that looks upward is a design mistake before it is a bug.
local includes = require "spec.support.includes"

-- Folder → the folders (with a star, and those in it; or single headers) its files may include
-- besides their own.
local ALLOWED = {
  ["runtime/base"] = {},
  ["runtime/link"] = { "runtime/base" },
  ["runtime/codec"] = { "runtime/base", "link/headers.h", "link/networks.h", "link/request.h",
    "link/response.h" },
  ["runtime/net"] = { "runtime/base", "runtime/link", "runtime/codec" },
  ["runtime/store"] = { "runtime/base", "runtime/link", "codec/check_sum.h" },
  ["runtime/cluster"] = { "runtime/base", "runtime/link", "runtime/store" },
  ["runtime/sql"] = { "runtime/base", "runtime/store" },
  ["runtime/object/names"] = { "runtime/base", "store/slot.h" },
  ["runtime/object/assets"] = { "runtime/base", "runtime/link", "runtime/codec" },
  ["runtime/object/parts"] = { "runtime/base", "runtime/link", "store/alarm.h",
    "object/limits.h" },
  ["runtime/object"] = { "runtime/base", "runtime/link", "runtime/codec", "runtime/net",
    "runtime/store", "runtime/sql", "runtime/object/names", "runtime/object/assets",
    "runtime/object/parts" },
  ["runtime/object/nodes"] = { "runtime/base", "runtime/link", "runtime/codec", "runtime/net",
    "runtime/store", "runtime/object/names", "runtime/object/parts", "runtime/object" },
  ["runtime/object/versions"] = { "runtime/base", "runtime/link", "runtime/store",
    "runtime/object/names", "runtime/object/parts", "runtime/object" },
  ["runtime/object/operator"] = { "runtime/base", "runtime/link", "runtime/codec", "runtime/net",
    "runtime/store", "runtime/sql", "runtime/object/names", "runtime/object/parts",
    "runtime/object" },
  ["runtime/admin"] = { "runtime/base", "runtime/link", "runtime/codec", "runtime/net" },
  ["runtime/worker"] = { "runtime/base", "runtime/link", "runtime/codec", "runtime/net",
    "runtime/store", "runtime/sql", "runtime/object*" },
  ["runtime/main/processes"] = { "runtime/base", "runtime/link", "runtime/store",
    "runtime/object/names" },
  ["runtime/main/door"] = { "runtime/base", "runtime/link", "runtime/codec", "runtime/object/names",
    "runtime/main/processes" },
  ["runtime/main/workers"] = { "runtime/base", "runtime/link", "runtime/codec", "runtime/store",
    "cluster/placement.h", "runtime/object/names", "runtime/main/processes", "runtime/main/door" },
  ["runtime/main/versions"] = { "runtime/base", "runtime/link", "cluster/member_events.h",
    "runtime/main/processes", "runtime/main/workers" },
  ["runtime/main/nodes"] = { "runtime/base", "runtime/link", "cluster/placement.h",
    "runtime/main/processes", "runtime/main/door", "runtime/main/workers" },
  ["runtime/main/operator"] = { "runtime/base", "runtime/link", "runtime/store",
    "runtime/object/names", "cluster/directory.h",
    "cluster/placement.h", "runtime/main/processes", "runtime/main/door",
    "runtime/main/workers", "runtime/main/versions", "runtime/main/nodes" },
  ["runtime/main"] = { "runtime/base", "runtime/link", "runtime/codec", "runtime/store",
    "runtime/cluster", "runtime/object/names", "runtime/main/processes",
    "runtime/main/door",
    "runtime/main/workers", "runtime/main/versions", "runtime/main/nodes",
    "runtime/main/operator" },
  ["runtime/node"] = { "runtime/base", "runtime/link", "runtime/object/names", "tls/veil.h" },
  ["runtime/tls"] = { "runtime/base", "runtime/link", "codec/proxy_header.h" },
  ["runtime"] = { "runtime/base", "runtime/link", "runtime/main", "runtime/main/processes",
    "runtime/main/operator", "runtime/worker", "runtime/tls", "runtime/node", "runtime/object*",
    "runtime/admin", "admin_site.h", "bindings.h", "operate.h",
    "spec_run.h", "types.h" },
  ["bindings/value"] = { "runtime/base", "codec/url.h", "link/headers.h", "link/request.h",
    "link/response.h" },
  ["bindings/engine"] = { "runtime/base", "runtime/link", "runtime/object*", "bindings/value" },
  ["bindings/api"] = { "runtime/base", "runtime/link", "runtime/object*", "store/storage.h",
    "store/range.h", "store/limits.h", "sql/sql.h", "sql/limits.h", "bindings/value",
    "bindings/engine" },
  ["bindings"] = { "runtime/base", "runtime/link", "runtime/object*", "runtime/admin",
    "bindings/value",
    "bindings/engine", "bindings/api" },
}

-- A library → the only folder that may include its headers; with a star, and those in it.
local WALLS = {
  ["libwebsockets.h"] = "runtime/net",
  ["lmdb.h"] = "runtime/store",
  ["sqlite3.h"] = "runtime/sql",
  ["lua.h"] = "bindings*",
  ["lauxlib.h"] = "bindings*",
  ["lualib.h"] = "bindings*",
  ["luajit.h"] = "bindings*",
  ["zlib.h"] = "runtime/codec",
  ["openssl/ssl.h"] = "runtime/tls",
  ["curl/curl.h"] = "runtime/net",
  ["libpq-fe.h"] = "runtime/cluster",
}

-- What a codec has no use for: bytes go in and come out, and who sends them is not its business.
local NOT_IN_CODECS = { ["uv.h"] = true, ["sys/socket.h"] = true, ["unistd.h"] = true }

-- Files of one folder that include each other in a circle, each of which is a file with its header.
-- Such files can be understood, tested and moved together only. These are known, and are one thing
-- each; the list may only become shorter.
local CIRCLES = {
  ["bindings/engine"] = { "class coroutine engine gc_pace instance userdata wait" },
  ["bindings/value"] = { "http_fields http_message", "json json_write" },
  ["runtime/base"] = { "bytes check clock escape fault log" },
  ["runtime/link"] = { "options options_inner" },
  ["runtime/main/door"] = { "arrival door" },
  ["runtime/main/nodes"] = { "node_process node_seats" },
  ["runtime/main/operator"] = { "status status_page" },
  ["runtime/main/workers"] = { "supervisor worker_process" },
  ["runtime/node"] = { "channel line neighbour node" },
  ["runtime/net"] = { "connect dial exchange fetch fetch_inner net tunnel websocket "
    .. "websocket_state wire" },
  ["runtime/object"] = { "alarm_event branch call call_inner call_sent client_end deadlock "
    .. "history inbox keep loading object objects outbox outgoing pipe "
    .. "places refusal remote rewind section sink socket stream tag tap task "
    .. "timeout trace transaction wish" },
  ["runtime/store"] = { "env env_file", "storage store store_inner" },
}

-- A star stands for the folder and those in it.
local function is_in(folder, pattern)
  local top = pattern:match("^(.*)%*$")
  return folder == (top or pattern) or top ~= nil and folder:sub(1, #top + 1) == top .. "/"
end

local function is_allowed(include)
  if include.target_folder == include.folder then
    return true
  end
  for _, allowed in ipairs(ALLOWED[include.folder]) do
    if is_in(include.target_folder, allowed) or allowed == include.target then
      return true
    end
  end
  return false
end

local function circles_of(nodes)
  local circles = {}
  for _, circle in ipairs(includes.circles(nodes)) do
    circles[#circles + 1] = table.concat(circle, " ")
  end
  table.sort(circles)
  return circles
end

describe("the layers", function()
  it("look down, never up", function()
    local wrong = {}
    for _, include in ipairs(includes.all()) do
      assert.is_table(ALLOWED[include.folder], "a folder without a place: " .. include.folder)
      if include.target_folder and not is_allowed(include) then
        wrong[#wrong + 1] = include.where .. " includes " .. include.target
      end
    end
    assert.same({}, wrong)
  end)

  it("keep each library behind its wall", function()
    local wrong = {}
    for _, include in ipairs(includes.all()) do
      local wall = WALLS[include.target]
      if wall and not is_in(include.folder, wall) then
        wrong[#wrong + 1] = include.where .. " includes " .. include.target
      end
    end
    assert.same({}, wrong)
  end)

  it("leave sockets to others than the codecs", function()
    local wrong = {}
    for _, include in ipairs(includes.all()) do
      if include.folder == "runtime/codec" and NOT_IN_CODECS[include.target] then
        wrong[#wrong + 1] = include.where .. " includes " .. include.target
      end
    end
    assert.same({}, wrong)
  end)

  -- Main holds every socket and ends with all of them: what parses the world's bytes at length, and
  -- the libraries for it, are not in it, also not by a header that includes another.
  it("keep the net out of main", function()
    local seen = includes.reached_from("^runtime/main%f[/%z]")
    local wrong = {}
    for _, header in ipairs(includes.sorted_keys(seen)) do
      if header:match("^runtime/net/") then
        wrong[#wrong + 1] = header .. " by way of " .. seen[header]
      end
    end
    assert.same({}, wrong)
  end)

  it("have no circles of files but the known ones", function()
    local found = {}
    for folder, nodes in pairs(includes.by_folder()) do
      local circles = circles_of(nodes)
      found[folder] = #circles > 0 and circles or nil
    end
    assert.same(CIRCLES, found, "see them with spec/lint/figures; a circle that is shorter or gone "
      .. "is taken out of the list")
  end)
end)
