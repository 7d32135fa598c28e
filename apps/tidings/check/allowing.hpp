#pragma once

#include <cstdint>
#include <map>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "check/project.hpp"

namespace tidings::check {

/// `// tidings: allow(rule, rule): reason`, on its line or, where it stands alone, for the line behind it; one for each
/// rule.
struct Allowance {
  std::string_view rule, reason;
  std::uint32_t line = 0, last_line = 0;
  bool stands_alone = false;
};

[[nodiscard]] std::vector<Allowance> allowances(const File& file);

/// What comments allow, and what of that was needed; each file is looked at once. For one thread at a time.
class Allowances {
 public:
  /// The rule may be broken in that line.
  [[nodiscard]] bool allow(const File& file, std::string_view rule, std::uint32_t line);
  /// Those of the file, with a reason, that `allow` has not been asked for.
  [[nodiscard]] std::vector<Allowance> unused(const File& file);

 private:
  struct Here {
    std::vector<Allowance> all;
    std::vector<bool> used;
    std::multimap<std::uint32_t, std::size_t> lines;  ///< which of them count there
  };
  [[nodiscard]] Here& here(const File& file);

  std::unordered_map<const File*, Here> files_;
};

}  // namespace tidings::check
