-- The manual page and the completion for bash, which are made of the same table as the help.
local shell = require "spec.support.shell"
local BUILD = os.getenv("OPEN_DO_BUILD") or "build/testing"

local function words_of(pattern)
  local words = {}
  for word in shell.text(BUILD .. "/open-do --help"):gmatch(pattern) do
    words[#words + 1] = word
  end
  assert(#words > 10)
  return words
end

describe("the manual page", function()
  local page = shell.text("cat " .. BUILD .. "/open-do.1")

  it("has every command and option", function()
    for _, name in ipairs(words_of "\n  open%-do ([%w-]+)") do
      local bold = "\\fB" .. name:gsub("-", "\\-") .. "\\fR"
      assert.truthy(page:find(".TP\n" .. bold, 1, true), name)
    end
    for _, name in ipairs(words_of "\n  %-%-([%w-]+)") do
      local bold = "\\fB\\-\\-" .. name:gsub("-", "\\-") .. "\\fR"
      assert.truthy(name == "version" or page:find(bold, 1, true), name)
    end
  end)

  it("is one that man shows without a complaint", function()
    if shell.text("command -v groff") == "" then
      return pending("groff is not installed")
    end
    assert.equal("", shell.text("groff -man -Tutf8 -ww " .. BUILD .. "/open-do.1 >/dev/null"))
  end)
end)

describe("the completion", function()
  local function complete(...)
    local words = { "open-do", ... }
    local quoted = {}
    for i, word in ipairs(words) do
      quoted[i] = "'" .. word .. "'"
    end
    return shell.text(([[bash -uc 'source "%s/open-do.bash"; COMP_WORDS=(%s); COMP_CWORD=%d
      _open_do
      printf "%%s\n" "${COMPREPLY[@]-}" | sort | tr "\n" " "']]):format(BUILD,
      table.concat(quoted, " "):gsub("'", '"'), #words - 1))
  end

  it("knows commands, their words, their options and what these take", function()
    assert.equal("object objects ", complete("obj"))
    assert.equal("delete get list put ", complete("kv", ""))
    assert.equal("--limit --log-level ", complete("objects", "--l") .. complete("log", "--l"))
    assert.equal("error ", complete("run", "--log-level", "e"))
    assert.equal("--help ", complete("kv", "--h"))
    assert.equal("spec/scenario ", complete("export", "--data", "spec/sc"))
    assert.matches("spec/README%.md", complete("run", "spec/R"))
  end)
end)
