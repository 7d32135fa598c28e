#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

namespace tidings::check {

inline constexpr std::uint32_t none = 0xffffffffU;

/// Tokens from `begin` to before `end`.
struct Range {
  std::uint32_t begin = 0, end = 0;
  [[nodiscard]] bool empty() const { return begin >= end; }
  [[nodiscard]] bool has(std::uint32_t at) const { return at >= begin && at < end; }
};

/// Ranges that stand within or beside each other. Those around a place are found in about the logarithm of their
/// number, and as many steps as they are deep. One thread fills it, then any may ask.
class Nesting {
 public:
  void add(Range range, std::uint32_t id) { all_.push_back({range, id, none}); }

  /// Once, before it is asked.
  void arrange() {
    std::ranges::stable_sort(all_, [](const One& a, const One& b) {
      return a.range.begin != b.range.begin ? a.range.begin < b.range.begin : a.range.end > b.range.end;
    });
    std::vector<std::uint32_t> open;
    for (std::uint32_t i = 0; i < all_.size(); ++i) {
      while (!open.empty() && all_[open.back()].range.end <= all_[i].range.begin) open.pop_back();
      if (!open.empty()) all_[i].around = open.back();
      open.push_back(i);
    }
  }

  /// The ids of those around `at`, from the innermost outwards, until `take` answers true.
  template <class Take>
  void around(std::uint32_t at, Take&& take) const {
    const auto behind = std::ranges::upper_bound(all_, at, {}, [](const One& one) { return one.range.begin; });
    for (auto i = behind == all_.begin() ? none : static_cast<std::uint32_t>(behind - all_.begin() - 1); i != none;
         i = all_[i].around)
      if (all_[i].range.has(at) && take(all_[i].id)) return;
  }

 private:
  struct One {
    Range range;
    std::uint32_t id = 0;
    std::uint32_t around = none;
  };
  std::vector<One> all_;
};

}  // namespace tidings::check
