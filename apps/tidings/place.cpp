#include "place.hpp"

#include "tidings/base/clock.hpp"
#include "tidings/base/text.hpp"

namespace tidings::cli {

Result<Start> parse_place(std::string_view text, TimePoint now) {
  if (text == "now") return Start::time(now);
  if (text.starts_with('-'))
    if (auto before = parse_duration(text.substr(1))) return Start::time(now - *before);
  auto start = parse_start(text);
  if (start || (!text.empty() && text.find_first_not_of("0123456789") == text.npos))
    return start;  // an offset that is too large
  return Error{"invalid_start", "'" + printable(text) +
                                    "' is no place; write earliest, latest, an offset, a time such as "
                                    "2024-01-31T12:00:00Z, now, or how long ago, as -1h"};
}

Result<Start> parse_place(std::string_view text) {
  return parse_place(text, system_clock().now());
}

}  // namespace tidings::cli
