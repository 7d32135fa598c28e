#pragma once

#include <optional>
#include <string>
#include <vector>

#include "tidings/broker/types.hpp"

namespace tidings::cli {

/// Which events are meant; what is empty means all.
struct EventFilter {
  std::vector<std::string> topics;  ///< without the namespace
  std::string type, key, id;
  std::optional<TimePoint> from, to;  ///< by the broker's time: `from` is in, `to` is not

  [[nodiscard]] bool means_topic(std::string_view topic) const;
  [[nodiscard]] bool means(const Delivery& delivery) const;
};

}  // namespace tidings::cli
