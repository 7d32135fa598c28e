#pragma once

#include <string>
#include <string_view>

#include "tidings/base/strings.hpp"
#include "tidings/base/text.hpp"

namespace tidings::service {

/// A key or an id in a line of the log: printable, and cut where it is long, since a key may have 64 KiB.
[[nodiscard]] inline std::string shown(std::string_view text) {
  constexpr std::size_t shown_max = 100;
  if (text.size() <= shown_max) return printable(text);
  return printable(cut_at_character(text, shown_max)) + "…";
}

}  // namespace tidings::service
