-- Storage: what can be put, how it is found again, what is refused, and what outlives whom.
local workbench = require "spec.scenario.workbench"

describe("storage", function()
  local server, ask, refusal = workbench.fresh()

  -- The keys that `list` gives for the options, in one text.
  local function list(options)
    return ask(([[
      local keys = {}
      for key in storage:list(%s) do keys[#keys + 1] = key end
      return table.concat(keys, " ")
    ]]):format(options or ""))
  end

  describe("of one key", function()
    it("returns what was put, of its own type, then and in later requests", function()
      local values = {
        "true", "false", "0", "-1.5", "1e300", "2^53", "''", "'text'", "'\\0\\255'",
        "('x'):rep(1e6)", "{}", "{ 1, 2, 3 }", "{ a = { b = { c = 1 } } }",
        "{ [1.5] = 'x', y = { true } }",
      }
      local same = [[
        local function same(a, b)
          if type(a) ~= "table" or type(b) ~= "table" then return a == b end
          for k, v in pairs(a) do if not same(v, b[k]) then return false end end
          for k in pairs(b) do if a[k] == nil then return false end end
          return true
        end
      ]]
      for i, value in ipairs(values) do
        assert.is_true(ask(("%s storage:put('k%d', %s) return same(storage:get('k%d'), %s)")
          :format(same, i, value, i, value)), value)
      end
      local still = "%s return same(storage:get('k%d'), %s)"
      for i, value in ipairs(values) do
        assert.is_true(ask(still:format(same, i, value)), value)
      end
    end)

    it("tells a stored null from nothing", function()
      ask("storage:put('null', od.json.null)")
      assert.is_true(ask("return storage:get('null') == od.json.null"))
      assert.is_true(ask("return storage:get('nothing') == nil"))
    end)

    it("copies on the way in and out", function()
      assert.equal("1 1", ask([[
        local value = { n = 1 }
        storage:put("k", value)
        value.n = 2
        local first = storage:get("k")
        first.n = 3
        return value.n - 1 .. " " .. storage:get("k").n
      ]]))
    end)

    it("is deleted, and says whether it was there", function()
      assert.is_true(ask("storage:put('k', 1) return storage:delete('k')"))
      assert.is_true(ask("return storage:get('k') == nil"))
      assert.is_false(ask("return storage:delete('k')"))
      ask("storage:put('k', 2)")
      assert.is_true(ask("return storage:delete('k')"))
      assert.is_true(ask("return storage:get('k') == nil"))
    end)

    it("refuses nil as a value (79)", function()
      assert.matches("put", refusal("storage:put('k', nil)"))
      assert.matches("put", refusal("storage:put('k')"))
      assert.is_true(ask("return storage:get('k') == nil"))
    end)
  end)

  describe("of several keys", function()
    it("gets those that are there (80)", function()
      ask("storage:put { b = 2, a = 1 }")
      assert.same({ a = 1, b = 2 }, ask("return storage:get { 'b', 'missing', 'a' }"))
    end)

    it("deletes those that are there, and counts them", function()
      ask("storage:put { a = 1, b = 2, c = 3 }")
      assert.equal(2, ask("return storage:delete { 'a', 'missing', 'c' }"))
      assert.equal("b", list())
    end)

    it("writes nothing when one of them cannot be written (86)", function()
      assert.matches("bad", refusal("storage:put { a = 1, bad = print, z = 2 }"))
      refusal("storage:put { a = 1, [('k'):rep(2049)] = 2 }")
      refusal("storage:put { a = 1, [7] = 2 }")
      assert.equal("", list())
    end)

    it("takes at most 32 MiB at once, and stores nothing of more", function()
      local why = refusal([[
        local values = {}
        for i = 1, 17 do values["k" .. i] = ("v"):rep(2 * 2 ^ 20 - 6) end
        storage:put(values)
      ]])
      assert.matches("put: the values of one call cannot be larger than 33554432 bytes together",
        why)
      assert.equal("", list())
    end)

    it("says which types a key may have", function()
      for _, call in ipairs { "put(true, 1)", "put()", "get(7)", "get()", "delete()" } do
        local expected = ("^code:1: %s: argument 1 must be a string or a table, got ")
          :format(call:match("%a+"))
        assert.matches(expected, refusal("storage:" .. call))
      end
    end)

    it("takes at most 128 (88)", function()
      local make = "local t = {} for i = 1, %d do t[%s] = %s end "
      ask(make:format(128, "'k' .. i", "i") .. "storage:put(t)")
      assert.equal(128, ask("local n = 0 for _ in storage:list() do n = n + 1 end return n"))
      for call, entry in pairs {
        put = { "'k' .. i", "i" }, get = { "i", "'k' .. i" }, delete = { "i", "'k' .. i" },
      } do
        local function with(keys)
          return make:format(keys, entry[1], entry[2]) .. ("storage:%s(t)"):format(call)
        end
        ask(with(128))
        assert.matches("Maximum number of .* is 128. 129 ", refusal(with(129)))
      end
    end)
  end)

  describe("lists", function()
    before_each(function()
      ask("storage:put { Z = 1, a = 2, b = 3, ['b/1'] = 4, ['b/2'] = 5, c = 6, ['é'] = 7 }")
    end)

    it("in the order of bytes (82)", function()
      assert.equal("Z a b b/1 b/2 c é", list())
      assert.equal(28, ask([[
        local sum = 0
        for _, value in storage:list() do sum = sum + value end
        return sum
      ]]))
    end)

    it("by prefix, start, end, limit and reverse (83)", function()
      local cases = {
        ["{ prefix = 'b' }"] = "b b/1 b/2",
        ["{ prefix = '' }"] = "Z a b b/1 b/2 c é",
        ["{ prefix = 'x' }"] = "",
        ["{ start = 'b/1' }"] = "b/1 b/2 c é",
        ["{ start = 'b/' }"] = "b/1 b/2 c é",
        ["{ startAfter = 'b/1' }"] = "b/2 c é",
        ["{ startAfter = 'b/' }"] = "b/1 b/2 c é",
        ["{ ['end'] = 'b/2' }"] = "Z a b b/1",
        ["{ start = 'a', ['end'] = 'b/2' }"] = "a b b/1",
        ["{ start = 'c', ['end'] = 'b' }"] = "",
        ["{ start = 'b', ['end'] = 'b' }"] = "",
        ["{ limit = 2 }"] = "Z a",
        ["{ limit = 100 }"] = "Z a b b/1 b/2 c é",
        ["{ reverse = true }"] = "é c b/2 b/1 b a Z",
        ["{ reverse = true, start = 'b', limit = 2 }"] = "é c",
        ["{ reverse = true, ['end'] = 'c', limit = 2 }"] = "b/2 b/1",
        ["{ reverse = true, prefix = 'b', startAfter = 'b' }"] = "b/2 b/1",
        ["{ prefix = 'b/', limit = 1 }"] = "b/1",
        ["{ prefix = 'b', start = 'b/2' }"] = "b/2",
        ["{ prefix = 'b', ['end'] = 'b/1' }"] = "b",
      }
      for options, expected in pairs(cases) do
        assert.equal(expected, list(options), options)
      end
    end)

    it("what this stretch has written, and not what it has deleted", function()
      assert.equal("Z aa b b/2", ask([[
        storage:delete("a")
        storage:delete { "b/1", "c", "é" }
        storage:put("aa", 1)
        local keys = {}
        for key in storage:list() do keys[#keys + 1] = key end
        return table.concat(keys, " ")
      ]]))
    end)

    it("as it was when the listing was made", function()
      assert.equal("Z=1 a=2 b=3 b/1=4 b/2=5 c=6 é=7", ask([[
        local pairs_seen = {}
        for key, value in storage:list() do
          storage:put(key, value + 10)
          storage:delete("c")
          storage:put("zz" .. key, 1)
          pairs_seen[#pairs_seen + 1] = key .. "=" .. value
        end
        return table.concat(pairs_seen, " ")
      ]]))
    end)

    -- What is large is listed in pieces of half a megabyte, of which nothing is to be seen.
    it("of megabytes like one of a few bytes, with what this stretch has written", function()
      ask("for i = 100, 179 do storage:put('large/' .. i, i .. ('x'):rep(3e4)) end")
      local function seen(options, meanwhile)
        return ask(([[
          for i = 100, 179, 3 do storage:put("large/" .. i, i + 1000 .. ("y"):rep(3e4)) end
          local pairs_seen = {}
          for key, value in storage:list(%s) do
            pairs_seen[#pairs_seen + 1] = key:match "%%d+$" .. "=" .. value:match "^%%d+" .. #value
            %s
          end
          return table.concat(pairs_seen, " ")
        ]]):format(options, meanwhile or ""))
      end
      local function expected(first, last, step)
        local texts = {}
        for i = first, last, step do
          local is_written = i % 3 == 1
          texts[#texts + 1] = ("%d=%d%d"):format(i, is_written and i + 1000 or i,
            is_written and 30004 or 30003)
        end
        return table.concat(texts, " ")
      end
      assert.equal(expected(100, 179, 1), seen "{ prefix = 'large/' }")
      assert.equal(expected(179, 100, -1), seen "{ prefix = 'large/', reverse = true }")
      assert.equal(expected(101, 160, 1), seen
        "{ startAfter = 'large/100', ['end'] = 'large/161' }")
      assert.equal(expected(178, 105, -1), seen
        "{ start = 'large/105', ['end'] = 'large/179', reverse = true }")
      assert.equal(expected(100, 149, 1), seen "{ prefix = 'large/', limit = 50 }")
      assert.equal(expected(179, 130, -1), seen
        "{ prefix = 'large/', limit = 50, reverse = true }")
      assert.equal(expected(100, 179, 1), seen("{ prefix = 'large/' }",
        "for i = 100, 179 do storage:delete('large/' .. i) end"))
      assert.equal("", ask [[
        local keys = {}
        for key in storage:list { prefix = "large/" } do keys[#keys + 1] = key end
        return table.concat(keys, " ")
      ]])
    end)

    it("only with options that make sense", function()
      assert.matches("list%(%) cannot be called with both start and startAfter values",
        refusal("storage:list { start = 'a', startAfter = 'a' }"))
      for _, limit in ipairs { "0", "-1", "1.5", "'2'" } do
        assert.matches("limit", refusal(("storage:list { limit = %s }"):format(limit)))
      end
      assert.matches("prefixx", refusal("storage:list { prefixx = 'a' }"))
      refusal("storage:list { prefix = 1 }")
      refusal("storage:list('b')")
    end)
  end)

  describe("refuses", function()
    it("keys that are too long, with their size, and no others (88)", function()
      assert.is_true(ask("local key = ('k'):rep(2048) storage:put(key, 1) storage:put('', 2) "
        .. "return storage:get(key) == 1 and storage:get('') == 2"))
      assert.is_true(ask("return storage:get(('k'):rep(2048)) == 1 and storage:get('') == 2"))
      for _, call in ipairs {
        "put(key, 1)", "get(key)", "delete(key)", "put { [key] = 1 }", "get { key }",
        "delete { key }",
      } do
        assert.matches("Keys cannot be larger than 2048 bytes. A key of size 2049 was provided.",
          refusal("local key = ('k'):rep(2049) storage:" .. call), 1, true)
      end
      refusal("storage:get(7)")
      refusal("storage:get()")
    end)

    it("values that are too large, with their size (88)", function()
      local size = 2 * 1024 * 1024 - 64
      ask(("storage:put('k', ('x'):rep(%d))"):format(size))
      assert.equal(size, ask("return #storage:get('k')"))
      assert.matches("Values cannot be larger than 2097152 bytes. A value of size %d+ was provided",
        refusal("storage:put('k', ('x'):rep(2097153))"))
      assert.equal(size, ask("return #storage:get('k')"))
    end)

    it("values that cannot be stored, by their path", function()
      local cases = {
        ["print"] = "function",
        ["{ users = { { socket = 1 }, { socket = storage } } }"] = "users[2].socket",
        ["{ a = { b = coroutine.create(print) } }"] = "a.b",
        ["setmetatable({}, {})"] = "metatable",
        ["(function() local t = {} t.me = { t } return t end)()"] = "me",
        ["{ [true] = 1 }"] = "boolean",
        ["{ [{}] = 1 }"] = "table",
      }
      for value, part in pairs(cases) do
        assert.matches(part, refusal(("storage:put('k', %s)"):format(value)), 1, true)
      end
      assert.is_true(ask("return storage:get('k') == nil"))
    end)
  end)

  it("keeps keys that share a long beginning apart and in order", function()
    local stem = ("s"):rep(1500)
    ask([[
      local stem = ("s"):rep(1500)
      for i = 20, 1, -1 do storage:put(stem .. ("%02d"):format(i) .. ("t"):rep(i * 20), i) end
      storage:put(stem, 0)
      storage:put("s", -1)
    ]])
    local values = ask([[
      local values = {}
      for _, value in storage:list { prefix = "s" } do values[#values + 1] = value end
      return values
    ]])
    local expected = { -1, 0 }
    for i = 1, 20 do
      expected[i + 2] = i
    end
    assert.same(expected, values)
    assert.equal(7, ask(("return storage:get('%s07' .. ('t'):rep(140))"):format(stem)))
    assert.is_true(ask(("return storage:delete('%s07' .. ('t'):rep(140))"):format(stem)))
    assert.equal(21, ask("local n = 0 for _ in storage:list() do n = n + 1 end return n"))
  end)

  it("loses everything with deleteAll, also what was put just before (89)", function()
    ask("storage:put { a = 1, b = 2 }")
    assert.equal("", ask([[
      storage:put("c", 3)
      storage:deleteAll()
      local keys = {}
      for key in storage:list() do keys[#keys + 1] = key end
      return table.concat(keys, " ")
    ]]))
    assert.equal("", list())
    assert.equal("d", ask("storage:deleteAll() storage:put('d', 4) storage:sync() return 'd'"))
    assert.equal("d", list())
    assert.is_true(ask("return storage:get('c') == nil and storage:get('a') == nil"))
  end)

  it("is an object's own", function()
    workbench.ask(server, "mine", "storage:put('k', 'mine')")
    assert.is_true(workbench.ask(server, "theirs", "return storage:get('k') == nil"))
    workbench.ask(server, "theirs", "storage:deleteAll()")
    assert.equal("mine", workbench.ask(server, "mine", "return storage:get('k')"))
  end)
end)
