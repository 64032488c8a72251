# tests/ mirrors src/: tests/ROOM/test_NAME.c is a cmocka program, tests/ROOM/test_NAME.sh a script
# that gets the build folder as its argument, tests/ROOM/test_NAME.py a program for `.venv`'s Python.
pkg_check_modules(CMOCKA REQUIRED IMPORTED_TARGET cmocka)
file(GLOB TEST_SOURCES CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/tests/*/test_*.c)
# The vector primitives' tests are compiled for their instruction set.
list(FILTER TEST_SOURCES EXCLUDE REGEX "test_simd_")
foreach(isa IN LISTS EADEM_ISAS)
  set(source ${CMAKE_SOURCE_DIR}/tests/cpu/test_simd_${isa}.c)
  set_source_files_properties(${source} PROPERTIES COMPILE_OPTIONS "${EADEM_FLAGS_${isa}}")
  list(APPEND TEST_SOURCES ${source})
endforeach()
set(EADEM_TEST_SECONDS 600 CACHE STRING "after which a test program has hung")
foreach(source IN LISTS TEST_SOURCES)
  get_filename_component(name ${source} NAME_WE)
  get_filename_component(room ${source} DIRECTORY)
  get_filename_component(room ${room} NAME)
  set(target ${room}_${name})
  add_executable(${target} ${source} $<TARGET_OBJECTS:eadem_objects> ${EADEM_APP_OBJECTS})
  target_include_directories(${target} PRIVATE ${CMAKE_SOURCE_DIR}/tests)
  target_link_libraries(${target} PRIVATE eadem_objects ${EADEM_APP} PkgConfig::CMOCKA)
  target_compile_definitions(${target} PRIVATE EADEM_SOURCE_DIR="${CMAKE_SOURCE_DIR}")
  add_test(NAME ${room}/${name} COMMAND ${target} WORKING_DIRECTORY ${CMAKE_BINARY_DIR})
  set_tests_properties(${room}/${name} PROPERTIES TIMEOUT ${EADEM_TEST_SECONDS} SKIP_RETURN_CODE 77)
endforeach()
# A script would start programs that are for another machine.
if(NOT CMAKE_CROSSCOMPILING)
  file(GLOB TEST_SCRIPTS CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/tests/*/test_*.sh)
  foreach(script IN LISTS TEST_SCRIPTS)
    get_filename_component(name ${script} NAME_WE)
    get_filename_component(room ${script} DIRECTORY)
    get_filename_component(room ${room} NAME)
    add_test(NAME ${room}/${name} COMMAND bash ${script} ${CMAKE_BINARY_DIR}
             WORKING_DIRECTORY ${CMAKE_SOURCE_DIR})
    file(STRINGS ${script} label REGEX "^# label: ") # such as "# label: slow"
    string(REPLACE "# label: " "" label "${label}")
    set_tests_properties(${room}/${name} PROPERTIES TIMEOUT 900 LABELS "${label}"
                                                    SKIP_RETURN_CODE 77)
  endforeach()
endif()
add_test(NAME house/rooms COMMAND python3 ${CMAKE_SOURCE_DIR}/tools/check_rooms.py
         WORKING_DIRECTORY ${CMAKE_SOURCE_DIR})

# Python tests, one ctest a file, in the .venv that `tools/setup.sh test` makes, on the package as built here.
set(VENV_PYTHON ${CMAKE_SOURCE_DIR}/.venv/bin/python)
if(EXISTS ${VENV_PYTHON} AND NOT CMAKE_CROSSCOMPILING)
  set(Python_EXECUTABLE ${VENV_PYTHON})
  include(Python)
  file(GLOB PYTHON_TESTS CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/tests/*/test_*.py)
  foreach(script IN LISTS PYTHON_TESTS)
    get_filename_component(name ${script} NAME_WE)
    get_filename_component(room ${script} DIRECTORY)
    get_filename_component(room ${room} NAME)
    add_test(NAME ${room}/${name}.py COMMAND ${VENV_PYTHON} -m pytest -q -p no:cacheprovider ${script}
             WORKING_DIRECTORY ${CMAKE_SOURCE_DIR})
    set_tests_properties(${room}/${name}.py PROPERTIES TIMEOUT 900 ENVIRONMENT
      "PYTHONPATH=${CMAKE_BINARY_DIR}/python;PYTHONDONTWRITEBYTECODE=1;EADEM_BUILD=${CMAKE_BINARY_DIR};OMP_WAIT_POLICY=passive")
  endforeach()
elseif(NOT CMAKE_CROSSCOMPILING)
  message(STATUS "No .venv: Python tests are left out; `make test` makes it")
endif()
