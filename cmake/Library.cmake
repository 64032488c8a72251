# libeadem: one object library, linked as a shared and a static library that export only ea_ names.
# Each room is a folder; `tools/check_rooms.py` checks which room may include which.

set(EADEM_ROOMS core math random ref cpu op grad data io)
foreach(room IN LISTS EADEM_ROOMS)
  file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/src/${room}/*.c)
  list(APPEND EADEM_SOURCES ${sources})
endforeach()

# Kernels: one file an instruction set, each compiled for its own; the choice is made at run time.
# EADEM_EMULATE_AVX512 compiles the AVX-512 kernels through SIMDe, so that a machine without AVX-512
# can test them; the result is slow and for tests only.
option(EADEM_EMULATE_AVX512 "Run the AVX-512 kernels on AVX2, through SIMDe" OFF)
if(CMAKE_SYSTEM_PROCESSOR MATCHES "x86_64|AMD64")
  set(EADEM_ISAS generic avx2 avx512)
  set(EADEM_FLAGS_avx2 -mavx2 -mfma -mf16c)
  if(EADEM_EMULATE_AVX512)
    set(EADEM_FLAGS_avx512 ${EADEM_FLAGS_avx2} -Wno-psabi)
    add_compile_definitions(EADEM_EMULATE_AVX512)
  else()
    set(EADEM_FLAGS_avx512 ${EADEM_FLAGS_avx2} -mavx512f -mavx512dq -mavx512vl -mavx512bw
                           -mprefer-vector-width=512)
  endif()
elseif(CMAKE_SYSTEM_PROCESSOR MATCHES "aarch64|arm64")
  set(EADEM_ISAS generic neon)
else()
  set(EADEM_ISAS generic)
endif()
foreach(isa IN LISTS EADEM_ISAS)
  if(CMAKE_C_COMPILER_ID MATCHES Clang) # at -O2 it says which loops it did not unroll: no mistake
    list(APPEND EADEM_FLAGS_${isa} -Wno-pass-failed)
  endif()
  if(EADEM_FUZZ) # kernels see no outside bytes, and clang takes minutes and gigabytes to instrument them
    list(APPEND EADEM_FLAGS_${isa} -fno-sanitize=all)
  endif()
  set(source ${CMAKE_SOURCE_DIR}/src/cpu/isa/${isa}.c)
  set_source_files_properties(${source} PROPERTIES COMPILE_OPTIONS "${EADEM_FLAGS_${isa}}")
  list(APPEND EADEM_SOURCES ${source})
endforeach()

add_library(eadem_objects OBJECT ${EADEM_SOURCES})
target_include_directories(eadem_objects PUBLIC ${CMAKE_SOURCE_DIR}/include ${CMAKE_SOURCE_DIR}/src
                                                ${DLPACK_INCLUDE} ${XXHASH_INCLUDE})
target_link_libraries(eadem_objects PUBLIC PkgConfig::CRYPTO PkgConfig::ZLIB PkgConfig::YAML
                                           PkgConfig::JANSSON Threads::Threads m)
target_compile_definitions(eadem_objects PUBLIC EADEM_VERSION="${PROJECT_VERSION}")

add_library(eadem SHARED $<TARGET_OBJECTS:eadem_objects>)
target_link_libraries(eadem PRIVATE eadem_objects)
set_target_properties(eadem PROPERTIES VERSION ${PROJECT_VERSION} SOVERSION 0)

# The static library is one relocatable object whose hidden names are made local, so that linking it
# brings in no name but ea_*.
set(EADEM_STATIC ${CMAKE_BINARY_DIR}/libeadem.a)
add_custom_command(
  OUTPUT ${EADEM_STATIC}
  COMMAND ${CMAKE_LINKER} -r -o ${CMAKE_BINARY_DIR}/eadem_all.o $<TARGET_OBJECTS:eadem_objects>
  COMMAND ${CMAKE_OBJCOPY} --localize-hidden ${CMAKE_BINARY_DIR}/eadem_all.o
  COMMAND ${CMAKE_COMMAND} -E rm -f ${EADEM_STATIC}
  COMMAND ${CMAKE_AR} rcs ${EADEM_STATIC} ${CMAKE_BINARY_DIR}/eadem_all.o
  DEPENDS eadem_objects $<TARGET_OBJECTS:eadem_objects>
  COMMAND_EXPAND_LISTS VERBATIM)
add_custom_target(eadem_static ALL DEPENDS ${EADEM_STATIC})
