# eadem._native: the C extension of the Python package, on CPython's stable ABI. In the build folder it stands in
# python/eadem/ beside links to the package's sources, so that PYTHONPATH=build/python imports what was built.
find_package(Python REQUIRED COMPONENTS Interpreter Development.Module)
file(GLOB NATIVE_SOURCES CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/python/native/*.c)
Python_add_library(eadem_native MODULE ${NATIVE_SOURCES} $<TARGET_OBJECTS:eadem_objects>)
target_include_directories(eadem_native PRIVATE ${CMAKE_SOURCE_DIR}/python/native)
target_link_libraries(eadem_native PRIVATE eadem_objects ${CMAKE_DL_LIBS})
target_compile_definitions(eadem_native PRIVATE Py_LIMITED_API=0x03090000)
target_compile_options(eadem_native PRIVATE -Wno-write-strings # Python.h takes char *
  $<IF:$<C_COMPILER_ID:Clang>,-Wno-incompatible-pointer-types-discards-qualifiers,-Wno-discarded-qualifiers>)
set_target_properties(eadem_native PROPERTIES PREFIX "" OUTPUT_NAME _native SUFFIX .abi3.so
                      LIBRARY_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/python/eadem)
install(TARGETS eadem_native LIBRARY DESTINATION eadem COMPONENT python)

file(MAKE_DIRECTORY ${CMAKE_BINARY_DIR}/python/eadem)
file(GLOB PACKAGE_FILES CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/python/eadem/*)
foreach(path IN LISTS PACKAGE_FILES)
  get_filename_component(name ${path} NAME)
  file(CREATE_LINK ${path} ${CMAKE_BINARY_DIR}/python/eadem/${name} SYMBOLIC)
endforeach()
