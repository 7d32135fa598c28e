#include "service/parking.hpp"

#include <algorithm>
#include <array>

#include "tidings/base/text.hpp"
#include "tidings/service/names.hpp"

namespace tidings::service {

namespace {

constexpr std::size_t reason_bytes_max = 1024;
constexpr std::size_t headers_bytes_max = 4096;  // more than all of ours together

/// A header's value: printable, and cut where it is long, not within a character.
std::string header_text(std::string_view text) {
  auto shown = printable(text);
  if (shown.size() <= reason_bytes_max) return shown;
  auto end = reason_bytes_max;
  while (end > 0 && (static_cast<unsigned char>(shown[end]) & 0xC0U) == 0x80U) --end;
  shown.resize(end);
  return shown + "…";
}

}  // namespace

std::string Parking::dead_topic() const {
  return dead_letters_of(group_);
}

Result<> Parking::create(const Source& source) {
  const std::scoped_lock lock(mutex_);
  if (std::ranges::find(created_for_, source.broker_topic) != created_for_.end()) return {};
  auto origin = host_.broker->topic(source.broker_topic);
  if (!origin) return origin.error();
  // A handler of several topics has one dead letter topic: as the first that needs it has it.
  if (auto there = host_.broker->topic(topic_); !there) {
    if (there.error().code != "unknown_topic") return there.error();
    const TopicOptions options{.partitions = static_cast<std::uint32_t>(origin->partitions.size()),
                               .durability = origin->durability,
                               .event_bytes_max = origin->event_bytes_max + headers_bytes_max};
    if (auto made = host_.broker->create_topic(topic_, options); !made) {
      // Another member of the group may have been first.
      if (made.error().code != "topic_exists_with") return made;
    }
  }
  created_for_.push_back(source.broker_topic);
  return {};
}

Result<> Parking::park(const Source& source, const Task& task) {
  if (auto there = create(source); !there) return there;
  const auto& delivery = task.delivery;
  const Error unknown{"failed", "no reason was given"};
  const auto& why = task.failure ? *task.failure : unknown;
  Headers headers(delivery.envelope.headers);
  headers.set(dead_letter::reason, header_text(why.message.empty() ? why.code : why.message));
  headers.set(dead_letter::code, header_text(why.code));
  headers.set(dead_letter::attempts, std::to_string(task.attempt()));
  headers.set(dead_letter::topic, source.broker_topic);
  headers.set(dead_letter::partition, std::to_string(delivery.id.partition.value));
  headers.set(dead_letter::offset, std::to_string(delivery.id.offset.value));
  headers.set(dead_letter::group, group_);
  headers.set(dead_letter::time, to_rfc3339(host_.clock->now()));
  auto envelope = delivery.envelope;
  envelope.headers = headers.view();
  const std::array events{envelope};
  auto parked = host_.broker->publish(topic_, events, {.partition = delivery.id.partition});
  if (!parked && parked.error().code == "invalid_options") parked = host_.broker->publish(topic_, events);
  if (!parked) return parked.error();
  return {};
}

}  // namespace tidings::service
