-- The WebSocket client of specs is the one that authors have: see lua/open-do/test/websocket.lua.
return require "open-do.test.websocket"
