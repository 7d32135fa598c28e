#include "service/delays.hpp"

#include <bit>
#include <map>

#include "tidings/service/names.hpp"

namespace tidings::service {

using namespace std::chrono_literals;

namespace {

Error too_far() {
  return {"invalid_event", "an event can wait for 272 years, and this one is due later"};
}

}  // namespace

std::uint32_t Delays::level_for(Duration left) {
  if (left < least_wait + last_wait) return 0;
  const auto seconds = static_cast<std::uint64_t>(std::chrono::floor<std::chrono::seconds>(left - last_wait).count());
  return static_cast<std::uint32_t>(std::bit_width(seconds)) - 1;
}

Duration Delays::wait_of(std::uint32_t level) {
  return level == 0 ? Duration{} : Duration{std::chrono::seconds{std::int64_t{1} << level}};
}

std::string Delays::topic_of(std::string_view name_space, std::uint32_t level) {
  return in_namespace(name_space, "tidings.delays." + std::to_string(level));
}

std::optional<TimePoint> Delays::due_of(const EnvelopeView& event) {
  if (event.headers.empty()) return std::nullopt;
  const auto text = event.headers.get(delay::due);
  if (!text) return std::nullopt;
  const auto due = parse_rfc3339(*text);
  return due ? std::optional(*due) : std::nullopt;
}

std::string_view Delays::target_of(const EnvelopeView& event) {
  return event.headers.get(delay::topic).value_or("");
}

Envelope Delays::without_marks(const EnvelopeView& event) {
  Envelope made(event);
  made.headers.remove(delay::due);
  made.headers.remove(delay::topic);
  return made;
}

Result<> Delays::put(std::string_view topic, std::span<const EnvelopeView> events) {
  std::vector<Envelope> marked;
  std::vector<EnvelopeView> views;
  marked.reserve(events.size());
  for (const auto& event : events) {
    marked.emplace_back(event).headers.set(delay::topic, topic);
    views.push_back(marked.back().view());
  }
  return put_marked(views);
}

Result<Delays::Waiting> Delays::waiting(std::string_view topic, const EnvelopeView& event) const {
  if (broker_ == nullptr || broker_ != host_.broker)
    return Error{"unsupported",
                 "a handler with a transaction publishes later only where its own broker keeps events for later; "
                 "schedule.broker is another, to which nothing can be published with the transaction"};
  const auto now = host_.clock->now();
  const auto level = level_for(due_of(event).value_or(now) - now);
  if (level >= levels) return too_far();
  Waiting made{.topic = topic_of({}, level), .event = Envelope(event)};
  made.event.headers.set(delay::topic, topic);
  return made;
}

Result<> Delays::put_marked(std::span<const EnvelopeView> events) {
  if (broker_ == nullptr)
    return Error{"unsupported",
                 "this broker keeps nothing for later; set schedule.broker to one that does, such as log:./schedule"};
  std::map<std::uint32_t, std::vector<EnvelopeView>> by_level;
  const auto now = host_.clock->now();
  for (const auto& event : events) {
    const auto level = level_for(due_of(event).value_or(now) - now);
    if (level >= levels) return too_far();
    by_level[level].push_back(event);
  }
  for (const auto& [level, waiting] : by_level)
    if (auto put = broker_->publish(topic_of(level), waiting); !put) return put.error();
  return {};
}

}  // namespace tidings::service
