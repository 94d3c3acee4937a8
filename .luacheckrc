-- Lua of three kinds: modules of the program, objects (examples), specs.
std = "luajit"
max_line_length = 100
self = false -- A method need not use its object.
exclude_files = { "build/", "**/node_modules/", "examples/*/bundle.lua" }
files["spec"] = { std = "+busted" }
files["lua/types/"] = { ignore = { "2" } } -- Declarations: nothing is used.
files["examples/**/*_spec.lua"] = { std = "+busted" }
files[".busted"] = { std = "luajit" }
files["examples/**/page.lua"] = { max_line_length = false }
files["lua/new/**/*_spec.lua"] = { std = "+busted" }
