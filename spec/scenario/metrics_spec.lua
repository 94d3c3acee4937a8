-- /metrics, as those read it for whom it is: promtool and a Prometheus.
local http = require "spec.support.http"
local json = require "dkjson"
local process = require "spec.support.process"
local workbench = require "spec.scenario.workbench"

describe("the metrics", function()
  local server

  before_each(function()
    server = workbench.start(nil, { admin = true })
    for i = 1, 5 do
      workbench.ask(server, "room-" .. i, "storage:put('k', 1)")
    end
  end)

  after_each(function()
    server:stop()
  end)

  local function metrics(accept)
    return http.request(server.admin.address, "GET", "/metrics", { headers = { accept = accept } })
  end

  it("are in order, says promtool", function()
    local answer = metrics()
    assert.equal("text/plain; version=0.0.4; charset=utf-8", answer.headers["content-type"])
    local path = server:path("metrics.txt")
    local file = assert(io.open(path, "wb"))
    file:write(answer.body)
    file:close()
    local pipe = io.popen("promtool check metrics <'" .. path .. "' 2>&1; echo exit $?")
    local said = pipe:read("*a")
    pipe:close()
    assert.equal("exit 0\n", said)
  end)

  it("are what the dashboard and the alarms of examples/deploy ask for", function()
    local known = metrics().body
    for _, name in ipairs { "grafana.json", "alerts.yml" } do
      local file = assert(io.open("examples/deploy/" .. name))
      local text = file:read("*a")
      file:close()
      for metric in text:gmatch("open_do_[%w_]+") do
        assert.is_truthy(known:find("\n" .. metric .. "[ {]"), metric .. " of " .. name)
      end
    end
    local pipe = io.popen("promtool check config examples/deploy/prometheus.yml 2>&1; echo exit $?")
    assert.matches("exit 0\n$", pipe:read("*a"))
    pipe:close()
  end)

  it("are OpenMetrics for who asks for it", function()
    local answer = metrics("application/openmetrics-text;version=1.0.0,text/plain;q=0.5")
    assert.matches("^application/openmetrics%-text; version=1%.0%.0",
      answer.headers["content-type"])
    assert.matches("\n# EOF\n$", answer.body)
    assert.matches("# TYPE open_do_commit_seconds histogram\n"
      .. "# UNIT open_do_commit_seconds seconds\n",
      answer.body, 1, true)
    assert.matches("# TYPE open_do_requests counter\n", answer.body, 1, true)
  end)

  -- Of what `query` finds, the first value; nil: it finds nothing.
  local function asked(address, query)
    local answer = http.request(address, "GET", "/api/v1/query?query=" .. query)
    local results = json.decode(answer.body).data.result
    return results[1] and tonumber(results[1].value[2])
  end

  it("are scraped by a Prometheus", function()
    local config = server:path("prometheus.yml")
    local file = assert(io.open(config, "wb"))
    file:write(([[
global: { scrape_interval: 100ms, scrape_timeout: 100ms }
scrape_configs:
  - job_name: open-do
    static_configs: [ targets: [ "127.0.0.1:%d" ] ]
]]):format(server.admin.address.port))
    file:close()
    local prometheus = process.start { argv = { "prometheus", "--config.file", config,
      "--storage.tsdb.path", server:path("prometheus"), "--web.listen-address", "127.0.0.1:0" } }
    local address = { host = "127.0.0.1", port = tonumber(prometheus:wait_output(
      'Listening on.-address=127%.0%.0%.1:(%d+)', 30)) }
    local query = "open_do_events_total%7Bkind=%22fetch%22,result=%22ok%22%7D"
    -- It says that it is ready before or after it says where it listens.
    workbench.becomes(200, function() return http.request(address, "GET", "/-/ready").status end)
    -- On a busy machine a scrape may take too long: until the next one it knows nothing.
    for what, value in pairs { [query] = 5, open_do_commit_seconds_count = 5,
      open_do_build_info = 1 } do
      workbench.becomes(value, function() return asked(address, what) end)
    end
    prometheus:signal("TERM")
    prometheus:wait_exit(30)
  end)
end)
