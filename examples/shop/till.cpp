#include "till.hpp"

#include <charconv>
#include <cstdio>

#include "tidings/base/text.hpp"

namespace shop {
namespace {

tidings::Error rejected(std::string why) {
  return {"rejected_line", std::move(why)};
}

}  // namespace

std::optional<std::vector<std::string>> csv_fields(std::string_view record) {
  std::vector<std::string> fields(1);
  for (std::size_t i = 0; i <= record.size();) {
    if (i < record.size() && record[i] == '"') {
      for (++i;; ++i) {
        if (i == record.size()) return std::nullopt;
        if (record[i] != '"') {
          fields.back() += record[i];
        } else if (i + 1 < record.size() && record[i + 1] == '"') {
          fields.back() += '"';
          ++i;
        } else {
          break;
        }
      }
      ++i;
      if (i < record.size() && record[i] != ',') return std::nullopt;
    } else {
      const auto end = std::min(record.find(',', i), record.size());
      if (record.substr(i, end - i).find('"') != std::string_view::npos) return std::nullopt;
      fields.back() = record.substr(i, end - i);
      i = end;
    }
    if (i == record.size()) return fields;
    fields.emplace_back();
    ++i;  // the comma
  }
  return fields;
}

std::optional<std::int64_t> parse_money(std::string_view text) {
  const auto point = text.find('.');
  const auto whole = text.substr(0, point);
  const auto cents = point == text.npos ? std::string_view{} : text.substr(point + 1);
  if (whole.empty() || cents.size() > 2 || (point != text.npos && cents.empty())) return std::nullopt;
  std::int64_t minor = 0;
  for (const char c : std::string(whole) + std::string(cents) + std::string(2 - cents.size(), '0')) {
    if (c < '0' || c > '9') return std::nullopt;
    minor = minor * 10 + (c - '0');
    if (minor > amount_max_minor) return std::nullopt;
  }
  return minor;
}

std::optional<std::int64_t> add_amount(std::int64_t total_minor, std::int64_t quantity, std::int64_t price_minor) {
  std::int64_t sum = 0;
  if (__builtin_mul_overflow(quantity, price_minor, &sum) || __builtin_add_overflow(sum, total_minor, &sum) ||
      sum > amount_max_minor)
    return std::nullopt;
  return sum;
}

std::string money(std::int64_t minor) {
  char text[32];
  const auto size = std::snprintf(text, sizeof text, "%s%lld.%02lld", minor < 0 ? "-" : "",
                                  static_cast<long long>(minor < 0 ? -(minor / 100) : minor / 100),
                                  static_cast<long long>(minor < 0 ? -(minor % 100) : minor % 100));
  return {text, static_cast<std::size_t>(size)};
}

tidings::Result<TillLine> read_till_line(std::string_view text) {
  if (text.ends_with('\r')) text.remove_suffix(1);
  const auto fields = csv_fields(text);
  if (!fields) return rejected("its quotes do not match");
  if (fields->size() != 8) return rejected("it has " + std::to_string(fields->size()) + " fields, not 8");
  const auto& f = *fields;
  TillLine line{.invoice = f[0], .line = {.product = f[1], .description = f[2]}, .customer = f[6], .country = f[7]};
  if (line.invoice.empty()) return rejected("it has no invoice number");
  if (line.line.product.empty()) return rejected("it has no stock code");
  const auto [end, error] = std::from_chars(f[3].data(), f[3].data() + f[3].size(), line.line.quantity);
  if (error != std::errc{} || end != f[3].data() + f[3].size() || f[3].size() > 10)
    return rejected("its quantity '" + tidings::printable(f[3].substr(0, 40)) + "' is no whole number");
  const auto time = tidings::parse_rfc3339(f[4]);
  if (!time) return rejected("its time '" + tidings::printable(f[4].substr(0, 40)) + "' is none");
  line.time = *time;
  const auto price = parse_money(f[5]);
  if (!price)
    return rejected("its price '" + tidings::printable(f[5].substr(0, 40)) +
                    "' is no amount of pounds and pence up to " + money(amount_max_minor));
  line.line.price_minor = *price;
  return line;
}

}  // namespace shop
