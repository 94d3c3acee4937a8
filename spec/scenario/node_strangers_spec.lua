-- Who connects to where nodes are linked: only another node of the same cluster gets further, and
-- one that says what makes no sense is cut.
local core = require "spec.support.core"
local Nodes = require "spec.support.nodes"
local proc = require "spec.support.proc"
local shell = require "spec.support.shell"
local socket = require "socket"

local C = core.load("base/error.h", "link/kinds.h")

local NONCE = ("n"):rep(32)
local SECONDS = 30

local function uint(number, bytes)
  local text = {}
  for i = 1, bytes do
    text[i] = string.char(number % 256)
    number = math.floor(number / 256)
  end
  return table.concat(text)
end

local function str(text)
  return uint(#text, 4) .. text
end

local function message(kind, body)
  return uint(#body, 4) .. uint(tonumber(C["OD_KIND_" .. kind]), 2) .. uint(0, 2) .. body
end

local function hello(fields)
  return uint(fields.version or 2, 4) .. str(fields.cluster or "of-the-spec")
    .. uint(fields.id or 1, 4) .. uint(fields.life or 1, 8) .. uint(fields.workers or 2, 4) .. NONCE
end

local function hmac(secret, bytes)
  local path = os.tmpname()
  shell.write(path, bytes)
  local digest = shell.text(("openssl dgst -sha256 -hmac '%s' -r %s"):format(secret, path))
  os.remove(path)
  return (digest:match("^%x+"):gsub("%x%x", function(byte)
    return string.char(tonumber(byte, 16))
  end))
end

local function proof(secret, own, other)
  return hmac(secret, str("open-do node, dialler") .. str(own) .. str(other))
end

local SOURCE = [[
local od = require "open-do"

local Thing = {}
Thing.__index = Thing

function Thing.new(state)
  return setmetatable({ state = state }, Thing)
end

function Thing:fetch(request)
  if request.headers:get("Upgrade") == nil then
    return od.Response("hello")
  end
  local client, server = od.WebSocketPair()
  self.state:acceptWebSocket(server)
  server:send("the first")
  return od.Response(nil, { status = 101, webSocket = client })
end

return { namespaces = { things = Thing } }
]]

describe("who connects to a node", function()
  local nodes = Nodes.each { count = 2, absent = 1, source = SOURCE }

  local function connect()
    local tcp = assert(socket.connect("127.0.0.1", nodes.ports[2]))
    tcp:settimeout(SECONDS)
    return tcp
  end

  -- Kind and body.
  local function receive(tcp)
    local head, why = tcp:receive(8)
    assert(head, tostring(why) .. "\n" .. nodes[2]:log())
    local a, b, c = head:byte(1, 3)
    return head:byte(5) + 256 * head:byte(6), assert(tcp:receive(a + 256 * b + 65536 * c))
  end

  local function is_cut(tcp)
    repeat
      local _, why = tcp:receive(1)
    until why
    tcp:close()
    return true
  end

  local function refused(bytes, why)
    local tcp = connect()
    tcp:send(bytes)
    nodes[2]:wait_log("is refused: " .. why)
    assert.is_true(is_cut(tcp))
  end

  -- Says who it is as node 1 would, and proves it.
  local function join(secret, fields)
    local tcp = connect()
    local own = hello(fields or {})
    tcp:send(message("NODE_HELLO", own))
    local kind, other = receive(tcp)
    assert.equal(tonumber(C.OD_KIND_NODE_HELLO), kind)
    tcp:send(message("NODE_PROOF", proof(secret, own, other)))
    return tcp
  end

  local function linked()
    local tcp = join(Nodes.SECRET)
    nodes[2]:wait_log("linked with node 1 ")
    return tcp
  end

  it("is refused with garbage, another version, cluster, or the name of this node", function()
    refused("GET / HTTP/1.1\r\nHost: x\r\n\r\n", "it has said nothing that can be understood")
    refused(message("NODE_HELLO", hello { version = 1 }), "it speaks version 1")
    refused(message("NODE_HELLO", hello { cluster = "another" }), "it is of another cluster")
    refused(message("NODE_HELLO", hello { id = 2 }), "it says that it is this node")
    refused(message("NODE_HELLO", hello { workers = 65 }), "it says nothing that a node says")
    refused(message("NODE_PING", ""), "it speaks before it has proved who it is")
    refused(uint(0x7fffffff, 4) .. uint(1, 2) .. uint(0, 2), "it has said nothing that can be")
  end)

  it("is refused without the secret, whoever it says it is", function()
    assert.is_true(is_cut(join("another secret that nobody knows")))
    nodes[2]:wait_log("is refused: it does not know the secret")
    assert.is_true(is_cut(join(Nodes.SECRET, { id = 7 })))
    nodes[2]:wait_log("is refused: it is no node that is known to live")
  end)

  it("is refused when it says nothing", function()
    local tcp = connect()
    receive(tcp)
    nodes[2]:turn_clock(60000)
    nodes[2]:wait_log("is refused: it has not proved in time who it is")
    assert.is_true(is_cut(tcp))
  end)

  -- They were all that a node listened to, until their time was over.
  it("gets in though a crowd is there that says nothing", function()
    local crowd = {}
    for i = 1, 70 do
      crowd[i] = connect()
    end
    receive(crowd[70])
    assert.is_true(is_cut(crowd[1]))
    nodes[2]:wait_log("is refused: there are too many that have not proved who they are")
    linked()
    for i = 2, 70 do
      crowd[i]:close()
    end
  end)

  it("is cut when it falls silent", function()
    local tcp = linked()
    nodes[2]:turn_clock(60000)
    nodes[2]:wait_log("the link with node 1 is lost: nothing is heard of it")
    assert.is_true(is_cut(tcp))
  end)

  it("takes the place of its former self", function()
    local former = linked()
    local tcp = linked()
    assert.is_true(is_cut(former))
    tcp:close()
    nodes[2]:wait_log("the link with node 1 is lost: the connection has ended")
  end)

  local function piece(kind, body, fields)
    fields = fields or {}
    return message("NODE_PIECE", uint(fields.from or 0, 4) .. uint(fields.to or 0, 4)
      .. uint(fields.life or 1, 4) .. uint(fields.flags or 3, 1)
      .. uint(tonumber(C["OD_KIND_" .. kind]), 2) .. uint(fields.tunnel or 0, 8) .. body)
  end

  local function worker_is_there()
    return message("NODE_WORKER", uint(0, 4) .. uint(1, 4) .. uint(1, 1) .. uint(0, 1))
  end

  -- A message of one worker to another: who sent it, to whom, and its body.
  local function receive_piece(tcp, wanted)
    local kind, body, inner
    repeat
      kind, body = receive(tcp)
      inner = kind == tonumber(C.OD_KIND_NODE_PIECE) and body:byte(14) + 256 * body:byte(15)
    until inner == tonumber(C["OD_KIND_" .. wanted])
    return body:byte(1), body:byte(5), body:sub(24)
  end

  -- Sends them, and so much to that worker behind them that it is told as taken: then they have
  -- been, too.
  local function deliver(tcp, worker, bytes)
    tcp:send(bytes .. piece("CALL_CANCEL", uint(1, 8), { to = worker }):rep(10000))
    repeat
      local kind, body = receive(tcp)
    until kind == tonumber(C.OD_KIND_NODE_TAKEN) and body:sub(5, 8) == uint(worker, 4)
  end

  -- To a worker of which nobody has said that it is there, so that nothing is told as taken.
  it("is cut when it sends more than there is room for", function()
    local tcp = linked()
    local bytes = piece("CALL_CANCEL", uint(1, 8), { to = 1 }):rep(1000)
    for _ = 1, 1000 do
      if not tcp:send(bytes) then
        break
      end
    end
    nodes[2]:wait_log("the link with node 1 is lost: it sends more than it was told")
    assert.is_true(is_cut(tcp))
  end)

  it("is cut when it says without end that workers come and go", function()
    local tcp = linked()
    local bytes = worker_is_there():rep(5000)
    for _ = 1, 1000 do
      if not tcp:send(bytes) then
        break
      end
    end
    nodes[2]:wait_log("the link with node 1 is lost: it says too often that workers have come")
    assert.is_true(is_cut(tcp))
  end)

  -- The other side of a tunnel says that nothing more comes, and then, as what is sent to it finds
  -- nobody, that it is over. Tunnels like that once stayed until the line ended.
  it("leaves no tunnel behind that has ended in two steps", function()
    local tcp = linked()
    deliver(tcp, 0, worker_is_there())
    deliver(tcp, 1, "")
    local pid = nodes:node_process(2)
    local before = proc.descriptors(pid)
    local bytes = {}
    for number = 1, 101, 2 do
      bytes[#bytes + 1] = piece("UPGRADE", uint(77, 8), { tunnel = number })
        .. message("TUNNEL_END", uint(number, 8) .. uint(0, 1))
        .. message("TUNNEL_END", uint(number, 8) .. uint(1, 1))
    end
    deliver(tcp, 0, table.concat(bytes))
    local ends = socket.gettime() + SECONDS
    repeat
      local now = proc.descriptors(pid)
    until now <= before or socket.gettime() > ends
    assert.equal(before, proc.descriptors(pid))
  end)

  local function workers()
    return table.concat(nodes[2].process:children(), " ")
  end

  -- The status chose a meter, and one that is none has no meter: the worker ended.
  it("costs a client no more than an answer by one that makes no sense", function()
    local tcp = linked()
    tcp:send(worker_is_there())
    local before = workers()
    local statuses, clients = { 0, 99, 102, 600, 65535 }, {}
    for i = 1, 40 do -- Of which some lead to node 1.
      clients["n" .. i] = nodes[2]:open()
      clients["n" .. i]:write("GET /things/n" .. i .. " HTTP/1.1\r\nHost: localhost\r\n\r\n")
    end
    for _, status in ipairs(statuses) do
      local from, to, call = receive_piece(tcp, "CALL")
      tcp:send(piece("REPLY", call:sub(1, 8) .. uint(1, 1) .. uint(status, 2) .. uint(0, 13)
        .. uint(0, 4) .. uint(0, 4), { from = to, to = from }))
      assert.equal(500, clients[call:match("/things/(n%d+)")]:read_answer("GET").status)
    end
    assert.equal(before, workers())
    tcp:close() -- The others are told.
    nodes[2]:wait_log("the link with node 1 is lost: the connection has ended")
  end)

  -- Frames of a client are masked. Those that waited for the connection were not, and the worker
  -- ended when they were to be those of a client.
  it("loses the WebSocket that it takes for its own client's", function()
    local tcp = linked()
    local before = workers()
    tcp:send(worker_is_there() .. piece("CALL", uint(1, 8) .. "\2" .. ("\0"):rep(31)
      .. str("things") .. uint(0, 1) .. str("") .. uint(0, 1) .. str("GET") .. str("http://x/")
      .. str("") .. str("") .. uint(64, 4) .. uint(0, 8) .. uint(1, 4) .. str("upgrade")
      .. str("websocket") .. str("")))
    local _, _, reply = receive_piece(tcp, "REPLY")
    assert.equal(101, reply:byte(10) + 256 * reply:byte(11))
    tcp:send(piece("UPGRADE", reply:sub(17, 24) .. str("") .. uint(0, 1) .. uint(1, 1) .. str("")
      .. str("") .. str("") .. uint(0, 2), { tunnel = 1 }))
    local kind
    repeat
      kind = receive(tcp)
    until kind == tonumber(C.OD_KIND_TUNNEL_END)
    assert.equal(before, workers())
  end)

  local lies = {
    ["of a worker that it has not"] = piece("CALL_CANCEL", uint(1, 8), { from = 2 }),
    ["to a worker that is not there"] = piece("CALL_CANCEL", uint(1, 8), { to = 64 }),
    ["of what workers do not say to each other"] = piece("BATCHES", uint(1, 8)),
    ["with a call that is none"] = piece("CALL", uint(1, 8) .. "call"),
    ["with a message that begins twice"] = piece("CALL", "x", { flags = 1 })
      .. piece("CALL", "x", { flags = 1 }),
    ["with a reply that names nobody"] = piece("REPLY", uint(1, 8) .. uint(1, 1) .. uint(101, 2)
      .. uint(1, 1) .. uint(9 * 64, 4) .. uint(5, 8) .. uint(0, 4) .. uint(0, 4)),
    ["with an end that has no number"] = message("TUNNEL_END", "end"),
    ["with what is main's alone"] = message("NODE_SELF", ""),
  }
  for what, lie in pairs(lies) do
    it("is cut for a lie " .. what, function()
      local tcp = linked()
      tcp:send(lie)
      nodes[2]:wait_log("the link with node 1 is lost: it has sent a [%u_]+ that makes no sense")
      assert.is_true(is_cut(tcp))
    end)
  end
end)
