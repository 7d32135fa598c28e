#pragma once

#include <string_view>
#include <vector>

#include "check/facts.hpp"

namespace tidings::check {

/// What a handler's options give a field, as far as sources tell: by braces, variables, assignments, and what functions
/// return.
struct OptionValues {
  struct Value {
    const File* file = nullptr;
    Range range;
  };
  bool is_known = true;  ///< there are no other values
  bool may_be_unset = false;
  std::vector<Value> values;
};

[[nodiscard]] OptionValues option_of(const Code& code, const Handler& handler, std::string_view field);

/// A number that is written there, or that a constant has; 0: nobody knows.
[[nodiscard]] std::uint64_t number_of(const Code& code, const File& file, Range value);

}  // namespace tidings::check
