#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "tidings/base/strong.hpp"
#include "tidings/event/envelope.hpp"

namespace tidings::bridge {

/// What `bridged_header` says.
struct Mark {
  std::string_view bridge;
  Partition partition;
  Offset offset;
};
[[nodiscard]] std::string to_text(const Mark& mark);
[[nodiscard]] std::optional<Mark> mark_of(const EnvelopeView& event);

}  // namespace tidings::bridge
