#pragma once

#include <cstddef>

// Whether a struct is initialised by so many `{}`: each stands for one member, also where that is an array, into which
// any other initialiser would go element by element. No pack expands to `{}`, so each count has its line.

namespace tidings::detail {

// clang-format off
#define TIDINGS_1 {},
#define TIDINGS_2 TIDINGS_1 TIDINGS_1
#define TIDINGS_4 TIDINGS_2 TIDINGS_2
#define TIDINGS_8 TIDINGS_4 TIDINGS_4
#define TIDINGS_16 TIDINGS_8 TIDINGS_8
#define TIDINGS_32 TIDINGS_16 TIDINGS_16
#define TIDINGS_64 TIDINGS_32 TIDINGS_32
template <class T, std::size_t Count>
consteval bool takes_braces() {
  if constexpr (Count == 0) return true;
  else if constexpr (Count == 1) return requires { T{TIDINGS_1}; };
  else if constexpr (Count == 2) return requires { T{TIDINGS_2}; };
  else if constexpr (Count == 3) return requires { T{TIDINGS_2 TIDINGS_1}; };
  else if constexpr (Count == 4) return requires { T{TIDINGS_4}; };
  else if constexpr (Count == 5) return requires { T{TIDINGS_4 TIDINGS_1}; };
  else if constexpr (Count == 6) return requires { T{TIDINGS_4 TIDINGS_2}; };
  else if constexpr (Count == 7) return requires { T{TIDINGS_4 TIDINGS_2 TIDINGS_1}; };
  else if constexpr (Count == 8) return requires { T{TIDINGS_8}; };
  else if constexpr (Count == 9) return requires { T{TIDINGS_8 TIDINGS_1}; };
  else if constexpr (Count == 10) return requires { T{TIDINGS_8 TIDINGS_2}; };
  else if constexpr (Count == 11) return requires { T{TIDINGS_8 TIDINGS_2 TIDINGS_1}; };
  else if constexpr (Count == 12) return requires { T{TIDINGS_8 TIDINGS_4}; };
  else if constexpr (Count == 13) return requires { T{TIDINGS_8 TIDINGS_4 TIDINGS_1}; };
  else if constexpr (Count == 14) return requires { T{TIDINGS_8 TIDINGS_4 TIDINGS_2}; };
  else if constexpr (Count == 15) return requires { T{TIDINGS_8 TIDINGS_4 TIDINGS_2 TIDINGS_1}; };
  else if constexpr (Count == 16) return requires { T{TIDINGS_16}; };
  else if constexpr (Count == 17) return requires { T{TIDINGS_16 TIDINGS_1}; };
  else if constexpr (Count == 18) return requires { T{TIDINGS_16 TIDINGS_2}; };
  else if constexpr (Count == 19) return requires { T{TIDINGS_16 TIDINGS_2 TIDINGS_1}; };
  else if constexpr (Count == 20) return requires { T{TIDINGS_16 TIDINGS_4}; };
  else if constexpr (Count == 21) return requires { T{TIDINGS_16 TIDINGS_4 TIDINGS_1}; };
  else if constexpr (Count == 22) return requires { T{TIDINGS_16 TIDINGS_4 TIDINGS_2}; };
  else if constexpr (Count == 23) return requires { T{TIDINGS_16 TIDINGS_4 TIDINGS_2 TIDINGS_1}; };
  else if constexpr (Count == 24) return requires { T{TIDINGS_16 TIDINGS_8}; };
  else if constexpr (Count == 25) return requires { T{TIDINGS_16 TIDINGS_8 TIDINGS_1}; };
  else if constexpr (Count == 26) return requires { T{TIDINGS_16 TIDINGS_8 TIDINGS_2}; };
  else if constexpr (Count == 27) return requires { T{TIDINGS_16 TIDINGS_8 TIDINGS_2 TIDINGS_1}; };
  else if constexpr (Count == 28) return requires { T{TIDINGS_16 TIDINGS_8 TIDINGS_4}; };
  else if constexpr (Count == 29) return requires { T{TIDINGS_16 TIDINGS_8 TIDINGS_4 TIDINGS_1}; };
  else if constexpr (Count == 30) return requires { T{TIDINGS_16 TIDINGS_8 TIDINGS_4 TIDINGS_2}; };
  else if constexpr (Count == 31) return requires { T{TIDINGS_16 TIDINGS_8 TIDINGS_4 TIDINGS_2 TIDINGS_1}; };
  else if constexpr (Count == 32) return requires { T{TIDINGS_32}; };
  else if constexpr (Count == 33) return requires { T{TIDINGS_32 TIDINGS_1}; };
  else if constexpr (Count == 34) return requires { T{TIDINGS_32 TIDINGS_2}; };
  else if constexpr (Count == 35) return requires { T{TIDINGS_32 TIDINGS_2 TIDINGS_1}; };
  else if constexpr (Count == 36) return requires { T{TIDINGS_32 TIDINGS_4}; };
  else if constexpr (Count == 37) return requires { T{TIDINGS_32 TIDINGS_4 TIDINGS_1}; };
  else if constexpr (Count == 38) return requires { T{TIDINGS_32 TIDINGS_4 TIDINGS_2}; };
  else if constexpr (Count == 39) return requires { T{TIDINGS_32 TIDINGS_4 TIDINGS_2 TIDINGS_1}; };
  else if constexpr (Count == 40) return requires { T{TIDINGS_32 TIDINGS_8}; };
  else if constexpr (Count == 41) return requires { T{TIDINGS_32 TIDINGS_8 TIDINGS_1}; };
  else if constexpr (Count == 42) return requires { T{TIDINGS_32 TIDINGS_8 TIDINGS_2}; };
  else if constexpr (Count == 43) return requires { T{TIDINGS_32 TIDINGS_8 TIDINGS_2 TIDINGS_1}; };
  else if constexpr (Count == 44) return requires { T{TIDINGS_32 TIDINGS_8 TIDINGS_4}; };
  else if constexpr (Count == 45) return requires { T{TIDINGS_32 TIDINGS_8 TIDINGS_4 TIDINGS_1}; };
  else if constexpr (Count == 46) return requires { T{TIDINGS_32 TIDINGS_8 TIDINGS_4 TIDINGS_2}; };
  else if constexpr (Count == 47) return requires { T{TIDINGS_32 TIDINGS_8 TIDINGS_4 TIDINGS_2 TIDINGS_1}; };
  else if constexpr (Count == 48) return requires { T{TIDINGS_32 TIDINGS_16}; };
  else if constexpr (Count == 49) return requires { T{TIDINGS_32 TIDINGS_16 TIDINGS_1}; };
  else if constexpr (Count == 50) return requires { T{TIDINGS_32 TIDINGS_16 TIDINGS_2}; };
  else if constexpr (Count == 51) return requires { T{TIDINGS_32 TIDINGS_16 TIDINGS_2 TIDINGS_1}; };
  else if constexpr (Count == 52) return requires { T{TIDINGS_32 TIDINGS_16 TIDINGS_4}; };
  else if constexpr (Count == 53) return requires { T{TIDINGS_32 TIDINGS_16 TIDINGS_4 TIDINGS_1}; };
  else if constexpr (Count == 54) return requires { T{TIDINGS_32 TIDINGS_16 TIDINGS_4 TIDINGS_2}; };
  else if constexpr (Count == 55) return requires { T{TIDINGS_32 TIDINGS_16 TIDINGS_4 TIDINGS_2 TIDINGS_1}; };
  else if constexpr (Count == 56) return requires { T{TIDINGS_32 TIDINGS_16 TIDINGS_8}; };
  else if constexpr (Count == 57) return requires { T{TIDINGS_32 TIDINGS_16 TIDINGS_8 TIDINGS_1}; };
  else if constexpr (Count == 58) return requires { T{TIDINGS_32 TIDINGS_16 TIDINGS_8 TIDINGS_2}; };
  else if constexpr (Count == 59) return requires { T{TIDINGS_32 TIDINGS_16 TIDINGS_8 TIDINGS_2 TIDINGS_1}; };
  else if constexpr (Count == 60) return requires { T{TIDINGS_32 TIDINGS_16 TIDINGS_8 TIDINGS_4}; };
  else if constexpr (Count == 61) return requires { T{TIDINGS_32 TIDINGS_16 TIDINGS_8 TIDINGS_4 TIDINGS_1}; };
  else if constexpr (Count == 62) return requires { T{TIDINGS_32 TIDINGS_16 TIDINGS_8 TIDINGS_4 TIDINGS_2}; };
  else if constexpr (Count == 63) return requires { T{TIDINGS_32 TIDINGS_16 TIDINGS_8 TIDINGS_4 TIDINGS_2 TIDINGS_1}; };
  else if constexpr (Count == 64) return requires { T{TIDINGS_64}; };
  else return false;
}
#undef TIDINGS_1
#undef TIDINGS_2
#undef TIDINGS_4
#undef TIDINGS_8
#undef TIDINGS_16
#undef TIDINGS_32
#undef TIDINGS_64
// clang-format on

}  // namespace tidings::detail
