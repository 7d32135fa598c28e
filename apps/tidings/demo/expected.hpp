#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "demo/input.hpp"

namespace tidings::cli {

/// What the shop must come to, computed straight from what was fed, by none of its code.
struct Expected {
  struct Order {
    std::map<std::string, std::int64_t> wanted;  ///< by product
    std::int64_t total_minor = 0;
    std::string customer;
    std::string country;
    std::string mail_lines;  ///< what a mail says of them
  };

  std::map<std::string, std::map<std::string, std::int64_t>> revenue_minor;  ///< by country, by day
  std::map<std::string, std::int64_t> sold;
  std::map<std::string, Order> placed;
  std::map<std::string, Order> cancelled;                    ///< returns and cancellations
  std::set<std::pair<std::string, std::uint64_t>> rejected;  ///< order, line

  void add(const Submission& submission);
  [[nodiscard]] std::int64_t revenue_total_minor() const;
};

/// 255 as `2.55`.
[[nodiscard]] std::string amount(std::int64_t minor);

}  // namespace tidings::cli
