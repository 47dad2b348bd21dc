# Assembles a source for an architecture and reads ptxas's report: no kernel may spill a register, or with MOST_SPILLED
# more than so many bytes. Writes registers_NAME_ARCHITECTURE.txt, a line for each kernel. With MOST_STACK no kernel may
# have a larger stack frame either.
#     cmake -DNVCC=… -DSOURCE=… -DNAME=… -DINCLUDES=a;b -DARCHITECTURE=75 [-DMOST_STACK=0] [-DMOST_SPILLED=0]
#         -P spills.cmake

if(NOT DEFINED MOST_SPILLED)
  set(MOST_SPILLED 0)
endif()

set(table "")
set(includes "")
foreach(folder ${INCLUDES})
  list(APPEND includes -I ${folder})
endforeach()
execute_process(
  COMMAND ${NVCC} -std=c++20 -O3 --expt-relaxed-constexpr ${includes} -cubin -Xptxas -v
          -gencode arch=compute_${ARCHITECTURE},code=sm_${ARCHITECTURE} ${SOURCE}
          -o ${CMAKE_CURRENT_BINARY_DIR}/${NAME}_${ARCHITECTURE}.cubin
  ERROR_VARIABLE report OUTPUT_VARIABLE output RESULT_VARIABLE status)
if(NOT status EQUAL 0)
  message(FATAL_ERROR "nvcc failed for sm_${ARCHITECTURE}:\n${output}${report}")
endif()
string(REGEX MATCHALL "Function properties for [^\n]*\n[^\n]*\n[^\n]*Used [0-9]+ registers" kernels "${report}")
list(LENGTH kernels count)
if(count EQUAL 0)
  message(FATAL_ERROR "ptxas reported no kernel for sm_${ARCHITECTURE}; its format may have changed:\n${report}")
endif()
set(most 0)
set(spilled 0)
foreach(kernel ${kernels})
  string(REGEX MATCH "for ([^\n]*)\n *([0-9]+) bytes stack frame, ([0-9]+) bytes spill stores, ([0-9]+) bytes spill" _
               "${kernel}")
  set(name ${CMAKE_MATCH_1})
  set(stack ${CMAKE_MATCH_2})
  set(stores ${CMAKE_MATCH_3})
  set(loads ${CMAKE_MATCH_4})
  string(REGEX MATCH "Used ([0-9]+) registers" _ "${kernel}")
  string(APPEND table "sm_${ARCHITECTURE} ${CMAKE_MATCH_1} registers, ${stack} bytes stack, ${stores} spilled: ${name}\n")
  if(CMAKE_MATCH_1 GREATER most)
    set(most ${CMAKE_MATCH_1})
  endif()
  if(stores GREATER 0 OR loads GREATER 0)
    if(stores GREATER MOST_SPILLED OR loads GREATER MOST_SPILLED)
      math(EXPR spilled "${spilled} + 1")
    endif()
    message(STATUS "spills ${stores} bytes on sm_${ARCHITECTURE}: ${name}")
  endif()
  if(DEFINED MOST_STACK AND stack GREATER MOST_STACK)
    message(SEND_ERROR "a stack of ${stack} bytes on sm_${ARCHITECTURE}, expected at most ${MOST_STACK}: ${name}")
  endif()
endforeach()
message(STATUS "sm_${ARCHITECTURE}: ${count} kernels, at most ${most} registers, ${spilled} that spill more than ${MOST_SPILLED} bytes")
file(WRITE ${CMAKE_CURRENT_BINARY_DIR}/registers_${NAME}_${ARCHITECTURE}.txt "${table}")
if(spilled GREATER 0)
  message(FATAL_ERROR "kernels spill registers")
endif()
