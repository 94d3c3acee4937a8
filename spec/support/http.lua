-- The HTTP client of specs is the one that authors have: see lua/open-do/test/http.lua.
return require "open-do.test.http"
