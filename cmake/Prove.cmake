# Against MPFR (docs/correct-rounding.md): eadem-exhaustive, all 2^32 floats of each elementary function, and
# eadem-pairs, random pairs of those of two variables.
pkg_check_modules(MPFR IMPORTED_TARGET mpfr gmp)
if(MPFR_FOUND)
  file(GLOB EXHAUSTIVE_SOURCES CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/tests/exhaustive/*.c)
  add_executable(eadem-exhaustive ${EXHAUSTIVE_SOURCES} $<TARGET_OBJECTS:eadem_objects>)
  target_compile_options(eadem-exhaustive PRIVATE -O3)
  target_link_libraries(eadem-exhaustive PRIVATE eadem_objects PkgConfig::MPFR)
  add_executable(eadem-pairs tests/pairs/pairs.c $<TARGET_OBJECTS:eadem_objects>)
  target_link_libraries(eadem-pairs PRIVATE eadem_objects PkgConfig::MPFR m)
endif()
