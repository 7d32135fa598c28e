# What every target of the project is compiled with. As a subproject (add_subdirectory, FetchContent) Tidings leaves its parent's choices alone:
# nothing here reaches beyond this folder, and neither tests, warnings, programs nor install rules come unless asked for.
set(CMAKE_CXX_STANDARD 23)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_CXX_VISIBILITY_PRESET hidden)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)  # the archives may become part of a user's shared library

option(TIDINGS_BENCH "Build the benchmarks" OFF)
option(TIDINGS_TESTS "Build the tests" ${PROJECT_IS_TOP_LEVEL})
option(TIDINGS_FUZZ "Build the fuzz programs, with clang and the tests" OFF)
option(TIDINGS_PROGRAMS "Build the CLI and the shop" ${PROJECT_IS_TOP_LEVEL})
option(TIDINGS_INSTALL "Make rules to install" ${PROJECT_IS_TOP_LEVEL})
set(TIDINGS_SANITIZE "" CACHE STRING "Sanitizers, as for -fsanitize=: address,undefined or thread")

find_package(Threads REQUIRED)
add_library(tidings_flags INTERFACE)
# Messages of assertions name the source as the project knows it, not as this machine does.
target_compile_options(tidings_flags INTERFACE "-fmacro-prefix-map=${tidings_SOURCE_DIR}/=")
if(PROJECT_IS_TOP_LEVEL)
  if(BUILD_SHARED_LIBS)
    message(FATAL_ERROR "tidings: BUILD_SHARED_LIBS is not supported. The rooms are archives, position independent, and may be linked into a "
      "shared library of your own; configure with -DBUILD_SHARED_LIBS=OFF")
  endif()
  set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
  set(CMAKE_RUNTIME_OUTPUT_DIRECTORY "${CMAKE_BINARY_DIR}/bin")
  if(NOT CMAKE_BUILD_TYPE)
    set(CMAKE_BUILD_TYPE Release CACHE STRING "" FORCE)
  endif()
  find_program(TIDINGS_CCACHE ccache)
  if(TIDINGS_CCACHE)
    set(CMAKE_CXX_COMPILER_LAUNCHER "${TIDINGS_CCACHE}")
  endif()
  # They are errors under the presets (CMAKE_COMPILE_WARNING_AS_ERROR), not for who builds to install with a compiler that we do not know.
  target_compile_options(tidings_flags INTERFACE -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wno-missing-field-initializers $<$<CXX_COMPILER_ID:GNU>:-Wno-restrict> $<$<CXX_COMPILER_ID:Clang>:-Wno-deprecated-declarations>)  # members left out keep their initialiser, by design; restrict: g++ 12 sees ghosts in string concatenation; deprecated: clang tells of what libstdc++ 12's stable_sort calls
else()
  set(CMAKE_COMPILE_WARNING_AS_ERROR OFF)
endif()

# Assertions stay in every build: what a user runs is what was tested.
foreach(type RELEASE RELWITHDEBINFO)
  string(REPLACE "-DNDEBUG" "" CMAKE_CXX_FLAGS_${type} "${CMAKE_CXX_FLAGS_${type}}")
endforeach()
if(TIDINGS_SANITIZE)
  add_compile_options(-fsanitize=${TIDINGS_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all -g1)
  add_link_options(-fsanitize=${TIDINGS_SANITIZE})
endif()
if(TIDINGS_FUZZ)
  if(NOT CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
    message(FATAL_ERROR "tidings: TIDINGS_FUZZ takes clang, whose libFuzzer it is: script/build fuzz fuzz")
  endif()
  add_compile_options(-fsanitize=fuzzer-no-link)
  add_compile_definitions(_GLIBCXX_ASSERTIONS)  # an index beyond a vector's or an array's end, within one allocation
endif()
