#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "demo/differences.hpp"
#include "demo/expected.hpp"
#include "demo/results.hpp"

namespace tidings::cli {

/// What differs between what was fed and what came of it, a sentence each; nothing where all is right. How an order
/// ends depends on who was killed when. Whatever end it has, it has one, everybody tells the same one, and goods and
/// money are as that end says, down to the last piece and penny. `stock_each`: of each product there was so much.
[[nodiscard]] std::vector<std::string> compare(const Expected& expected, const Results& results,
                                               std::optional<std::uint64_t> stock_each);

// The parts of it.

void compare_orders(const Expected& expected, const Results& results, Differences& differences);
void compare_goods(const Expected& expected, const Results& results, std::optional<std::uint64_t> stock_each,
                   Differences& differences);
void compare_money(const Expected& expected, const Results& results, Differences& differences);
void compare_mails(const Expected& expected, const Results& results, Differences& differences);

/// The first end of an order; none: it has not ended.
[[nodiscard]] const End* end_of(const Results& results, const std::string& order_id);
[[nodiscard]] bool is_confirmed(const Results& results, const std::string& order_id);
/// Whether the events of an order have one of that type.
[[nodiscard]] bool says(const Sequences& sequences, const std::string& order_id, std::string_view type);

}  // namespace tidings::cli
