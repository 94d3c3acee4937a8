# The Lua modules of lua/ and the page of the admin listener become part of the program: each file
# is turned into a C array.
file(GLOB_RECURSE od_lua_modules CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/lua/*.lua
     ${PROJECT_SOURCE_DIR}/lua/open-do/admin/page/*)
list(FILTER od_lua_modules EXCLUDE REGEX README)
set(od_lua_embedded ${PROJECT_BINARY_DIR}/lua_modules.c)
find_program(OD_LUAJIT luajit REQUIRED)
add_custom_command(OUTPUT ${od_lua_embedded}
  COMMAND ${OD_LUAJIT} ${PROJECT_SOURCE_DIR}/lua/embed.lua ${PROJECT_SOURCE_DIR}/lua ${od_lua_embedded}
          ${od_lua_modules}
  DEPENDS ${od_lua_modules} ${PROJECT_SOURCE_DIR}/lua/embed.lua VERBATIM)
if(TARGET od_engine)
  get_target_property(od_engine_type od_engine TYPE)
  if(od_engine_type STREQUAL "STATIC_LIBRARY")
    target_sources(od_engine PRIVATE ${od_lua_embedded})
  endif()
endif()
