local stage_of = require "spec.unit.net.stage"

local GET = "GET %s HTTP/1.1\r\nHost: a.example\r\n\r\n"

describe("An exchange", function()
  local stage = stage_of.each()

  it("tells a whole request and writes its answer", function()
    local ann = stage:client("POST /a?b=c HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhel")
    stage:turn()
    assert.equal("", stage:story())
    ann:send("lo")
    stage:turn()
    assert.equal("request 1 POST /a?b=c hello\n", stage:story())
    stage:answer(1, 200, "world")
    stage:turn()
    local answer = ann:read()
    assert.matches("^HTTP/1.1 200 OK\r\n", answer)
    assert.matches("\r\n\r\nworld$", answer)
  end)

  it("begins with what the door has read", function()
    stage:client(" HTTP/1.1\r\nHost: a\r\n\r\n", "GET /half")
    stage:turn()
    assert.equal("request 1 GET /half \n", stage:story())
  end)

  it("tells pipelined requests one by one, each after the answer to the one before", function()
    local ann = stage:client(GET:format("/one") .. GET:format("/two") .. GET:format("/three"))
    stage:turn(5)
    assert.equal("request 1 GET /one \n", stage:story())
    stage:answer(1, 200, "1")
    stage:turn()
    assert.equal("request 1 GET /two \n", stage:story())
    stage:answer(1, 200, "2")
    stage:turn()
    assert.equal("request 1 GET /three \n", stage:story())
    stage:answer(1, 200, "3")
    stage:turn()
    assert.matches("\r\n\r\n1HTTP.*\r\n\r\n2HTTP.*\r\n\r\n3$", ann:read())
  end)

  it("stops reading from a client that sends requests and does not wait for answers", function()
    local ann = stage:client(GET:format("/one"))
    stage:turn()
    local sent = 0
    for _ = 1, 200 do
      sent = sent + math.max(0, ann:send(("x"):rep(65536)))
      stage:turn(1)
    end
    assert.is_true(sent < 3000000, "took " .. sent .. " bytes")
  end)

  -- Each answer once made room for one more read, so that what was read grew with every answer.
  it("does not read on while what was read holds more requests", function()
    local ann = stage:client(GET:format("/one"))
    local many = GET:format("/many"):rep(100)
    local sent = 0
    for _ = 1, 500 do
      local size = ann:send(many)
      assert.is_true(size <= 0 or size == #many)
      sent = sent + math.max(0, size)
      if stage:story() ~= "" then
        stage:answer(1, 204, "")
      end
      stage:turn()
      ann:read()
    end
    assert.is_true(sent < 3000000, "took " .. sent .. " bytes")
  end)

  it("begins no request while its client does not take what was answered", function()
    stage:limits().answer_queue_bytes_max = 1000
    local ann = stage:client(GET:format("/big") .. GET:format("/two") .. GET:format("/three"))
    stage:turn()
    stage:answer(1, 200, ("x"):rep(4000000))
    stage:turn(5)
    assert.equal("request 1 GET /big \n", stage:story())
    repeat
      local got = ann:read()
      stage:turn()
    until got == ""
    assert.equal("request 1 GET /two \n", stage:story())
    stage:answer(1, 200, ("x"):rep(4000000))
    stage:turn(5)
    stage:pass_ms(60001) -- Nothing of it was taken since: the client has had its time.
    stage:pass_ms(60001)
    stage:pass_ms(5001)
    assert.equal("", stage:story())
    assert.is_true(stage_of.C.od_net_is_idle(stage:net()))
  end)

  it("waits with the next one also when it comes later than the answer", function()
    stage:limits().answer_queue_bytes_max = 1000
    local ann = stage:client(GET:format("/big"))
    stage:turn()
    stage:answer(1, 200, ("x"):rep(4000000))
    stage:turn()
    ann:send(GET:format("/two"))
    stage:turn(3)
    assert.equal("request 1 GET /big \n", stage:story())
    for _ = 1, 3 do
      stage:pass_ms(50000) -- It takes some in each minute, and that is enough.
      ann:read()
      stage:turn()
    end
    repeat
      local got = ann:read()
      stage:turn()
    until got == ""
    assert.equal("request 1 GET /two \n", stage:story())
  end)

  it("says that the client has left, and finds nothing for a late answer", function()
    local ann = stage:client(GET:format("/slow"))
    stage:turn()
    ann:leave()
    stage:turn()
    assert.equal("request 1 GET /slow \ngone 1 \n", stage:story())
    assert.is_false(stage:answer(1, 200, "late"))
  end)

  it("refuses a body that is too large, and reads on so that the client sees it", function()
    stage:limits().body_bytes_max = 10
    local ann = stage:client("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n")
    stage:turn()
    assert.is_true(ann:send(("x"):rep(50000)) > 0)
    stage:turn()
    assert.matches("^HTTP/1.1 413 ", ann:read())
    assert.equal("", stage:story())
  end)

  it("asks for a body that waits for leave, unless it is too large", function()
    local expect = "POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\n"
      .. "Content-Length: %d\r\n\r\n"
    stage:limits().body_bytes_max = 10
    local ann = stage:client(expect:format(3))
    local bob = stage:client(expect:format(11))
    stage:turn()
    assert.equal("HTTP/1.1 100 Continue\r\n\r\n", ann:read())
    assert.matches("^HTTP/1.1 413 ", bob:read())
    ann:send("abc")
    stage:turn()
    assert.equal("request 1 POST / abc\n", stage:story())
  end)

  it("gives up a head, and a body, that do not come", function()
    local ann = stage:client("GET / HT")
    local bob = stage:client("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\na")
    stage:turn()
    stage:pass_ms(10001)
    assert.matches("^HTTP/1.1 408 ", ann:read())
    assert.equal("", bob:read())
    stage:pass_ms(20000)
    assert.matches("^HTTP/1.1 408 ", bob:read())
  end)

  it("ends an idle connection without a word", function()
    local ann = stage:client(GET:format("/"))
    stage:turn()
    stage:answer(1, 204, "")
    stage:turn()
    assert.matches("^HTTP/1.1 204 ", ann:read())
    stage:pass_ms(59000)
    assert.equal("", ann:read())
    stage:pass_ms(1001)
    assert.is_nil(ann:read())
  end)

  it("cuts a client that does not take the end", function()
    stage:client("nonsense\r\n\r\n")
    stage:turn()
    assert.is_false(stage_of.C.od_net_is_idle(stage:net()))
    stage:pass_ms(5001)
    assert.is_true(stage_of.C.od_net_is_idle(stage:net()))
  end)

  it("answers 500 where the answer cannot be sent", function()
    local ann = stage:client(GET:format("/"))
    stage:turn()
    stage:answer(1, 200, "x", "x-bad", "a\r\nSet-Cookie: stolen")
    stage:turn()
    local answer = ann:read()
    assert.matches("^HTTP/1.1 500 ", answer)
    assert.is_nil(answer:find("stolen", 1, true))
  end)

  it("closes after the answer while the worker drains, and ends idle ones at once", function()
    local idle = stage:client("")
    local ann = stage:client(GET:format("/"))
    stage:turn()
    stage_of.C.od_net_drain(stage:net())
    stage:turn()
    assert.is_nil(idle:read())
    stage:answer(2, 200, "bye")
    stage:turn()
    assert.matches("Connection: close\r\n.*bye$", ann:read())
    assert.is_nil(ann:read())
  end)

  -- Who keeps an idle connection and ignores its end held up the end of the program, for five
  -- seconds each time.
  it("is over, while the worker drains, when its client has got everything", function()
    local idle, ann = stage:client(""), stage:client(GET:format("/"))
    local ben = stage:client(GET:format("/"))
    stage:turn()
    stage:answer(3, 200, "before")
    stage:turn()
    assert.matches("before$", ben:read())
    stage_of.C.od_net_drain(stage:net())
    stage:answer(2, 200, "bye")
    stage:turn()
    assert.is_false(stage_of.C.od_net_is_idle(stage:net()))
    assert.matches("bye$", ann:read())
    assert.is_true(stage_of.C.od_net_is_idle(stage:net()))
    for _, client in ipairs { idle, ann, ben } do
      assert.is_nil(client:read())
    end
  end)

  it("does not wait, while the worker drains, for who has asked ahead and does not read", function()
    stage:limits().answer_queue_bytes_max = 1000
    stage:client(GET:format("/big") .. GET:format("/two"))
    stage:turn()
    stage:answer(1, 200, ("x"):rep(4000000))
    stage:turn()
    stage_of.C.od_net_drain(stage:net())
    stage:turn()
    stage:pass_ms(5001)
    assert.is_true(stage_of.C.od_net_is_idle(stage:net()))
    assert.equal("request 1 GET /big \n", stage:story())
  end)

  it("refuses to become a WebSocket when the client did not ask", function()
    stage:client(GET:format("/"))
    stage:turn()
    local done, why = stage:upgrade(1, 1)
    assert.is_false(done)
    assert.equal("the request did not ask for a WebSocket", why)
    assert.is_true(stage:answer(1, 426, "no"))
  end)
end)
