-- What no network of a test machine offers: clients from anywhere in IPv6, and a port that is free
-- in one family and taken in the other (network.c).
local Server = require "spec.support.server"
local http = require "spec.support.http"
local process = require "spec.support.process"

local SHIM = "spec/faults/network.c"
local SOURCE = [[
local Thing = {}
function Thing:fetch() return require("open-do").Response("here") end
return { namespaces = { things = Thing } }
]]

describe("a network", function()
  local directory

  setup(function()
    directory = os.tmpname()
    os.remove(directory)
    assert(os.execute("mkdir -p '" .. directory .. "'") == 0)
    assert(os.execute(("cc -O1 -shared -fPIC -o '%s/network.so' %s"):format(directory, SHIM)) == 0)
    local file = assert(io.open(directory .. "/script.lua", "w"))
    file:write(SOURCE)
    file:close()
  end)

  teardown(function()
    os.execute("rm -rf '" .. directory .. "'")
  end)

  after_each(process.stop_all)

  -- One customer is given a /64 and may choose addresses in it.
  it("of IPv6 is counted by /64 (--connections-per-address)", function()
    local server = Server.start { source = SOURCE, args = { "--connections-per-address", "2" },
      env = { LD_PRELOAD = directory .. "/network.so", OPEN_DO_STRANGERS = "1" } }
    finally(function() server:stop() end)
    local clients = {}
    local function is_served(host)
      local client = http.open { host = "127.0.0.1", port = server.address.port, from = host }
      clients[#clients + 1] = client
      local ok, answer = pcall(client.request, client, "GET", "/things/a")
      return ok and answer.status == 200
    end
    assert.is_true(is_served("127.1.0.1"))
    assert.is_true(is_served("127.1.0.2"))
    assert.is_false(is_served("127.1.7.7"))
    server:wait_log("2001:db8:0:1::/64 has 2 connections and gets no more")
    assert.is_true(is_served("127.2.0.1"))
    assert.same({ count = 3, addresses = 2, refused = 1 }, server:status().connections)
    for _, client in ipairs(clients) do
      client:close()
    end
  end)

  -- The system gives a port of the one family, which somebody may have in the other.
  local function listen(failures)
    return process.start {
      argv = { process.program, "run", directory .. "/script.lua", "--listen", ":0",
        "--data", directory .. "/data" .. failures, "--workers", "1" },
      env = { LD_PRELOAD = directory .. "/network.so", OPEN_DO_BINDS_FAIL = tostring(failures) },
    }
  end

  -- The file is there, and empty, where IPv6 is switched off.
  local addresses = io.open("/proc/net/if_inet6")
  local has_ipv6 = addresses and ("\n" .. addresses:read("*a")):find("\n0+1 ")
  local it_in_both = has_ipv6 and it or pending

  it_in_both("in which a port is free in one family alone is asked for another", function()
    local port = tonumber(listen(3):wait_output("listening on http://localhost:(%d+)", 20))
    for _, host in ipairs { "127.0.0.1", "::1" } do
      assert.equal("here", http.request({ host = host, port = port }, "GET", "/things/a").body)
    end
  end)

  it_in_both("in which none is free in both is given up, in words", function()
    local server = listen(1000)
    assert.equal(3, server:wait_exit(20))
    assert.matches("no port is free for both IPv4 and IPv6", server:output(), 1, true)
  end)
end)
