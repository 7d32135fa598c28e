#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "demo/input.hpp"

namespace tidings::cli {

/// What the shop must come to, computed straight from what was fed, by none of its code. Which of the orders are
/// confirmed depends on more than that; what then must be true of each, does not.
struct Expected {
  struct Order {
    std::map<std::string, std::int64_t> wanted;  ///< by product
    std::int64_t total_minor = 0;
    std::string customer;
    std::string country;
    std::string day;
    std::string mail_lines;  ///< what a mail says of them
  };

  std::map<std::string, Order> placed;
  std::map<std::string, Order> returned;
  std::set<std::string> cancellations;                       ///< orders whose cancellation was submitted, placed or not
  std::set<std::pair<std::string, std::uint64_t>> rejected;  ///< order, line

  void add(const Submission& submission);
};

/// 255 as `2.55`.
[[nodiscard]] std::string amount(std::int64_t minor);

}  // namespace tidings::cli
