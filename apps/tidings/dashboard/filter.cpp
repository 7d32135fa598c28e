#include "dashboard/filter.hpp"

#include <algorithm>

#include "dashboard/observation.hpp"

namespace tidings::cli {

bool EventFilter::means_topic(std::string_view topic) const {
  if (topics.empty()) return !is_own_topic(topic);
  return std::ranges::find(topics, topic) != topics.end();
}

bool EventFilter::means(const Delivery& delivery) const {
  const auto& event = delivery.envelope;
  return (type.empty() || event.type == type) && (key.empty() || event.key == key) && (id.empty() || event.id == id) &&
         (!from || delivery.appended >= *from) && (!to || delivery.appended < *to);
}

}  // namespace tidings::cli
