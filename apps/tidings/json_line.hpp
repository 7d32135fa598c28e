#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "tidings/event/json.hpp"

namespace tidings::cli {

/// `{"a":1,"b":"x"}`, a member at a time.
class JsonLine {
 public:
  JsonLine& add(std::string_view name, std::string_view text) {
    begin(name);
    append_json_string(out_, text);
    return *this;
  }
  JsonLine& add(std::string_view name, std::uint64_t number) { return raw(name, std::to_string(number)); }
  JsonLine& raw(std::string_view name, std::string_view json) {
    begin(name);
    out_ += json;
    return *this;
  }
  [[nodiscard]] std::string str() const { return out_ + "}"; }

 private:
  void begin(std::string_view name) {
    out_ += out_.size() > 1 ? "," : "";
    append_json_string(out_, name);
    out_ += ":";
  }
  std::string out_ = "{";
};

inline std::string json_array(const std::vector<std::string>& elements) {
  std::string out = "[";
  for (const auto& element : elements) out += (out.size() > 1 ? "," : "") + element;
  return out + "]";
}

}  // namespace tidings::cli
