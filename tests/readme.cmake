# Holds the README to its word: its first program is examples/first_steps, and its commands run.
#     cmake -DSOURCE_DIR=… -DNABLA=… -P readme.cmake

file(READ ${SOURCE_DIR}/README.md readme)
file(READ ${SOURCE_DIR}/examples/first_steps/main.cpp program)
string(FIND "${readme}" "```cpp\n${program}```" position)
if(position EQUAL -1)
  message(FATAL_ERROR "the README's first program is not examples/first_steps/main.cpp")
endif()

string(REGEX MATCHALL "\n\\$ nabla [^\n]*" commands "${readme}")
list(LENGTH commands count)
if(count LESS 5)
  message(FATAL_ERROR "found only ${count} commands in the README")
endif()
foreach(command ${commands})
  string(REGEX REPLACE "^\n\\$ nabla " "" arguments "${command}")
  separate_arguments(arguments UNIX_COMMAND "${arguments}")
  execute_process(COMMAND ${NABLA} ${arguments} RESULT_VARIABLE status OUTPUT_VARIABLE output ERROR_VARIABLE output)
  if(NOT status EQUAL 0)
    message(FATAL_ERROR "nabla ${arguments} ended with ${status}:\n${output}")
  endif()
  message(STATUS "nabla ${arguments}: ok")
endforeach()

# Files that the README points to.
string(REGEX MATCHALL "\\]\\([^)]*\\)" links "${readme}")
foreach(link ${links})
  string(REGEX REPLACE "^\\]\\(|\\)$" "" link "${link}")
  if(NOT EXISTS ${SOURCE_DIR}/${link})
    message(FATAL_ERROR "the README links to ${link}, which does not exist")
  endif()
endforeach()
