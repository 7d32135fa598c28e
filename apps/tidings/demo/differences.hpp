#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace tidings::cli {

/// What differs, a sentence each; of very many the first.
class Differences {
 public:
  void add(std::string sentence) {
    if (++count_ <= shown_max) sentences_.push_back(std::move(sentence));
  }
  /// Both by name: `WHAT of NAME: expected 3, got 4`.
  template <class Map>
  void compare_maps(const std::string& what, const Map& expected, const Map& got) {
    for (const auto& [name, value] : expected) {
      const auto found = got.find(name);
      if (found == got.end())
        add_of(what, name, "expected " + std::to_string(value) + ", there is none");
      else if (found->second != value)
        add_of(what, name, "expected " + std::to_string(value) + ", got " + std::to_string(found->second));
    }
    for (const auto& [name, value] : got)
      if (!expected.contains(name)) add_of(what, name, "expected none, got " + std::to_string(value));
  }
  void compare_counts(const std::string& what, std::uint64_t expected, std::uint64_t got) {
    if (expected != got) add(what + ": expected " + std::to_string(expected) + ", got " + std::to_string(got));
  }
  [[nodiscard]] std::vector<std::string> take() {
    if (count_ > shown_max) sentences_.push_back("and " + std::to_string(count_ - shown_max) + " more");
    return std::move(sentences_);
  }

 private:
  void add_of(const std::string& what, const std::string& name, const std::string& said) {
    add(what + " of " + name + ": " + said);
  }

  static constexpr std::size_t shown_max = 50;
  std::size_t count_ = 0;
  std::vector<std::string> sentences_;
};

}  // namespace tidings::cli
