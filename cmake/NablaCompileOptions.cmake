# Warnings and sanitizers for the project's own targets. Consumers inherit none of them.

function(nabla_compile_options target)
  set(warnings -Wall -Wextra -Wpedantic -Wshadow -Wconversion)
  if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    # GCC 12 reports its own AVX-512 intrinsics and std::string as uninitialised or overlapping once they are inlined.
    list(APPEND warnings -Wno-maybe-uninitialized -Wno-uninitialized -Wno-restrict)
  elseif(CMAKE_CXX_COMPILER_ID MATCHES "Clang")
    # What a seam declares for CUDA is unused in builds without. A loop that is not vectorized as asked is slow, not wrong,
    # and usual where a sanitizer watches it.
    list(APPEND warnings -Wno-unused-private-field -Wno-pass-failed)
  endif()
  if(NABLA_WERROR)
    list(APPEND warnings -Werror)
  endif()
  target_compile_options(${target} PRIVATE "$<$<COMPILE_LANGUAGE:CXX>:${warnings}>")
  if(NABLA_HAS_CUDA)
    # nvcc's generated host code is not pedantic, and what -Wconversion says of it is about nvcc.
    set(cuda_warnings -Wall,-Wextra,-Wno-maybe-uninitialized,-Wno-uninitialized,-Wno-restrict)
    if(NABLA_WERROR)
      string(APPEND cuda_warnings ",-Werror")
      target_compile_options(${target} PRIVATE "$<$<COMPILE_LANGUAGE:CUDA>:-Werror=all-warnings>")
    endif()
    target_compile_options(${target} PRIVATE "$<$<COMPILE_LANGUAGE:CUDA>:-Xcompiler=${cuda_warnings};-lineinfo>")
  endif()
  if(NABLA_SANITIZE)
    target_compile_options(${target} PRIVATE
      "$<$<COMPILE_LANGUAGE:CXX>:-fsanitize=${NABLA_SANITIZE};-fno-omit-frame-pointer;-fno-sanitize-recover=all>")
    if(CMAKE_CXX_COMPILER_ID MATCHES "Clang")
      # xsimd converts lanes that it does not use afterwards, infinite ones too.
      target_compile_options(${target} PRIVATE "$<$<COMPILE_LANGUAGE:CXX>:-fno-sanitize=float-cast-overflow>")
    endif()
    target_link_options(${target} PUBLIC -fsanitize=${NABLA_SANITIZE})
  endif()
endfunction()
