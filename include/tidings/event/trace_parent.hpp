#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace tidings {

/// Where a span stands: https://www.w3.org/TR/trace-context/#traceparent-header
struct TraceParent {
  std::uint64_t trace_high = 0;
  std::uint64_t trace_low = 0;
  std::uint64_t span = 0;
  std::uint8_t flags = 0;

  static constexpr std::uint8_t sampled_flag = 1;
  [[nodiscard]] bool is_valid() const { return (trace_high | trace_low) != 0 && span != 0; }
  [[nodiscard]] bool is_sampled() const { return (flags & sampled_flag) != 0; }
  [[nodiscard]] bool is_of_same_trace(const TraceParent& other) const {
    return trace_high == other.trace_high && trace_low == other.trace_low;
  }
  friend bool operator==(const TraceParent&, const TraceParent&) = default;
};

/// None where the text is no valid one, of version 00 or of a later one that has more behind.
[[nodiscard]] std::optional<TraceParent> parse_trace_parent(std::string_view text);
/// As version 00: 55 characters.
[[nodiscard]] std::string to_string(const TraceParent& parent);

}  // namespace tidings
