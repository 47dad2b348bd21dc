# Runs TRAFFIC (traffic.cu) under the emulator for every layout, precision and dimension, and holds its counters against
# the compulsory bytes: unique bytes within 2 %, coalescing at least 0.98, no local memory.
#
# The emulator counts a kernel parameter that is addressed through a register as a global read of one 8-byte word by each
# lane of a warp: 256 bytes in one 32-byte sector. These are taken out before coalescing is computed.

foreach(layout component_major point_major)
  foreach(precision f64 f32)
    foreach(n 2 3 4 8)
      set(counters ${CMAKE_CURRENT_BINARY_DIR}/traffic_${layout}_${precision}_${n}.json)
      execute_process(
        COMMAND ${CMAKE_COMMAND} -E env CUDA_EMULATOR_COUNTERS=${counters} ${TRAFFIC} ${layout} ${precision} ${n}
        OUTPUT_VARIABLE must RESULT_VARIABLE status OUTPUT_STRIP_TRAILING_WHITESPACE)
      if(NOT status EQUAL 0)
        message(FATAL_ERROR "traffic ${layout} ${precision} ${n} ended with ${status}")
      endif()
      list(GET must 0 must_read)
      list(GET must 1 must_write)
      file(READ ${counters} report)
      string(JSON kernels LENGTH ${report} kernels)
      math(EXPR last "${kernels} - 1")
      set(found FALSE)
      foreach(k RANGE ${last})
        string(JSON name GET ${report} kernels ${k} name)
        if(NOT name MATCHES "tile_kernel")
          continue()
        endif()
        set(found TRUE)
        foreach(counter unique_bytes_read unique_bytes_written local_bytes bank_conflict_replays warp_instructions
                        global_load_bytes global_load_sectors global_store_bytes global_store_sectors)
          string(JSON ${counter} GET ${report} kernels ${k} ${counter})
        endforeach()
        math(EXPR read_percent "${unique_bytes_read} * 1000 / ${must_read}")
        math(EXPR write_percent "${unique_bytes_written} * 1000 / ${must_write}")
        math(EXPR load_sectors "${global_load_sectors} - (${global_load_bytes} - ${must_read}) / 256")
        math(EXPR coalescing
             "(${must_read} + ${global_store_bytes}) * 1000 / (32 * (${load_sectors} + ${global_store_sectors}))")
        message(STATUS "${layout} ${precision} n=${n}: read ${unique_bytes_read} of ${must_read}, wrote "
                       "${unique_bytes_written} of ${must_write}, coalescing ${coalescing}/1000, local ${local_bytes}, "
                       "bank conflict replays ${bank_conflict_replays}, warp instructions ${warp_instructions}")
        if(read_percent GREATER 1020 OR read_percent LESS 1000 OR write_percent GREATER 1020 OR write_percent LESS 1000)
          message(SEND_ERROR "traffic is not within 2 % of the compulsory bytes")
        endif()
        if(coalescing LESS 980 OR coalescing GREATER 1000)
          message(SEND_ERROR "coalescing is ${coalescing}/1000, expected 980 to 1000")
        endif()
        if(NOT local_bytes EQUAL 0)
          message(SEND_ERROR "${local_bytes} bytes of local memory were touched, expected none")
        endif()
      endforeach()
      if(NOT found)
        message(SEND_ERROR "no tile_kernel among the counters")
      endif()
    endforeach()
  endforeach()
endforeach()
