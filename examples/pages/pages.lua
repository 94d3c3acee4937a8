-- The pages for authors (lua/) as a small site that counts its readers. The files are assets; the
-- script makes HTML of as much Markdown as they use.
local od = require "open-do"

local escape = od.html.escape

local HEAD = [[<!doctype html><html lang="en"><meta charset="utf-8">
<meta name="viewport" content="width=device-width"><meta name="color-scheme" content="light dark">
<link rel="icon" href="data:,"><title>%s</title>
<style>
  body { font: 16px/1.6 system-ui; max-width: 52em; margin: 2em auto; padding: 0 1em; }
  pre { overflow-x: auto; padding: 1em; background: #8881; }
  table { border-collapse: collapse; display: block; overflow-x: auto; }
  td, th { border: 1px solid #8885; padding: .3em .6em; vertical-align: top; text-align: left; }
</style>
]]

-- What stands within a line. Code is put aside first, so that nothing in it means anything.
local function inline(text)
  local codes = {}
  text = escape(text:gsub("`([^`]+)`", function(code)
    codes[#codes + 1] = "<code>" .. escape(code) .. "</code>"
    return "\1" .. #codes .. "\2"
  end))
  text = text:gsub("!%[([^%]]*)%]%([^)]*%)", "%1")
  text = text:gsub("%[([^%]]+)%]%(([^)]+)%)", function(words, target) -- Elsewhere is not served.
    return target:match("^%.%.") and words or ('<a href="%s">%s</a>'):format(target, words)
  end)
  text = text:gsub("%*%*(.-)%*%*", "<b>%1</b>"):gsub("%*(%S.-)%*", "<i>%1</i>")
  return (text:gsub("\1(%d+)\2", function(at) return codes[tonumber(at)] end))
end

local function slug(text)
  return (text:lower():gsub("[^%w%- ]", ""):gsub(" ", "-"))
end

local function cells(line, tag)
  local row = {}
  local text = line:gsub("`[^`]*`", function(code) return (code:gsub("|", "\3")) end)
  for cell in text:gmatch("|([^|]*)%f[|]") do
    row[#row + 1] = ("<%s>%s</%s>"):format(tag, inline(cell:gsub("\3", "|")), tag)
  end
  return "<tr>" .. table.concat(row) .. "</tr>"
end

-- Kinds of lines: what begins a block, and how its lines become HTML.
local kinds = {
  { "^#+ ", function(lines)
    local level, text = lines[1]:match("^(#+) (.*)$")
    return ('<h%d id="%s">%s</h%d>'):format(#level, slug(text), inline(text), #level)
  end },
  { "^|", function(lines)
    local rows = {}
    for at, line in ipairs(lines) do
      rows[#rows + 1] = at ~= 2 and cells(line, at == 1 and "th" or "td") or nil
    end
    return "<table>" .. table.concat(rows, "\n") .. "</table>"
  end },
  { "^    ", function(lines)
    return "<pre>" .. escape(table.concat(lines, "\n"):gsub("%f[^\n%z]    ", "")) .. "</pre>"
  end },
  { "^[*%d][.]* ", function(lines)
    local text = inline(table.concat(lines, "\n")):gsub("%f[^\n%z][*%d][.]* ", "<li>")
    return "<ul>" .. text .. "</ul>"
  end },
  { "", function(lines) return "<p>" .. inline(table.concat(lines, "\n")) .. "</p>" end },
}

local function kind_of(line)
  for _, kind in ipairs(kinds) do
    if line:match(kind[1]) then
      return kind
    end
  end
end

local function render(text)
  local out, lines, kind = {}, {}, nil
  local function flush()
    out[#out + 1] = kind and kind[2](lines)
    lines, kind = {}, nil
  end
  for line in (text .. "\n"):gmatch("(.-)\n") do
    local starts = kind_of(line)
    if kind and (line == "" or starts[1] == "^#+ " or starts ~= kind and starts[1] == "^|") then
      flush()
    end
    if line ~= "" then
      kind = kind or starts
      lines[#lines + 1] = line
    end
  end
  flush()
  return table.concat(out, "\n")
end

-- Blocks between fences are put aside, as code within a line is.
local function page_of(text)
  local blocks = {}
  local body = text:gsub("\n```[^\n]*\n(.-)\n```", function(code)
    blocks[#blocks + 1] = "<pre>" .. escape(code) .. "</pre>"
    return "\n\n\4" .. #blocks .. "\5\n"
  end)
  return HEAD:format(escape(text:match("# ([^\n]+)"))) .. render(body)
    :gsub("<p>\4(%d+)\5</p>", function(at) return blocks[tonumber(at)] end)
end

local Page = {}

function Page:read()
  local count = (self.state.storage:get("readers") or 0) + 1
  self.state.storage:put("readers", count)
  return count
end

local function fetch(request, env)
  local path = request.path == "/" and "/START.md" or request.path
  local file = path:match("^/[%w-]+%.md$") and env.assets:fetch(path)
  if not file or file.status ~= 200 then
    return od.Response("there is no such page\n", { status = 404 })
  end
  local count = env.pages:getByName(path):read()
  return od.Response.html(("%s<hr><p>Read %d times.</p>"):format(page_of(file:text()), count))
end

return { namespaces = { pages = Page }, fetch = fetch,
  assets = { directory = "../../lua", scriptFirst = { "/*" } } }
