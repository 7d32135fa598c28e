#include "event/json_number.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <system_error>

namespace tidings {
namespace {

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

/// More digits of an exponent than anyone means are refused, even where the number is 0 with any exponent.
bool is_exponent_sane(std::string_view number) {
  constexpr std::size_t digits_max = 18;
  if (number.size() <= digits_max) return true;
  const auto at = number.find_first_of("eE");
  if (at == number.npos) return true;
  const auto digits = number.find_first_not_of("eE+-0", at);
  return digits == number.npos || number.size() - digits <= digits_max;
}

/// Whether a number that no double is near to lies between -1 and 1: where its first digit that is not 0 stands,
/// counted from the point, and what its exponent moves that by.
bool is_tiny(std::string_view number) {
  const auto exponent_at = number.find_first_of("eE");
  const auto digits = number.substr(0, exponent_at);
  auto place = static_cast<std::int64_t>(std::min(digits.find('.'), digits.size()));
  place -= static_cast<std::int64_t>(digits.find_first_of("123456789"));
  if (exponent_at == number.npos) return place <= 0;
  auto text = number.substr(exponent_at + 1);
  const bool is_negative = text.front() == '-';
  if (text.front() == '+' || is_negative) text.remove_prefix(1);
  std::int64_t exponent = 0;
  for (const char c : text) exponent = exponent * 10 + (c - '0');
  return place + (is_negative ? -exponent : exponent) <= 0;
}

}  // namespace

bool is_json_number(std::string_view text) {
  std::size_t i = 0;
  const auto digits = [&] {
    const auto begin = i;
    while (i < text.size() && is_digit(text[i])) ++i;
    return i > begin;
  };
  if (i < text.size() && text[i] == '-') ++i;
  if (i < text.size() && text[i] == '0')
    ++i;
  else if (!digits())
    return false;
  if (i < text.size() && text[i] == '.') {
    ++i;
    if (!digits()) return false;
  }
  if (i < text.size() && (text[i] == 'e' || text[i] == 'E')) {
    ++i;
    if (i < text.size() && (text[i] == '+' || text[i] == '-')) ++i;
    if (!digits()) return false;
  }
  return i == text.size();
}

std::optional<double> json_double(std::string_view number) {
  if (!is_exponent_sane(number)) return std::nullopt;
  double value = 0;
  const auto read = std::from_chars(number.data(), number.data() + number.size(), value);
  if (read.ec == std::errc{}) return std::isfinite(value) ? std::optional(value) : std::nullopt;
  // The library does not say which of both it was.
  if (!is_tiny(number)) return std::nullopt;
  return number.front() == '-' ? -0.0 : 0.0;
}

}  // namespace tidings
