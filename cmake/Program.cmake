# The command line and the rooms that only it needs. One file a subcommand in src/cli.
pkg_check_modules(SQLITE REQUIRED IMPORTED_TARGET sqlite3)
pkg_check_modules(ZSTD REQUIRED IMPORTED_TARGET libzstd)
pkg_check_modules(PCRE2 REQUIRED IMPORTED_TARGET libpcre2-8)
pkg_check_modules(MICROHTTPD REQUIRED IMPORTED_TARGET libmicrohttpd)
pkg_check_modules(UTF8PROC REQUIRED IMPORTED_TARGET libutf8proc)

foreach(room conform train llm ledger)
  file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/src/${room}/*.c)
  list(APPEND EADEM_APP_SOURCES ${sources})
endforeach()
# The golden digests of the conformance set become a table in the program.
set(EADEM_GOLDEN ${CMAKE_SOURCE_DIR}/tests/golden/conformance.txt)
add_custom_command(
  OUTPUT ${CMAKE_BINARY_DIR}/conform_golden.c
  COMMAND ${CMAKE_COMMAND} -D FROM=${EADEM_GOLDEN} -D TO=${CMAKE_BINARY_DIR}/conform_golden.c
          -P ${CMAKE_SOURCE_DIR}/cmake/EmbedLines.cmake
  DEPENDS ${EADEM_GOLDEN} ${CMAKE_SOURCE_DIR}/cmake/EmbedLines.cmake VERBATIM)
list(APPEND EADEM_APP_SOURCES ${CMAKE_BINARY_DIR}/conform_golden.c)
add_library(eadem_app OBJECT ${EADEM_APP_SOURCES})
target_link_libraries(eadem_app PUBLIC eadem_objects PkgConfig::SQLITE PkgConfig::ZSTD
                                       PkgConfig::PCRE2 PkgConfig::UTF8PROC)
set(EADEM_APP_OBJECTS $<TARGET_OBJECTS:eadem_app>)
set(EADEM_APP eadem_app)

file(GLOB EADEM_CLI_SOURCES CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/src/cli/*.c)
list(REMOVE_ITEM EADEM_CLI_SOURCES ${CMAKE_SOURCE_DIR}/src/cli/serve_main.c)
add_executable(eadem_cli ${EADEM_CLI_SOURCES} $<TARGET_OBJECTS:eadem_objects> ${EADEM_APP_OBJECTS})
target_link_libraries(eadem_cli PRIVATE eadem_objects ${EADEM_APP})
set_target_properties(eadem_cli PROPERTIES OUTPUT_NAME eadem)

# The server is a program of its own (src/cli/serve_main.c says why).
file(GLOB EADEM_SERVE_SOURCES CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/src/serve/*.c)
add_library(eadem_serve_objects OBJECT ${EADEM_SERVE_SOURCES})
target_link_libraries(eadem_serve_objects PUBLIC eadem_objects ${EADEM_APP} PkgConfig::MICROHTTPD)
add_executable(eadem-serve src/cli/serve_main.c src/cli/model_options.c src/cli/output.c
                           $<TARGET_OBJECTS:eadem_serve_objects> $<TARGET_OBJECTS:eadem_objects> ${EADEM_APP_OBJECTS})
target_link_libraries(eadem-serve PRIVATE eadem_serve_objects)
