# One program for each file in targets/, with libFuzzer: configure with clang and -DOD_FUZZ=ON.
file(GLOB od_fuzz_targets CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/spec/fuzz/targets/*.c)
foreach(source ${od_fuzz_targets})
  get_filename_component(name ${source} NAME_WE)
  add_executable(fuzz_${name} ${source})
  target_include_directories(fuzz_${name} PRIVATE spec/fuzz/targets bindings)
  target_link_libraries(fuzz_${name} PRIVATE od_main od_worker od_node od_bindings)
  target_link_options(fuzz_${name} PRIVATE -fsanitize=fuzzer)
endforeach()
