# xsimd's own package, repaired. Debian's and Ubuntu's names a library "xtl" to link, which does not exist: xtl is headers
# only, and not even needed unless XSIMD_ENABLE_XTL_COMPLEX is defined. And every major version calls itself incompatible
# with all others, while what is used here is the same from 8 on, so the version asked for is taken as the least.

find_package(xsimd QUIET CONFIG)
if(TARGET xsimd AND NOT TARGET xtl)
  get_target_property(libraries xsimd INTERFACE_LINK_LIBRARIES)
  if(libraries)
    list(REMOVE_ITEM libraries xtl)
    set_property(TARGET xsimd PROPERTY INTERFACE_LINK_LIBRARIES "${libraries}")
  endif()
endif()

include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(xsimd CONFIG_MODE)
