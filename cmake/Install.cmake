include(CMakePackageConfigHelpers)
install(TARGETS eadem EXPORT eademTargets LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR})
if(EADEM_PROGRAM)
  install(TARGETS eadem_cli eadem-serve RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
endif()
install(FILES ${EADEM_STATIC} DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(DIRECTORY include/eadem DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
target_include_directories(eadem INTERFACE $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)
install(EXPORT eademTargets NAMESPACE eadem:: DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/eadem)
configure_package_config_file(cmake/eademConfig.cmake.in ${CMAKE_BINARY_DIR}/eademConfig.cmake
                              INSTALL_DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/eadem)
write_basic_package_version_file(${CMAKE_BINARY_DIR}/eademConfigVersion.cmake
                                 COMPATIBILITY SameMajorVersion)
install(FILES ${CMAKE_BINARY_DIR}/eademConfig.cmake ${CMAKE_BINARY_DIR}/eademConfigVersion.cmake
        DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/eadem)
# Relative to the file itself, so that an installation can be moved.
file(RELATIVE_PATH EADEM_PC_PREFIX /${CMAKE_INSTALL_LIBDIR}/pkgconfig /)
configure_file(cmake/eadem.pc.in ${CMAKE_BINARY_DIR}/eadem.pc @ONLY)
install(FILES ${CMAKE_BINARY_DIR}/eadem.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
