#pragma once

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include "tidings/outbox/tables.hpp"

/// Names of the tables and views of read models.
namespace tidings::aggregate::detail {

/// In the schema of Tidings' own tables, without their prefix.
[[nodiscard]] inline std::string in_schema(const outbox::Tables& own, std::string_view name) {
  return (own.schema().empty() ? "" : "\"" + own.schema() + "\".") + std::string(name);
}

/// As a generation's row has them, with commas between.
[[nodiscard]] inline std::vector<std::string> split_names(std::string_view names) {
  std::vector<std::string> all;
  while (!names.empty()) {
    const auto end = std::min(names.find(','), names.size());
    all.emplace_back(names.substr(0, end));
    names.remove_prefix(std::min(end + 1, names.size()));
  }
  return all;
}

}  // namespace tidings::aggregate::detail
