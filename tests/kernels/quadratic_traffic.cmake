# Runs TRAFFIC (quadratic_traffic.cu) under the emulator and holds its counters against what an iteration of conjugate
# gradients must do: launches, exactly; unique bytes within 5 % of the compulsory ones; no local memory; sectors.
#
# Vectors of an iteration: p and g read, p written, x, g and p read, x and g written; where products are kept, those
# written and read; in slices p read for the product; by the caller's rows, in passes of their own. The first direction is not made of one before, which
# saves a read. A matrix is read with each product.
#
# Sectors of loads, for each 32 rows of a warp and each number that they read: 8 of f64 and 4 of f32, one more where it
# is a neighbour's, and one for what all read, as an offset. A bound, then: the caches hold most of them. What slices
# gather lies anywhere: of the graph's 9 entries a row 288 sectors of p, and with 15 columns 50 of words, 26 of numbers
# (21 in f32), 15 of counts, 4 of places and starts: 440 (405) in all. Lanes whose rows end earlier wait for the
# others only in the emulator's own order; in a random one what they load and store after that is not coalesced.

# Each: vectors, reads of the matrix, launches, sectors of loads in f64 and in f32 without those of sparse products.
set(diagonal 8 2 2 82 42)
set(plane 8 2 2 205 125)
set(space 8 2 2 267 163)
set(bands 10 1 2 127 67)
set(slices 11 1 3 440 405)
set(rows 13 1 5 64 32)

# Sets launches and, for the kernels of an iteration, sums of what the emulator counted.
function(count case precision iterations)
  set(counters ${CMAKE_CURRENT_BINARY_DIR}/quadratic_traffic_${case}_${precision}.json)
  execute_process(COMMAND ${CMAKE_COMMAND} -E env --unset=CUDA_EMULATOR_SCHED CUDA_EMULATOR_COUNTERS=${counters} ${TRAFFIC} ${case} ${precision}
                          ${iterations}
                  OUTPUT_VARIABLE printed RESULT_VARIABLE status OUTPUT_STRIP_TRAILING_WHITESPACE)
  if(NOT status EQUAL 0)
    message(FATAL_ERROR "quadratic_traffic ${case} ${precision} ${iterations} ended with ${status}")
  endif()
  file(READ ${counters} report)
  string(JSON kernels LENGTH ${report} kernels)
  math(EXPR last "${kernels} - 1")
  set(all 0)
  foreach(counter unique_bytes_read unique_bytes_written local_bytes global_load_sectors global_store_bytes
                  global_store_sectors)
    set(sum 0)
    foreach(k RANGE ${last})
      string(JSON name GET ${report} kernels ${k} name)
      string(JSON number GET ${report} kernels ${k} ${counter})
      if(name MATCHES "turn_kernel|curve_kernel|advance_kernel")
        math(EXPR sum "${sum} + ${number}")
      elseif(name MATCHES "sparse_" AND NOT counter MATCHES "sectors|store")
        # One of its products is the start's and one the end's gradient.
        string(JSON times GET ${report} kernels ${k} launches)
        math(EXPR sum "${sum} + ${number} * ${iterations} / ${times}")
      endif()
    endforeach()
    set(${counter} ${sum} PARENT_SCOPE)
  endforeach()
  foreach(k RANGE ${last})
    string(JSON launches GET ${report} kernels ${k} launches)
    math(EXPR all "${all} + ${launches}")
  endforeach()
  set(all_launches ${all} PARENT_SCOPE)
  set(printed ${printed} PARENT_SCOPE)
endfunction()

foreach(case diagonal plane space bands slices rows)
  foreach(precision f64 f32)
    count(${case} ${precision} 1)
    set(launches_before ${all_launches})
    count(${case} ${precision} 3)
    math(EXPR launches "(${all_launches} - ${launches_before}) / 2")
    list(GET printed 0 vector)
    list(GET printed 1 matrix)
    list(GET ${case} 0 vectors)
    list(GET ${case} 1 reads)
    list(GET ${case} 2 expected_launches)
    if(precision STREQUAL "f64")
      math(EXPR warps "${vector} / (32 * 8)")
      list(GET ${case} 3 sectors)
    else()
      math(EXPR warps "${vector} / (32 * 4)")
      list(GET ${case} 4 sectors)
    endif()
    math(EXPR must "(3 * ${vectors} - 1) * ${vector} + 3 * ${reads} * ${matrix}")
    math(EXPR excess "(${unique_bytes_read} + ${unique_bytes_written}) * 1000 / ${must}")
    math(EXPR loads "${global_load_sectors} * 1000 / (3 * ${warps} * ${sectors})")
    math(EXPR stores "${global_store_bytes} * 1000 / (32 * ${global_store_sectors})")
    message(STATUS "${case} ${precision}: ${launches} launches an iteration, ${excess}/1000 of the compulsory bytes, load "
                   "sectors ${loads}/1000 of the bound, coalescing of stores ${stores}/1000, local ${local_bytes}")
    if(NOT launches EQUAL expected_launches)
      message(SEND_ERROR "${launches} launches an iteration, expected ${expected_launches}")
    endif()
    if(excess GREATER 1050 OR excess LESS 999)
      message(SEND_ERROR "traffic is not within 5 % of the compulsory bytes")
    endif()
    if(loads GREATER 1050 OR loads LESS 500)
      message(SEND_ERROR "load sectors are ${loads}/1000 of the bound, expected 500 to 1050")
    endif()
    if(stores LESS 970 OR stores GREATER 1000)
      message(SEND_ERROR "coalescing of stores is ${stores}/1000, expected 970 to 1000")
    endif()
    if(NOT local_bytes EQUAL 0)
      message(SEND_ERROR "${local_bytes} bytes of local memory were touched, expected none")
    endif()
  endforeach()
endforeach()
