#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <string>
#include <string_view>
#include <vector>

#include "tidings/event/json.hpp"

namespace tidings::cli {

/// With three digits after the point at most; `null` where it is no number, as JSON has none of these.
inline std::string json_real(double number) {
  if (!std::isfinite(number)) return "null";
  char text[64];
  const auto size = std::snprintf(text, sizeof text, "%.3f", number);
  std::string_view out(text, std::min<std::size_t>(static_cast<std::size_t>(std::max(size, 0)), sizeof text - 1));
  while (out.ends_with('0')) out.remove_suffix(1);
  if (out.ends_with('.')) out.remove_suffix(1);
  return std::string(out == "-0" ? "0" : out);
}

/// `text` as UTF-8: what is none stands there as U+FFFD. Brokers carry what others wrote.
[[nodiscard]] std::string well_formed(std::string_view text);
/// The same as a JSON text, in quotes.
[[nodiscard]] std::string json_text(std::string_view text);

/// `{"a":1,"b":"x"}`, a member at a time. Texts and names are made well-formed.
class JsonLine {
 public:
  JsonLine& add(std::string_view name, std::string_view text) {
    begin(name);
    out_ += json_text(text);
    return *this;
  }
  JsonLine& add(std::string_view name, std::uint64_t number) { return raw(name, std::to_string(number)); }
  JsonLine& flag(std::string_view name, bool is_so) { return raw(name, is_so ? "true" : "false"); }
  /// With three digits after the point; `null` where it is no number.
  JsonLine& real(std::string_view name, double number) { return raw(name, json_real(number)); }
  /// `null` where there is none.
  JsonLine& text_or_null(std::string_view name, std::string_view text) {
    return text.empty() ? raw(name, "null") : add(name, text);
  }
  JsonLine& raw(std::string_view name, std::string_view json) {
    begin(name);
    out_ += json;
    return *this;
  }
  [[nodiscard]] std::string str() const { return out_ + "}"; }

 private:
  void begin(std::string_view name) {
    out_ += out_.size() > 1 ? "," : "";
    out_ += json_text(name) + ":";
  }
  std::string out_ = "{";
};

inline std::string json_array(const std::vector<std::string>& elements) {
  std::string out = "[";
  for (const auto& element : elements) out += (out.size() > 1 ? "," : "") + element;
  return out + "]";
}

}  // namespace tidings::cli
