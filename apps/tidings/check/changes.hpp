#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "check/finding.hpp"

namespace tidings::check {

/// Lines that were changed, by file, from a folder.
class Changes {
 public:
  /// What `git diff --unified=0 --relative` prints.
  void add_diff(std::string_view diff);
  /// All of a file, such as one that git does not know yet.
  void add_file(std::string path) { whole_[std::move(path)] = true; }
  [[nodiscard]] bool has(const std::string& path, std::uint32_t line) const;

 private:
  struct Lines {
    std::uint32_t first, count;
  };
  std::map<std::string, std::vector<Lines>> lines_;
  std::map<std::string, bool> whole_;
};

}  // namespace tidings::check
