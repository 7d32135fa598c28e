#pragma once

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

namespace tidings::service {

/// `a, b` as its words.
inline std::vector<std::string> words(std::string_view list) {
  std::vector<std::string> all;
  while (!list.empty()) {
    const auto end = std::min(list.find_first_of(", "), list.size());
    if (end > 0) all.emplace_back(list.substr(0, end));
    list.remove_prefix(std::min(end + 1, list.size()));
  }
  return all;
}

}  // namespace tidings::service
