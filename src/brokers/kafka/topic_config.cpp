#include "brokers/kafka/topic_config.hpp"

#include <algorithm>
#include <charconv>
#include <chrono>

#include "tidings/base/text.hpp"

namespace tidings::brokers::kafka {

namespace {

using namespace std::chrono_literals;

std::int64_t number(const Config& config, std::string_view name, std::int64_t otherwise) {
  const auto found = config.find(name);
  std::int64_t value = otherwise;
  if (found != config.end()) std::from_chars(found->second.data(), found->second.data() + found->second.size(), value);
  return value;
}

std::string milliseconds(Duration duration) {
  return std::to_string(std::chrono::duration_cast<std::chrono::milliseconds>(duration).count());
}

}  // namespace

Result<> check_supported(const Retention& retention) {
  if (!retention.waits_for_groups) return {};
  return Error{"unsupported",
               "Kafka's retention does not wait for groups; leave waits_for_groups out, and give it time enough"};
}

Result<> check_supported(const TopicOptions& options) {
  if (options.event_bytes() > event_bytes_max_limit)
    return Error{"unsupported",
                 "a Kafka server takes events of up to 64 MiB, not " + bytes_text(options.event_bytes())};
  return options.retention ? check_supported(*options.retention) : Result<>{};
}

Config to_config(const Retention& retention) {
  Config config{{"cleanup.policy", "delete"}, {"retention.ms", "-1"}, {"retention.bytes", "-1"}};
  // Only whole segments go, and the one that is written only by age: smaller and younger ones where there is a bound.
  constexpr std::uint64_t segment_bytes = std::uint64_t{64} << 20;
  if (retention.age != Duration{}) {
    config["retention.ms"] = milliseconds(retention.age);
    config["segment.ms"] = milliseconds(std::clamp<Duration>(retention.age, 1s, 168h));
  }
  if (retention.bytes != 0) {
    config["retention.bytes"] = std::to_string(retention.bytes);
    config["segment.bytes"] = std::to_string(segment_bytes);
  }
  return config;
}

Config to_config(const TopicOptions& options) {
  auto config = to_config(options.retention.value_or(Retention{}));
  config["message.timestamp.type"] = "LogAppendTime";
  config["max.message.bytes"] = std::to_string(options.event_bytes() + batch_room);
  if (options.durability == Durability::durable) config["flush.messages"] = "1";
  if (options.durability == Durability::interval) config["flush.ms"] = "1000";
  return config;
}

TopicTraits traits_of(const Config& config) {
  TopicTraits traits;
  constexpr std::uint64_t foreign_room = 16 << 10;  // where others made the topic: for what surrounds an event
  const auto bytes =
      static_cast<std::uint64_t>(std::max<std::int64_t>(number(config, "max.message.bytes", 1'048'588), 0));
  traits.event_bytes_max = bytes > batch_room ? bytes - batch_room : bytes - std::min(bytes, foreign_room);
  if (number(config, "flush.messages", INT64_MAX) <= 1)
    traits.durability = Durability::durable;
  else if (number(config, "flush.ms", INT64_MAX) <= 1000)
    traits.durability = Durability::interval;
  constexpr std::int64_t week_ms = 604'800'000;  // Kafka's own
  if (const auto ms = number(config, "retention.ms", week_ms); ms >= 0)
    traits.retention.age = std::chrono::ceil<std::chrono::seconds>(
        std::chrono::milliseconds{std::min<std::int64_t>(ms, INT64_MAX / 2'000'000)});
  if (const auto bytes_kept = number(config, "retention.bytes", -1); bytes_kept > 0)
    traits.retention.bytes = static_cast<std::uint64_t>(bytes_kept);
  return traits;
}

}  // namespace tidings::brokers::kafka
