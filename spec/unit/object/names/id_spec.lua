local core = require "spec.support.core"
local C = core.load("object/names/id.h", "object/names/route.h")
local ffi = core.ffi

local function key(name)
  return ffi.new("od_namespace_key[1]", { C.od_namespace_key_of(core.slice(name)) })
end

local function text_of(id)
  local text = ffi.new("char[65]")
  C.od_id_format(id, text)
  return ffi.string(text)
end

local function named(namespace, name)
  return ffi.new("od_id[1]", { C.od_id_of_name(key(namespace), core.slice(name)) })
end

describe("ids", function()
  it("are equal for equal names and differ for others (1)", function()
    local first, second = named("rooms", "foo"), named("rooms", "foo")
    assert.equal(text_of(first), text_of(second))
    assert.is_true(C.od_id_equal(first, second))
    assert.is_false(C.od_id_equal(first, named("rooms", "bar")))
    assert.matches("^[0-9a-f]+$", text_of(first))
    assert.equal(64, #text_of(first))
  end)

  it("are the same on every machine and in every version", function()
    assert.equal("14dca214c47d4ee6098848de0b4a9134", text_of(named("rooms", "lobby")):sub(1, 32))
  end)

  -- Up to 55 bytes a name is one block of SHA-256 with what ends it.
  it("are HMAC-SHA256 of names of any length", function()
    for size, expected in pairs {
      [0] = "85cb106e1a2df0808323bcb7b1ae98c6660fca216bd8fb410f04bd35b13a091d",
      [54] = "0ce4faf07359d69deabc0be829b367cda91b01d4b04f5f58d5c78e6c94b92db9",
      [55] = "f2169d605fa9b64f8b58bd71520d05251dffbf17b9289ca4aae4342d894fa0af",
      [56] = "e818774a005e967cdd630314726f84b15c5f9682938af6e44edf69534b0d991f",
      [64] = "a8fa55f141e08771d07b65c2314013f2e0d8ea77d3cb631fefad20794aa8e01b",
      [65] = "2663f3f233dcfbbc543a664afb05f8aba864097e049342dc8a1b6af41b904687",
      [119] = "f810e51778f80732b1674fb610abbe51e35bc39da20dbdebacbe531e0508ab97",
      [1000] = "b48f6b015795ebb2f70f1356d2aa00da3b6dd24ec78a517e9e9ac292bcedd204",
    } do
      assert.equal(expected, text_of(named("rooms", ("n"):rep(size))), size .. " bytes")
    end
  end)

  it("say which worker a name belongs to before they are whole", function()
    for count = 1, 5 do
      for i = 1, 100 do
        local name = core.slice("object " .. i)
        assert.equal(C.od_worker_of(named("rooms", "object " .. i), count),
          C.od_worker_of_name(key("rooms"), name, count))
      end
    end
  end)

  it("are never equal when unique (2)", function()
    local seen = {}
    for _ = 1, 1000 do
      local text = text_of(ffi.new("od_id[1]", { C.od_id_unique(key("rooms")) }))
      assert.is_nil(seen[text])
      seen[text] = true
    end
  end)

  it("of one namespace are foreign to another (4)", function()
    local text, id = text_of(named("rooms", "foo")), ffi.new("od_id[1]")
    assert.equal(C.OD_ID_OK, C.od_id_parse(key("rooms"), core.slice(text), id))
    assert.equal(C.OD_ID_OK, C.od_id_parse(key("rooms"), core.slice(text:upper()), id))
    assert.equal(text, text_of(id))
    assert.equal(C.OD_ID_FOREIGN, C.od_id_parse(key("users"), core.slice(text), id))
  end)

  it("that are malformed are noticed (5)", function()
    local text, id = text_of(named("rooms", "foo")), ffi.new("od_id[1]")
    for _, bad in ipairs { "", "abc", text:sub(1, 63), text .. "0", "g" .. text:sub(2) } do
      assert.equal(C.OD_ID_MALFORMED, C.od_id_parse(key("rooms"), core.slice(bad), id))
    end
  end)
end)

describe("routes", function()
  local namespace, name = ffi.new("od_slice[1]"), ffi.new("struct od_bytes")

  local function route(target)
    local result = C.od_route_path(core.slice(target), namespace, name)
    if result ~= C.OD_ROUTE_OK then
      return tonumber(result)
    end
    return core.string(namespace[0]), core.string(name)
  end

  it("take the first two segments, the second decoded", function()
    assert.same({ "rooms", "lobby" }, { route("/rooms/lobby") })
    assert.same({ "rooms", "lobby" }, { route("/rooms/lobby/deep/er?x=/y") })
    assert.same({ "rooms", "a b/c\0" }, { route("/rooms/a%20b%2Fc%00") })
    assert.same({ "rooms", "lobby" }, { route("/rooms/lobby?name=x") })
  end)

  it("refuse what names no object", function()
    for _, target in ipairs { "", "*", "/", "/rooms", "/rooms/", "/rooms?x", "//x", "/1x/y",
      "/r%6foms/x", "/" .. ("a"):rep(65) .. "/x" } do
      assert.equal(tonumber(C.OD_ROUTE_NONE), route(target), target)
    end
    for _, target in ipairs { "/rooms/%", "/rooms/%2", "/rooms/%zz" } do
      assert.equal(tonumber(C.OD_ROUTE_MALFORMED), route(target), target)
    end
  end)
end)
