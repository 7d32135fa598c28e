#include "service/unfinished.hpp"

#include <algorithm>

#include "service/shown.hpp"
#include "tidings/base/text.hpp"

namespace tidings::service {

namespace {
constexpr std::size_t named_max = 8;  // of a batch all were in hand
}

std::string unfinished_text(std::string_view topic, std::span<const Delivery> deliveries) {
  std::size_t count = 0;
  std::string names;
  for (const auto& delivery : deliveries) {
    if (delivery.lost == 0 || ++count > named_max) continue;
    names += (names.empty() ? "" : ", ") + shown(delivery.envelope.id) + " (key '" + shown(delivery.envelope.key) +
             "', attempt " + std::to_string(delivery.lost) + ")";
  }
  if (count == 0) return {};
  if (count > named_max) names += " and " + std::to_string(count - named_max) + " more";
  return (count == 1 ? "an event" : std::to_string(count) + " events") + " of " + printable(topic) +
         (count == 1 ? " was" : " were") + " begun and not ended, since the process died or was ended: " + names;
}

}  // namespace tidings::service
