# Each spec file is one test of CTest, named by its path: `ctest -R scenario/storage` runs one.
find_program(OD_BUSTED busted)
if(NOT OD_BUSTED)
  message(STATUS "busted is not installed: no specs (apt-get install lua-busted)")
  return()
endif()
enable_testing()

set(od_spec_environment OPEN_DO_BUILD=${PROJECT_BINARY_DIR}
                        OPEN_DO_NODE_MODULES=${PROJECT_SOURCE_DIR}/build/npm/node_modules)
# Deadlines fail a spec that hangs; they are no measure of speed, and CTest runs several at once.
list(APPEND od_spec_environment OPEN_DO_TEST_PATIENCE=3)
if(OD_SANITIZE)
  # LuaJIT itself is not instrumented: the runtime of the sanitizer must be there before it starts, and
  # its memory is nobody's leak. The program under test is checked for leaks (spec/support/server.lua).
  execute_process(COMMAND ${CMAKE_C_COMPILER} -print-file-name=libasan.so
                  OUTPUT_VARIABLE od_asan OUTPUT_STRIP_TRAILING_WHITESPACE)
  list(APPEND od_spec_environment LD_PRELOAD=${od_asan} ASAN_OPTIONS=detect_leaks=0
       OPEN_DO_SANITIZED=1)
endif()

set(od_spec_folders unit scenario conformance model examples)
if(NOT OD_SANITIZE)
  list(APPEND od_spec_folders faults lint) # A preloaded disk and a sanitizer do not go together.
endif()
foreach(folder ${od_spec_folders})
  file(GLOB_RECURSE specs CONFIGURE_DEPENDS RELATIVE ${PROJECT_SOURCE_DIR}/spec
       ${PROJECT_SOURCE_DIR}/spec/${folder}/*_spec.lua)
  foreach(spec ${specs})
    string(REPLACE "_spec.lua" "" name ${spec})
    # Under the sanitizers a browser crawls, memory limits mean something else, and crowds of
    # thousands and hundreds of megabytes take minutes. The model of a cluster has none of our code.
    if(OD_SANITIZE AND
       name MATCHES "_page$|scenario/(memory|unfinished|reload_crowd|call_size|overload|survivors)|model/cluster")
      continue()
    endif()
    add_test(NAME ${name} COMMAND ${OD_LUAJIT} ${OD_BUSTED} -o TAP spec/${spec}
             WORKING_DIRECTORY ${PROJECT_SOURCE_DIR})
    set_tests_properties(${name} PROPERTIES TIMEOUT 600 ENVIRONMENT "${od_spec_environment}")
  endforeach()
endforeach()

# The specs of the examples are run as their authors would do it.
file(GLOB od_examples CONFIGURE_DEPENDS RELATIVE ${PROJECT_SOURCE_DIR}/examples ${PROJECT_SOURCE_DIR}/examples/*/spec
     ${PROJECT_SOURCE_DIR}/examples/apps/*/spec)
foreach(spec ${od_examples})
  string(REPLACE "/spec" "" name ${spec})
  add_test(NAME examples/${name} COMMAND open-do test examples/${name} -- -o TAP
           WORKING_DIRECTORY ${PROJECT_SOURCE_DIR})
  set_tests_properties(examples/${name} PROPERTIES TIMEOUT 600 ENVIRONMENT OPEN_DO_TEST_PATIENCE=3)
endforeach()
