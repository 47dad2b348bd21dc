# Install rules and the package that find_package(nabla) finds.

include(CMakePackageConfigHelpers)

install(TARGETS nabla EXPORT nablaTargets
        ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR}
        LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(DIRECTORY include/nabla DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
install(DIRECTORY kernels/ DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/nabla/kernels FILES_MATCHING PATTERN "*.cuh")
install(FILES ${PROJECT_BINARY_DIR}/include/nabla/version.hpp DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/nabla)

set(package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/nabla)
install(EXPORT nablaTargets NAMESPACE nabla:: DESTINATION ${package_dir})
configure_package_config_file(cmake/nablaConfig.cmake.in nablaConfig.cmake INSTALL_DESTINATION ${package_dir})
write_basic_package_version_file(nablaConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/nablaConfig.cmake ${PROJECT_BINARY_DIR}/nablaConfigVersion.cmake
              ${CMAKE_CURRENT_LIST_DIR}/Findxsimd.cmake
        DESTINATION ${package_dir})
