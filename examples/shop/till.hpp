#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "events.hpp"

namespace shop {

/// What a price may be, and what all of an order may come to: a billion pounds. So no sum of them can overflow.
inline constexpr std::int64_t amount_max_minor = 100'000'000'000;

/// A line of the till's file that makes sense.
struct TillLine {
  std::string invoice;
  OrderLine line;  ///< its quantity as it stands: below 0 in returns
  tidings::TimePoint time{};
  std::string customer;
  std::string country;
};

/// Reads `invoice_no,stock_code,description,quantity,invoice_time,unit_price,customer_id,country`. The error is for the
/// people who look at rejected lines.
[[nodiscard]] tidings::Result<TillLine> read_till_line(std::string_view text);

/// `2.55` as 255. None, more than two decimals, no number, or more than `amount_max_minor`: nullopt.
[[nodiscard]] std::optional<std::int64_t> parse_money(std::string_view text);
/// `total_minor` and so many at this price; nullopt beyond `amount_max_minor`.
[[nodiscard]] std::optional<std::int64_t> add_amount(std::int64_t total_minor, std::int64_t quantity,
                                                     std::int64_t price_minor);
/// 255 as `2.55`.
[[nodiscard]] std::string money(std::int64_t minor);

/// The fields of one CSV record (RFC 4180): quotes around a field, doubled inside it. Nullopt where a quote is left
/// open or stands amid a field.
[[nodiscard]] std::optional<std::vector<std::string>> csv_fields(std::string_view record);

}  // namespace shop
