-- Methods of an object called from outside, with rpc-websockets as npm has it.
local json = require "dkjson"
local npm = require "spec.support.npm"

describe("the json-rpc example", function()
  local scene = npm.scenes "json-rpc"

  scene("answers calls, and notifies who subscribed", function(server, client)
    local ann, ben = client "Ann", client "Ben"
    ann:open(server.url)
    ben:open(server.url)
    assert.same({ number = 1, text = "milk", done = false }, ann:say "milk")
    assert.same({ "milk" }, ben:hear(1))
    assert.is_true(ben:call("done", 1).done)
    assert.equal("done", ann:receive(1)[1][1])
    assert.equal(1, #ann:call "items")
    ann:call("remove", 1)
    assert.same({}, ann:call "items")
    ann:notify("add", "bread")
    assert.same({ "milk", "bread" }, ben:hear(2))
  end)

  scene("says what is wrong with a call", function(server, client)
    local ann = client "Ann"
    ann:open(server.url)
    assert.equal(-32601, ann:call("fly").error.code)
    assert.same({ code = -32602, message = "there is no such item" }, ann:call("done", 7).error)
    assert.equal(-32602, ann:call("add", "").error.code)
    assert.same({}, ann:call "items")
  end)

  scene("follows the specification's examples", function(server)
    local ws = server:connect "/lists/a"
    local function say(text, expected)
      ws:send(text)
      local answer = json.decode(ws:receive(), 1, nil)
      assert.equal(expected, answer.error and answer.error.code or json.encode(answer))
    end
    say('{"jsonrpc": "2.0", "method": "foobar, "params": "bar", "baz]', -32700)
    say('{"jsonrpc": "2.0", "method": 1, "params": "bar"}', -32600)
    say("[]", -32600)
    say('{"jsonrpc":"2.0","method":"add","params":"text","id":1}', -32602)
    ws:send('[1,{"jsonrpc":"2.0","method":"items"},{"jsonrpc":"2.0","method":"items","id":"9"}]')
    local answers = json.decode(ws:receive(), 1, nil)
    assert.equal(2, #answers)
    assert.equal(-32600, answers[1].error.code)
    assert.same({ "9", {} }, { answers[2].id, answers[2].result })
    ws:send('[{"jsonrpc":"2.0","method":"items"}]')
    ws:expect_silence()
  end)
end)
