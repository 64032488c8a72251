# libFuzzer targets: tests/fuzz/fuzz_NAME.c, built with clang's -fsanitize=fuzzer,address,undefined.
file(GLOB FUZZ_SOURCES CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/tests/fuzz/fuzz_*.c)
foreach(source IN LISTS FUZZ_SOURCES)
  get_filename_component(name ${source} NAME_WE)
  add_executable(${name} ${source} $<TARGET_OBJECTS:eadem_objects> ${EADEM_APP_OBJECTS}
                         $<TARGET_OBJECTS:eadem_serve_objects>)
  target_link_libraries(${name} PRIVATE eadem_serve_objects)
  target_compile_definitions(${name} PRIVATE _GNU_SOURCE) # memfd_create
  target_link_options(${name} PRIVATE -fsanitize=fuzzer)
endforeach()
