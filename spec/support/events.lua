-- The reader of events of specs is the one that authors have: see lua/open-do/test/events.lua.
return require "open-do.test.events"
