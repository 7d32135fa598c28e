#pragma once

#include <algorithm>
#include <functional>

namespace tidings::scaffold {

/// As std::ranges::contains, which g++ 12 lacks.
template <class List, class Value, class Projection = std::identity>
[[nodiscard]] bool contains(const List& list, const Value& value, Projection projection = {}) {
  return std::ranges::find(list, value, projection) != std::ranges::end(list);
}

}  // namespace tidings::scaffold
