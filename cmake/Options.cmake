# What every target of the project is compiled with.
set(CMAKE_CXX_STANDARD 23)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
set(CMAKE_RUNTIME_OUTPUT_DIRECTORY "${CMAKE_BINARY_DIR}/bin")
set(CMAKE_CXX_VISIBILITY_PRESET hidden)

if(PROJECT_IS_TOP_LEVEL AND NOT CMAKE_BUILD_TYPE)
  set(CMAKE_BUILD_TYPE Release CACHE STRING "" FORCE)
endif()
# Assertions stay in every build: what a user runs is what was tested.
foreach(type RELEASE RELWITHDEBINFO)
  string(REPLACE "-DNDEBUG" "" CMAKE_CXX_FLAGS_${type} "${CMAKE_CXX_FLAGS_${type}}")
endforeach()

option(TIDINGS_TESTS "Build the tests" ${PROJECT_IS_TOP_LEVEL})
option(TIDINGS_BENCH "Build the benchmarks" OFF)
set(TIDINGS_SANITIZE "" CACHE STRING "Sanitizers, as for -fsanitize=: address,undefined or thread")

find_package(Threads REQUIRED)
find_program(TIDINGS_CCACHE ccache)
if(TIDINGS_CCACHE AND PROJECT_IS_TOP_LEVEL)
  set(CMAKE_CXX_COMPILER_LAUNCHER "${TIDINGS_CCACHE}")
endif()

add_library(tidings_flags INTERFACE)
target_compile_options(tidings_flags INTERFACE -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Werror -Wno-missing-field-initializers -Wno-restrict)  # members left out keep their initialiser, by design; restrict: g++ 12 sees ghosts in string concatenation
if(TIDINGS_SANITIZE)
  add_compile_options(-fsanitize=${TIDINGS_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all -g1)
  add_link_options(-fsanitize=${TIDINGS_SANITIZE})
endif()
