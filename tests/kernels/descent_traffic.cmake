# Runs TRAFFIC (descent_traffic.cu) under the emulator and holds its counters against what descents cost: warp
# instructions for each 32 evaluations, the share of a warp's threads that an instruction is for, sectors for each load
# of a warp, unique bytes within 2 % of the compulsory ones, no local memory. Many starts for each thread: on fewer, what
# is counted is mostly the end, when there are none left to take.
#
# An evaluation of a decay takes 32 rows, each with a load of a time, which all threads of a warp share, and of a sample.

# Of samples that lie fit by fit each thread asks for a sector of its own, of which three more rows are; row by row
# neighbours share theirs, as far as the threads of a warp still hold fits that are neighbours (counted: 12.6 a load; 8
# were all side by side).

# Each: most instructions of a warp and sectors for 32 evaluations, least share of threads in thousandths.
set(rosenbrock 580 5 740)
set(decay_by_fit 3400 1100 860)
set(decay_by_row 3400 460 860)
set(starts 10000)
set(blocks 4)

foreach(case rosenbrock decay_by_fit decay_by_row)
  set(counters ${CMAKE_CURRENT_BINARY_DIR}/descent_traffic_${case}.json)
  execute_process(
    COMMAND ${CMAKE_COMMAND} -E env --unset=CUDA_EMULATOR_ORDER --unset=CUDA_EMULATOR_SCHED
            CUDA_EMULATOR_COUNTERS=${counters} ${TRAFFIC} ${case} ${starts} ${blocks}
    OUTPUT_VARIABLE printed RESULT_VARIABLE status OUTPUT_STRIP_TRAILING_WHITESPACE)
  if(NOT status EQUAL 0)
    message(FATAL_ERROR "descent_traffic ${case} ended with ${status}")
  endif()
  list(GET printed 0 evaluations)
  list(GET printed 1 lanes)
  list(GET printed 2 must_read)
  list(GET printed 3 must_write)
  file(READ ${counters} report)
  string(JSON kernels LENGTH ${report} kernels)
  math(EXPR last "${kernels} - 1")
  set(found FALSE)
  foreach(k RANGE ${last})
    string(JSON name GET ${report} kernels ${k} name)
    if(NOT name MATCHES "each_kernel")
      continue()
    endif()
    set(found TRUE)
    foreach(counter warp_instructions thread_instructions local_bytes unique_bytes_read unique_bytes_written
                    global_load_bytes global_load_sectors f64_flops)
      string(JSON ${counter} GET ${report} kernels ${k} ${counter})
    endforeach()
    math(EXPR per_evaluation "${warp_instructions} * 32 / ${evaluations}")
    math(EXPR of_thread "${thread_instructions} / ${evaluations}")
    math(EXPR per_start "${thread_instructions} / ${starts}")
    math(EXPR active "${thread_instructions} * 1000 / (32 * ${warp_instructions})")
    math(EXPR busy "${evaluations} * 1000 / ${lanes}")
    math(EXPR loaded "${global_load_bytes} / ${evaluations}")
    math(EXPR sectors "${global_load_sectors} * 32 / ${evaluations}")
    math(EXPR read "${unique_bytes_read} * 1000 / ${must_read}")
    math(EXPR written "${unique_bytes_written} * 1000 / ${must_write}")
    message(STATUS "${case}: ${evaluations} evaluations from ${starts} starts, ${busy}/1000 of lanes in use; a start takes "
                   "${per_start} instructions of its thread, an evaluation ${of_thread}, and ${per_evaluation} of a warp for each "
                   "32; ${active}/1000 of its threads take part; ${loaded} bytes are loaded for an evaluation, ${sectors} sectors for 32; "
                   "read ${read}/1000 and wrote ${written}/1000 of the compulsory bytes; local ${local_bytes}")
    list(GET ${case} 0 most_instructions)
    list(GET ${case} 1 most_sectors)
    list(GET ${case} 2 least_active)
    if(per_evaluation GREATER most_instructions)
      message(SEND_ERROR "${per_evaluation} warp instructions for 32 evaluations, expected at most ${most_instructions}")
    endif()
    if(sectors GREATER most_sectors)
      message(SEND_ERROR "${sectors} sectors for 32 evaluations, expected at most ${most_sectors}")
    endif()
    if(active LESS least_active)
      message(SEND_ERROR "${active}/1000 of threads take part, expected ${least_active}")
    endif()
    if(read LESS 1000 OR read GREATER 1020 OR NOT written EQUAL 1000)
      message(SEND_ERROR "traffic is not within 2 % of the compulsory bytes")
    endif()
    if(NOT local_bytes EQUAL 0)
      message(SEND_ERROR "${local_bytes} bytes of local memory were touched, expected none")
    endif()
  endforeach()
  if(NOT found)
    message(SEND_ERROR "no each_kernel among the counters")
  endif()
endforeach()
