#pragma once

#include <cstdint>
#include <map>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "check/project.hpp"

namespace tidings::check {

/// `// tidings: allow(rule): reason`, on its line or, where it stands alone, for the line behind it.
struct Allowance {
  std::string_view rule, reason;
  std::uint32_t line = 0, last_line = 0;
  bool stands_alone = false;
};

[[nodiscard]] std::vector<Allowance> allowances(const File& file);

/// What comments allow, of each file looked for once. For one thread at a time.
class Allowances {
 public:
  [[nodiscard]] bool allow(const File& file, std::string_view rule, std::uint32_t line);

 private:
  using Lines = std::multimap<std::uint32_t, std::string_view>;  ///< the rules of each line
  [[nodiscard]] static Lines read(const File& file);

  std::unordered_map<const File*, Lines> files_;
};

}  // namespace tidings::check
