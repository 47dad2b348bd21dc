# Decides whether formulas can be compiled to machine code. Sets NABLA_HAS_FORMULA_JIT.
#
# LLVM's headers are needed to build; LLVM and SLEEF themselves are loaded when a formula is compiled, so nothing links
# them and programs run without them, interpreting.

if(NOT NABLA_FORMULA_JIT MATCHES "^(AUTO|ON|OFF)$")
  message(FATAL_ERROR "NABLA_FORMULA_JIT must be AUTO, ON or OFF, found '${NABLA_FORMULA_JIT}'")
endif()

set(NABLA_HAS_FORMULA_JIT FALSE)
set(why "NABLA_FORMULA_JIT is OFF")
if(NOT NABLA_FORMULA_JIT STREQUAL "OFF")
  set(why "")
  if(NOT CMAKE_SYSTEM_PROCESSOR MATCHES "x86_64|AMD64")
    set(why "it is for x86-64 only")
  endif()
  # llvm-config and not LLVM's CMake package, which wants the language C and libraries that only linking LLVM needs.
  find_program(NABLA_LLVM_CONFIG NAMES llvm-config llvm-config-19 llvm-config-18 llvm-config-17 llvm-config-16
                                       llvm-config-15 llvm-config-14)
  set(llvm "")
  if(NABLA_LLVM_CONFIG)
    execute_process(COMMAND ${NABLA_LLVM_CONFIG} --link-shared --version --includedir --libfiles
                    OUTPUT_VARIABLE llvm ERROR_QUIET OUTPUT_STRIP_TRAILING_WHITESPACE)
    string(REPLACE "\n" ";" llvm "${llvm}")
  endif()
  list(LENGTH llvm found)
  if(found EQUAL 3)
    list(GET llvm 0 NABLA_LLVM_VERSION)
    list(GET llvm 1 NABLA_LLVM_INCLUDE_DIR)
    list(GET llvm 2 NABLA_LLVM_LIBRARY)
    string(REGEX MATCH "^([0-9]+)\\.([0-9]+)" version "${NABLA_LLVM_VERSION}")
    set(NABLA_LLVM_MAJOR ${CMAKE_MATCH_1})
    set(NABLA_LLVM_MINOR ${CMAKE_MATCH_2})
  endif()
  if(NOT found EQUAL 3 OR NABLA_LLVM_MAJOR LESS 14 OR NOT EXISTS "${NABLA_LLVM_INCLUDE_DIR}/llvm-c/LLJIT.h")
    set(why "the development files and the shared library of LLVM, version 14 or later, were not found (llvm-dev)")
  endif()
  find_library(NABLA_SLEEF_LIBRARY NAMES sleef)
  if(NOT NABLA_SLEEF_LIBRARY AND NOT why)
    set(why "SLEEF was not found (libsleef-dev)")
  endif()
  if(NOT why)
    set(NABLA_HAS_FORMULA_JIT TRUE)
  elseif(NABLA_FORMULA_JIT STREQUAL "ON")
    message(FATAL_ERROR "NABLA_FORMULA_JIT=ON, but ${why}")
  endif()
endif()

if(NABLA_HAS_FORMULA_JIT)
  message(STATUS "nabla: formulas compiled by LLVM ${NABLA_LLVM_VERSION}")
else()
  message(STATUS "nabla: formulas interpreted; ${why}")
endif()
