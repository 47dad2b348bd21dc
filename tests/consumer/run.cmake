# Uses nabla the way another project does, and fails unless that works.
#   cmake -DCASE=… -DSOURCE_DIR=… -DBUILD_DIR=… -DWORK_DIR=… -DCONFIG=… -DOPTIONS=… -P run.cmake
# The cases:
# installed:     cmake --install, then a project with find_package(nabla)
# subdirectory:  a project with add_subdirectory of the source tree
# cuda:          the same installation, and a file that nvcc compiles
# codegen:       the same installation, whose `nabla codegen` writes part of the project
# argon:         examples/argon as a project of its own, against the installation

function(run)
  list(JOIN ARGN " " command)
  message(STATUS "${command}")
  execute_process(COMMAND ${ARGN} RESULT_VARIABLE result)
  if(NOT result EQUAL 0)
    message(FATAL_ERROR "'${command}' ended with ${result}")
  endif()
endfunction()

file(REMOVE_RECURSE ${WORK_DIR})
set(project ${SOURCE_DIR}/tests/consumer/project)
set(program consumer)
if(CASE STREQUAL "subdirectory")
  list(APPEND OPTIONS -DCONSUMER_SUBDIRECTORY=${SOURCE_DIR})
else()
  run(${CMAKE_COMMAND} --install ${BUILD_DIR} --config ${CONFIG} --prefix ${WORK_DIR}/installed)
  list(APPEND OPTIONS -DCMAKE_PREFIX_PATH=${WORK_DIR}/installed)
endif()
if(CASE STREQUAL "cuda")
  list(APPEND OPTIONS -DCONSUMER_CUDA=ON)
  set(program device)
endif()
if(CASE STREQUAL "codegen")
  set(generated ${WORK_DIR}/generated)
  file(MAKE_DIRECTORY ${generated})
  function(generate name)
    execute_process(COMMAND ${WORK_DIR}/installed/bin/nabla codegen --name ${name} ${ARGN}
                    OUTPUT_VARIABLE source COMMAND_ERROR_IS_FATAL ANY)
    string(TOLOWER ${name} file)
    file(WRITE ${generated}/${file}.hpp "${source}")
  endfunction()
  generate(Saddle --formula "x^2*y + sin(x*y)")
  generate(Chain --lang cuda --dimension 9 --param a=2
           --formula "a*sum(i, 1, n-1, 100*(x[i+1]-x[i]^2)^2 + (1-x[i])^2)")
  generate(Choices --formula
           "where(x > 0, sqrt(x)*log(y + 3), x^3) + max(x, y, z) + hypot(x, z)^y + prod(i, 1, 3, x + i*y)")
  list(APPEND OPTIONS -DCONSUMER_GENERATED=${generated})
  set(program generated)
endif()
if(CASE STREQUAL "argon")
  set(project ${SOURCE_DIR}/examples/argon)
  set(program argon --cells 4 --steps 20 --executor cpu)
endif()

run(${CMAKE_COMMAND} -S ${project} -B ${WORK_DIR}/build -DCMAKE_BUILD_TYPE=${CONFIG} ${OPTIONS})
run(${CMAKE_COMMAND} --build ${WORK_DIR}/build --config ${CONFIG})
list(POP_FRONT program name)
find_program(executable ${name} PATHS ${WORK_DIR}/build ${WORK_DIR}/build/${CONFIG} NO_DEFAULT_PATH REQUIRED)
run(${executable} ${program})
