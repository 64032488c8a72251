# examples/NAME.c: each a program against the public headers and the shared library alone.
file(GLOB EXAMPLE_SOURCES CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/examples/*.c)
foreach(source IN LISTS EXAMPLE_SOURCES)
  get_filename_component(name ${source} NAME_WE)
  add_executable(example_${name} ${source})
  target_include_directories(example_${name} PRIVATE ${CMAKE_SOURCE_DIR}/include ${DLPACK_INCLUDE})
  target_link_libraries(example_${name} PRIVATE eadem)
  set_target_properties(example_${name} PROPERTIES OUTPUT_NAME ${name} RUNTIME_OUTPUT_DIRECTORY
                        ${CMAKE_BINARY_DIR}/examples)
endforeach()
