#pragma once

#include <string>
#include <string_view>

#include "tidings/base/result.hpp"

namespace tidings::scaffold {

/// A service's name in the forms that code takes.
struct Names {
  std::string name;        ///< `stock-keeper`
  std::string snake;       ///< `stock_keeper`
  std::string pascal;      ///< `StockKeeper`
  std::string name_space;  ///< `stock_keeper_service`: no name of the C library ends so
};

/// `[a-z][a-z0-9]*(-[a-z0-9]+)*`, at most 63 bytes: a target of CMake's, a program, a group of a broker and a name in
/// C++ alike. Errors: `invalid_name` (never), which says what is wrong with it.
[[nodiscard]] Result<Names> names_of(std::string_view name);

}  // namespace tidings::scaffold
