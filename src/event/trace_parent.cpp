#include "tidings/event/trace_parent.hpp"

#include <charconv>

#include "tidings/base/hex.hpp"

namespace tidings {

namespace {

bool is_lower_hex(std::string_view text) {
  return text.find_first_not_of("0123456789abcdef") == text.npos;
}

std::uint64_t number_of(std::string_view hex) {
  std::uint64_t number = 0;
  std::from_chars(hex.data(), hex.data() + hex.size(), number, 16);
  return number;
}

}  // namespace

std::optional<TraceParent> parse_trace_parent(std::string_view text) {
  if (text.size() < 55 || text[2] != '-' || text[35] != '-' || text[52] != '-') return std::nullopt;
  const auto version = text.substr(0, 2);
  if (!is_lower_hex(version) || version == "ff" || (version == "00" && text.size() != 55)) return std::nullopt;
  if (text.size() > 55 && text[55] != '-') return std::nullopt;
  const auto trace = text.substr(3, 32), span = text.substr(36, 16), flags = text.substr(53, 2);
  if (!is_lower_hex(trace) || !is_lower_hex(span) || !is_lower_hex(flags)) return std::nullopt;
  const TraceParent parsed{.trace_high = number_of(trace.substr(0, 16)),
                           .trace_low = number_of(trace.substr(16)),
                           .span = number_of(span),
                           .flags = static_cast<std::uint8_t>(number_of(flags))};
  return parsed.is_valid() ? std::optional(parsed) : std::nullopt;
}

std::string to_string(const TraceParent& parent) {
  std::string text = "00-00000000000000000000000000000000-0000000000000000-00";
  write_hex(text.data() + 3, parent.trace_high);
  write_hex(text.data() + 19, parent.trace_low);
  write_hex(text.data() + 36, parent.span);
  constexpr std::string_view digits = "0123456789abcdef";
  text[53] = digits[parent.flags >> 4U];
  text[54] = digits[parent.flags & 15U];
  return text;
}

}  // namespace tidings
