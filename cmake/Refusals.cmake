# tidings_refusals(NAME HEADER file…): what users get wrong does not compile, with one sentence that says why. Each case of a file is
#
#   #ifdef CASE
#   // refused: a part of the sentence
#   // names: texts that stand in the message too, with blanks between them    (may be left out)
#   // errors: 2    (at most so many, where the compiler says the sentence and others follow; may be left out)
#   // not by: clang    (where that compiler cannot see it, or goes on in many words of its own; may be left out)
#   …
#   #endif
#
# and is one test for each compiler: what builds the project, and clang++-19 where it is there. Without a case the file compiles. HEADER is compiled
# once, since reading it is most of the work.
find_program(TIDINGS_CLANG clang++-19)
function(tidings_refusals name header)
  set(compilers "${CMAKE_CXX_COMPILER}")
  if(TIDINGS_CLANG AND NOT CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
    list(APPEND compilers "${TIDINGS_CLANG}")
  endif()
  foreach(compiler IN LISTS compilers)
    get_filename_component(short "${compiler}" NAME)
    set(folder "${CMAKE_CURRENT_BINARY_DIR}/refusals/${short}")
    file(WRITE "${folder}/prefix.hpp" "#include \"${header}\"\n")
    if(short MATCHES "clang")
      set(prefix -include-pch "${folder}/prefix.hpp.gch")
    else()
      set(prefix -include "${folder}/prefix.hpp")
    endif()
    add_test(NAME ${name}_refusals_${short} COMMAND ${compiler} -std=c++23 -Wall -Wextra -I${tidings_SOURCE_DIR}/include
      -x c++-header ${folder}/prefix.hpp -o ${folder}/prefix.hpp.gch)
    set_tests_properties(${name}_refusals_${short} PROPERTIES FIXTURES_SETUP ${name}_refusals_${short} TIMEOUT 240 LABELS "refusals;no-sanitizer")
    foreach(file IN LISTS ARGN)
      file(STRINGS "${file}" cases REGEX "^#ifdef ")
      list(TRANSFORM cases REPLACE "^#ifdef " "")
      get_filename_component(stem "${file}" NAME_WE)
      set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS "${file}")
      foreach(case IN ITEMS NOTHING ${cases})
        set(test "${name}_${stem}_${case}_${short}")
        add_test(NAME ${test} COMMAND ${CMAKE_COMMAND} -DCOMPILER=${compiler} "-DPREFIX=${prefix}" -DINCLUDE=${tidings_SOURCE_DIR}/include
          -DFILE=${CMAKE_CURRENT_SOURCE_DIR}/${file} -DCASE=${case} -P ${tidings_SOURCE_DIR}/cmake/refused.cmake)
        set_tests_properties(${test} PROPERTIES FIXTURES_REQUIRED ${name}_refusals_${short} TIMEOUT 240 LABELS "refusals;no-sanitizer")
      endforeach()
    endforeach()
  endforeach()
endfunction()
