# eadem-exhaustive: all 2^32 floats of each elementary function against MPFR (docs/correct-rounding.md).
pkg_check_modules(MPFR IMPORTED_TARGET mpfr gmp)
if(MPFR_FOUND)
  file(GLOB EXHAUSTIVE_SOURCES CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/tests/exhaustive/*.c)
  add_executable(eadem-exhaustive ${EXHAUSTIVE_SOURCES} $<TARGET_OBJECTS:eadem_objects>)
  target_compile_options(eadem-exhaustive PRIVATE -O3)
  target_link_libraries(eadem-exhaustive PRIVATE eadem_objects PkgConfig::MPFR)
endif()
