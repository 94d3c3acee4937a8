-- The rules of the house that a machine can check: signs at the doors, promises in the headers,
-- functions one can hold in the head, and the formatter's and linters' opinion.
local shell = require "spec.support.shell"

-- What a command printed, when it failed; nil when it did well.
local function complaint(command)
  local is_well, output = shell.run(command)
  return not is_well and output or nil
end

-- Formatter and tidier have other opinions in each version: the house has those of Debian 12.
local CLANG_VERSION = "version 14%."

local function has_other_clang(tool)
  return not shell.lines(tool .. " --version | tr '\\n' ' '")[1]:find(CLANG_VERSION)
end

describe("the house", function()
  it("has a README at every door", function()
    local missing = {}
    for _, folder in ipairs(shell.lines("find runtime bindings lua examples spec -type d "
      .. "-not -path '*/node_modules*' -not -path 'spec/unit/*' -not -path 'spec/support/*' "
      .. "-not -path 'spec/bench/*' -not -path 'examples/*/*' -not -path 'spec/fuzz/*' "
      .. "-not -path 'lua/new/*'")) do
      local file = io.open(folder .. "/README.md")
      if file then
        file:close()
      else
        missing[#missing + 1] = folder
      end
    end
    assert.same({}, missing)
  end)

  it("names every header in the README of its folder", function()
    local unnamed = {}
    for _, header in ipairs(shell.lines("find runtime bindings -name '*.h'")) do
      local folder, stem = header:match("^(.*)/([%w_]+)%.h$")
      local text = " " .. shell.read(folder .. "/README.md") .. " "
      if not text:find("[^%w_]" .. stem .. "[^%w_]") then
        unnamed[#unnamed + 1] = header
      end
    end
    assert.same({}, unnamed)
  end)

  it("says in every header what it is before it declares anything", function()
    local silent = {}
    for _, header in ipairs(shell.lines("find runtime bindings -name '*.h'")) do
      if not shell.read(header):match("^// [%w`]") then
        silent[#silent + 1] = header
      end
    end
    assert.same({}, silent)
  end)

  it("has no function of more than 60 lines", function()
    local long = {}
    for _, line in ipairs(shell.lines("find runtime bindings -name '*.c' | sort | "
      .. "xargs ctags -f - --fields=+ne --c-kinds=f --sort=no")) do
      local name, file, start, finish = line:match("^(%S+)\t(%S+)\t.*line:(%d+).*end:(%d+)")
      if name and finish - start >= 60 then
        long[#long + 1] = ("%s %s: %d lines"):format(file, name, finish - start + 1)
      end
    end
    assert.same({}, long)
  end)

  it("has no file of more than 520 lines", function()
    local long = {}
    for _, line in ipairs(shell.lines("find runtime bindings lua -name '*.[ch]' -o -name '*.lua' | "
      .. "xargs wc -l")) do
      local count, file = line:match("^%s*(%d+) (.*)$")
      if file ~= "total" and tonumber(count) > 520 then
        long[#long + 1] = file .. ": " .. count
      end
    end
    assert.same({}, long)
  end)

  -- A word that ends in "_" stands for all that begin so.
  it("names in its comments only what the code has", function()
    local has, said, lost = {}, {}, {}
    for _, line in ipairs(shell.lines("git grep -n '' -- 'runtime/*.[ch]' 'bindings/*.[ch]'")) do
      local place, text = line:match("^([^:]+:%d+):(.*)$")
      local code, comment = text:match("^(.-)//(.*)$")
      for word in (code or text):gmatch("%f[%w_][oO][dD]_[%w_]+") do
        has[word] = true
        for stem in word:gmatch("()_") do
          has[word:sub(1, stem)] = true
        end
      end
      for word in (comment or ""):gmatch("%f[%w_][oO][dD]_[%w_]+") do
        said[#said + 1] = { place = place, word = word }
      end
    end
    for _, one in ipairs(said) do
      if not has[one.word] then
        lost[#lost + 1] = one.place .. " " .. one.word
      end
    end
    assert.same({}, lost)
  end)

  it("quotes in its README what the bench has measured", function()
    local measured, unknown = shell.read("spec/bench/README.md"), {}
    local quoted = shell.read("README.md"):match("%*%*What it costs%.%*%*(.-)\n\n")
    for figure in quoted:gmatch("%d[%d.,]+%d") do
      if not measured:find(figure, 1, true) then
        unknown[#unknown + 1] = figure
      end
    end
    assert.same({}, unknown)
  end)

  it("names no path of somebody's machine", function()
    assert.same({}, shell.lines("git grep -nIE '(^|[^A-Za-z0-9_.])/(home|root|work|Users)/' -- . "
      .. "':!spec/lint/house_spec.lua'"))
  end)

  it("is formatted as .clang-format says", function()
    if has_other_clang("clang-format") then
      return pending("clang-format is of another version")
    end
    assert.is_nil(complaint("find runtime bindings spec/bench -name '*.[ch]' | "
      .. "xargs clang-format --dry-run --Werror"))
  end)

  it("pleases luacheck", function()
    assert.is_nil(complaint("luacheck --quiet --codes lua examples spec spec/soak "
      .. "spec/soak_cluster spec/bench/cluster spec/lint/figures .luacheckrc"))
  end)

  it("pleases clang-tidy", function()
    if has_other_clang("clang-tidy") then
      return pending("clang-tidy is of another version")
    end
    local build = os.getenv("OPEN_DO_BUILD") or "build/testing"
    assert.is_nil(complaint("find runtime bindings -name '*.c' | xargs -P 2 -n 8 "
      .. "clang-tidy --quiet -p " .. build))
  end)
end)
