#include "demo/expected.hpp"

#include <cmath>
#include <cstdlib>

#include "tidings/base/time.hpp"

namespace tidings::cli {
namespace {

constexpr std::int64_t pence_max = 100'000'000'000;  // of a price, and of an order

/// Pence of a decimal text, or nullopt; by another way than the shop's.
std::optional<std::int64_t> pence_of(const std::string& text) {
  if (text.empty() || text.find_first_not_of("0123456789.") != text.npos || text.front() == '.' || text.back() == '.')
    return std::nullopt;
  const auto point = text.find('.');
  if (point != text.npos && (text.find('.', point + 1) != text.npos || text.size() - point > 3)) return std::nullopt;
  const auto pence = std::strtold(text.c_str(), nullptr) * 100.0L;
  if (pence > static_cast<long double>(pence_max)) return std::nullopt;
  return std::llround(pence);
}

std::optional<std::int64_t> quantity_of(const std::string& text) {
  const auto digits = text.substr(text.starts_with('-') ? 1 : 0);
  if (digits.empty() || text.size() > 10 || digits.find_first_not_of("0123456789") != digits.npos) return std::nullopt;
  return std::strtoll(text.c_str(), nullptr, 10);
}

}  // namespace

std::string amount(std::int64_t minor) {
  const auto sign = minor < 0 ? "-" : "";
  const auto whole = std::abs(minor);
  return sign + std::to_string(whole / 100) + (whole % 100 < 10 ? ".0" : ".") + std::to_string(whole % 100);
}

void Expected::add(const Submission& submission) {
  const bool is_return = submission.order_id.starts_with('C');
  Order order;
  bool any = false;
  for (const auto& line : submission.lines) {
    const auto fields = line.problem.empty() ? split_record(line.text) : std::nullopt;
    const bool whole = fields && fields->size() == 8 && !(*fields)[0].empty() && !(*fields)[1].empty();
    const auto quantity = whole ? quantity_of((*fields)[3]) : std::nullopt;
    const auto price = whole ? pence_of((*fields)[5]) : std::nullopt;
    const auto time = whole ? parse_rfc3339((*fields)[4]) : Result<TimePoint>{Error{}};
    if (!quantity || !price || !time || (is_return ? *quantity >= 0 : *quantity <= 0)) {
      rejected.emplace(submission.order_id, line.number);
      continue;
    }
    const auto count = *quantity < 0 ? -*quantity : *quantity;
    // A count has at most ten digits, a price twelve: their product may need more than 64 bits.
    if (static_cast<long double>(count) * static_cast<long double>(*price) >
        static_cast<long double>(pence_max - order.total_minor)) {
      rejected.emplace(submission.order_id, line.number);
      continue;
    }
    if (!any) {
      order.country = (*fields)[7];
      order.customer = (*fields)[6];
      order.day = to_rfc3339(*time).substr(0, 10);
      any = true;
    }
    order.wanted[(*fields)[1]] += count;
    order.mail_lines += std::to_string(count) + " x " + (*fields)[2] + " (" + (*fields)[1] + ") at " + amount(*price);
    order.mail_lines += "\r\n";
    order.total_minor += count * *price;
  }
  if (any) (is_return ? returned : placed)[submission.order_id] = std::move(order);
}

}  // namespace tidings::cli
