-- The Durable Streams protocol as those test it who have defined it, by their suite from npm.
local Server = require "spec.support.server"
local json = require "dkjson"
local process = require "spec.support.process"

-- Its streams live for seconds of real time. When a busy machine was slower, such a case is tried
-- again; no other may need that.
local IS_TIMED = "^TTL Expiration Behavior > " -- Or of a fork.
local IS_TIMED_FORK = "^Fork %- TTL and Expiry > "

describe("the durable-streams example", function()
  it("passes the suite of its protocol, but for subscriptions, an extension", function()
    local modules = os.getenv("OPEN_DO_NODE_MODULES")
    if not modules then
      return pending("OPEN_DO_NODE_MODULES does not name a directory with the suite from npm")
    end
    local server = Server.start { script = "examples/durable-streams/durable-streams.lua",
      args = { "--var", "LONG_POLL_MS=500" } }
    finally(function() server:stop() end)
    local suite = process.start {
      argv = { "node", "spec/conformance/durable_streams.mjs", server.url },
      env = { OPEN_DO_NODE_MODULES = modules, LD_PRELOAD = "" }, -- The sanitizer is not for node.
    }
    local line = suite:wait_output("({\"passed\".-})\n", 400)
    local result = assert(json.decode(line, 1, nil))
    assert.same({}, result.problems)
    for _, name in ipairs(result.again) do
      assert.is_truthy(name:find(IS_TIMED) or name:find(IS_TIMED_FORK), name .. " was tried again")
    end
    assert.same({ 332, 0, 6 }, { result.passed, result.failed, result.skipped })
    assert.equal(0, (suite:wait_exit(20)))
  end)
end)
